"""Chains of matrix products: the cheapest order, by dynamic programming over the sizes."""

from collections.abc import Collection
from dataclasses import dataclass

from dslc.graph import Graph, Node, Ref
from dslc.ops.arithmetic.matmul import Matmul
from dslc.ops.base import elements
from dslc.passes._edit import Edit, draws
from dslc.passes.base import Fact, ReadElsewhere, Rewritten
from dslc.types import Type
from dslc.verify import input_types

FEWEST = 3
"""A chain of two has one order."""
LONGEST = 32
"""Factors of a chain that is looked at: the work grows with the third power."""
GAIN = 0.9
"""Share of the operations above which another order is not worth other intermediate values."""


@dataclass(frozen=True)
class Cheaper(Fact):
    """Floating point operations of the products, as they were written and in the best order."""

    written: int
    best: int
    order: str

    def __str__(self) -> str:
        return f"{self.best:,} instead of {self.written:,} FLOPs, as {self.order}"


@dataclass(frozen=True)
class BestAsWritten(Fact):
    """No other order is cheaper by a tenth."""

    written: int
    best: int

    def __str__(self) -> str:
        return f"the order that is written takes {self.written:,} FLOPs, and the best {self.best:,}"


@dataclass(frozen=True)
class SizeOpen(Fact):
    """A size that has no number yet."""

    type: Type

    def __str__(self) -> str:
        return f"the sizes of {self.type} are not known"


@dataclass(frozen=True)
class Plan:
    """A factor, or the product of two plans, with all operations behind it."""

    type: Type
    flops: int = 0
    factor: Ref | None = None
    halves: "tuple[Plan, Plan] | None" = None
    fixed: bool = False
    """Depends on weights alone, and is worked out once."""

    def __str__(self) -> str:
        if self.factor is not None:
            return f"`{self.factor.node}`"
        return f"({' @ '.join(map(str, self.halves or ()))})"


@dataclass(frozen=True)
class Chain:
    """The factors of nested products, the order that is written, and the products inside."""

    written: Plan
    factors: tuple[Plan, ...]
    inner: tuple[Node, ...]


def reordered(graph: Graph, once: Collection[str]) -> Rewritten:
    """The graph with its chains of products in the best order; products of the nodes in `once` cost nothing."""
    edit = Edit(graph)
    inside: set[str] = set()
    for name in reversed(list(graph.nodes)):
        last = edit[name]
        if name in inside or not isinstance(last.op, Matmul):
            continue
        chain = _chain(edit, last, once)
        inside |= {node.name for node in chain.inner}
        if FEWEST <= len(chain.factors) <= LONGEST:
            fact = _reorder(edit, last, chain)
            if isinstance(fact, Cheaper):
                edit.take(fact, *chain.inner, last)
            else:
                edit.refuse(fact, *chain.inner, last)
    return edit.done()


def on_weights_alone(graph: Graph) -> set[str]:
    """The nodes that need no input: what `prepare` works out once."""
    found: set[str] = set()
    for node in graph:
        before = list(node.references())
        if node.op.name in ("parameter", "state", "constant") or (
            before
            and all(ref.node in found for ref in before)
            and not draws(node.op)
            and not node.op.state(*input_types(graph, node))
        ):
            found.add(node.name)
    return found


def _chain(edit: Edit, node: Node, once: Collection[str]) -> Chain:
    left, right = (_part(edit, node, place, once) for place in (0, 1))
    written = _product(left.written, right.written)
    return Chain(written, left.factors + right.factors, left.inner + right.inner)


def _part(edit: Edit, node: Node, place: int, once: Collection[str]) -> Chain:
    """One side of a product: a chain where it is a product itself that may be opened, else a factor."""
    ref = node.inputs[place]
    assert ref is not None  # a product has two inputs
    before = edit.producer(ref)
    if before is not None and isinstance(before.op, Matmul) and _opens(edit, before):
        chain = _chain(edit, before, once)
        return Chain(chain.written, chain.factors, (*chain.inner, before))
    factor = Plan(edit.type(ref), 0, ref, fixed=ref.node in once)
    return Chain(factor, (factor,), ())


def _opens(edit: Edit, node: Node) -> bool:
    """Whether the product is one of matrices: with a vector, its axes mean something else to the next product."""
    a, b = (edit.type(ref).rank for ref in node.inputs if ref is not None)
    return (a >= 2 and b >= 2) or {a, b} == {1, 2}


def _reorder(edit: Edit, last: Node, chain: Chain) -> Fact:
    types = [factor.type for factor in chain.factors]
    ends = (types[0].rank, types[-1].rank)
    vectors, tensors = 1 in ends, any(type.rank > 2 for type in types)
    for type in types:
        if not all(isinstance(size, int) for size in type.shape) or (vectors and tensors):
            return SizeOpen(type)
    best = _best(chain.factors)
    if best.flops > GAIN * chain.written.flops or best.type != last.type:
        return BestAsWritten(chain.written.flops, best.flops)
    for node, reader in zip(chain.inner, (*chain.inner[1:], last), strict=True):
        names = {other.name for other in (*chain.inner, last)}
        others = tuple(name for name in edit.others(node, reader) if name not in names)
        if others:
            return ReadElsewhere(node.name, others)
    assert best.halves is not None  # there are three factors and more
    left, right = (_put(edit, last, half) for half in best.halves)
    edit.become(last, Matmul(), left, right, covers=chain.inner)
    return Cheaper(chain.written.flops, best.flops, str(best)[1:-1])


def _best(factors: tuple[Plan, ...]) -> Plan:
    """The cheapest order, by the best orders of all runs of neighbours."""
    best = {(at, at + 1): factor for at, factor in enumerate(factors)}
    for length in range(2, len(factors) + 1):
        for start in range(len(factors) - length + 1):
            stop = start + length
            ways = [_product(best[start, cut], best[cut, stop]) for cut in range(start + 1, stop)]
            best[start, stop] = min(ways, key=lambda plan: plan.flops)
    return best[0, len(factors)]


def _product(left: Plan, right: Plan) -> Plan:
    type = Matmul().infer(left.type, right.type)
    fixed = left.fixed and right.fixed
    sizes = (*left.type.shape, *right.type.shape)
    own = 2 * elements([type]) * int(left.type.shape[-1]) if all(isinstance(size, int) for size in sizes) else 0  # pyright: ignore[reportArgumentType]
    return Plan(type, 0 if fixed else left.flops + right.flops + own, None, (left, right), fixed)


def _put(edit: Edit, last: Node, plan: Plan) -> Ref:
    if plan.factor is not None:
        return plan.factor
    left, right = (_put(edit, last, half) for half in plan.halves or ())
    return edit.put(last, f"{last.name}.product", Matmul(), left, right)
