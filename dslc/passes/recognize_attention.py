"""Finds attention where its products are written out."""

from dataclasses import dataclass
from math import isclose

from dslc.dims import same
from dslc.graph import Graph, Node, Ref
from dslc.ops.arithmetic.equal import Equal
from dslc.ops.arithmetic.greater import Greater
from dslc.ops.attention.attend import Attend
from dslc.ops.base import Op
from dslc.ops.core.constant import Constant
from dslc.ops.reduce.mean import Mean
from dslc.ops.reduce.sum import Sum
from dslc.ops.shape.einsum import Einsum
from dslc.ops.shape.transpose import Transpose
from dslc.ops.shape.where import Where
from dslc.passes._attention import ATTENTION, DROPPED, Written, read, with_heads
from dslc.passes._edit import Edit
from dslc.passes._einsum import Order, of_scores, of_values
from dslc.passes._match import Found, recognized
from dslc.passes.base import Fact, Optimization, Refused, Rewritten, Sample, optimization
from dslc.types import Type


@dataclass(frozen=True)
class Attention(Fact):
    """What is not kept any more."""

    nodes: int
    shares: Type
    causal: bool

    def __str__(self) -> str:
        causal = "; keys after the query are skipped in blocks" if self.causal else ""
        return f"{self.nodes} nodes are attention, and its gradient needs none of the scores {self.shares} but the shares{causal}"


@dataclass(frozen=True)
class ShapesDiffer(Fact):
    """Queries, keys and values that are broadcast against one another."""

    types: tuple[Type, Type, Type]

    def __str__(self) -> str:
        q, k, v = self.types
        return f"the leading axes of queries {q}, keys {k} and values {v} are not the same"


@dataclass(frozen=True)
class Dropped(Fact):
    """Shares that are dropped at random."""

    def __str__(self) -> str:
        return "shares are dropped by a draw of their own: `attend(..., dropout = rate)` draws by its own place"


