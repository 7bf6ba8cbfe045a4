"""Draws the network of exercise 104 and puts the picture into the reference notebook.

    python solutions/104/draw.py

The picture is an attachment of the markdown cell `network`, so that the notebook is one file and its
code cells never name a weight. Run `grade release 104` afterwards.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path

import matplotlib
import nbformat
from PIL import Image

matplotlib.use("Agg")
import matplotlib.pyplot as plt

NOTEBOOK = Path(__file__).with_name("104_matrices.ipynb")
# W[i][j] stands on the edge from unit j to unit i of the next layer; None: there is no such edge.
W1 = [[4, None, -1], [-2, 1, 3]]
W2 = [[3, -2], [-1, 2], [5, 1]]
LAYERS = [3, 2, 3]
COLOURS = ["#dbeafe", "#fef3c7", "#dcfce7"]
X_STEP, RADIUS = 4.6, 0.36
Y_STEPS = [1.9, 2.7, 1.9]  # the two hidden units stand further apart, which keeps the weights apart
LABEL_AT = [0.27, 0.73]  # where on its edge a weight stands: on the side of the larger layer


def position(layer: int, unit: int) -> tuple[float, float]:
    """Centre of a unit: layers from left to right, units from the top down, each layer centred."""
    return layer * X_STEP, ((LAYERS[layer] - 1) / 2 - unit) * Y_STEPS[layer]


def draw() -> bytes:
    """The picture as PNG bytes."""
    figure, axes = plt.subplots(figsize=(8.2, 4.3))
    axes.set_aspect("equal")
    axes.axis("off")
    for layer, weights in enumerate([W1, W2]):
        for target, row in enumerate(weights):
            for source, weight in enumerate(row):
                if weight is not None:
                    _edge(axes, position(layer, source), position(layer + 1, target), weight, LABEL_AT[layer])
    for layer, (size, colour) in enumerate(zip(LAYERS, COLOURS, strict=True)):
        for unit in range(size):
            x, y = position(layer, unit)
            axes.add_patch(plt.Circle((x, y), RADIUS, facecolor=colour, edgecolor="black", lw=1.4, zorder=3))
            axes.text(x, y, f"${'xhy'[layer]}_{unit + 1}$", ha="center", va="center", fontsize=14, zorder=4)
        top = position(0, 0)[1] + 0.75
        title = ["input layer", "hidden layer", "output layer"][layer]
        axes.text(layer * X_STEP, top, f"{title}\n$A_{layer + 1}$", ha="center", va="bottom", fontsize=12)
    axes.set_xlim(-0.9, 2 * X_STEP + 0.9)
    axes.set_ylim(position(0, 2)[1] - 0.6, top + 1.0)
    large, small = io.BytesIO(), io.BytesIO()
    figure.savefig(large, dpi=120, bbox_inches="tight", pad_inches=0.05, metadata={"Software": None})
    plt.close(figure)
    Image.open(large).convert("RGB").quantize(48).save(small, format="png", optimize=True)
    return small.getvalue()


def _edge(axes: plt.Axes, start: tuple[float, float], end: tuple[float, float], weight: int, at: float) -> None:
    """One arrow, with its weight in a white box on it (`at`: 0 its start, 1 its end)."""
    (x0, y0), (x1, y1) = start, end
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    axes.annotate(
        "",
        xy=(x1 - ux * RADIUS, y1 - uy * RADIUS),
        xytext=(x0 + ux * RADIUS, y0 + uy * RADIUS),
        arrowprops={"arrowstyle": "-|>", "color": "#444444", "lw": 1.3, "shrinkA": 0, "shrinkB": 0},
        zorder=1,
    )
    text = str(weight).replace("-", "\N{MINUS SIGN}")
    axes.text(
        x0 + (x1 - x0) * at,
        y0 + (y1 - y0) * at,
        text,
        ha="center",
        va="center",
        fontsize=14,
        zorder=2,
        bbox={"boxstyle": "round,pad=0.14", "facecolor": "white", "edgecolor": "none"},
    )


def embed(picture: bytes) -> None:
    """The picture as the attachment `network.png` of the cell `network`."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cell = next(cell for cell in notebook.cells if cell["id"] == "network")
    cell["attachments"] = {"network.png": {"image/png": base64.b64encode(picture).decode("ascii")}}
    nbformat.write(notebook, NOTEBOOK)


if __name__ == "__main__":
    embed(draw())
