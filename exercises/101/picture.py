"""Whether a line is drawn in the picture that a notebook saved."""

from __future__ import annotations

import io
import math
import struct

import numpy as np
from PIL import Image
from scipy import ndimage

from grader.checks import expect, fail, ngettext, tr

PICTURE = "picture.png"
LEAST_SIDE = 100
MOST_PIXELS = 9_000_000


def read_png(raw: bytes) -> np.ndarray:
    """The picture in grey, (height, width), on white where it is transparent."""
    is_png = len(raw) > 33 and raw[:8] == b"\x89PNG\r\n\x1a\n" and raw[12:16] == b"IHDR"
    expect(is_png, tr("{name} is no PNG file.", name=PICTURE))
    width, height = struct.unpack(">II", raw[16:24])
    sensible = min(width, height) >= LEAST_SIDE and width * height <= MOST_PIXELS
    hint = ngettext(
        "A picture to look at has {side} pixels a side or more, and at most {n} pixel.",
        "A picture to look at has {side} pixels a side or more, and at most {n} pixels.",
        MOST_PIXELS,
        side=LEAST_SIDE,
    )
    message = tr("{name} has {width} × {height} pixels.", name=PICTURE, width=width, height=height)
    expect(sensible, message, hint)
    try:
        with Image.open(io.BytesIO(raw), formats=["PNG"]) as image:
            if image.size != (width, height):
                raise ValueError("a second header says something else")  # untranslated
            painted = image.convert("RGBA")
    except Exception:  # Pillow raises whatever it likes on a broken file
        fail(tr("{name} is a broken PNG file.", name=PICTURE))
    grey = Image.new("L", painted.size, 255)
    grey.paste(painted.convert("L"), mask=painted.getchannel("A"))
    return np.asarray(grey)


def shows_a_line(image: np.ndarray) -> bool:
    """Whether a line is drawn in the grey picture (height, width), be it solid, dashed, or points in a row.

    The rest of a picture runs straight across or up (frames, grids, shaded regions, lines along the axes), or is text.
    What is in no straight run is ink. A line is ink that hangs together, by itself or once its gaps are bridged, is
    larger than a letter, and leads from one height to another little by little, which no row of letters does.
    """
    ink = not_straight(image)
    # Dashes in the same row or column are a line along an axis too, and would tie everything together.
    clean = ink & (ink.mean(axis=0) < 0.12) & (ink.mean(axis=1, keepdims=True) < 0.12)
    for bridged in (0, 0.004, 0.01, 0.02):  # of the width, on either side
        source = clean if bridged else ink
        near = ndimage.maximum_filter(source, size=2 * round(bridged * ink.shape[1]) + 1)
        labels, _ = ndimage.label(near, np.ones((3, 3)))
        for number, place in enumerate(ndimage.find_objects(labels), 1):
            height, width = ((side.stop - side.start) / n for side, n in zip(place, ink.shape, strict=True))
            if height + width < 0.25 or (bridged and width < 0.15):
                continue
            part = source[place] & (labels[place] == number)
            if climbs(part, least=max(3, 0.012 * len(ink)), times=3 if bridged else 1.5):
                return True
    return False


def not_straight(image: np.ndarray) -> np.ndarray:
    """Where a picture lies in no long run of one grey, neither across nor up. A large one comes out smaller."""
    ink = ~(in_run(image) | in_run(image.T).T)
    step = math.ceil(math.sqrt(image.size / 640_000))
    height, width = (side // step for side in image.shape)
    squares = ink[: height * step, : width * step].reshape(height, step, width, step)
    return np.asarray(squares.any(axis=(1, 3)))


def in_run(image: np.ndarray) -> np.ndarray:
    """Which pixels have as many of the same grey beside them, in their row, as make a twentieth of it."""
    starts = np.ones(image.shape, dtype=bool)
    starts[:, 1:] = image[:, 1:] != image[:, :-1]
    lengths = np.diff(np.flatnonzero(starts), append=image.size)
    return np.repeat(lengths >= max(8, round(0.05 * image.shape[1])), lengths).reshape(image.shape)


def climbs(part: np.ndarray, least: float, times: float) -> bool:
    """Whether ink leads from one height to another, above or below: by `least`, and by `times` its own thickness."""
    columns = part[:, part.any(axis=0)]
    if columns.shape[1] < 24:
        return False
    least = max(least, times * float(np.median(columns.sum(axis=0))))
    for edge in (columns.argmax(axis=0), columns[::-1].argmax(axis=0)):
        path = np.array([np.median(some) for some in np.array_split(edge, 24)])
        span, steps = np.ptp(path), np.abs(np.diff(path))
        if span < least or steps.max() > 0.37 * span or steps.sum() > 4 * span:
            continue  # level; a jump; up and down, as letters
        if len(np.unique(np.floor((path - path.min()) / span * 5.999))) >= 5:  # of six heights between
            return True
    return False
