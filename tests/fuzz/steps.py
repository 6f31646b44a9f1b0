"""A graph run op by op in NumPy, and differentiated by a tape: a second opinion on loops, keys and gradients.

Of dslc it uses what an op computes (`apply`) and which key a place has. Loops are Python's. The derivative of an op is JAX's
own, never the rule that the op gives. What an op does for some shapes is traced once and kept for all graphs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from primitives import Function, Noise

from dslc.graph import Graph, Node
from dslc.keys import at_places
from dslc.lower import place_of
from dslc.ops.base import Context, Op, Segment
from dslc.ops.core.enclosed import Enclosed
from dslc.ops.core.repeat import Repeat

SOURCES = ("input", "parameter", "state")
FUNCTIONS: dict[Any, Function] = {}


FAR = 1e75
"""JAX's gradient of a quotient squares the divisor: beyond, it is zero by overflow, where that of dslc is right."""


@dataclass(eq=False)
class Value:
    """An array, and the gradient that has arrived at it."""

    array: Any
    gradient: Any = None

    def arrive(self, gradient: Any) -> None:
        self.gradient = gradient if self.gradient is None else self.gradient + gradient

    @property
    def is_float(self) -> bool:
        return is_float(self.array)


def is_float(array: Any) -> bool:
    return getattr(array.dtype, "kind", "") == "f"


@dataclass
class Steps:
    """One run of a graph."""

    training: bool
    key: Any
    noise: Noise | None = None
    is_finite: bool = True
    """Whether all numbers on the way were, with squares, read or not: zero times infinity is not zero."""
    tape: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])

    def __call__(
        self,
        graph: Graph,
        given: Mapping[str, Value],
        iterations: tuple[int, ...] = (),
        copies: Mapping[str, str] = {},
    ) -> tuple[dict[str, Value], dict[str, Value]]:
        """Outputs and next states from the values of the sources by name.

        `copies` are the names that nodes have which stand for several that were written out one by one.
        """
        nodes = needed(graph)
        places = dict.fromkeys(place for node in nodes if (place := place_of(node)))
        known = {place: copies.get(place, place) for place in places}
        made = at_places(self.key, [*{*known.values()}], iterations) if places else {}
        keys = {place: made[name] for place, name in known.items()}
        values: dict[str, list[Value]] = {}
        for node in nodes:
            if node.op.name in SOURCES:
                values[node.name] = [given[node.name]]
                continue
            inputs = [None if ref is None else values[ref.node][ref.output] for ref in node.inputs]
            weights = {role: values[ref.node][ref.output] for role, ref in node.weights.items()}
            if isinstance(node.op, Repeat):
                values[node.name] = self._repeated(node.op, inputs, weights, iterations, copies)  # type: ignore[arg-type]
            elif isinstance(node.op, Enclosed):
                outputs, states = self(
                    node.op.body, dict(zip(node.op.given, inputs, strict=True)) | weights, iterations, copies
                )  # type: ignore[arg-type]
                values[node.name] = [*outputs.values(), *states.values()]
            else:
                values[node.name] = self._op(graph, node, inputs, weights, keys.get(place_of(node)))
        outputs, states = (
            {name: values[ref.node][ref.output] for name, ref in refs.items()}
            for refs in (graph.outputs, graph.updates)
        )
        return outputs, states

    def back(self, start: Value) -> None:
        """Send a gradient of one back through all that was done."""
        start.arrive(np.ones_like(start.array))
        for step in reversed(self.tape):
            step()

    def _repeated(
        self,
        op: Repeat,
        inputs: list[Value],
        weights: dict[str, Value],
        iterations: tuple[Any, ...],
        copies: Mapping[str, str],
    ) -> list[Value]:
        split = op.carried + op.captured
        carry, whole, sliced = inputs[: op.carried], inputs[op.carried : split], inputs[split:]
        stacked: list[list[Value]] = [[]] * op.times
        states: list[dict[str, Value]] = [{}] * op.times
        for at in reversed(range(op.times)) if op.reverse else range(op.times):
            given = dict(zip(op.given, (*carry, *whole, *(self._row(value, at) for value in sliced)), strict=True))
            rows = {name: self._row(value, at) for name, value in weights.items()}
            number = op.start + at * (op.stride or 1)
            around, first = (iterations[:-1], iterations[-1].first) if _in_segment(iterations) else (iterations, 0)
            inside = around if op.places else (*around, Segment(first + number) if op.stride else first + number)
            named = {name: names[number] for name, names in op.places}
            outputs, states[at] = self(op.body, given | rows, inside, {**copies, **named})
            found = [*outputs.values()]
            carry, stacked[at] = found[: op.carried], found[op.carried :]
        columns = [*zip(*stacked, strict=True)]
        return [
            *carry,
            *map(self._stacked, columns),
            *(self._stacked([row[name] for row in states]) for name in states[0]),
        ]

    def _row(self, value: Value, at: int) -> Value:
        row = Value(value.array[at])

        def back() -> None:
            if row.gradient is not None:
                gradient = np.zeros_like(value.array)
                gradient[at] = row.gradient
                value.arrive(gradient)

        self.tape.append(back)
        return row

    def _stacked(self, rows: Sequence[Value]) -> Value:
        made = Value(np.stack([row.array for row in rows]))

        def back() -> None:
            if made.gradient is not None:
                for row, gradient in zip(rows, made.gradient, strict=True):
                    row.arrive(gradient)

        self.tape.append(back)
        return made

    def _op(
        self, graph: Graph, node: Node, inputs: list[Value | None], weights: dict[str, Value], key: Any
    ) -> list[Value]:
        types = [None if ref is None else graph.type(ref) for ref in node.inputs]
        call = Call(node.op, self.training, tuple(value is not None for value in inputs), (*weights,), (*node.op.state(*types),), key is not None)  # fmt: skip
        given = [value for value in (*inputs, *weights.values()) if value is not None]
        arrays = [value.array for value in given] + ([key] if key is not None else [])
        made = [Value(array) for array in call.function("forward", arrays)(*arrays, noise=self.noise)]
        self.is_finite &= all(bool(np.all(np.abs(value.array) < FAR)) for value in made if value.is_float)

        def back() -> None:
            own = [value for value in made[: len(made) - len(call.states)] if value.is_float]
            floats = [value for value in given if value.is_float]
            if not floats or all(value.gradient is None for value in own):
                return
            arrived = [np.zeros_like(v.array) if v.gradient is None else v.gradient for v in own]
            found = call.function("backward", [*arrays, *arrived])(*arrays, *arrived, noise=self.noise)
            for value, gradient in zip(floats, found, strict=True):
                self.is_finite &= bool(np.isfinite(gradient).all())
                value.arrive(gradient)

        self.tape.append(back)
        return made


