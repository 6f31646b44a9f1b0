"""A graph that computes in 16-bit floats where that is enough, and in float32 where sums need it.

What an op says of itself (`Op.precision`) decides; the changes of dtype are nodes (`cast`), so they are seen, counted and
differentiated like any others. A float tensor is one of three:

- low: in the 16-bit dtype;
- loose: in float32 because nothing low went into it: data, weights, noise, and what is made of these alone. It is rounded
  where it meets a low tensor, and where it goes into a product: a weight once a step, in front of the loop around its layer;
- firm: in float32 because an op that sums or raises wants it so, or because the author casts it. It draws the ops that
  follow into float32, up to the next product.

Weights, states, optimizers and what leaves the graph stay in float32, and so do the gradients of the weights.
Reference: Micikevicius et al., 2018, arXiv:1710.03740; bfloat16 by Kalamkar et al., 2019, arXiv:1905.12322.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from dslc.graph import Graph, Node, Ref
from dslc.ops.core._region import Region
from dslc.ops.core.backward import Backward, input_names
from dslc.ops.core.constant import Constant
from dslc.ops.core.repeat import Repeat
from dslc.ops.shape.cast import Cast
from dslc.passes._edit import changed
from dslc.passes.base import Fact, Match, Optimization, Place, Refusal, Rewritten, optimization
from dslc.types import Type
from dslc.verify import result_types, verify

WIDE = "f32"
Kind = Literal["low", "loose", "firm"]
FIXED = ("parameter", "state", "constant")


@dataclass(frozen=True)
class Narrowed(Fact):
    """An op that computes in 16 bits."""

    dtype: str
    rounded: int
    """Casts that stand in front of it."""

    def __str__(self) -> str:
        casts = f", of {self.rounded} rounded tensor{'s' * (self.rounded > 1)}" if self.rounded else ""
        return f"computes in {self.dtype}{casts}"


@dataclass(frozen=True)
class StaysWide(Fact):
    """An op that computes in float32."""

    raised: int

    def __str__(self) -> str:
        casts = f", of {self.raised} tensor{'s' * (self.raised > 1)} cast up" if self.raised else ""
        return f"stays in {WIDE}{casts}: it adds up, raises or measures"


@optimization
class Precision(Optimization):
    """Computes in 16-bit floats what the train block asks for with `precision`; no choice of passes leaves it out."""

    dtype: str = "bf16"
    phase = "always"
    exact = False
    bound = 2.0**-6
    claim = "memory"

    def run(self, graph: Graph) -> Rewritten:
        """The graph with casts, its regions included; what leaves it keeps its dtype."""
        work = _Narrowing(graph, self.dtype, {})
        work.run()
        outputs = {name: work.as_declared(ref) for name, ref in graph.outputs.items()}
        made = replace(graph, nodes=work.nodes, outputs=outputs, updates=work.updates())
        return Rewritten(verify(made), tuple(work.taken), tuple(work.stayed))


def is_low(precision: str) -> bool:
    """Whether a precision is one of 16 bits."""
    return precision in ("bf16", "f16")


class _Narrowing:
    """One graph on its way into a 16-bit dtype."""

    def __init__(self, graph: Graph, dtype: str, given: Mapping[str, Kind]) -> None:
        self.graph, self.dtype, self.given = graph, dtype, given
        self.nodes: dict[str, Node] = {}
        self.kinds: dict[Ref, Kind] = {}
        """Of every tensor that was float32."""
        self.fixed: set[Ref] = set()
        """What is made of weights alone."""
        self.taken: list[Match] = []
        self.stayed: list[Refusal] = []
        self._casts: dict[tuple[Ref, str], Ref] = {}
        self._made = 0

    def run(self) -> None:
        for node in self.graph:
            if isinstance(node.op, Region):
                self._region(node, node.op)
            elif any(True for _ in node.references()):
                self._op(node)
            else:
                self._source(node)

    def type(self, ref: Ref) -> Type:
        return self.nodes[ref.node].types[ref.output]

    def updates(self) -> dict[str, Ref]:
        return {name: self.as_declared(ref) for name, ref in self.graph.updates.items()}

    def as_declared(self, ref: Ref) -> Ref:
        """A tensor in the dtype that it had before."""
        return self.cast(ref, self.graph.type(ref).dtype)

    def cast(self, ref: Ref, dtype: str) -> Ref:
        """A tensor in a dtype; one node for all who read it."""
        if self.type(ref).dtype == dtype:
            return ref
        if (ref, dtype) not in self._casts:
            self._casts[ref, dtype] = self._cast(ref, dtype)
            self._made += 1
        return self._casts[ref, dtype]

    def _cast(self, ref: Ref, dtype: str) -> Ref:
        node, type = self.nodes[ref.node], self.type(ref).with_dtype(dtype)
        op, inputs = (replace(node.op, dtype=dtype), ()) if isinstance(node.op, Constant) else (Cast(dtype), (ref,))
        base = name = f"{ref.node}.{ref.output}.{dtype}" if ref.output else f"{ref.node}.{dtype}"
        number = 1
        while name in self.nodes or name in self.graph.nodes:
            number += 1
            name = f"{base}@{number}"
        self.nodes[name] = Node(name, op, inputs, {}, (type,), node.path, node.span, (), node.blocks)
        return Ref(name)

    # Sources and ops.

    def _source(self, node: Node) -> None:
        ref = Ref(node.name)
        kind: Kind = self.given.get(node.name, "loose")
        if kind == "low":
            node = _with_dtype(node, self.dtype)
        self.nodes[node.name] = node
        if node.op.name in FIXED:
            self.fixed.add(ref)
        self.kinds |= {Ref(node.name, place): kind for place in range(len(node.types)) if self._was_wide(node, place)}

    def _op(self, node: Node) -> None:
        before = self._made
        kinds: set[Kind] = {self.kinds[ref] for ref in node.inputs if ref is not None and ref in self.kinds}
        fixed = all(ref in self.fixed for ref in node.references()) and not node.op.random
        policy = "own" if fixed and kinds <= {"loose"} else node.op.precision
        wanted = self._wanted(policy, kinds)
        made = self._reading(node, wanted, policy)
        types = node.types if isinstance(node.op, Backward) else self._types(node, made)
        self.nodes[node.name] = replace(made, types=types)
        out: Kind = "firm" if kinds - {"loose"} else "loose"
        for place, type in enumerate(types):
            if self._was_wide(node, place):
                self.kinds[Ref(node.name, place)] = "low" if type.dtype == self.dtype else out
        if fixed:
            self.fixed |= {Ref(node.name, place) for place in range(len(types))}
        self._note(node, policy, self._made - before)

    def _wanted(self, policy: str, kinds: Collection[Kind]) -> str | None:
        """The dtype of the float inputs of an op; None: they stay as they are."""
        if policy == "half":
            return self.dtype
        if policy == "full":
            return WIDE
        if policy == "any" and "low" in kinds:
            return WIDE if "firm" in kinds else self.dtype
        return None

    def _reading(self, node: Node, wanted: str | None, policy: str) -> Node:
        """The node with its inputs in a dtype, and with weights for it."""
        names = input_names(node.op, len(node.inputs)) if node.op.exact else ()
        exact = {place for place, name in enumerate(names) if name in node.op.exact}
        inputs = tuple(
            self.cast(ref, wanted) if ref is not None and ref in self.kinds and wanted and place not in exact else ref
            for place, ref in enumerate(node.inputs)
        )
        for_weights = self.dtype if policy == "half" else WIDE
        weights = {
            role: self.cast(ref, for_weights) if ref in self.kinds else ref for role, ref in node.weights.items()
        }
        return replace(node, inputs=inputs, weights=weights)

    def _types(self, node: Node, made: Node) -> tuple[Type, ...]:
        """The shapes that are known, in the dtypes that the op gives now."""
        now = result_types(Graph("", self.nodes, {}), made)
        return tuple(type.with_dtype(new.dtype) for type, new in zip(node.types, now, strict=True))

    def _was_wide(self, node: Node, place: int) -> bool:
        return self.graph.nodes[node.name].types[place].dtype == WIDE

    def _note(self, node: Node, policy: str, casts: int) -> None:
        if policy == "half":
            self.taken.append(Match((Place.of(node),), Narrowed(self.dtype, casts)))
        elif policy == "full" and any(self._was_wide(node, place) for place in range(len(node.types))):
            self.stayed.append(Refusal((Place.of(node),), StaysWide(casts)))

    # Regions.

    def _region(self, node: Node, op: Region) -> None:
        carried = op.carried if isinstance(op, Repeat) else 0
        given: dict[str, Kind] = dict(self._given(node, op, carried))
        while True:
            body = _Narrowing(op.body, self.dtype, given)
            body.run()
            results = list(op.body.outputs.values())
            # What the body carries on in float32 comes back to it so.
            firm = [
                name
                for name, ref in zip(op.given[:carried], results, strict=False)
                if given.get(name) == "low" and body.kinds.get(ref) == "firm"
            ]
            if not firm:
                break
            given.update((name, "firm") for name in firm)
        outputs = dict(op.body.outputs)
        for place, (name, ref) in enumerate(op.body.outputs.items()):
            if place < carried and ref in body.kinds:
                outputs[name] = body.cast(ref, self.dtype if given[op.given[place]] == "low" else WIDE)
        made = replace(op.body, nodes=body.nodes, outputs=outputs, updates=body.updates())
        loose = [name for name, kind in given.items() if kind == "loose" and name not in op.body.updates]
        made, rounded = _lifted(made, loose, self.dtype)
        low = {name for name, kind in given.items() if kind == "low"} | rounded
        self._placed(node, op, made, low, {name for name, kind in given.items() if kind == "firm"})
        for place, ref in enumerate((*results, *op.body.updates.values())):
            if ref in body.kinds:
                kind = given[op.given[place]] if place < carried else body.kinds[ref]
                self.kinds[Ref(node.name, place)] = kind if place < len(results) else "loose"
        self.taken += body.taken
        self.stayed += body.stayed

    def _given(self, node: Node, op: Region, carried: int) -> Iterator[tuple[str, Kind]]:
        """What each source of the body is, as far as the graph around says; what is carried is never loose."""
        for place, (name, ref) in enumerate(zip(op.given, node.inputs, strict=True)):
            if ref is not None and ref in self.kinds and op.body.nodes[name].type.dtype == WIDE:
                kind: Kind = "low" if place < carried and self.kinds[ref] == "loose" else self.kinds[ref]
                yield name, kind
        for name, ref in node.weights.items():
            if ref in self.kinds:
                yield name, self.kinds[ref]

    def _placed(self, node: Node, op: Region, body: Graph, low: set[str], firm: set[str]) -> None:
        """The region in this graph, with what it reads in the dtypes of the sources of its body."""

        def read(name: str, ref: Ref | None) -> Ref | None:
            if ref is None or ref not in self.kinds or name not in low | firm:
                return ref
            return self.cast(ref, self.dtype if name in low else WIDE)

        inputs = tuple(read(name, ref) for name, ref in zip(op.given, node.inputs, strict=True))
        weights = {role: read(role, ref) or ref for role, ref in node.weights.items()}
        made = replace(node, op=changed(op, body=body), inputs=inputs, weights=weights)
        self.nodes[node.name] = replace(made, types=self._types(node, made))


def _with_dtype(node: Node, dtype: str) -> Node:
    return replace(node, op=changed(node.op, dtype=dtype), types=tuple(type.with_dtype(dtype) for type in node.types))


def _lifted(body: Graph, names: Iterable[str], dtype: str) -> tuple[Graph, set[str]]:
    """The body with those of its sources in a dtype that it reads in that alone: they are cast once, outside."""
    read = {ref.node for ref in body.read()}
    readers = Counter(name for ref, users in body.uses.items() for name in [ref.node] * len(users))
    casts = {
        node.inputs[0].node: node
        for node in body
        if isinstance(node.op, Cast) and node.op.dtype == dtype and node.inputs[0] is not None
    }
    lifted = {name: casts[name] for name in names if name in casts and readers[name] == 1 and name not in read}
    if not lifted:
        return body, set()
    instead = {Ref(cast.name): Ref(name) for name, cast in lifted.items()}
    gone = {cast.name for cast in lifted.values()}
    nodes: dict[str, Node] = {}
    for node in body:
        if node.name in lifted:
            nodes[node.name] = _with_dtype(node, dtype)
        elif node.name not in gone:
            inputs = tuple(None if ref is None else instead.get(ref, ref) for ref in node.inputs)
            weights = {role: instead.get(ref, ref) for role, ref in node.weights.items()}
            nodes[node.name] = replace(node, inputs=inputs, weights=weights)
    outputs, updates = (
        {name: instead.get(ref, ref) for name, ref in refs.items()} for refs in (body.outputs, body.updates)
    )
    return replace(body, nodes=nodes, outputs=outputs, updates=updates), set(lifted)
