"""The fully connected layer."""

from collections.abc import Mapping
from typing import Any

from dslc.dims import Size, less
from dslc.initializers.base import Initializer
from dslc.initializers.zeros import Zeros
from dslc.lazy import jnp
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, Weight, elements, floating, moved, op
from dslc.types import Type


@op
class Dense(Op):
    """Affine map of the last axis: `y = x @ kernel + bias`.

    Shapes: `[..., features]` to `[..., units]`.
    Reference: Rumelhart, Hinton and Williams, 1986.
    """

    units: Size
    bias: bool = True
    init: Initializer | None = None
    bias_init: Initializer = Zeros()
    aliases = ("Linear", "FullyConnected", "InnerProduct", "FC")
    rowwise = True
    keeps = ("x", "kernel")
    precision = "half"
    samples = (
        Sample("dense(4)", ("[batch, 3]",), "[batch, 4]", parameters=16),
        Sample("dense(2, bias = false)", ("[batch, seq, 5]",), "[batch, seq, 2]", parameters=10),
        Sample("dense(3, init = he_normal, bias_init = ones)", ("[7]",), "[3]", parameters=24),
        Sample(
            "dense(2)",
            ("[2, 3]",),
            "[2, 2]",
            given=([[1.0, 2.0, 3.0], [0.0, -1.0, 1.0]],),
            weights={"kernel": [[1.0, 0.5], [0.0, -1.0], [2.0, 0.0]], "bias": [10.0, 20.0]},
            gives=[[17.0, 18.5], [12.0, 21.0]],
            source="worked by hand",
        ),
        Refused("dense(0)", ("[batch, 3]",), "at least 1"),
        Refused("dense(4)", ("[]",), "no axis"),
        Refused("dense(4)", ("i32[batch, 3]",), "needs floats"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        if less(self.units, 1):
            raise Mismatch(f"`units` must be at least 1, and is {self.units}")
        if x.rank == 0:
            raise Mismatch("a scalar has no axis to map", "give it one: `-> reshape([1])`", 0)
        return x.with_last(self.units)

    def weights(self, x: Type) -> Mapping[str, Weight]:
        kernel = Weight((x.shape[-1], self.units), self.init, x.shape[-1], self.units)
        bias = Weight((self.units,), self.bias_init, x.shape[-1], self.units)
        return {"kernel": kernel, "bias": bias} if self.bias else {"kernel": kernel}

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        y = x @ weights["kernel"]
        return y + jnp.expand_dims(weights["bias"], tuple(range(y.ndim - 1))) if self.bias else y

    def cost(self, x: Type) -> Cost:
        y = self.infer(x)
        flops = elements([y]) * (2 * elements([Type((x.shape[-1],))]) + self.bias)
        return Cost(flops, moved(x, y, *self.weights(x).values()))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        x, kernel = kept["x"], kept["kernel"]
        rows = gradient.reshape(-1, kernel.shape[1])
        found = {"x": gradient @ kernel.T, "kernel": x.reshape(-1, kernel.shape[0]).T @ rows}
        return found | ({"bias": rows.sum(0)} if self.bias else {})
