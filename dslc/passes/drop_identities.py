"""Leaves out what gives back what it takes."""

from dataclasses import dataclass

from dslc.dims import same
from dslc.graph import Graph, Node, Ref
from dslc.ops.activation.identity import Identity
from dslc.ops.arithmetic.add import Add
from dslc.ops.arithmetic.divide import Divide
from dslc.ops.arithmetic.multiply import Multiply
from dslc.ops.arithmetic.negative import Negative
from dslc.ops.arithmetic.power import Power
from dslc.ops.arithmetic.subtract import Subtract
from dslc.ops.core.constant import Constant
from dslc.ops.shape.broadcast import Broadcast
from dslc.ops.shape.cast import Cast
from dslc.ops.shape.flatten import Flatten
from dslc.ops.shape.reshape import Reshape
from dslc.ops.shape.transpose import Transpose
from dslc.ops.shape.where import Where
from dslc.passes._edit import Edit
from dslc.passes._terms import number
from dslc.passes.base import Fact, Optimization, Refused, Rewritten, Sample, optimization
from dslc.types import Type

NEUTRAL: tuple[tuple[type, float, bool], ...] = (
    (Multiply, 1.0, True),
    (Add, 0.0, True),
    (Subtract, 0.0, False),
    (Divide, 1.0, False),
    (Power, 1.0, False),
)
"""Operations, the number that changes nothing, and whether it may stand on the left."""
SAME_ELEMENTS = (Identity, Reshape, Flatten, Broadcast, Cast)
"""What gives back its input where the type stays the same."""


@dataclass(frozen=True)
class Gone(Fact):
    """The tensor that takes the place."""

    kept: str

    def __str__(self) -> str:
        return f"is `{self.kept}`"


@dataclass(frozen=True)
class Joined(Fact):
    """Two changes of shape as one."""

    first: str

    def __str__(self) -> str:
        return f"and `{self.first}` before it are one"


@dataclass(frozen=True)
class TypeChanges(Fact):
    """An operation that changes no number and yet the type."""

    before: Type
    after: Type

    def __str__(self) -> str:
        return f"makes {self.after} of {self.before}"


@dataclass(frozen=True)
class NotZero(Fact):
    """A product with zero."""

    def __str__(self) -> str:
        return "an infinity times 0 is no 0: the product stays"


@optimization
class DropIdentities(Optimization):
    """Leaves out what gives back what it takes, and makes one of two changes of shape.

    Before: `x * 1`, `x + 0`, `x - 0`, `x / 1`, `x ** 1`, `-(-x)`, `x.T.T`, a cast to the dtype or a reshape to the shape that
    is there, `identity`, `where` with a known condition
    After: `x`
    Saves: nodes in the listing and in the gradient, and what other passes have to look through; XLA does this by itself.
    Refuses: what changes the type; `x * 0`, which is no 0 where `x` is infinite.
    """

    claim = "readability"
    repeats = True
    after = ("fold_constants",)
    samples = (
        Sample(
            """graph neutral {
                 x = input("f32", (batch, 3))
                 one = constant(1.0)
                 zero = constant(0.0)
                 a = multiply() one, x
                 b = add() a, zero
                 c = power() b, one
                 d = negative() c
                 e = negative() d
                 y = exp() e
                 output y
               }""",
            """graph neutral {
                 x = input("f32", (batch, 3))
                 y = exp() x
                 output y
               }""",
        ),
        Sample(
            """graph shapes {
                 x = input("f32", (batch, 2, 3, 4))
                 a = transpose((0, 2, 1, 3)) x
                 b = transpose((0, 2, 1, 3)) a
                 c = reshape((batch, 6, 4)) b
                 d = reshape((batch, 24)) c
                 e = flatten() d
                 y = exp() e
                 output y
               }""",
            """graph shapes {
                 x = input("f32", (batch, 2, 3, 4))
                 d = reshape((batch, 24)) x
                 y = exp() d
                 output y
               }""",
        ),
        Sample(
            """graph decided {
                 x = input("f32", (batch, 8))
                 z = input("f32", (batch, 8))
                 yes = constant(true, "bool")
                 index = input("i32", (batch,))
                 chosen = where() yes, x, z
                 number = cast("i32") index
                 picked = gather(-1) chosen, number
                 other = gather(-1) z, number
                 y = add() picked, other
                 output y
               }""",
            """graph decided {
                 x = input("f32", (batch, 8))
                 z = input("f32", (batch, 8))
                 index = input("i32", (batch,))
                 picked = gather(-1) x, index
                 other = gather(-1) z, index
                 y = add() picked, other
                 output y
               }""",
        ),
        Refused(
            """graph becomes_float {
                 x = input("i32", (batch, 3))
                 one = constant(1.0)
                 y = multiply() x, one
                 output y
               }""",
            "makes [batch, 3] of i32[batch, 3]",
        ),
        Refused(
            """graph times_zero {
                 x = input("f32", (batch, 3))
                 zero = constant(0.0)
                 y = multiply() x, zero
                 output y
               }""",
            "an infinity times 0",
        ),
    )
    case = """graph neutral {
                  x = input("f32", (512, 512))
                  one = constant(1.0)
                  a = multiply() x, one
                  b = transpose() a
                  c = transpose() b
                  y = exp() c
                  output y
                }"""

    def run(self, graph: Graph) -> Rewritten:
        edit = Edit(graph)
        for node in edit:
            kept = _kept(edit, node)
            before = edit.producer(kept)
            if before is not None and _alike(before.type, node.type):
                edit.read_instead(node, before)
                edit.take(Gone(before.name), node)
            elif kept is not None and before is not None and not isinstance(node.op, SAME_ELEMENTS):
                edit.refuse(TypeChanges(before.type, node.type), node)
            elif not _join(edit, node) and isinstance(node.op, Multiply) and _has_zero(edit, node):
                edit.refuse(NotZero(), node)
        return edit.done()