@optimization
class RecognizeAttention(Optimization):
    """Replaces attention, written out as products and softmax, by the op; masks of positions are read.

    Before: `softmax(scale * q @ k.T + bias) @ v`, or the two products as `einsum`, with scores hidden by
    `where(mask, scores, -1e9)` or by the mask of softmax
    After: `attend(q, k, v, mask, bias)` for each head, causal where the mask compares positions
    Saves: the scores are not kept for the gradient, from 256 queries on the shares neither; keys that a causal mask hides
    are skipped in blocks.
    Refuses: a tensor in the middle that something else reads; dropout of the shares, which would be drawn differently;
    queries that are broadcast against keys. Rows whose keys are all hidden stay the mean of the values.
    """

    claim = "time"
    exact = False
    bound = 1e-6  # a scale is a number of 32 bits in the program, and `attend` has it whole
    after = ("drop_identities", "share_equal_nodes", "recognize_softmax")
    samples = (
        Sample(
            """graph heads {
                 q = input("f32", (batch, 2, 5, 4))
                 k = input("f32", (batch, 2, 5, 4))
                 v = input("f32", (batch, 2, 5, 4))
                 turned = transpose((0, 1, 3, 2)) k
                 scores = matmul() q, turned
                 root = constant(2.0)
                 scaled = divide() scores, root
                 shares = softmax() scaled, none
                 y = matmul() shares, v
                 output y
               }""",
            """graph heads {
                 q = input("f32", (batch, 2, 5, 4))
                 k = input("f32", (batch, 2, 5, 4))
                 v = input("f32", (batch, 2, 5, 4))
                 y = attend(1) q, k, v, none, none
                 output y
               }""",
        ),
        Sample(
            """graph causal {
                 q = input("f32", (batch, 5, 4))
                 k = input("f32", (batch, 5, 4))
                 v = input("f32", (batch, 5, 3))
                 at = range(5)
                 row = index(((none, none, none), "none")) at
                 column = index(("none", (none, none, none))) at
                 later = greater() column, row
                 turned = transpose((0, 2, 1)) k
                 scores = matmul() q, turned
                 low = constant(-1e9)
                 seen = where() later, low, scores
                 shares = softmax() seen, none
                 y = matmul() shares, v
                 output y
               }""",
            """graph causal {
                 q = input("f32", (batch, 5, 4))
                 k = input("f32", (batch, 5, 4))
                 v = input("f32", (batch, 5, 3))
                 y = attend(1, causal = true, scale = 1.0) q, k, v, none, none
                 output y
               }""",
        ),
        Sample(
            """graph biased {
                 q = input("f32", (batch, 2, 5, 4))
                 k = input("f32", (batch, 2, 5, 4))
                 v = input("f32", (batch, 2, 5, 4))
                 mask = input("bool", (batch, 1, 1, 5))
                 bias = parameter((2, 5, 5))
                 turned = transpose((0, 1, 3, 2)) k
                 scores = matmul() q, turned
                 sum = add() scores, bias
                 shares = softmax() sum, mask
                 y = matmul() shares, v
                 output y
               }""",
            """graph biased {
                 q = input("f32", (batch, 2, 5, 4))
                 k = input("f32", (batch, 2, 5, 4))
                 v = input("f32", (batch, 2, 5, 4))
                 mask = input("bool", (batch, 1, 1, 5))
                 bias = parameter((2, 5, 5))
                 y.mask = index(((none, none, none), (none, none, none), "none", (none, none, none), (none, none, none))) mask  path y
                 y.bias = index(("none", (none, none, none), "none", (none, none, none), (none, none, none))) bias  path y
                 y = attend(1, scale = 1.0) q, k, v, y.mask, y.bias
                 output y
               }""",
        ),
        Sample(
            """graph padded {
                 q = input("f32", (batch, 5, 4))
                 k = input("f32", (batch, 6, 4))
                 v = input("f32", (batch, 6, 3))
                 mask = input("bool", (batch, 1, 6))
                 turned = transpose((0, 2, 1)) k
                 scores = matmul() q, turned
                 low = constant(-1e9)
                 seen = where() mask, scores, low
                 shares = softmax() seen, none
                 y = matmul() shares, v
                 output y
               }""",
            """graph padded {
                 q = input("f32", (batch, 5, 4))
                 k = input("f32", (batch, 6, 4))
                 v = input("f32", (batch, 6, 3))
                 mask = input("bool", (batch, 1, 6))
                 y.mask = index(((none, none, none), "none", (none, none, none), (none, none, none))) mask  path y
                 y.attend = attend(1, scale = 1.0) q, k, v, y.mask, none  path y
                 y.count = sum(-1, true) mask         path y
                 y.zero = constant(0, "i32")          path y
                 y.any = greater() y.count, y.zero    path y
                 y.mean = mean(-2, true) v            path y
                 y = where() y.any, y.attend, y.mean
                 output y
               }""",
        ),
        Refused(
            """graph shares_are_shown {
                 q = input("f32", (batch, 5, 4))
                 k = input("f32", (batch, 4, 6))
                 v = input("f32", (batch, 6, 3))
                 scores = matmul() q, k
                 shares = softmax() scores, none
                 y = matmul() shares, v
                 output y
                 output shares
               }""",
            "`shares` is read by `output shares` as well",
        ),
        Refused(
            """graph dropped {
                 q = input("f32", (batch, 5, 4))
                 k = input("f32", (batch, 4, 6))
                 v = input("f32", (batch, 6, 3))
                 scores = matmul() q, k
                 shares = softmax() scores, none
                 dropout = dropout(0.1) shares
                 y = matmul() dropout, v
                 output y
               }""",
            "by a draw of their own",
        ),
        Refused(
            """graph memory_of_all {
                 q = input("f32", (batch, 5, 4))
                 k = parameter((4, 6))
                 v = parameter((6, 3))
                 scores = matmul() q, k
                 shares = softmax() scores, none
                 y = matmul() shares, v
                 output y
               }""",
            "are not the same",
        ),
        Refused(
            """graph not_low {
                 q = input("f32", (batch, 5, 4))
                 k = input("f32", (batch, 4, 6))
                 v = input("f32", (batch, 6, 3))
                 mask = input("bool", (5, 6))
                 scores = matmul() q, k
                 low = constant(-10.0)
                 seen = where() mask, scores, low
                 shares = softmax() seen, none
                 y = matmul() shares, v
                 output y
               }""",
            "hidden scores become -10",
        ),
    )
    case = """graph causal {
                  q = input("f32", (4, 4, 512, 32))
                  k = input("f32", (4, 4, 512, 32))
                  v = input("f32", (4, 4, 512, 32))
                  by_q = parameter((32, 32))
                  at = range(512)
                  row = index(((none, none, none), "none")) at
                  column = index(("none", (none, none, none))) at
                  mask = greater_equal() row, column
                  query = matmul() q, by_q
                  turned = transpose((0, 1, 3, 2)) k
                  scores = matmul() query, turned
                  scale = constant(0.1767766952966369)
                  scaled = multiply() scores, scale
                  low = constant(-1e9)
                  seen = where() mask, scaled, low
                  shares = softmax() seen, none
                  y = matmul() shares, v
                  loss = mean() y
                  output loss
                }"""

    def run(self, graph: Graph) -> Rewritten:
        edit = Edit(graph)
        for node, form, found in recognized(edit, (ATTENTION, DROPPED)):
            written = Dropped() if form == 1 else _judge(edit, node, found)
            if isinstance(written, Fact):
                edit.refuse(written, node)
            else:
                nodes = [edit[name] for name in graph.nodes if name in found.inner]
                fact = Attention(len(nodes), edit.type(_shares(node)), written.causal)
                _attend(edit, node, found, written, nodes)
                edit.take(fact, *nodes)
        return edit.done()


