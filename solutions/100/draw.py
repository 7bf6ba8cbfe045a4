"""Draws the networks of exercise 100 and puts the picture into the reference notebook.

    python solutions/100/draw.py

The picture is an attachment of the markdown cell `networks`: the notebook is one file, and running it costs
no import of matplotlib. Run `grade release 100` afterwards.
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

NOTEBOOK = Path(__file__).with_name("100_parameters.ipynb")
COLOURS = ["#dbeafe", "#fef3c7", "#dcfce7"]
X_STEP, Y_STEP, RADIUS = 2.6, 1.15, 0.33


def position(sizes: list[int], layer: int, unit: int) -> tuple[float, float]:
    """Centre of a unit: layers from left to right, units from the top down, each layer centred."""
    return layer * X_STEP, ((sizes[layer] - 1) / 2 - unit) * Y_STEP


def draw() -> bytes:
    """Both networks as PNG bytes: the chapter's with its constants, figure 3.6's without, as usual."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.9))
    _network(left, [1, 3, 1], constants=True)
    left.set_title("The chapter's network,\nits constants 1 drawn", fontsize=11)
    _network(right, [1, 4, 2], constants=False)
    right.set_title("Figure 3.6,\nits constants not drawn, as usual", fontsize=11)
    large, small = io.BytesIO(), io.BytesIO()
    figure.savefig(large, dpi=110, bbox_inches="tight", pad_inches=0.05, metadata={"Software": None})
    plt.close(figure)
    Image.open(large).convert("RGB").quantize(48).save(small, format="png", optimize=True)
    return small.getvalue()


def _network(axes: plt.Axes, sizes: list[int], *, constants: bool) -> None:
    axes.set_aspect("equal")
    axes.axis("off")
    bottom = min(position(sizes, layer, size - 1)[1] for layer, size in enumerate(sizes)) - Y_STEP
    for layer in range(len(sizes) - 1):
        sources = [position(sizes, layer, unit) for unit in range(sizes[layer])]
        targets = [position(sizes, layer + 1, unit) for unit in range(sizes[layer + 1])]
        for end in targets:
            for start in sources:
                _arrow(axes, start, end, "#444444")
            if constants:
                _arrow(axes, (layer * X_STEP + 0.55, bottom), end, "#b45309")
        if constants:
            _unit(axes, (layer * X_STEP + 0.55, bottom), "1", "#ffedd5")
    for layer, (size, colour) in enumerate(zip(sizes, COLOURS, strict=True)):
        for unit in range(size):
            letter = "xhy"[layer]
            label = f"${letter}$" if size == 1 else f"${letter}_{unit + 1}$"
            _unit(axes, position(sizes, layer, unit), label, colour)
    axes.set_xlim(-0.6, 2 * X_STEP + 0.6)
    axes.set_ylim(-2 * Y_STEP - 0.5, 1.5 * Y_STEP + 0.45)  # the same for both, so that they line up


def _unit(axes: plt.Axes, centre: tuple[float, float], label: str, colour: str) -> None:
    axes.add_patch(plt.Circle(centre, RADIUS, facecolor=colour, edgecolor="black", lw=1.3, zorder=3))
    axes.text(*centre, label, ha="center", va="center", fontsize=13, zorder=4)


def _arrow(axes: plt.Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    (x0, y0), (x1, y1) = start, end
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
    dx, dy = (x1 - x0) / length * RADIUS, (y1 - y0) / length * RADIUS
    style = {"arrowstyle": "-|>", "color": colour, "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", xy=(x1 - dx, y1 - dy), xytext=(x0 + dx, y0 + dy), arrowprops=style, zorder=1)


def embed(picture: bytes) -> None:
    """The picture as the attachment `networks.png` of the cell `networks`."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cell = next(cell for cell in notebook.cells if cell["id"] == "networks")
    cell["attachments"] = {"networks.png": {"image/png": base64.b64encode(picture).decode("ascii")}}
    nbformat.write(notebook, NOTEBOOK)


if __name__ == "__main__":
    embed(draw())