def _kept(edit: Edit, node: Node) -> Ref | None:
    """The tensor that a node gives back, its type aside."""
    for kind, neutral, left in NEUTRAL:
        if isinstance(node.op, kind) and len(node.inputs) == 2:
            a, b = node.inputs
            return a if number(edit, b) == neutral else b if left and number(edit, a) == neutral else None
    if isinstance(node.op, SAME_ELEMENTS):
        return node.inputs[0]
    if isinstance(node.op, Where):
        condition = edit.producer(node.inputs[0])
        if condition is None or not isinstance(condition.op, Constant):
            return None
        return node.inputs[1 if condition.op.value else 2]
    first = edit.producer(node.inputs[0]) if isinstance(node.op, Negative | Transpose) else None
    if isinstance(node.op, Transpose) and node.type.rank < 2:
        return node.inputs[0]
    if first is None or type(first.op) is not type(node.op):
        return None
    if isinstance(node.op, Negative):
        return first.inputs[0]
    order = _joined_order(first, node)
    return first.inputs[0] if order == tuple(range(len(order))) else None


def _join(edit: Edit, node: Node) -> bool:
    """Make one of two transpositions or reshapes, if there are two."""
    first = edit.producer(node.inputs[0]) if isinstance(node.op, Transpose | Reshape) else None
    if first is None or type(first.op) is not type(node.op) or edit.others(first, node):
        return False
    op = Transpose(_joined_order(first, node)) if isinstance(node.op, Transpose) else Reshape(node.type.shape)
    edit.become(node, op, first.inputs[0], covers=(first,))
    edit.take(Joined(first.name), first, node)
    return True


def _joined_order(first: Node, second: Node) -> tuple[int, ...]:
    """The order of axes after two transpositions."""
    one, two = (_order(node) for node in (first, second))
    return tuple(one[axis] for axis in two)


def _order(node: Node) -> tuple[int, ...]:
    assert isinstance(node.op, Transpose)
    rank = node.type.rank
    return tuple(axis % rank for axis in (range(rank - 1, -1, -1) if node.op.axes is None else node.op.axes))


def _alike(before: Type, after: Type) -> bool:
    return (
        before.dtype == after.dtype
        and before.rank == after.rank
        and all(same(*sizes) for sizes in zip(before.shape, after.shape, strict=True))
    )


def _has_zero(edit: Edit, node: Node) -> bool:
    return any(number(edit, ref) == 0 for ref in node.inputs)
