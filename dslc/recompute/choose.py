"""Chooses what is computed again: as little as lets a training step fit into its memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import isqrt

from dslc.differentiate.flow import flow, inner_flow
from dslc.differentiate.hoist import hoist
from dslc.estimate.liveness import bytes_of, is_light
from dslc.graph import Graph, Node, Ref
from dslc.ops.core.repeat import Repeat
from dslc.recompute.chunks import chunked
from dslc.recompute.cut import Cut, cut, inside, recomputing
from dslc.recompute.enclose import enclosed
from dslc.recompute.segments import lengths, segmented
from dslc.source import Span

LONG = 4
"""Iterations from which a repeat is worth cutting into segments."""


@dataclass(frozen=True)
class Again:
    """A place whose tensors are computed again for the backward pass."""

    path: str
    span: Span
    what: str
    bytes: int
    """That are not kept."""
    flops: int
    """Of computing it a second time."""


@dataclass(frozen=True)
class Choice:
    """A graph and what of it is computed again."""

    graph: Graph
    again: tuple[Again, ...] = ()
    needs: int = 0
    """Bytes of a training step."""

    @property
    def flops(self) -> int:
        return sum(one.flops for one in self.again)

    @property
    def saved(self) -> int:
        return sum(one.bytes for one in self.again)


@dataclass
class _Rewrite:
    """A graph on its way to one choice."""

    wrt: Sequence[str]
    loss: str
    again: list[Again] = field(default_factory=list[Again])

    def light(self, graph: Graph) -> Graph:
        """What is light is computed again, in the bodies of repeats as well."""
        for node in _repeats(graph):
            graph = self._body(graph, node.name, whole=False)
        found = cut(graph, self.wrt, [graph.outputs[self.loss]], is_light)
        self._note(graph, found, 1)
        return recomputing(graph, found)

    def whole(self, graph: Graph) -> Graph:
        """Of each iteration of a repeat only what goes in is kept; around the repeats what is light is computed again."""
        for node in _repeats(graph):
            graph = self._body(graph, node.name, whole=True)
        found = cut(graph, self.wrt, [graph.outputs[self.loss]], is_light)
        self._note(graph, found, 1)
        return recomputing(graph, found)

    def chunks(self, graph: Graph, count: int, whole: bool) -> Graph:
        """What stands around the repeats in pieces of which only what goes in is kept."""
        for node in _repeats(graph):
            graph = self._body(graph, node.name, whole=whole)
        pieces = chunked(graph, self.wrt, self.loss, count)
        for nodes in pieces:
            self._piece(graph, nodes)
        for nodes in pieces:
            graph = enclosed(graph, [node.name for node in nodes])
        return graph

    def segments(self, graph: Graph, divisor: int) -> Graph:
        """Every long repeat in segments, the square root of its iterations times or over a power of two."""
        for node in _repeats(graph):
            op = node.op
            assert isinstance(op, Repeat)
            found = lengths(op.times)
            if op.times < LONG or not found or op.stride:
                continue
            wanted = max(2, isqrt(op.times) // divisor if divisor > 0 else isqrt(op.times) * -divisor)
            length = min(found, key=lambda one: abs(one - wanted))
            kept = self._kept_of(graph, node)
            graph = segmented(graph, node.name, length)
            saved = max(0, sum(kept.values()) * (op.times - length))
            what = f"{op.times} iterations in {op.times // length} segments of {length}"
            self.again.append(Again(node.path or node.name, node.span, what, saved, _flops(op.body) * op.times))
        return graph

    def _body(self, graph: Graph, name: str, whole: bool) -> Graph:
        node = graph.nodes[name]
        op = node.op
        assert isinstance(op, Repeat)
        kept = self._kept_of(graph, node)
        if not kept:
            return graph
        if whole:
            inner = [one for one in op.body if one.op.name not in ("input", "parameter", "state")]
            carried = bytes_of(*(op.body.nodes[one].type for one in op.given[: op.carried]))
            saved = max(0, sum(kept.values()) - carried) * op.times
            what = f"the body, in each of {op.times} iterations"
            self.again.append(Again(node.path or node.name, node.span, what, saved, _flops(op.body) * op.times))
            return inside(graph, name, enclosed(op.body, [one.name for one in inner]))
        found = self._cut_of(graph, node, op)
        self._note(op.body, found, op.times)
        return inside(graph, name, recomputing(op.body, found))

    def _kept_of(self, graph: Graph, node: Node) -> dict[Ref, int]:
        """What a repeat keeps of each iteration, as it is now."""
        op = node.op
        assert isinstance(op, Repeat)
        return dict(self._cut_of(graph, node, op, lambda _node, _graph: False).kept)

    def _cut_of(self, graph: Graph, node: Node, op: Repeat, light: Callable[[Node, Graph], bool] = is_light) -> Cut:
        """The cut through one iteration."""
        reached = flow(graph, list(self.wrt), [graph.outputs[self.loss]])
        arrived = [place for place in range(len(node.types)) if Ref(node.name, place) in reached]
        if not arrived:
            return Cut({}, {}, ())
        found = inner_flow(node, op, reached, arrived)
        names = [
            one.name for one in op.body if Ref(one.name) in found.reached and one.op.name in ("input", "parameter")
        ]
        outputs = list(op.body.outputs.values())
        return cut(op.body, names, [outputs[place] for place in found.arrived], light, op.given[: op.carried])

    def _note(self, graph: Graph, found: Cut, times: int) -> None:
        for ref, size in found.again.items():
            node = graph.nodes[ref.node]
            if ref.output == 0:
                word = "its output" if times == 1 else f"its output, in each of {times} iterations"
                self.again.append(
                    Again(node.path or node.name, node.span, word, size * times, _cost(node, graph) * times)
                )

    def _piece(self, graph: Graph, nodes: Sequence[Node]) -> None:
        saved = sum(bytes_of(*node.types) for node in nodes[:-1] if not node.op.view)
        flops = sum(_cost(node, graph) for node in nodes)
        what = f"{len(nodes)} layers up to `{nodes[-1].path or nodes[-1].name}`"
        self.again.append(Again(nodes[0].path or nodes[0].name, nodes[0].span, what, saved, flops))


def choices(graph: Graph, wrt: Sequence[str], loss: str) -> Iterator[Choice]:
    """Ways to compute a training step, from the one that keeps most on."""
    graph = hoist(graph)
    yield Choice(graph)
    rewrites: list[Callable[[_Rewrite, Graph], Graph]] = [_Rewrite.light]
    if _repeats(graph):
        rewrites.append(_Rewrite.whole)
    if any(node.op.times >= LONG for node in _repeats(graph) if isinstance(node.op, Repeat)):
        for divisor in (-4, -2, 1, 2):
            rewrites.append(partial(_segments, divisor=divisor, before=None))
            rewrites.append(partial(_segments, divisor=divisor, before=_Rewrite.light))
            rewrites.append(partial(_segments, divisor=divisor, before=_Rewrite.whole))
    rewrites.extend(partial(_chunks, count=count) for count in (2, 3, 4, 6, 8, 12, 16, 24))
    for rewrite in rewrites:
        made = _Rewrite(wrt, loss)
        found = rewrite(made, graph)
        yield Choice(found, tuple(made.again))


def _segments(made: _Rewrite, graph: Graph, divisor: int, before: Callable[[_Rewrite, Graph], Graph] | None) -> Graph:
    return made.segments(before(made, graph) if before else graph, divisor)


def _chunks(made: _Rewrite, graph: Graph, count: int) -> Graph:
    return made.chunks(graph, count, whole=True)


def _repeats(graph: Graph) -> list[Node]:
    """The loops of a graph; one whose iterations run all at once keeps what it keeps."""
    return [node for node in graph if isinstance(node.op, Repeat) and not node.op.batched]


def _cost(node: Node, graph: Graph) -> int:
    return node.op.cost(*(None if ref is None else graph.type(ref) for ref in node.inputs)).flops


def _flops(graph: Graph) -> int:
    """Of all nodes; of a body within the body those of all its iterations."""
    return sum(_cost(node, graph) for node in graph)
