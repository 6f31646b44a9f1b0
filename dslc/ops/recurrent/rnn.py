"""The plain recurrent layer."""

from typing import Any

from dslc.dims import Size
from dslc.initializers.base import Initializer
from dslc.initializers.glorot_uniform import GlorotUniform
from dslc.initializers.orthogonal import Orthogonal
from dslc.initializers.zeros import Zeros
from dslc.lazy import jax
from dslc.ops._bits import scan
from dslc.ops._wide import widened
from dslc.ops.activation.tanh import Tanh
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, Weight, elements, moved, op
from dslc.ops.recurrent.base import Recurrent, by_maps, held, parted, steps_seen, turned
from dslc.types import Type


@op
class Rnn(Recurrent):
    """State that each step makes from the input and the state before: `h = act(x @ kernel + h @ recurrent + bias)`.

    Where the mask is false the state stays as it is. `reverse` goes from the last step to the first; `start` is the state
    to begin with, zeros where it is left out. `act` is an activation without weights.

    Shapes: `[batch, time, features]`, mask `bool[batch, time]` and start `[batch, units]` to `[batch, time, units]`.
    Reference: Elman, 1990, Finding structure in time.
    """

    units: Size
    act: Op = Tanh()
    reverse: bool = False
    init: Initializer = GlorotUniform()
    recurrent_init: Initializer = Orthogonal()

    keeps = ("x", "mask", "start", "kernel", "recurrent", "out")
    saves = ("joined",)
    aliases = ("SimpleRNN", "Elman")
    precision = "half"
    samples = (
        Sample("rnn(5)", ("[batch, time, 3]",), "[batch, time, 5]", parameters=45),
        Sample("rnn(2, silu, reverse = true)", ("[batch, 4, 3]", "bool[batch, 4]"), "[batch, 4, 2]", parameters=12),
        Sample("rnn(2, softsign)", ("[batch, time, 3]", "none", "[batch, 2]"), "[batch, time, 2]", parameters=12),
        Sample(
            "rnn(1, act = relu)",
            ("[1, 3, 1]", "bool[1, 3]"),
            "[1, 3, 1]",
            parameters=3,
            given=([[[1.0], [5.0], [-2.0]]], [[True, False, True]]),
            weights={"kernel": [[1.0]], "recurrent": [[2.0]], "bias": [0.5]},
            gives=[[[1.5], [1.5], [1.5]]],
            source="by hand: 1 + 0.5, held, and -2 + 3 + 0.5",
        ),
        Refused("rnn(4)", ("[batch, 3]",), "needs a sequence"),
        Refused("rnn(4, softmax)", ("[batch, time, 3]",), "element by element"),
        Refused("rnn(4)", ("[batch, time, 3]", "bool[batch, 4, 1]"), "`mask` is"),
    )

    def infer(self, x: Type, mask: Type | None = None, start: Type | None = None) -> Type:
        if not self.act.elementwise or len(self.act.inputs()) != 1 or self.act.random:
            reason = f"`act = {self.act.name}` must work element by element, on one tensor"
            raise Mismatch(reason, "use an activation such as tanh or relu")
        return self.checked(x, mask, start=start)

    def weights(self, x: Type, mask: Type | None = None, start: Type | None = None) -> dict[str, Weight]:
        return self.maps(x, 1) | {"bias": Weight((self.units,), Zeros())}

    def saved(self, x: Type, mask: Type | None = None, start: Type | None = None) -> dict[str, Type]:
        return {} if self._by_output else self.stacked(x, *self.saves)

    def apply(self, weights: Any, x: Any, mask: Any = None, start: Any = None, *, ctx: Context) -> Any:
        return self.apply_saving(weights, x, mask, start, ctx=ctx)[0]

    def apply_saving(
        self, weights: Any, x: Any, mask: Any = None, start: Any = None, *, ctx: Context
    ) -> tuple[Any, dict[str, Any]]:
        by_input = turned(x) @ weights["kernel"] + weights["bias"].reshape(1, 1, -1)

        def step(state: Any, given: Any) -> Any:
            part, seen = given
            joined = part + state @ weights["recurrent"]
            state = held(seen, self.act.apply({}, joined, ctx=ctx), state)
            return state, (state, None if self._by_output else joined)

        first = self.started(by_input, start).astype(by_input.dtype)
        _, (states, joined) = scan(step, first, (by_input, steps_seen(mask)), reverse=self.reverse)
        return turned(states), {} if self._by_output else {"joined": joined}

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        recurrent, x, start, out = kept["recurrent"], turned(kept["x"]), kept.get("start"), turned(kept["out"])

        def step(by_state: Any, given: Any) -> Any:
            part, state, joined, seen = given
            now, past = parted(seen, by_state + widened(part))
            by_joined = self._slope(joined, state, now.astype(part.dtype), ctx)
            return widened(by_joined @ recurrent.T) + past, by_joined

        given = (turned(gradient), out, kept.get("joined"), steps_seen(kept.get("mask")))
        nothing = widened(self.started(out, None))
        by_start, by_joined = scan(step, nothing, given, reverse=not self.reverse)
        found = by_maps(x, self.before(out, start), by_joined, by_joined)
        found |= {"x": turned(by_joined @ kept["kernel"].T), "bias": by_joined.sum((0, 1))}
        return found | ({} if start is None else {"start": by_start.astype(start.dtype)})

    def cost(self, x: Type, mask: Type | None = None, start: Type | None = None) -> Cost:
        weights, out = self.weights(x), self.infer(x)
        products = 2 * elements([Type(weights[role].shape) for role in ("kernel", "recurrent")])
        flops = elements([Type(x.shape[:-1])]) * products + 2 * elements([out]) + self.act.cost(out).flops
        return Cost(flops, moved(x, mask, start, out, *weights.values()))

    @property
    def _by_output(self) -> bool:
        """Whether the slope of the activation follows from what it gives: then nothing more is kept."""
        return self.act.keeps in (("out",), ())

    def _slope(self, joined: Any, out: Any, gradient: Any, ctx: Context) -> Any:
        if self.act.keeps is not None and not self.act.saves:
            return self.act.backward({"x": joined, "out": out}, gradient, ctx)["x"]
        return jax.vjp(lambda joined: self.act.apply({}, joined, ctx=ctx), joined)[1](gradient)[0]
