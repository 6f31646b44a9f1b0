"""Sizes of pictures as settings give them."""

from dslc.data.base import DataRefused
from dslc.data.schema import BATCH
from dslc.dims import Size, dim
from dslc.types import Type


def sides(source: str, size: int | tuple[int, ...] | None, channels: int) -> tuple[int, int] | None:
    """Height and width that are wanted.

    Raises:
        DataRefused: when `size` is neither one nor two numbers, or no file has so many channels.
    """
    if channels not in (1, 3, 4):
        raise DataRefused(f"`{source}` reads no pictures of {channels} channels", "1 is grey, 3 is colour, 4 has alpha")
    if size is None:
        return None
    both = (size, size) if isinstance(size, int) else size
    if len(both) != 2 or min(both) < 1:
        shown = size if isinstance(size, int) else list(size)
        raise DataRefused(f"`{source}` has no size `{shown}`", "write `size = 64`, or `size = [48, 64]`")
    return both[0], both[1]


def picture_type(size: tuple[int, int] | None, channels: int) -> Type:
    """Type of a field of pictures, with free sizes where none is known."""
    known: tuple[Size, Size] = size or (dim("height"), dim("width"))
    return Type((BATCH, *known, channels))
