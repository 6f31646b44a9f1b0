"""Graphs by hand, with the types, weights and states that ops ask for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dslc.graph import Builder, Graph, Node, Ref
from dslc.ops.base import OPS, Op, Weight
from dslc.types import Type


class Net:
    """A graph under construction: `net.add(OPS["relu"](), x)`."""

    def __init__(self, name: str = "net") -> None:
        self.builder = Builder(name)
        self.prefix = ""

    def input(self, name: str, type: str | Type, bounds: tuple[tuple[str, int], ...] = ()) -> Ref:
        type = Type.parse(type) if isinstance(type, str) else type
        return self._put(Node(name, OPS["input"](type.dtype, type.shape, bounds), types=(type,), path=name))

    def source(self, kind: str, name: str, weight: Weight) -> Ref:
        """A parameter or state, the same one for the same name."""
        if name in self.builder.nodes:
            return Ref(name)
        op = OPS[kind](tuple(weight.shape), weight.dtype, weight.init, weight.fan_in, weight.fan_out)
        return self._put(Node(name, op, types=(op.infer(),), path=name))

    def add(
        self, op: Op, *inputs: Ref | None, name: str | None = None, weights: Mapping[str, Ref] | None = None
    ) -> Any:
        """The output of an op, a tuple of them if there are several; `weights` shares or ties."""
        types = [None if ref is None else self.builder.type(ref) for ref in inputs]
        name = self.builder.fresh(self.prefix + (name or op.name))
        found, states = op.infer(*types), op.state(*types)
        outputs = found if isinstance(found, tuple) else (found,)
        refs = {role: self.source("parameter", f"{name}.{role}", weight) for role, weight in op.weights(*types).items()}
        refs |= {role: self.source("state", f"{name}.{role}", weight) for role, weight in states.items()}
        more = tuple(Type(weight.shape, weight.dtype) for weight in states.values())
        made = self._put(Node(name, op, inputs, refs | dict(weights or {}), (*outputs, *more), path=name))
        for place, role in enumerate(states):
            self.builder.updates[refs[role].node] = Ref(made.node, len(outputs) + place)
        return tuple(Ref(made.node, i) for i in range(len(outputs))) if isinstance(found, tuple) else made

    def call(self, op: str, *inputs: Ref | None, name: str | None = None, **settings: Any) -> Any:
        """The output of an op by name."""
        return self.add(OPS[op](**settings), *inputs, name=name)

    def repeat(
        self, carried: Sequence[Ref], count: int, body: "Callable[..., Any]", captured: Sequence[Ref] = (),
        sliced: Sequence[Ref] = (), name: str = "blocks", index: str | None = "*", **settings: Any,
    ) -> tuple[Ref, ...]:  # fmt: skip
        """A region: `body(net, *inputs)` gives the carried values, then what is stacked."""
        inner = Net(f"{self.prefix}{name}" + (f".{index}" if index else ""))
        inner.prefix = f"{inner.builder.name}."
        given = [self.builder.type(ref) for ref in (*carried, *captured)]
        given += [replace(type, shape=type.shape[1:]) for type in map(self.builder.type, sliced)]
        made = body(inner, *(inner.input(f"{inner.prefix}in.{i}", type) for i, type in enumerate(given)))
        inner.builder.outputs = {str(i): ref for i, ref in enumerate((made,) if isinstance(made, Ref) else made)}
        graph = inner.builder.graph()
        op = OPS["repeat"](graph, count, len(carried), len(captured), **settings)
        start = settings.get("start", 0)
        weights = {
            node.name: self._stacked(node, start, count)
            for kind in ("parameter", "state")
            for node in graph.sources(kind)
        }
        inputs = (*carried, *captured, *sliced)
        outputs = op.infer(*map(self.builder.type, inputs))
        states = tuple(graph.nodes[state].type.stacked(count) for state in graph.updates)
        region = self._put(Node(self.prefix + name, op, inputs, weights, (*outputs, *states), path=self.prefix + name))
        for place, state in enumerate(graph.updates):
            self.builder.updates[state] = Ref(region.node, len(outputs) + place)
        return tuple(Ref(region.node, i) for i in range(len(outputs)))

    def graph(self, **outputs: Ref) -> Graph:
        self.builder.outputs = dict(outputs)
        return self.builder.graph()

    def _stacked(self, inner: Node, start: int, count: int) -> Ref:
        op: Any = replace(inner.op, stack=((start, count), *inner.op.stack))  # type: ignore[attr-defined, type-var]
        return self._put(Node(inner.name, op, types=(op.infer(),), path=inner.path))

    def _put(self, node: Node) -> Ref:
        return self.builder.add(node)


def draw(graph: Graph, kind: str, seed: int = 0, dtype: Any = None) -> dict[str, jax.Array]:
    """An array for every source of a kind: floats of about 0.5 in size, ints of 0 to 2, positive floats for a state."""
    rng = np.random.default_rng(seed)
    found: dict[str, jax.Array] = {}
    for node in graph.sources(kind):
        shape = tuple(node.type.shape)
        if node.type.is_float:
            values = rng.random(shape) + 0.5 if kind == "state" else 0.5 * rng.standard_normal(shape)
            found[node.name] = jnp.asarray(values, dtype or node.type.dtype.replace("f", "float"))
        else:
            found[node.name] = jnp.asarray(rng.integers(0, 3, shape), node.type.dtype.replace("i", "int"))
    return found


def drawn(graph: Graph, dtype: Any = None) -> tuple[dict[str, jax.Array], dict[str, jax.Array], dict[str, jax.Array]]:
    """Weights, state and inputs of a graph."""
    return tuple(draw(graph, kind, seed, dtype) for seed, kind in enumerate(("parameter", "state", "input")))  # type: ignore[return-value]
