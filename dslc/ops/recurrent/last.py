"""The last step of sequences."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, moved, op
from dslc.ops.recurrent.base import check_mask
from dslc.types import Type


@op
class Last(Op):
    """Last step of each sequence; with a mask the last one where it is true (or the very last, where it never is).

    Shapes: `[batch, time, ...]` and mask `bool[batch, time]` to `[batch, ...]`.
    """

    linear = True
    samples = (
        Sample("last", ("[batch, time, 3]",), "[batch, 3]"),
        Sample("last", ("[batch, time, 3]", "bool[batch, time]"), "[batch, 3]"),
        Sample(
            "last",
            ("[3, 2]", "bool[3, 2]"),
            "[3]",
            given=([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [[True, True], [True, False], [False, False]]),
            gives=[2.0, 3.0, 6.0],
            source="worked by hand",
        ),
        Refused("last", ("[batch]",), "needs a sequence"),
        Refused("last", ("[batch, time, 3]", "[batch, time]"), "`mask` is"),
    )

    def infer(self, x: Type, mask: Type | None = None) -> Type:
        if x.rank < 2:
            raise Mismatch(f"needs a sequence [batch, time, ...], and gets {x}", None, 0)
        if mask is not None:
            check_mask(mask, x)
        return x.with_shape(x.shape[0], *x.shape[2:])

    def apply(self, weights: Any, x: Any, mask: Any = None, *, ctx: Context) -> Any:
        if mask is None:
            return x[:, -1]
        # Of equal numbers the first counts: the last that is true from behind.
        place = x.shape[1] - 1 - jnp.argmax(jnp.flip(mask, 1), 1)
        return jnp.take_along_axis(x, place.reshape(-1, *(1,) * (x.ndim - 1)), 1).squeeze(1)

    def cost(self, x: Type, mask: Type | None = None) -> Cost:
        out = self.infer(x, mask)
        return Cost(0, moved(out, out, mask))
