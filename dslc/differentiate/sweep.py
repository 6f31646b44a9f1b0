"""The way back through a graph: the rule of every node, from the last to the first, and the sums where ways meet."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from dslc.differentiate.flow import input_types, own_outputs
from dslc.differentiate.forward import Forward
from dslc.graph import Builder, Graph, Node, Ref
from dslc.ops.arithmetic.add import Add
from dslc.ops.base import Op
from dslc.ops.core.backward import Backward, input_names, output_name
from dslc.ops.core.enclosed import Enclosed
from dslc.ops.core.filled import Filled
from dslc.types import Type


@dataclass
class Sweep:
    """Adds the backward nodes of a graph to `builder`."""

    forward: Forward
    reached: frozenset[Ref]
    builder: Builder
    fetch: Callable[[Ref], Ref]
    """Gives a tensor of the forward graph (as it is now) to the graph of the backward nodes."""
    like: Ref
    """Some gradient in `builder`: gives zeros their dtype."""
    later: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Nodes whose rule leaves out the gradients of these weights, by role."""
    gradients: dict[Ref, list[Ref]] = field(default_factory=dict[Ref, list[Ref]])
    """What has arrived at each tensor of the forward graph."""

    @property
    def graph(self) -> Graph:
        """The forward graph before it was made ready: the references that gradients go by."""
        return self.forward.before

    def arrive(self, ref: Ref, gradient: Ref) -> None:
        """Note a gradient of a tensor, if it goes on from there."""
        if ref in self.reached:
            self.gradients.setdefault(ref, []).append(gradient)

    def run(self, until: Ref | None = None) -> None:
        """Go through all nodes, from the last to the first; what made the tensor `until` is left out."""
        from dslc.differentiate.enclosed import back  # noqa: PLC0415  # a graph inside is swept in turn

        for node in reversed(list(self.graph)):
            arrived = tuple(place for place in range(len(node.types)) if Ref(node.name, place) in self.gradients)
            if not arrived or not any(True for _ in node.references()) or (until and node.name == until.node):
                continue
            if node.name in self.forward.regions:
                self.forward.regions[node.name].back(self)
            elif isinstance(node.op, Enclosed):
                back(self, node, node.op, arrived)
            else:
                self._rule(node, arrived)

    def total(self, ref: Ref) -> Ref | None:
        """The sum of what has arrived at a tensor."""
        found = self.gradients.get(ref)
        if found and len(found) > 1:
            node, type = self.graph.nodes[ref.node], self.graph.type(ref)
            self.gradients[ref] = found = [self.add(node, "gradient.sum", Add(), tuple(found), (type,))]
        return found[0] if found else None

    def total_or_zeros(self, ref: Ref) -> Ref:
        """The sum of what has arrived at a tensor, zeros if that is nothing."""
        return self.total(ref) or self.zeros(self.graph.nodes[ref.node], self.graph.type(ref))

    def zeros(self, node: Node, type: Type) -> Ref:
        """Zeros of a type, for the sake of a node."""
        return self.add(node, "gradient.zeros", Filled(0.0, type, self.builder.type(self.like)), (self.like,), (type,))

    def add(
        self, node: Node, what: str, op: Op, inputs: tuple[Ref, ...], types: tuple[Type, ...],
        weights: Mapping[str, Ref] | None = None,
    ) -> Ref:  # fmt: skip
        """Put a backward node of a forward node at the end."""
        name = f"{node.name}.{what}"
        return self.builder.add(Node(name, op, inputs, weights or {}, types, node.path, node.span, blocks=node.blocks))

    def _rule(self, node: Node, arrived: tuple[int, ...]) -> None:
        """The backward call of a node's op."""
        later = self.later.get(node.name, ())
        wrt = [(name, ref) for name, ref in named(node) if ref in self.reached and name not in later]
        kept = list(self.kept(node))
        if not wrt:
            return
        op = Backward(
            of=node.op,
            place=node.op.place if isinstance(node.op, Backward) else node.name,
            wrt=tuple(name for name, _ in wrt),
            kept=tuple(name for name, _ in kept),
            given=arrived,
            taken=input_types(self.graph, node),
            outputs=node.types[: own_outputs(self.graph, node)],
            types=tuple(self.graph.type(ref) for _, ref in wrt),
        )
        tensors = [self.fetch(ref) for _, ref in kept]
        gradients = [self.total_or_zeros(Ref(node.name, place)) for place in arrived]
        made = self.add(node, "gradient", op, (*tensors, *gradients), op.types)
        for place, (_, ref) in enumerate(wrt):
            self.arrive(ref, Ref(made.node, place))

    def kept(self, node: Node) -> Iterator[tuple[str, Ref]]:
        """What the rule of a node reads, by name, in the forward graph as it is now."""
        keeps, own, now = node.op.keeps, own_outputs(self.graph, node), self.forward.now
        if keeps is None:
            # The rule of a linear op needs the types of its floats, and the values of the rest: indices, masks.
            skips = node.op.linear
            yield from ((n, now(ref)) for n, ref in named(node) if not (skips and self.graph.type(ref).is_float))
            return
        yield from ((name, now(ref)) for name, ref in named(node) if name in keeps or _is_one_of(name, keeps, node))
        if "out" in keeps:
            yield from ((output_name(place), Ref(node.name, place)) for place in range(own))
        saved = self.forward.saved.get(node.name, ())
        yield from ((name, Ref(node.name, own + place)) for place, name in enumerate(saved))


def named(node: Node) -> Iterator[tuple[str, Ref]]:
    """The tensors that a node reads, by the name of the input or the role of the weight."""
    names = input_names(node.op, len(node.inputs))
    yield from ((name, ref) for name, ref in zip(names, node.inputs, strict=True) if ref is not None)
    yield from node.weights.items()


def _is_one_of(name: str, keeps: tuple[str, ...], node: Node) -> bool:
    """Whether an input is one of any number that are all kept: `xs.0` where `xs` is."""
    return name not in node.weights and name.partition(".")[0] in keeps