def _in_segment(iterations: tuple[Any, ...]) -> bool:
    """Whether the loop around runs several iterations of one that was cut into segments."""
    return bool(iterations) and isinstance(iterations[-1], Segment)


@dataclass(frozen=True)
class Call:
    """How an op is called: with which inputs (of those it may have), weights, states and whether with a key."""

    op: Op
    training: bool
    present: tuple[bool, ...]
    roles: tuple[str, ...]
    states: tuple[str, ...]
    keyed: bool

    def function(self, what: str, arrays: Sequence[Any]) -> Function:
        """The op for arrays of these shapes, or its derivative."""
        known = (self, what, tuple((np.shape(array), array.dtype) for array in arrays))
        if known not in FUNCTIONS:
            like = [array if jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key) else jax.ShapeDtypeStruct(np.shape(array), array.dtype) for array in arrays]  # fmt: skip
            FUNCTIONS[known] = Function(jax.make_jaxpr(self.forward if what == "forward" else self.backward)(*like))
        return FUNCTIONS[known]

    def forward(self, *arrays: Any) -> list[Any]:
        """Outputs, then next states."""
        rest = iter(arrays)
        inputs = [next(rest) if present else None for present in self.present]
        weights = {role: next(rest) for role in self.roles}
        found = self.op.apply(weights, *inputs, ctx=Context(self.training, next(rest) if self.keyed else None))
        found, states = found if self.states else (found, {})
        return [*(found if isinstance(found, tuple) else (found,)), *(states[name] for name in self.states)]

    def backward(self, *arrays: Any) -> list[Any]:
        """Gradients by all floats, from all that the op takes and the gradients of its outputs of floats."""
        count = sum(self.present) + len(self.roles) + self.keyed
        given, gradients = arrays[:count], arrays[count:]
        floats = [at for at, array in enumerate(given) if jnp.issubdtype(array.dtype, jnp.floating)]

        def moved(*some: Any) -> list[Any]:
            filled = list(given)
            for at, array in zip(floats, some, strict=True):
                filled[at] = array
            found = self.forward(*filled)
            return [
                array for array in found[: len(found) - len(self.states)] if jnp.issubdtype(array.dtype, jnp.floating)
            ]

        return list(jax.vjp(moved, *(given[at] for at in floats))[1](list(gradients)))


def needed(graph: Graph) -> list[Node]:
    """The nodes that outputs and next states depend on, in order."""
    wanted = {ref.node for ref in graph.read()}
    found: list[Node] = []
    for node in reversed(list(graph)):
        if node.name in wanted:
            wanted.update(ref.node for ref in node.references())
            found.append(node)
    return found[::-1]
