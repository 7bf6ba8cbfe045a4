"""IDX, the file format of MNIST: a short header, then the bytes of one array."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


class IdxError(ValueError):
    """The bytes are no IDX file of unsigned bytes."""


def read_idx(content: bytes) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes: two zero bytes, 0x08, the number of axes, their lengths, the data.

    Raises
    ------
    IdxError
        The header is not such a header, or the data are not exactly as long as it says.
    """
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise IdxError("it does not begin like an IDX file of unsigned bytes")
    axes = content[3]
    start = 4 + 4 * axes
    if not 1 <= axes <= 3:
        raise IdxError(f"it has {axes} axes; labels have one, images three")
    if len(content) < start:
        raise IdxError("its header is cut off")
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4))
    size = math.prod(shape)
    if size == 0 or len(content) - start != size:
        raise IdxError(f"its header promises {size} bytes of data and {len(content) - start} follow")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def write_idx(array: NDArray[np.uint8]) -> bytes:
    """Return the IDX file of an array of unsigned bytes; :func:`read_idx` undoes it."""
    lengths = b"".join(length.to_bytes(4, "big") for length in array.shape)
    return b"\0\0\x08" + bytes([array.ndim]) + lengths + array.tobytes()
