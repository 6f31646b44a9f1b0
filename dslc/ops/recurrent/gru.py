"""The gated recurrent unit."""

from typing import Any

from dslc.dims import Size
from dslc.initializers.base import Initializer
from dslc.initializers.glorot_uniform import GlorotUniform
from dslc.initializers.orthogonal import Orthogonal
from dslc.initializers.zeros import Zeros
from dslc.lazy import jnp
from dslc.ops._bits import scan
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Refused, Sample, Weight, elements, moved, op
from dslc.ops.recurrent._gru import FLOPS, backward, forward
from dslc.ops.recurrent.base import Recurrent, by_maps, held, parted, steps_seen, turned
from dslc.types import Type


@op
class Gru(Recurrent):
    """Gated recurrent unit over a sequence: gates decide what of the state is replaced, and what the new value reads.

    With `a = x @ kernel + bias[0]` and `b = h @ recurrent + bias[1]` in three parts z r h, as Keras orders them (and, as
    Keras and PyTorch do, with the reset gate after the product): `n = tanh(a_h + sigmoid(a_r + b_r) * b_h)`, and the state
    becomes `z * h + (1 - z) * n` with `z = sigmoid(a_z + b_z)`. Where the mask is false it stays as it is. `reverse` goes
    from the last step to the first; `start` is the state to begin with, zeros where it is left out.

    Shapes: `[batch, time, features]`, mask `bool[batch, time]` and start `[batch, units]` to `[batch, time, units]`.
    Reference: Cho et al., 2014, arXiv:1406.1078.
    """

    units: Size
    reverse: bool = False
    init: Initializer = GlorotUniform()
    recurrent_init: Initializer = Orthogonal()

    keeps = ("x", "mask", "start", "kernel", "recurrent", "out")
    saves = ("z", "r", "n", "from_state")
    precision = "half"
    samples = (
        Sample("gru(5)", ("[batch, time, 3]",), "[batch, time, 5]", parameters=150),
        Sample("gru(2, reverse = true)", ("[batch, 4, 3]", "bool[batch, 4]"), "[batch, 4, 2]", parameters=42),
        Sample("gru(2)", ("[batch, time, 3]", "none", "[batch, 2]"), "[batch, time, 2]", parameters=42),
        Sample(
            "gru(1)",
            ("[1, 2, 1]",),
            "[1, 2, 1]",
            parameters=12,
            given=([[[1.0], [0.0]]],),
            weights={
                "kernel": [[0.0, 0.0, 1.0]],
                "recurrent": [[0.0, 0.0, 0.0]],
                "bias": [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]],
            },
            gives=[[[0.45257416], [0.45734565]]],
            source="by hand: gates of a half; tanh(3 / 2) / 2, then half of that and of tanh(1 / 2)",
        ),
        Refused("gru(4)", ("[batch, 3]",), "needs a sequence"),
        Refused("gru(0)", ("[batch, time, 3]",), "at least 1"),
        Refused("gru(4)", ("[batch, time, 3]", "[batch, time]"), "`mask` is"),
        Refused("gru(4)", ("[batch, time, 3]", "none", "[batch, 5]"), "`start` is"),
    )

    def infer(self, x: Type, mask: Type | None = None, start: Type | None = None) -> Type:
        return self.checked(x, mask, start=start)

    def weights(self, x: Type, mask: Type | None = None, start: Type | None = None) -> dict[str, Weight]:
        return self.maps(x, 3) | {"bias": Weight((2, 3 * self.units), Zeros())}

    def saved(self, x: Type, mask: Type | None = None, start: Type | None = None) -> dict[str, Type]:
        return self.stacked(x, *self.saves)

    def apply(self, weights: Any, x: Any, mask: Any = None, start: Any = None, *, ctx: Context) -> Any:
        return self.apply_saving(weights, x, mask, start, ctx=ctx)[0]

    def apply_saving(
        self, weights: Any, x: Any, mask: Any = None, start: Any = None, *, ctx: Context
    ) -> tuple[Any, dict[str, Any]]:
        by_input = turned(x) @ weights["kernel"] + weights["bias"][0].reshape(1, 1, -1)

        def step(state: Any, given: Any) -> Any:
            part, seen = given
            now, gates = forward(part, state @ weights["recurrent"] + weights["bias"][1:], state)
            state = held(seen, now, state)
            return state, (state, *gates)

        first = self.started(by_input, start).astype(by_input.dtype)
        _, (states, *gates) = scan(step, first, (by_input, steps_seen(mask)), reverse=self.reverse)
        return turned(states), dict(zip(self.saves, gates, strict=True))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        recurrent, x, start = kept["recurrent"], turned(kept["x"]), kept.get("start")
        states = self.before(turned(kept["out"]), start)

        def step(by_state: Any, given: Any) -> Any:
            part, gates, state, seen = given
            now, past = parted(seen, by_state + widened(part))
            by_input, by_product, direct = backward(now, gates, state)
            by_input, by_product = by_input.astype(part.dtype), by_product.astype(part.dtype)
            return widened(by_product @ recurrent.T) + direct + past, (by_input, by_product[..., -part.shape[-1] :])

        gates = tuple(kept[name] for name in self.saves)
        given = (turned(gradient), gates, states, steps_seen(kept.get("mask")))
        nothing = widened(self.started(states, None))
        by_start, (by_input, by_last) = scan(step, nothing, given, reverse=not self.reverse)
        # Both products have the same gradient but for the last gate.
        by_product = jnp.concatenate([by_input[..., : -by_last.shape[-1]], by_last], -1)
        found = by_maps(x, states, by_input, by_product)
        found |= {"x": turned(by_input @ kept["kernel"].T)}
        found |= {"bias": jnp.stack([by_input.sum((0, 1)), by_product.sum((0, 1))])}
        return found | ({} if start is None else {"start": by_start.astype(start.dtype)})

    def workspace(self, x: Type, mask: Type | None = None, start: Type | None = None) -> int:
        # What the input gives to the gates of all steps, and the gradients there by the input and by the state.
        return moved(x.with_last(3 * 3 * self.units))

    def cost(self, x: Type, mask: Type | None = None, start: Type | None = None) -> Cost:
        weights = self.weights(x)
        products = 2 * elements([Type(weights[role].shape) for role in ("kernel", "recurrent")])
        flops = elements([Type(x.shape[:-1])]) * products + FLOPS * elements([self.infer(x)])
        return Cost(flops, moved(x, mask, start, self.infer(x), *weights.values()))
