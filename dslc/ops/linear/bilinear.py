"""A product of two tensors through a kernel."""

from collections.abc import Mapping
from typing import Any

from dslc.dims import Size, less, same
from dslc.initializers.base import Initializer
from dslc.initializers.zeros import Zeros
from dslc.lazy import jnp
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, Weight, elements, floating, moved, op
from dslc.types import Type


@op
class Bilinear(Op):
    """For each unit the product `a @ kernel @ b` of the last axes of two tensors, and a bias.

    Shapes: `[..., features]` and `[..., others]` to `[..., units]`, kernel `[features, others, units]`.
    Reference: Tenenbaum and Freeman, 2000, Separating style and content with bilinear models.
    """

    units: Size
    bias: bool = True
    init: Initializer | None = None

    precision = "half"
    samples = (
        Sample("bilinear(4)", ("[batch, 3]", "[batch, 2]"), "[batch, 4]", parameters=28),
        Sample("bilinear(2, bias = false)", ("[batch, seq, 3]", "[batch, seq, 5]"), "[batch, seq, 2]", parameters=30),
        Sample(
            "bilinear(1)",
            ("[2]", "[2]"),
            "[1]",
            parameters=5,
            given=([1.0, 2.0], [3.0, 4.0]),
            weights={"kernel": [[[1.0], [0.0]], [[10.0], [-1.0]]], "bias": [0.5]},
            gives=[55.5],
            source="by hand: 3 + 60 - 8 + 0.5",
        ),
        Refused("bilinear(4)", ("[batch, 3]", "[seq, 2]"), "leading axes"),
        Refused("bilinear(0)", ("[batch, 3]", "[batch, 2]"), "at least 1"),
        Refused("bilinear(4)", ("i32[batch, 3]", "[batch, 2]"), "needs floats"),
    )

    def infer(self, a: Type, b: Type) -> Type:
        floating(a, b)
        if less(self.units, 1):
            raise Mismatch(f"`units` must be at least 1, and is {self.units}")
        alike = a.rank == b.rank > 0 and all(same(*pair) for pair in zip(a.shape[:-1], b.shape[:-1], strict=True))
        if not alike:
            raise Mismatch(f"the leading axes of {a} and {b} differ", "they must be equal, all but the last axis", 1)
        return a.with_last(self.units)

    def weights(self, a: Type, b: Type) -> Mapping[str, Weight]:
        fans = (a.shape[-1] * b.shape[-1], self.units)
        kernel = Weight((a.shape[-1], b.shape[-1], self.units), self.init, *fans)
        return {"kernel": kernel} | ({"bias": Weight((self.units,), Zeros(), *fans)} if self.bias else {})

    def apply(self, weights: Any, a: Any, b: Any, *, ctx: Context) -> Any:
        y = jnp.einsum("...i,ijk,...j->...k", a, weights["kernel"], b)
        return y + jnp.expand_dims(weights["bias"], tuple(range(y.ndim - 1))) if self.bias else y

    def cost(self, a: Type, b: Type) -> Cost:
        out, weights = self.infer(a, b), self.weights(a, b)
        rows = elements([Type(a.shape[:-1])])
        # First by the axis of `a`, then by that of `b`.
        inner = elements([Type((b.shape[-1], self.units))])
        flops = rows * 2 * inner * (elements([Type(a.shape[-1:])]) + 1) + self.bias * elements([out])
        return Cost(flops, moved(a, b, out, *weights.values()))
