"""The graph as a function on arrays: it walks the nodes, and JAX traces it.

Every node stands in a scope of its own, so XLA's profile names the layer and its place in the source. With `replay` the same
walk runs by itself, node by node, to find where numbers went bad.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

from dslc.graph import Graph, Node
from dslc.keys import INDEX, at_places
from dslc.lazy import jax, jnp
from dslc.ops.base import Context, Op, Places, Segment
from dslc.ops.core.backward import Backward
from dslc.ops.core.repeat import Repeat
from dslc.source import Source, Span
from dslc.text.write import usual_path
from dslc.types import JAX_DTYPES

Arrays = Mapping[str, Any]
Iterations = tuple[Any, ...]
Watch = Callable[[Node, tuple[Any, ...], Iterations], None]


class Missing(Exception):
    """An array that the program reads was not given."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"the {kind} `{name}` is not given")
        self.kind, self.name = kind, name


@dataclass(frozen=True)
class Program:
    """A pure function from weights, state and inputs by name to outputs and next state by name.

    What neither an output nor a next state needs is not run. Floats keep the dtype of the arrays that are given.

    Raises:
        Missing: when it is called without an array that it reads.
    """

    graph: Graph
    source: Source | None = None

    def __call__(
        self, weights: Arrays, state: Arrays, inputs: Arrays, *, training: bool = False, key: "jax.Array | None" = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Outputs and next state; `key` is that of the step, and needed where something draws random numbers."""
        return _run(self, training, key)(self.graph, _given(self.graph, weights, state, inputs))


SOURCES = ("input", "parameter", "state")
GRADIENT = ".gradient"
"""Is in the names of the nodes of a backward pass."""


def _run(program: Program, training: bool, key: Any, watch: Watch | None = None) -> "_Run":
    return _Run(training, key, _Walks(program.source), watch)


def _given(graph: Graph, weights: Arrays, state: Arrays, inputs: Arrays) -> dict[str, Any]:
    """The arrays of the sources that are read, by name."""
    given: dict[str, Any] = {}
    for node in _needed(graph):
        kind = node.op.name
        if kind in SOURCES:
            arrays = {"input": inputs, "parameter": weights, "state": state}[kind]
            if node.name not in arrays:
                raise Missing(kind, node.name)
            given[node.name] = arrays[node.name]
    return given


def lower(graph: Graph, source: Source | None = None) -> Program:
    """The program of a graph without open dimensions; from `source` it takes the line numbers in the scopes of its nodes."""
    return Program(graph, source)


def _needed(graph: Graph) -> list[Node]:
    """The nodes that outputs and next states depend on, in order."""
    wanted = {ref.node for ref in graph.read()}
    found: list[Node] = []
    for node in reversed(list(graph)):
        if node.name in wanted:
            wanted.update(ref.node for ref in node.references())
            found.append(node)
    return found[::-1]


@dataclass(frozen=True)
class _Visit:
    """A node, what it is called in XLA's profile, and the names of its states in the order of its types."""

    node: Node
    scope: str
    states: tuple[str, ...]
    place: str
    """The place that its draws are keyed by; empty when it draws nothing."""
    is_source: bool


@dataclass(frozen=True)
class _Walks:
    """The visits of every graph, worked out once: JAX may trace the body of a region several times."""

    source: Source | None
    known: dict[int, tuple[Graph, list[_Visit]]] = field(default_factory=dict[int, tuple[Graph, list[_Visit]]])

    def of(self, graph: Graph) -> list[_Visit]:
        if id(graph) not in self.known:
            self.known[id(graph)] = graph, [self._visit(graph, node) for node in _needed(graph)]
        return self.known[id(graph)][1]

    def _visit(self, graph: Graph, node: Node) -> _Visit:
        return _Visit(node, self._scope(node), _states(graph, node), place_of(node), node.op.name in SOURCES)

    def _scope(self, node: Node) -> str:
        path = node.path or node.name
        if GRADIENT in node.name and GRADIENT not in path:
            path += GRADIENT
        return scope(path, node.span, self.source)


def scope(name: str, span: Span, source: Source | None) -> str:
    """What something is called in XLA's profile: `dense[mlp.net:4]`."""
    # A slash would open a scope of its own, and of what follows an `@` XLA keeps nothing.
    file = PurePath(span.file).name
    if not file:
        return name
    return f"{name}[{file}:{source.line_of(span)}]" if source else f"{name}[{file}]"


def place_of(node: Node) -> str:
    """The place that the draws of a node are keyed by, empty when it draws nothing; a backward call repeats the draws."""
    if not node.op.random:
        return ""
    return node.op.place if isinstance(node.op, Backward) else node.name


def _states(graph: Graph, node: Node) -> tuple[str, ...]:
    if type(node.op).state is Op.state:
        return ()
    return tuple(node.op.state(*(None if ref is None else graph.type(ref) for ref in node.inputs)))


@dataclass(frozen=True)
class _Run:
    """One run of a graph, or of the body of a region in it."""

    training: bool
    key: Any
    walks: _Walks
    watch: Watch | None = None
    iterations: Iterations = ()
    keys: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Keys of the places in the graph that is run."""
    copies: Mapping[str, tuple[Sequence[str], Any]] = field(default_factory=dict[str, tuple[Sequence[str], Any]])
    """Nodes that stand for copies: the names of all of them, and the number of the one that is run."""

    def __call__(
        self, body: Graph, given: Arrays, iteration: Any = None, places: Places = ()
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        visits = self.walks.of(body)
        iterations, number = _counted(self.iterations, iteration)
        copies = {**self.copies, **{name: (names, number) for name, names in places}}
        # Copies have names of their own, in which no number is open.
        iterations = iterations if number is None or places else (*iterations, number)
        drawing = dict.fromkeys(visit.place for visit in visits if visit.place)
        keys = at_places(self.key, list(drawing), iterations, copies) if drawing and self.key is not None else {}
        run = replace(self, iterations=iterations, keys=keys, copies=copies)
        values: dict[str, tuple[Any, ...]] = {}
        for visit in visits:
            values[visit.node.name] = run.outputs_of(visit, values, given)
            if run.watch:
                run.watch(run.copied(visit.node), values[visit.node.name], run.iterations)
        outputs = {name: values[ref.node][ref.output] for name, ref in body.outputs.items()}
        return outputs, {name: values[ref.node][ref.output] for name, ref in body.updates.items()}

    def outputs_of(self, visit: _Visit, values: Mapping[str, tuple[Any, ...]], given: Arrays) -> tuple[Any, ...]:
        """All that a node gives: outputs, then next states."""
        node = visit.node
        if visit.is_source:
            return (given[node.name],)
        inputs = (None if ref is None else values[ref.node][ref.output] for ref in node.inputs)
        weights = {role: values[ref.node][ref.output] for role, ref in node.weights.items()}
        with jax.named_scope(visit.scope):
            found = self._op(node).apply(weights, *inputs, ctx=Context(self.training, self.keys.get(visit.place), self))
        if not visit.states:
            return found if isinstance(found, tuple) else (found,)
        outputs, states = found
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return (*outputs, *(states[name] for name in visit.states))

    def copied(self, node: Node) -> Node:
        """The node under the name and path of the copy that is run."""
        place = node.op.place if isinstance(node.op, Backward) else node.name
        names, which = self.copies.get(place, ((), None))
        if not isinstance(which, int):
            return node
        return replace(node, name=node.name.replace(place, names[which], 1), path=usual_path(names[which]))

    def _op(self, node: Node) -> Op:
        # A loop that is watched is one that Python sees.
        return replace(node.op, unroll=True) if self.watch and isinstance(node.op, Repeat) else node.op


def _counted(around: Iterations, iteration: Any) -> tuple[Iterations, Any]:
    """The iterations around a body and its own; one of a segment counts on from where the segment begins."""
    if iteration is None or not around or not isinstance(around[-1], Segment):
        return around, iteration
    first = around[-1].first
    made = Segment(first + iteration.first) if isinstance(iteration, Segment) else first + iteration
    return around[:-1], made


@dataclass(frozen=True)
class NotFinite:
    """The first node with a NaN or an infinity in its output, and the iterations of the regions around it."""

    node: Node
    iterations: tuple[int, ...]
    is_nan: bool

    @property
    def path(self) -> str:
        """The path with the iterations in it: `blocks.3.attn`."""
        around = list(self.iterations)
        components = (self.node.path or self.node.name).split(".")
        return ".".join(str(around.pop(0)) if around and _is_open(part) else part for part in components)


def _is_open(component: str) -> bool:
    return bool(INDEX.fullmatch(component)) and not component.isdigit()


def replay(
    graph: Graph,
    weights: Arrays,
    state: Arrays,
    inputs: Arrays,
    *,
    training: bool = False,
    key: "jax.Array | None" = None,
) -> NotFinite | None:
    """Run a graph node by node, iteration by iteration, to the first one whose output holds a NaN or an infinity.

    Constants may be infinite. None when every number is finite.
    """
    try:
        _run(lower(graph), training, key, _stop_at_bad)(graph, _given(graph, weights, state, inputs))
    except _Found as found:
        return found.what
    return None


class _Found(Exception):
    def __init__(self, what: NotFinite) -> None:
        self.what = what


def _stop_at_bad(node: Node, outputs: Iterable[Any], iterations: Iterations) -> None:
    if node.op.name == "constant":
        return
    for array in outputs:
        if jnp.issubdtype(array.dtype, jnp.floating) and not bool(jnp.isfinite(array).all()):
            raise _Found(NotFinite(node, iterations, bool(jnp.isnan(array).any())))


def shapes_of(graph: Graph, kind: str) -> "dict[str, jax.ShapeDtypeStruct]":
    """Shapes and dtypes of the arrays of a kind of source (`input`, `parameter`, `state`): for ahead-of-time compiling."""
    types = {node.name: node.type for node in graph.sources(kind)}
    return {name: jax.ShapeDtypeStruct(type.shape, JAX_DTYPES[type.dtype]) for name, type in types.items()}  # pyright: ignore[reportArgumentType]
