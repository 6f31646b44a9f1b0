"""One step of long short-term memory."""

from typing import Any

from dslc.dims import Size
from dslc.initializers.base import Initializer
from dslc.initializers.forget_gate_ones import ForgetGateOnes
from dslc.initializers.glorot_uniform import GlorotUniform
from dslc.initializers.orthogonal import Orthogonal
from dslc.lazy import jnp
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Op, Refused, Sample, Weight, elements, moved, op
from dslc.ops.recurrent._lstm import FLOPS, backward, forward
from dslc.ops.recurrent.base import at_least_one, by_maps, check_step
from dslc.types import Type


@op
class LstmCell(Op):
    """One step of long short-term memory: `(x, h, c) -> lstm_cell(units)` gives the next state and the next cell.

    The equations and weights are those of `lstm`: gates in the order i f c o, one bias, whose part f starts at 1.

    Shapes: `[..., features]`, `[..., units]` and `[..., units]` to `[..., units]` and `[..., units]`.
    Reference: Hochreiter and Schmidhuber, 1997; the forget gate by Gers, Schmidhuber and Cummins, 2000.
    """

    units: Size
    init: Initializer = GlorotUniform()
    recurrent_init: Initializer = Orthogonal()

    keeps = ("x", "h", "c", "kernel", "recurrent")
    saves = ("input_gate", "forget_gate", "new", "output_gate", "cell")
    precision = "half"
    samples = (
        Sample("lstm_cell(5)", ("[batch, 3]", "[batch, 5]", "[batch, 5]"), "[batch, 5], [batch, 5]", parameters=180),
        Sample(
            "lstm_cell(1)",
            ("[1]", "[1]", "[1]"),
            "[1], [1]",
            parameters=12,
            given=([1.0], [7.0], [2.0]),
            weights={
                "kernel": [[0.0, 0.0, 1.0, 0.0]],
                "recurrent": [[0.0, 0.0, 0.0, 0.0]],
                "bias": [0.0, 0.0, 0.0, 0.0],
            },
            gives=([0.44056481], [1.38079708]),
            source="by hand: gates of a half, a cell of 1 + tanh(1) / 2, and half of its tangent",
        ),
        Refused("lstm_cell(5)", ("[batch, 3]", "[batch, 4]", "[batch, 5]"), "`h` is"),
        Refused("lstm_cell(0)", ("[batch, 3]", "[batch, 4]", "[batch, 5]"), "at least 1"),
    )

    def infer(self, x: Type, h: Type, c: Type) -> tuple[Type, Type]:
        at_least_one(self.units)
        check_step(x, self.units, h=h, c=c)
        return x.with_last(self.units), x.with_last(self.units)

    def weights(self, x: Type, h: Type, c: Type) -> dict[str, Weight]:
        units, features = self.units, x.shape[-1]
        return {
            "kernel": Weight((features, 4 * units), self.init, features, units),
            "recurrent": Weight((units, 4 * units), self.recurrent_init, units, units),
            "bias": Weight((4 * units,), ForgetGateOnes()),
        }

    def saved(self, x: Type, h: Type, c: Type) -> dict[str, Type]:
        return dict.fromkeys(self.saves, x.with_last(self.units))

    def apply(self, weights: Any, x: Any, h: Any, c: Any, *, ctx: Context) -> Any:
        return self.apply_saving(weights, x, h, c, ctx=ctx)[0]

    def apply_saving(self, weights: Any, x: Any, h: Any, c: Any, *, ctx: Context) -> tuple[Any, dict[str, Any]]:
        bias = jnp.expand_dims(weights["bias"], tuple(range(x.ndim - 1)))
        state, cell, gates = forward(x @ weights["kernel"] + h @ weights["recurrent"] + bias, widened(c))
        cell = cell.astype(state.dtype)
        return (state, cell), dict(zip(self.saves, (*gates, cell), strict=True))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        x, h, c, *_ = (kept[name] for name in self.keeps or ())
        *gates, cell = (kept[name] for name in self.saves)
        by_state, by_cell = (widened(part) for part in gradient)
        by_joined, by_c = backward(by_state, by_cell, (*gates,), widened(cell), widened(c))  # pyright: ignore[reportArgumentType]
        by_joined = by_joined.astype(x.dtype)
        found = by_maps(x, h, by_joined, by_joined) | {"c": by_c.astype(c.dtype)}
        found |= {"x": by_joined @ kept["kernel"].T, "h": by_joined @ kept["recurrent"].T}
        return found | {"bias": by_joined.sum(tuple(range(by_joined.ndim - 1)))}

    def cost(self, x: Type, h: Type, c: Type) -> Cost:
        weights, (out, _) = self.weights(x, h, c), self.infer(x, h, c)
        products = 2 * elements([Type(weights[role].shape) for role in ("kernel", "recurrent")])
        flops = elements([Type(x.shape[:-1])]) * products + FLOPS * elements([out])
        return Cost(flops, moved(x, h, c, out, out, *weights.values()))
