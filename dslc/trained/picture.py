"""Pictures as one PNG file, side by side in a grid."""

import struct
import zlib
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any

from dslc.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHANNELS = (1, 3)
GREY, COLOURS = 0, 2
"""How PNG numbers the kinds of pixels."""
SMALL = 64
"""Pixels: a picture that is smaller is shown larger, by a whole factor."""
GAP, BETWEEN = 2, 96
"""Pixels between two pictures, and the level of grey that they have."""
RANGES = ((0.0, 1.0), (-1.0, 1.0))
"""What runs from black to white: the first of these that holds all values, else the values' own range."""


def shows(array: "NDArray[Any]") -> bool:
    """Whether an array is a batch of pictures."""
    return array.ndim == 4 and array.shape[-1] in CHANNELS and array.size > 0


def range_of(pictures: "NDArray[Any]") -> tuple[float, float]:
    """The values that become black and white."""
    low, high = float(np.nanmin(pictures)), float(np.nanmax(pictures))
    return next((known for known in RANGES if known[0] <= low and high <= known[1]), (low, high))


def grid(pictures: "NDArray[Any]") -> "NDArray[Any]":
    """The pictures in rows, about as many as there are columns, as bytes from black to white.

    Shapes: `[count, height, width, channels]` to `[rows, columns, channels]`.
    """
    count, height, width, channels = pictures.shape
    low, high = range_of(pictures)
    shares = (np.nan_to_num(pictures.astype(np.float64), nan=low) - low) / (high - low or 1.0)
    levels = np.rint(255 * shares.clip(0, 1)).astype(np.uint8)
    factor = max(1, SMALL // max(height, width))
    levels = levels.repeat(factor, axis=1).repeat(factor, axis=2)
    columns = ceil(sqrt(count))
    rows = ceil(count / columns)
    height, width = height * factor + GAP, width * factor + GAP
    whole = np.full((rows * columns, height, width, channels), BETWEEN, np.uint8)
    whole[:count, :-GAP, :-GAP] = levels
    tiles = whole.reshape(rows, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    return tiles.reshape(rows * height, columns * width, channels)[:-GAP, :-GAP]


def png(pixels: "NDArray[Any]") -> bytes:
    """A PNG file of bytes `[height, width, 1 or 3]` (ISO/IEC 15948)."""
    height, width, channels = pixels.shape
    kind = GREY if channels == 1 else COLOURS
    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    # Each line begins with the number of its filter: 0, none.
    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
