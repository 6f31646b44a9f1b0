"""What the reductions have in common: which axes go, and what is left."""

from collections.abc import Sequence

from dslc.ops._time import Axis, InTime, by_axis
from dslc.ops.base import Cost, Mismatch, Op, axis_of, elements, moved
from dslc.types import Type


class Reduction(Op):
    """One number in place of all that stand along some axes; of the whole tensor where no axis is named."""

    axis: int | tuple[int, ...] | None
    keep: bool

    def infer(self, x: Type) -> Type:
        gone = self.axes(x.rank)
        if len(set(gone)) < len(gone):
            raise Mismatch(f"`axis = {self.axis}` names an axis twice", "name each axis once")
        left = [(1 if axis in gone else size) for axis, size in enumerate(x.shape) if self.keep or axis not in gone]
        return x.with_shape(*left)

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        (x,) = types
        assert x is not None
        return by_axis(time, types, self.axes(x.rank), gone=not self.keep)

    def cost(self, x: Type) -> Cost:
        out = self.infer(x)
        return Cost(elements([x]) - elements([out]), moved(x, out))

    def axes(self, rank: int) -> tuple[int, ...]:
        """The axes that go, counted from the front."""
        if self.axis is None:
            return tuple(range(rank))
        return tuple(axis_of(axis, rank) for axis in ((self.axis,) if isinstance(self.axis, int) else self.axis))
