"""Windows that share out an axis: as many as are wanted, however many elements there are."""

from dslc.dims import less
from dslc.ops.base import Mismatch
from dslc.ops.conv._window import RANKS
from dslc.types import Type


def sizes_of(x: Type, size: int | tuple[int, ...]) -> tuple[int, ...]:
    """How many places are wanted along each spatial axis.

    Raises:
        Mismatch: when a setting has no number for each axis, or an axis has no elements.
    """
    if x.rank not in RANKS:
        raise Mismatch(f"needs [batch, 1 to 3 spatial axes, channels], and gets {x}", None, 0)
    rank = RANKS[x.rank]
    sizes = (size,) * rank if isinstance(size, int) else size
    if len(sizes) != rank:
        reason = f"`size` has {len(sizes)} numbers, and {x} has {rank} spatial axes"
        raise Mismatch(reason, "give one number, or one for each axis")
    if min(sizes) < 1:
        raise Mismatch(f"`size` must be at least 1, and is {size}")
    for axis, (count, wanted) in enumerate(zip(x.shape[1:-1], sizes, strict=True), 1):
        if less(count, 1):
            raise Mismatch(f"axis {axis} has {count} elements to make {wanted} of", None, 0)
    return sizes


def windows(count: int, size: int) -> list[tuple[int, int]]:
    """Where each window begins, and where it ends; neighbours overlap where `count` does not divide by `size`."""
    return [(number * count // size, -(-(number + 1) * count // size)) for number in range(size)]
