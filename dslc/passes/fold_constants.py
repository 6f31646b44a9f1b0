"""Works out arithmetic on numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from dslc.graph import Graph, Node
from dslc.lazy import np
from dslc.ops.arithmetic.add import Add
from dslc.ops.arithmetic.divide import Divide
from dslc.ops.arithmetic.greater import Greater
from dslc.ops.arithmetic.greater_equal import GreaterEqual
from dslc.ops.arithmetic.less import Less
from dslc.ops.arithmetic.less_equal import LessEqual
from dslc.ops.arithmetic.multiply import Multiply
from dslc.ops.arithmetic.negative import Negative
from dslc.ops.arithmetic.subtract import Subtract
from dslc.ops.base import Op
from dslc.ops.core.constant import Constant
from dslc.ops.pointwise.sqrt import Sqrt
from dslc.ops.pointwise.square import Square
from dslc.passes._edit import Edit
from dslc.passes.base import Fact, Optimization, Refused, Rewritten, Sample, optimization

EXACT: Mapping[type[Op], Callable[..., Any]] = {
    Add: lambda a, b: a + b,
    Subtract: lambda a, b: a - b,
    Multiply: lambda a, b: a * b,
    Divide: lambda a, b: a / b,
    Negative: lambda a: -a,
    Square: lambda a: a * a,
    Sqrt: lambda a: np.sqrt(a),  # noqa: PLW0108  # NumPy is loaded by then
    Greater: lambda a, b: a > b,
    GreaterEqual: lambda a, b: a >= b,
    Less: lambda a, b: a < b,
    LessEqual: lambda a, b: a <= b,
}
"""What every machine rounds alike: an exponential could differ in its last bit from the one of the device."""


@dataclass(frozen=True)
class Folded(Fact):
    """The number that comes out."""

    value: float | bool

    def __str__(self) -> str:
        return f"is {self.value:g}"


@dataclass(frozen=True)
class NotFinite(Fact):
    """A result that is no finite number."""

    value: float

    def __str__(self) -> str:
        return f"gives {self.value:g}, and stays where its place in the source can be named"


@optimization
class FoldConstants(Optimization):
    """Works out arithmetic on numbers that the source writes down.

    Before: `2.0 * 0.5 + x`
    After: `1.0 + x`
    Saves: nodes in the listing, and what other passes have to look through; XLA does this by itself.
    Refuses: a result that is infinite or not a number. Only operations that are rounded alike everywhere are worked out, in
    the 32 bits of the program.
    """

    claim = "readability"
    samples = (
        Sample(
            """graph scaled {
                 x = input("f32", (batch, 3))
                 two = constant(2.0)
                 three = constant(3.0)
                 product = multiply() two, three
                 root = sqrt() product
                 y = multiply() x, root
                 output y
               }""",
            """graph scaled {
                 x = input("f32", (batch, 3))
                 root = constant(2.4494898319244385)
                 y = multiply() x, root
                 output y
               }""",
        ),
        Sample(
            """graph decided {
                 x = input("f32", (batch, 3))
                 rate = constant(0.5)
                 zero = constant(0.0)
                 some = greater() rate, zero
                 y = where() some, x, zero
                 output y
               }""",
            """graph decided {
                 x = input("f32", (batch, 3))
                 zero = constant(0.0)
                 some = constant(true, "bool")
                 y = where() some, x, zero
                 output y
               }""",
        ),
        Refused(
            """graph by_zero {
                 x = input("f32", (batch, 3))
                 one = constant(1.0)
                 zero = constant(0.0)
                 ratio = divide() one, zero
                 y = multiply() x, ratio
                 output y
               }""",
            "gives inf",
        ),
    )
    case = """graph scaled {
                  x = input("f32", (512, 512))
                  two = constant(2.0)
                  three = constant(3.0)
                  product = multiply() two, three
                  root = sqrt() product
                  y = multiply() x, root
                  output y
                }"""

    def run(self, graph: Graph) -> Rewritten:
        edit = Edit(graph)
        for node in edit:
            value = _value(edit, node)
            if value is None:
                continue
            if isfinite(value):
                edit.become(node, Constant(value, node.type.dtype), covers=())
                edit.take(Folded(value), node)
            else:
                edit.refuse(NotFinite(value), node)
        return edit.done()


def _value(edit: Edit, node: Node) -> float | bool | None:
    """The result, where an operation has numbers of 32 bits alone."""
    if type(node.op) not in EXACT or node.type.dtype not in ("f32", "bool") or _variadic(node):
        return None
    given = [edit.producer(ref) for ref in node.inputs]
    ops = [before.op for before in given if before is not None]
    numbers = [np.float32(op.value) for op in ops if isinstance(op, Constant) and op.dtype == "f32"]
    if len(numbers) < len(node.inputs):
        return None
    with np.errstate(all="ignore"):
        found = EXACT[type(node.op)](*numbers)
    return bool(found) if node.type.dtype == "bool" else float(found)


def _variadic(node: Node) -> bool:
    """Whether a sum or product has another number of operands than two."""
    return isinstance(node.op, Add | Multiply) and len(node.inputs) != 2
