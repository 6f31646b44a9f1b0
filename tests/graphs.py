"""Graphs made to run: their text read, their dimensions bound, their arrays drawn, their results compared."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dslc.bind import bind
from dslc.graph import Graph, Node, Ref
from dslc.lower import lower
from dslc.ops.core.repeat import Repeat
from dslc.text import from_text
from dslc.types import JAX_DTYPES, Type
from dslc.verify import verify

ROWS = 3
SIGNATURE = ("input", "parameter", "state")


@dataclass(frozen=True)
class Arrays:
    """Values in float64 for the sources of a graph."""

    weights: dict[str, Any]
    state: dict[str, Any]
    inputs: dict[str, Any]

    @classmethod
    def drawn(cls, graph: Graph) -> "Arrays":
        groups: dict[str, dict[str, Any]] = {kind: {} for kind in SIGNATURE}
        for number, node in enumerate(graph):
            if node.op.name in groups:
                groups[node.op.name][node.name] = _draw(node.type, number, positive=node.op.name == "state")
        return cls(groups["parameter"], groups["state"], groups["input"])


def _draw(type: Type, number: int, positive: bool) -> Any:
    random = np.random.default_rng(number)
    if type.dtype == "bool":
        return jnp.asarray(random.integers(0, 2, type.shape), bool)
    if type.is_integer:
        return jnp.asarray(random.integers(0, 5, type.shape), JAX_DTYPES[type.dtype])
    values = random.normal(size=type.shape)  # pyright: ignore[reportArgumentType]
    return jnp.asarray(abs(values) + 0.5 if positive else values, jnp.float64)  # a variance is positive


def read(text: str) -> Graph:
    return bind(verify(from_text(text)), {"batch": ROWS})


def run(graph: Graph, arrays: Arrays, training: bool, compiled: bool = False) -> dict[str, Any]:
    """Outputs and next states by name; op by op, or by one program, which is the quicker of the two for many ops."""
    program: Any = partial(lower(graph), training=training)
    outputs, state = (jax.jit(program) if compiled else program)(
        arrays.weights, arrays.state, arrays.inputs, key=jax.random.key(0)
    )
    return {f"output {name}": value for name, value in outputs.items()} | {
        f"next {name}": value for name, value in state.items()
    }


def assert_close(found: dict[str, Any], wanted: dict[str, Any], bound: float) -> None:
    """Equal within `bound` of the largest finite value; an infinity is equal to itself alone."""
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert (found[name].shape, found[name].dtype) == (value.shape, value.dtype), name
        # By NumPy, which has nothing to compile.
        here, there = (np.asarray(array, np.float64) for array in (found[name], value))
        same = here == there
        scale = np.max(np.abs(there), where=np.isfinite(there), initial=0.0) or 1.0
        difference = np.max(np.abs(np.subtract(here, there, where=~same, out=np.zeros_like(there))), initial=0.0)
        assert difference <= bound * scale, f"{name} differs by {difference / scale:.1e}"


def in_region(body: Graph, count: int) -> Graph:
    """A graph of one region: the body, `count` times with weights and states of their own, its outputs stacked."""
    sources = [node for node in body if node.op.name in SIGNATURE]
    nodes = {node.name: node if node.op.name == "input" else _stacked(node, count) for node in sources}
    inputs = tuple(Ref(node.name) for node in body.sources("input"))
    weights = {name: Ref(name) for name, node in nodes.items() if node.op.name != "input"}
    types = tuple(body.type(ref).stacked(count) for ref in (*body.outputs.values(), *body.updates.values()))
    region = Node("region", Repeat(body, count, carried=0, captured=len(inputs)), inputs, weights, types, "region")
    updates = {name: Ref("region", len(body.outputs) + place) for place, name in enumerate(body.updates)}
    outputs = {name: Ref("region", place) for place, name in enumerate(body.outputs)}
    return verify(Graph("outer", {**nodes, "region": region}, outputs, updates))


def _stacked(node: Node, count: int) -> Node:
    return replace(node, op=replace(node.op, stack=((0, count),)), types=(node.type.stacked(count),))  # pyright: ignore[reportArgumentType]