def _shares(node: Node) -> Ref:
    shares = node.inputs[0]
    assert shares is not None  # a product has two inputs
    return shares


def _judge(edit: Edit, node: Node, found: Found) -> Written | Fact:
    q, k, v, _ = _orders(edit, node, found)
    types = [
        Type(tuple(edit.type(found.refs[name]).shape[axis] for axis in order))
        for name, order in (("q", q), ("k", k), ("v", v))
        if len(order) == edit.type(found.refs[name]).rank == len(q) >= 2
    ]
    if len(types) < 3 or not all(_same(types[0], other) for other in types):
        return ShapesDiffer((edit.type(found.refs["q"]), edit.type(found.refs["k"]), edit.type(found.refs["v"])))
    return read(edit, found, _shares(node))


def _same(one: Type, other: Type) -> bool:
    """Whether all axes but the last two are the same."""
    return all(same(*sizes) for sizes in zip(one.shape[:-2], other.shape[:-2], strict=True))


def _orders(edit: Edit, node: Node, found: Found) -> tuple[Order, Order, Order, Order]:
    """How axes of queries, keys and values are put in order, with heads first, and those of the result put back."""
    likeness = next(
        edit[name] for name in found.inner if edit[name].inputs[:2] == (found.refs["q"], found.refs["k"])
    ).op
    q, k, v = (tuple(range(edit.type(found.refs[name]).rank)) for name in ("q", "k", "v"))
    scores = of_scores(likeness) if isinstance(likeness, Einsum) else None
    values = of_values(node.op) if isinstance(node.op, Einsum) else None
    return *(scores or (q, (*k[:-2], *k[:-3:-1]))), *(values or (v, tuple(range(node.type.rank))))


def _attend(edit: Edit, node: Node, found: Found, written: Written, nodes: list[Node]) -> None:
    *orders, back = _orders(edit, node, found)
    q, k, v = (_ordered(edit, node, found.refs[name], order) for name, order in zip("qkv", orders, strict=True))
    op: Op = Attend(1, causal=written.causal, scale=_scale(written.scale, edit.type(q)))
    hides = _hides(edit, node, written)
    mask, bias = (
        None if part is None else with_heads(edit, node, part, node.type.rank, f"{node.name}.{name}")
        for name, part in (("mask", hides or written.mask), ("bias", written.bias))
    )
    inputs = (q, k, v, mask, bias)
    if hides is not None:
        # A row without a visible key has equal scores, and its shares are all the same.
        made = edit.put(node, f"{node.name}.attend", op, *inputs)
        count = edit.put(node, f"{node.name}.count", Sum(-1, keep=True), hides)
        zero = edit.put(node, f"{node.name}.zero", Constant(0, "i32"))
        visible = edit.put(node, f"{node.name}.any", Greater(), count, zero)
        mean = edit.put(node, f"{node.name}.mean", Mean(-2, keep=True), v)
        op, inputs = Where(), (visible, made, mean)
    if back != tuple(range(len(back))):
        op, inputs = Transpose(back), (edit.put(node, f"{node.name}.heads", op, *inputs),)
    edit.become(node, op, *inputs, covers=nodes)


def _scale(scale: float, q: Type) -> float | None:
    """The scale, unless it is the usual one."""
    width = q.shape[-1]
    return None if isinstance(width, int) and isclose(scale, width**-0.5, rel_tol=1e-15) else scale


def _ordered(edit: Edit, node: Node, ref: Ref, order: Order) -> Ref:
    """A tensor with its axes in an order."""
    before, kept = edit.producer(ref), tuple(range(len(order)))
    if order == kept:
        return ref
    if before is not None and isinstance(before.op, Transpose) and before.inputs[0] is not None:
        turned = before.op.axes or kept[::-1]
        if tuple(turned[axis] % len(order) for axis in order) == kept:
            return before.inputs[0]
    return edit.put(node, f"{node.name}.turned", Transpose(order), ref)


def _hides(edit: Edit, node: Node, written: Written) -> Ref | None:
    """The masks of hidden scores as one, true where a key is visible."""
    joined: Ref | None = None
    for number, (mask, visible) in enumerate(written.hides, 1):
        no = edit.put(node, f"{node.name}.no", Constant(value=False, dtype="bool"))  # left out where nothing reads it
        seen = mask if visible else edit.put(node, f"{node.name}.seen{number}", Equal(), mask, no)
        joined = seen if joined is None else edit.put(node, f"{node.name}.both", Where(), joined, seen, no)
    return joined
