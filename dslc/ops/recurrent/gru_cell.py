"""One step of a gated recurrent unit."""

from typing import Any

from dslc.dims import Size
from dslc.initializers.base import Initializer
from dslc.initializers.glorot_uniform import GlorotUniform
from dslc.initializers.orthogonal import Orthogonal
from dslc.initializers.zeros import Zeros
from dslc.lazy import jnp
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Op, Refused, Sample, Weight, elements, moved, op
from dslc.ops.recurrent._gru import FLOPS, backward, forward
from dslc.ops.recurrent.base import at_least_one, by_maps, check_step
from dslc.types import Type


@op
class GruCell(Op):
    """One step of a gated recurrent unit: `(x, h) -> gru_cell(units)` gives the next state.

    The equations and weights are those of `gru`: gates in the order z r h, a bias for the input and one for the state.

    Shapes: `[..., features]` and `[..., units]` to `[..., units]`.
    Reference: Cho et al., 2014, arXiv:1406.1078.
    """

    units: Size
    init: Initializer = GlorotUniform()
    recurrent_init: Initializer = Orthogonal()

    keeps = ("x", "h", "kernel", "recurrent")
    saves = ("z", "r", "n", "from_state")
    precision = "half"
    samples = (
        Sample("gru_cell(5)", ("[batch, 3]", "[batch, 5]"), "[batch, 5]", parameters=150),
        Sample(
            "gru_cell(1)",
            ("[1]", "[1]"),
            "[1]",
            parameters=12,
            given=([1.0], [3.0]),
            weights={
                "kernel": [[0.0, 0.0, 1.0]],
                "recurrent": [[0.0, 0.0, 0.0]],
                "bias": [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]],
            },
            gives=[1.95257413],
            source="by hand: gates of a half; (3 + tanh(3 / 2)) / 2",
        ),
        Refused("gru_cell(5)", ("[batch, 3]", "[batch, 4]"), "`h` is"),
        Refused("gru_cell(0)", ("[batch, 3]", "[batch, 4]"), "at least 1"),
    )

    def infer(self, x: Type, h: Type) -> Type:
        at_least_one(self.units)
        check_step(x, self.units, h=h)
        return x.with_last(self.units)

    def weights(self, x: Type, h: Type) -> dict[str, Weight]:
        units, features = self.units, x.shape[-1]
        return {
            "kernel": Weight((features, 3 * units), self.init, features, units),
            "recurrent": Weight((units, 3 * units), self.recurrent_init, units, units),
            "bias": Weight((2, 3 * units), Zeros()),
        }

    def saved(self, x: Type, h: Type) -> dict[str, Type]:
        return dict.fromkeys(self.saves, x.with_last(self.units))

    def apply(self, weights: Any, x: Any, h: Any, *, ctx: Context) -> Any:
        return self.apply_saving(weights, x, h, ctx=ctx)[0]

    def apply_saving(self, weights: Any, x: Any, h: Any, *, ctx: Context) -> tuple[Any, dict[str, Any]]:
        by_input, by_state = (
            part + jnp.expand_dims(bias, tuple(range(x.ndim - 1)))
            for part, bias in zip((x @ weights["kernel"], h @ weights["recurrent"]), weights["bias"], strict=True)
        )
        following, gates = forward(by_input, by_state, h)
        return following, dict(zip(self.saves, gates, strict=True))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        x, h = kept["x"], kept["h"]
        z, r, n, from_state = (kept[name] for name in self.saves)
        by_input, by_state, direct = backward(widened(gradient), (z, r, n, from_state), h)
        by_input, by_state = by_input.astype(x.dtype), by_state.astype(x.dtype)
        by_h = by_state @ kept["recurrent"].T + direct.astype(h.dtype)
        leading = tuple(range(x.ndim - 1))
        found = by_maps(x, h, by_input, by_state) | {"x": by_input @ kept["kernel"].T, "h": by_h}
        return found | {"bias": jnp.stack([by_input.sum(leading), by_state.sum(leading)])}

    def cost(self, x: Type, h: Type) -> Cost:
        weights, out = self.weights(x, h), self.infer(x, h)
        products = 2 * elements([Type(weights[role].shape) for role in ("kernel", "recurrent")])
        flops = elements([Type(x.shape[:-1])]) * products + FLOPS * elements([out])
        return Cost(flops, moved(x, h, out, *weights.values()))
