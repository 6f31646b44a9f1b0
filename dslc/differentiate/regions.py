"""The way back through a region: a region that runs in reverse, over what the forward one kept of each iteration.

Carried tensors give carried gradients. The gradients of captured tensors are added up over the iterations, those of sliced
tensors and of stacked weights come out stacked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dslc.differentiate.flow import inner_flow
from dslc.differentiate.forward import prepare
from dslc.differentiate.sweep import Sweep
from dslc.graph import Builder, Graph, Node, Ref
from dslc.ops._wide import wide
from dslc.ops.arithmetic.add import Add
from dslc.ops.base import OPS
from dslc.ops.core.backward import Backward, input_names
from dslc.ops.core.input import Input
from dslc.ops.core.repeat import Repeat
from dslc.ops.shape.cast import Cast
from dslc.types import Type


@dataclass
class _Body:
    """The body of the backward region while it is made."""

    builder: Builder
    carried: list[str] = field(default_factory=list[str])
    captured: list[str] = field(default_factory=list[str])
    sliced: list[str] = field(default_factory=list[str])

    def input(self, kind: list[str], name: str, type: Type) -> Ref:
        ref = self.builder.add(Node(name, Input(type.dtype, type.shape), types=(type,), path=name))
        kind.append(ref.node)
        return ref

    def graph(self, outputs: dict[str, Ref]) -> Graph:
        """Inputs in the order of their kinds, then all that the outputs need."""
        inputs = [*self.carried, *self.captured, *self.sliced]
        nodes = {name: self.builder.nodes[name] for name in inputs} | self.builder.nodes
        wanted = {*inputs, *(ref.node for ref in outputs.values())}
        for node in reversed(nodes.values()):
            if node.name in wanted:
                wanted.update(ref.node for ref in node.references())
        return Graph(self.builder.name, nodes, outputs).only(wanted)


class Region:
    """A forward region, and the way back through it."""

    def __init__(self, node: Node, op: Repeat, reached: frozenset[Ref], arrived: Sequence[int]) -> None:
        inside = inner_flow(node, op, reached, arrived)
        self.node, self.op, self.inside = node, op, inside.reached
        self.body = prepare(op.body, inside.reached)
        self.results = list(op.body.outputs.values())
        self.carried = [place for place in inside.arrived if place < op.carried]
        self.stacked = [place for place in inside.arrived if place >= op.carried]
        self.captured: list[Ref] = []
        """What the way back captures, in the graph around."""
        self.sliced: list[Ref] = []
        """What it slices, in the graph around: inputs of the region, and what it keeps."""
        self.kept: list[Ref] = []
        self.later = deferred(op, inside.reached)
        self._fetched: dict[Ref, Ref] = {}
        self._back = self._build()

    # The forward region.

    @property
    def forward(self) -> Repeat:
        """The forward region with what it keeps as more stacked outputs."""
        kept = {f"kept {_name(ref)}": ref for ref in self.kept}
        return replace(self.op, body=replace(self.body.graph, outputs={**self.body.graph.outputs, **kept}))

    @property
    def kept_types(self) -> tuple[Type, ...]:
        return tuple(self.body.graph.type(ref).stacked(self.op.count) for ref in self.kept)

    # The body of the way back.

    def _build(self) -> Graph:
        body = self._body = _Body(Builder(f"{self.op.body.name}.gradient"))
        # Stacked weights keep their names, so nothing else may have taken them.
        weights = (node for kind in ("parameter", "state") for node in self.op.body.sources(kind))
        body.builder.nodes |= {node.name: node for node in weights}
        finals = [self._gradient_input(body.carried, place) for place in self.carried]
        sums = [body.input(body.carried, f"{name}.gradient.sum", self._sum_type(name)) for name in self._summed()]
        rows = [self._gradient_input(body.sliced, place) for place in self.stacked]
        roles = {name: frozenset(roles) for name, roles in self.later.items()}
        sweep = Sweep(self.body, self.inside, body.builder, self._fetch, (finals + rows)[0], roles)
        for place, gradient in zip((*self.carried, *self.stacked), (*finals, *rows), strict=True):
            sweep.arrive(self.results[place], gradient)
        sweep.run()
        return body.graph(self._outputs(sweep, sums))

    def _outputs(self, sweep: Sweep, sums: Sequence[Ref]) -> dict[str, Ref]:
        given = self.op.given
        found = {f"gradient of {given[place]}": sweep.total_or_zeros(Ref(given[place])) for place in self.carried}
        for name, before in zip(self._summed(), sums, strict=True):
            inner, gradient = self.op.body.nodes[name], sweep.total_or_zeros(Ref(name))
            gradient = _cast(sweep, inner, gradient, self._sum_type(name))
            total = sweep.add(inner, "gradient.sum", Add(), (before, gradient), (self._sum_type(name),))
            found[f"sum of gradients of {name}"] = total
        rows = (*self._rows(), *self._apart(), *self._weights())
        found |= {f"gradient of {name}": sweep.total_or_zeros(Ref(name)) for name in rows}
        self.given = {name: self._stacked(self.body.now(self.op.body.nodes[name].inputs[0])) for name in self.later}  # pyright: ignore[reportArgumentType]
        return found | {f"gradient at {name}": sweep.total_or_zeros(Ref(name)) for name in self.later}

    def _gradient_input(self, kind: list[str], place: int) -> Ref:
        name = tuple(self.op.body.outputs)[place]
        return self._body.input(kind, f"{self.op.body.name}.{name}.gradient", self.op.body.type(self.results[place]))

    def _type(self, name: str) -> Type:
        return self.op.body.nodes[name].type

    def _sum_type(self, name: str) -> Type:
        """Of the sum over all iterations: 16-bit floats would lose it."""
        return self._type(name).with_dtype(wide(self._type(name).dtype))

    def _summed(self) -> list[str]:
        """Captured inputs of the body whose gradient is added up from iteration to iteration."""
        return [] if self.op.batched else self._whole()

    def _apart(self) -> list[str]:
        """Captured inputs of the body whose gradients come out stacked: iterations at once hand on nothing."""
        return self._whole() if self.op.batched else []

    def _whole(self) -> list[str]:
        """Captured inputs of the body that get a gradient in it."""
        later = {ref.node for roles in self.later.values() for ref in roles.values()}
        names = self._reached(self.op.given[self.op.carried :][: self.op.captured])
        return [name for name in names if name not in later]

    def _rows(self) -> list[str]:
        """Sliced inputs of the body that get a gradient."""
        return self._reached(self.op.given[self.op.carried + self.op.captured :])

    def _weights(self) -> list[str]:
        return self._reached(self.node.weights)

    def _reached(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if Ref(name) in self.inside]

    # What the way back reads of the forward body.

    def _fetch(self, ref: Ref) -> Ref:
        if ref not in self._fetched:
            self._fetched[ref] = self._brought(ref)
        return self._fetched[ref]

    def _brought(self, ref: Ref) -> Ref:
        node, body = self.body.graph.nodes[ref.node], self._body
        if node.op.name in ("parameter", "state"):
            return ref
        if node.op.name == "input" and (place := self.op.given.index(node.name)) >= self.op.carried:
            captured = place < self.op.carried + self.op.captured
            kind, around = (body.captured, self.captured) if captured else (body.sliced, self.sliced)
            outer = self.node.inputs[place]
            assert outer is not None, "a region has no optional inputs"
            around.append(outer)
            return body.input(kind, node.name, node.type)
        if node.op.name != "input" and not node.op.random and not any(True for _ in node.references()):
            # A constant is cheaper to write down again than to keep.
            return Ref(body.builder.add(node).node, ref.output)
        self.sliced.append(self._keep(ref))
        return body.input(body.sliced, _name(ref), self.body.graph.type(ref))

    def _stacked(self, ref: Ref) -> Ref:
        """A tensor of every iteration, in the graph around: what is sliced in is there."""
        split = self.op.carried + self.op.captured
        if ref.node in self.op.given[split:]:
            outer = self.node.inputs[self.op.given.index(ref.node)]
            assert outer is not None, "a region has no optional inputs"
            return outer
        return self._keep(ref)

    def _keep(self, ref: Ref) -> Ref:
        """A tensor of every iteration, in the graph around."""
        if ref in self.results[self.op.carried :]:
            return Ref(self.node.name, self.results.index(ref, self.op.carried))
        if ref not in self.kept:
            self.kept.append(ref)
        return Ref(self.node.name, len(self.results) + self.kept.index(ref))

    # The way back in the graph around.

    def back(self, sweep: Sweep) -> None:
        """Add the backward region, and hand on what it gives."""
        node, body, fetch = self.node, self._body, sweep.fetch
        now = sweep.forward.now
        op = replace(
            self.op,
            body=self._back,
            carried=len(body.carried),
            captured=len(body.captured),
            reverse=not self.op.reverse,
        )
        finals = [sweep.total(Ref(node.name, place)) or sweep.zeros(node, node.types[place]) for place in self.carried]
        sums = [sweep.zeros(node, self._sum_type(name)) for name in self._summed()]
        captured = [fetch(now(ref)) for ref in self.captured]
        rows = [sweep.total_or_zeros(Ref(node.name, place)) for place in self.stacked]
        sliced = [fetch(ref if ref.node == node.name else now(ref)) for ref in self.sliced]
        weights = {name: fetch(now(node.weights[name])) for name in op.body.nodes if name in node.weights}
        inputs = (*finals, *sums, *captured, *rows, *sliced)
        types = op.infer(*(sweep.builder.type(ref) for ref in inputs))
        made = sweep.add(node, "gradient", op, inputs, types, weights)
        outer, last = self._outer(), len(types) - len(self.later) - len(self._weights())
        added = range(last - len(self._apart()), last)
        kind: Any = OPS["sum"]
        for place, ref in enumerate(outer):
            gradient = Ref(made.node, place)
            if ref is not None and place in added:
                row = types[place].with_shape(*types[place].shape[1:])
                gradient = sweep.add(node, "gradient.sum", kind(axis=0), (gradient,), (row,))
            if ref is not None:
                sweep.arrive(ref, _cast(sweep, node, gradient, sweep.graph.type(ref)))
        for place, name in enumerate(self.later):
            self._product(sweep, self.op.body.nodes[name], Ref(made.node, len(outer) + place))

    def _product(self, sweep: Sweep, inner: Node, gradient: Ref) -> None:
        """The gradient of the weights of a node in the body: one call for the rows of all iterations."""
        roles = self.later[inner.name]
        x, outside = self.given[inner.name], dict(zip(self.op.given, self.node.inputs, strict=True))
        outer = {role: outside[ref.node] for role, ref in inner.weights.items()}
        (own,) = input_names(inner.op, 1)
        tensors = {own: x if x.node == self.node.name else sweep.forward.now(x)}
        tensors |= {role: sweep.forward.now(ref) for role, ref in outer.items() if ref is not None}
        names = [name for name in (own, *outer) if inner.op.keeps is None or name in inner.op.keeps]
        taken = inner_types(self.op.body, inner)
        op = Backward(
            of=inner.op,
            place=inner.name,
            wrt=tuple(roles),
            kept=tuple(names),
            given=(0,),
            taken=tuple(type.stacked(self.op.count) for type in taken),
            outputs=tuple(type.stacked(self.op.count) for type in inner.types),
            types=tuple(self._type(ref.node) for ref in roles.values()),
        )
        inputs = (*(sweep.fetch(tensors[name]) for name in names), gradient)
        made = sweep.add(inner, "gradient.weights", op, inputs, op.types)
        for place, role in enumerate(roles):
            ref = outer[role]
            assert ref is not None
            sweep.arrive(ref, Ref(made.node, place))

    def _outer(self) -> list[Ref | None]:
        """The tensors around the region that the outputs of the way back are the gradients of."""
        outside = dict(zip(self.op.given, self.node.inputs, strict=True)) | dict(self.node.weights)
        carried = self.op.given[: self.op.carried]
        first = [
            outside[name] if Ref(name) in self.inside else None for name in (carried[place] for place in self.carried)
        ]
        return [*first, *(outside[name] for name in (*self._summed(), *self._rows(), *self._apart(), *self._weights()))]


def deferred(op: Repeat, reached: frozenset[Ref]) -> dict[str, dict[str, Ref]]:
    """Captured weights of which each reader treats rows by themselves, by reader and role.

    Their gradient over all iterations is one product behind the loop, which need not add it up in each of them.
    """
    whole = set(op.given[op.carried :][: op.captured])
    found: dict[str, dict[str, Ref]] = {}
    for name in op.given[op.carried :][: op.captured]:
        readers = [node for node in op.body if Ref(name) in node.references()] if Ref(name) in reached else []
        if readers and all(_is_rowwise(node, Ref(name), whole) and Ref(node.name) in reached for node in readers):
            for node in readers:
                found.setdefault(node.name, {}).update(
                    {role: ref for role, ref in node.weights.items() if ref.node == name}
                )
    return found


def _is_rowwise(node: Node, weight: Ref, whole: set[str]) -> bool:
    """Whether a node reads a weight as such, for rows of its own in every iteration; with other weights that stay the same."""
    x = node.inputs[0] if len(node.inputs) == 1 else None
    is_plain = node.op.rowwise and not node.op.saves and all(ref.node in whole for ref in node.weights.values())
    return is_plain and x is not None and x.node not in whole and x != weight


def inner_types(body: Graph, node: Node) -> tuple[Type, ...]:
    return tuple(body.type(ref) for ref in node.inputs if ref is not None)


def _cast(sweep: Sweep, node: Node, ref: Ref, type: Type) -> Ref:
    """A gradient in the dtype of a type."""
    if sweep.builder.type(ref).dtype == type.dtype:
        return ref
    now = sweep.builder.type(ref).with_dtype(type.dtype)
    return sweep.add(node, "gradient.cast", Cast(type.dtype), (ref,), (now,))


def _name(ref: Ref) -> str:
    return f"{ref.node}.{ref.output}" if ref.output else ref.node
