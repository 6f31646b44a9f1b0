"""The matrix product."""

from collections.abc import Mapping, Sequence
from typing import Any

from dslc.dims import same
from dslc.lazy import jnp
from dslc.ops._time import ACROSS, UNKNOWN, Across, Axis, InTime, Passage, aligned
from dslc.ops.arithmetic._broadcast import alike, common
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, broadcast, elements, floating, moved, op
from dslc.types import Type


@op
class Matmul(Op):
    """Matrix product over the last axis of the first and the last but one of the second.

    A vector counts as a row on the left and as a column on the right, and that axis is dropped again.

    Shapes: `[..., n, m]` and `[..., m, k]` to `[..., n, k]`; leading axes broadcast.
    """

    symbol = "@"
    aliases = ("Dot", "BMM", "BatchMatmul")
    keeps = ("a", "b")
    precision = "half"
    samples = (
        Sample("matmul", ("[batch, seq, 3]", "[3, 4]"), "[batch, seq, 4]"),
        Sample("matmul", ("[batch, 1, 2, 3]", "[5, 3, 4]"), "[batch, 5, 2, 4]"),
        Sample("matmul", ("[batch, 3]", "[3]"), "[batch]"),
        Sample("matmul", ("[3]", "[batch, 3, 2]"), "[batch, 2]"),
        Sample("matmul", ("[d]", "[d]"), "[]"),
        Sample(
            "matmul",
            ("[2, 2]", "[2, 2]"),
            "[2, 2]",
            given=([[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [5.0, -1.0]]),
            gives=[[10.0, -1.0], [20.0, -1.0]],
            source="worked by hand",
        ),
        Refused("matmul", ("[batch, 3]", "[4, 5]"), "3 and 4"),
        Refused("matmul", ("[2, batch, 3]", "[5, 3, 4]"), "axis 0 differs: 2 and 5"),
        Refused("matmul", ("[]", "[3, 4]"), "scalar"),
        Refused("matmul", ("i32[2, 3]", "[3, 4]"), "needs floats"),
    )

    def infer(self, a: Type, b: Type) -> Type:
        floating(a, b)
        for position, type in enumerate((a, b)):
            if type.rank == 0:
                raise Mismatch("a scalar has no matrix product", "multiply with `*`", position)
        left, right = a.shape[-1], b.shape[max(b.rank - 2, 0)]
        if not same(left, right):
            raise Mismatch(f"the sizes that meet differ: {left} and {right}", "transpose one of them: `a @ b.T`", 1)
        leading = broadcast(Type(a.shape[:-2]), Type(b.shape[:-2]))
        rows, columns = a.shape[-2:-1], b.shape[-1:] if b.rank > 1 else ()
        return Type((*leading, *rows, *columns), common(Type((), a.dtype), Type((), b.dtype)).dtype)

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        a, b = types
        assert a is not None
        assert b is not None
        rank = max(a.rank, b.rank)
        if time[0] is not None and time[1] is not None:
            # Products of matrices that each position has by itself.
            found = aligned(time, types)
            apart = isinstance(found, Passage) and a.rank > 1 and b.rank > 1 and (found.outputs[0] or 0) < rank - 2
            return found if apart else Across("meets the positions along two axes", ahead=False)
        left = time[0] is not None
        axis, x, other = (time[0], a, b) if left else (time[1], b, a)
        assert axis is not None
        place = axis - x.rank
        if place == (-1 if left or b.rank == 1 else -2):
            return ACROSS
        if (left and b.rank == 1) or (not left and a.rank == 1):
            return Passage((axis - (not left),)) if x.rank == rank else UNKNOWN
        cut = place if place < -2 and other.rank >= -place and other.shape[place] != 1 else None
        cuts = None if cut is None else other.rank + cut
        return Passage((rank + place,), (None, cuts) if left else (cuts, None))

    def apply(self, weights: Any, a: Any, b: Any, *, ctx: Context) -> Any:
        return jnp.matmul(*alike(a, b))

    def cost(self, a: Type, b: Type) -> Cost:
        out = self.infer(a, b)
        return Cost(2 * elements([out]) * elements([Type(a.shape[-1:])]), moved(a, b, out))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        gradient, a, b = alike(gradient, kept["a"], kept["b"])
        rows, columns = jnp.atleast_2d(a), b if b.ndim > 1 else b[:, None]
        gradient = jnp.expand_dims(gradient, [axis for axis, flat in ((-2, a.ndim == 1), (-1, b.ndim == 1)) if flat])
        by_a = gradient @ columns.mT
        if columns.ndim == 2:  # One product over all rows, instead of a product for each matrix and a sum.
            by_b = rows.reshape(-1, rows.shape[-1]).T @ gradient.reshape(-1, gradient.shape[-1])
        else:
            by_b = rows.mT @ gradient
        return {"a": by_a, "b": by_b if b.ndim > 1 else by_b[..., 0]}
