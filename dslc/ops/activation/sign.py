"""Which side of zero."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, moved, op
from dslc.types import Type


@op
class Sign(Op):
    """Sign of every element: -1, 0 or 1.

    The slope is 0 wherever there is one, so that no gradient goes back.

    Shapes: `[...]` to `[...]`.
    Reference: McCulloch and Pitts, 1943, A logical calculus of the ideas immanent in nervous activity.
    """

    elementwise = True
    stops_gradient = True
    samples = (
        Sample("sign", ("[batch, 3]",), "[batch, 3]"),
        Sample("sign", ("[3]",), "[3]", given=([-0.5, 0.0, 7.0],), gives=[-1.0, 0.0, 1.0], source="worked by hand"),
        Refused("sign", ("bool[batch]",), "needs numbers"),
    )

    def infer(self, x: Type) -> Type:
        if x.dtype == "bool":
            raise Mismatch("needs numbers, and gets bool", 'cast it first: `-> cast("f32")`', 0)
        return x

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.sign(x)

    def cost(self, x: Type) -> Cost:
        return Cost(elements([x]), moved(x, x))
