"""Long short-term memory."""

from typing import Any

from dslc.dims import Size
from dslc.initializers.base import Initializer
from dslc.initializers.forget_gate_ones import ForgetGateOnes
from dslc.initializers.glorot_uniform import GlorotUniform
from dslc.initializers.orthogonal import Orthogonal
from dslc.ops._bits import scan
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Refused, Sample, Weight, elements, moved, op
from dslc.ops.recurrent._lstm import FLOPS, backward, forward
from dslc.ops.recurrent.base import Recurrent, by_maps, held, parted, steps_seen, turned
from dslc.types import Type


@op
class Lstm(Recurrent):
    """Long short-term memory over a sequence: gates decide what a cell keeps, takes in and shows at each step.

    With `z = x @ kernel + h @ recurrent + bias` in four parts i f c o, as Keras orders them: the cell becomes
    `sigmoid(f) * cell + sigmoid(i) * tanh(c)` and the state `sigmoid(o) * tanh(cell)`. There is one bias, whose part f
    starts at 1. Where the mask is false the state stays as it is. `reverse` goes from the last step to the first; `start`
    and `cell` are the state and the cell to begin with, zeros where they are left out.

    Shapes: `[batch, time, features]`, mask `bool[batch, time]`, start and cell `[batch, units]` to `[batch, time, units]`.
    Reference: Hochreiter and Schmidhuber, 1997; the forget gate by Gers, Schmidhuber and Cummins, 2000.
    """

    units: Size
    reverse: bool = False
    init: Initializer = GlorotUniform()
    recurrent_init: Initializer = Orthogonal()

    states = ("start", "cell")
    keeps = ("x", "mask", "start", "cell", "kernel", "recurrent", "out")
    saves = ("i", "f", "g", "o", "cells")
    precision = "half"
    samples = (
        Sample("lstm(5)", ("[batch, time, 3]",), "[batch, time, 5]", parameters=180),
        Sample("lstm(2, reverse = true)", ("[batch, 4, 3]", "bool[batch, 4]"), "[batch, 4, 2]", parameters=48),
        Sample(
            "lstm(2)",
            ("[batch, time, 3]", "none", "[batch, 2]", "[batch, 2]"),
            "[batch, time, 2]",
            parameters=48,
        ),
        Sample(
            "lstm(1)",
            ("[1, 2, 1]",),
            "[1, 2, 1]",
            parameters=12,
            given=([[[1.0], [0.0]]],),
            weights={
                "kernel": [[0.0, 0.0, 1.0, 0.0]],
                "recurrent": [[0.0, 0.0, 0.0, 0.0]],
                "bias": [0.0, 0.0, 0.0, 0.0],
            },
            gives=[[[0.18169977], [0.09406533]]],
            source="by hand: gates of a half, cells tanh(1) / 2 and tanh(1) / 4, and half of their tangents",
        ),
        Refused("lstm(4)", ("[batch, 3]",), "needs a sequence"),
        Refused("lstm(0)", ("[batch, time, 3]",), "at least 1"),
        Refused("lstm(4)", ("[batch, time, 3]", "bool[batch, 4, 1]"), "`mask` is"),
        Refused("lstm(4)", ("[batch, time, 3]", "none", "[batch, 5]"), "`start` is"),
        Refused("lstm(4)", ("i32[batch, time, 3]",), "needs floats"),
    )

    def infer(self, x: Type, mask: Type | None = None, start: Type | None = None, cell: Type | None = None) -> Type:
        return self.checked(x, mask, start=start, cell=cell)

    def weights(
        self, x: Type, mask: Type | None = None, start: Type | None = None, cell: Type | None = None
    ) -> dict[str, Weight]:
        return self.maps(x, 4) | {"bias": Weight((4 * self.units,), ForgetGateOnes())}

    def saved(
        self, x: Type, mask: Type | None = None, start: Type | None = None, cell: Type | None = None
    ) -> dict[str, Type]:
        # The cell is a long sum.
        return self.stacked(x, *self.saves, precise=("cells",))

    def apply(
        self, weights: Any, x: Any, mask: Any = None, start: Any = None, cell: Any = None, *, ctx: Context
    ) -> Any:
        return self.apply_saving(weights, x, mask, start, cell, ctx=ctx)[0]

    def apply_saving(
        self, weights: Any, x: Any, mask: Any = None, start: Any = None, cell: Any = None, *, ctx: Context
    ) -> tuple[Any, dict[str, Any]]:
        joined = turned(x) @ weights["kernel"] + weights["bias"].reshape(1, 1, -1)

        def step(states: Any, given: Any) -> Any:
            (state, cell), (part, seen) = states, given
            now, next_cell, gates = forward(part + state @ weights["recurrent"], cell)
            states = held(seen, now, state), held(seen, next_cell, cell)
            return states, (*states, *gates)

        first = self.started(joined, start).astype(joined.dtype), widened(self.started(joined, cell))
        _, found = scan(step, first, (joined, steps_seen(mask)), reverse=self.reverse)
        states, cells, *gates = found
        return turned(states), dict(zip(self.saves, (*gates, cells), strict=True))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        recurrent, cells = kept["recurrent"], kept["cells"]
        x, starts = turned(kept["x"]), (kept.get("start"), kept.get("cell"))
        states, cells_before = self.before(turned(kept["out"]), starts[0]), self.before(cells, starts[1])
        gates = tuple(kept[name] for name in ("i", "f", "g", "o"))

        def step(arriving: Any, given: Any) -> Any:
            by_state, by_cell = arriving
            part, gates, cell, before, seen = given
            by_state, past_state = parted(seen, by_state + widened(part))
            by_cell, past_cell = parted(seen, by_cell)
            by_joined, by_before = backward(by_state, by_cell, gates, cell, before)
            by_joined = by_joined.astype(part.dtype)
            return (widened(by_joined @ recurrent.T) + past_state, by_before + past_cell), by_joined

        nothing = self.started(cells, None)
        given = (turned(gradient), gates, cells, cells_before, steps_seen(kept.get("mask")))
        by_starts, by_joined = scan(step, (nothing, nothing), given, reverse=not self.reverse)
        found = by_maps(x, states, by_joined, by_joined)
        found |= {"x": turned(by_joined @ kept["kernel"].T), "bias": by_joined.sum((0, 1))}
        given_starts = zip(("start", "cell"), starts, by_starts, strict=True)
        return found | {name: by.astype(start.dtype) for name, start, by in given_starts if start is not None}

    def workspace(self, x: Type, mask: Type | None = None, start: Type | None = None, cell: Type | None = None) -> int:
        # What the input gives to the gates of all steps, and the gradients at the gates.
        return moved(x.with_last(2 * 4 * self.units))

    def cost(self, x: Type, mask: Type | None = None, start: Type | None = None, cell: Type | None = None) -> Cost:
        weights = self.weights(x)
        products = 2 * elements([Type(weights[role].shape) for role in ("kernel", "recurrent")])
        flops = elements([Type(x.shape[:-1])]) * products + FLOPS * elements([self.infer(x)])
        return Cost(flops, moved(x, mask, start, cell, self.infer(x), *weights.values()))
