"""What a model is made of and what one forward pass costs, layer by layer."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dslc.graph import Graph, Node
from dslc.ops.core._region import Region
from dslc.ops.core._wrapper import unwrapped
from dslc.sizes import sized, sizes_of
from dslc.source import Source
from dslc.types import BYTES, Type

SILENT = ("input", "parameter", "state", "constant", "filled", "numbers")
"""Nodes that hold an array and compute nothing."""


def type_text(type: Type) -> str:
    """The type, with `_` again where the author wrote that."""
    return re.sub(r"\b_[0-9_]+\b", "_", str(type))


@dataclass(frozen=True)
class Layer:
    """A row of the summary; in a region it stands for all the iterations, `repeat` of them."""

    path: str
    op: str
    inputs: tuple[Type, ...]
    outputs: tuple[Type, ...]
    parameters: int
    """Weights that no layer above has counted."""
    flops: int
    bytes: int
    """Of the outputs."""
    line: int
    repeat: int = 1
    file: str = ""
    """The imported file that the line is in; empty for the file itself."""

    @property
    def output(self) -> str:
        """Types of the outputs as text."""
        return ", ".join(map(type_text, self.outputs))

    def to_json(self) -> dict[str, Any]:
        found = {
            "path": self.path,
            "op": self.op,
            "inputs": [type_text(type) for type in self.inputs],
            "output": self.output,
            "parameters": self.parameters,
            "flops": self.flops,
            "line": self.line,
            "repeat": self.repeat,
        }
        return {**found, "file": self.file} if self.file else found


@dataclass(frozen=True)
class Summary:
    """A model layer by layer: types as they were declared, costs at the sizes in `dims`."""

    model: str
    inputs: Mapping[str, Type]
    outputs: Mapping[str, Type]
    layers: tuple[Layer, ...]
    parameters: int
    trainable: int
    """Those that training changes: not what stands in `frozen { ... }`."""
    statistics: int
    """Numbers that are kept and not trained, as those of batch norm."""
    dims: Mapping[str, int]

    @property
    def flops(self) -> int:
        """Floating point operations of one forward pass; a multiply-add counts 2."""
        return sum(layer.flops for layer in self.layers)

    @property
    def activation_bytes(self) -> int:
        """Bytes of everything that the layers put out in one forward pass."""
        return sum(layer.bytes for layer in self.layers)

    def to_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "parameters": self.parameters,
            "trainable": self.trainable,
            "flops": self.flops,
            "activation_bytes": self.activation_bytes,
            "dims": {name: size for name, size in self.dims.items() if not name.startswith("_")},
            "layers": [layer.to_json() for layer in self.layers],
        }


def summarize(graph: Graph, source: Source, dims: Mapping[str, int]) -> Summary:
    """The summary of a model; free dimensions that `dims` leaves out count as 1.

    Raises:
        Failed: when the model cannot work with these sizes.
    """
    sizes = sizes_of(graph, dims)
    layers = tuple(_Rows(source).of(graph, sized(graph, sizes)))
    inputs = {node.name: node.type for node in graph.sources("input")}
    outputs = {name: graph.type(ref) for name, ref in graph.outputs.items()}
    frozen = sum(int(node.type.size) for node in graph.sources("parameter") if not getattr(node.op, "trainable", True))  # pyright: ignore[reportArgumentType]
    total = count(graph, "parameter")
    return Summary(graph.name, inputs, outputs, layers, total, total - frozen, count(graph, "state"), sizes)


def count(graph: Graph, kind: str) -> int:
    """Numbers in the arrays of a kind (`parameter`, `state`); a shared array counts once."""
    return sum(int(node.type.size) for node in graph.sources(kind))  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True)
class _Level:
    """The body of a region: how often it runs, and what it captures, each with how often there is one of it."""

    times: int = 1
    captured: Mapping[str, tuple[Node, int]] = field(default_factory=dict[str, tuple[Node, int]])

    def inside(self, node: Node, op: Region, graph: Graph) -> "_Level":
        """The level of the body of a region, `op` with known sizes."""
        count = getattr(op, "count", 1)
        read = [ref.node if ref else "" for ref in node.inputs]
        captured = {
            name: self.captured.get(outer, (graph.nodes[outer], self.times))
            for name, outer in zip(op.given, read, strict=True)
            if outer
        }
        return _Level(self.times * count, captured)


@dataclass
class _Rows:
    source: Source
    counted: set[str] = field(default_factory=set[str])

    def of(self, graph: Graph, bound: Graph, level: "_Level" = _Level()) -> Iterator[Layer]:
        """Rows of a graph in its order; those of a region's body stand once."""
        activations = _activations(graph)
        for node, here in zip(graph, bound, strict=True):
            if isinstance(node.op, Region) and isinstance(here.op, Region):
                yield from self.of(node.op.body, here.op.body, level.inside(node, here.op, graph))
            elif node.op.name not in SILENT:
                row = self._row(node, here, graph, bound, level)
                yield row if node.name in activations else replace(row, bytes=0)

    def _row(self, node: Node, here: Node, graph: Graph, bound: Graph, level: "_Level") -> Layer:
        cost = here.op.cost(*(None if ref is None else bound.type(ref) for ref in here.inputs))
        outputs = _outputs(node, graph)
        size = sum(int(type.size) * BYTES[type.dtype] for type in here.types[: len(outputs)])  # pyright: ignore[reportArgumentType]
        inputs = tuple(graph.type(ref) for ref in node.inputs if ref is not None)
        return Layer(
            node.path or node.name,
            unwrapped(node.op).name,
            inputs,
            outputs,
            self._new_weights(node, graph, level),
            cost.flops * level.times,
            size * level.times,
            self.source.line_of(node.span),
            level.times,
            node.span.file if node.span.file in self.source.imported else "",
        )

    def _new_weights(self, node: Node, graph: Graph, level: "_Level") -> int:
        """Weights that the node is the first to read. Names are unique in the model, in regions as well."""
        found = 0
        for ref in node.references():
            source, times = level.captured.get(ref.node, (graph.nodes[ref.node], level.times))
            if source.op.name == "parameter" and source.name not in self.counted:
                self.counted.add(source.name)
                found += int(source.type.size) * times  # pyright: ignore[reportArgumentType]
        return found


def _activations(graph: Graph) -> set[str]:
    """Nodes whose outputs come with every batch; a transposed weight does not."""
    found: set[str] = set()
    for node in graph:
        read = [ref.node for ref in node.references()]
        if node.op.name == "input" or not (read or node.op.name in SILENT) or not found.isdisjoint(read):
            found.add(node.name)
    return found


def _outputs(node: Node, graph: Graph) -> tuple[Type, ...]:
    """Types of the outputs, without those of the next state."""
    states = node.op.state(*(None if ref is None else graph.type(ref) for ref in node.inputs))
    return node.types[: len(node.types) - len(states)]
