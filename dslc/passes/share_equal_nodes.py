"""Computes what is the same once."""

from dataclasses import dataclass
from typing import Any

from dslc.graph import Graph, Node
from dslc.passes._edit import SOURCES, Edit, draws
from dslc.passes.base import Fact, Optimization, Refused, Rewritten, Sample, optimization
from dslc.text import op_text
from dslc.verify import input_types


@dataclass(frozen=True)
class Equal(Fact):
    """The second node is gone."""

    kept: str

    def __str__(self) -> str:
        return f"is computed once, as `{self.kept}`"


@dataclass(frozen=True)
class Random(Fact):
    """The two nodes draw each for itself."""

    def __str__(self) -> str:
        return "draws random numbers, and two draws are two values"


@dataclass(frozen=True)
class Stateful(Fact):
    """Each of the two nodes changes the state."""

    def __str__(self) -> str:
        return "changes a state, once for each use"


@optimization
class ShareEqualNodes(Optimization):
    """Computes once what has the same op, settings, inputs and weights.

    Before: `a = f(x)`, `b = f(x)`
    After: `a = f(x)`, and `a` wherever `b` was read
    Saves: the second node in the listing, the counts and the gradient; XLA shares what is left of it by itself.
    Refuses: ops that draw random numbers or change a state. Parameters are never shared.
    """

    claim = "readability"
    samples = (
        Sample(
            """graph twice {
                 x = input("f32", (batch, 3))
                 exp = exp() x
                 exp_2 = exp() x
                 log = log() exp
                 log_2 = log() exp_2
                 add = add() log, log_2
                 output add
               }""",
            """graph twice {
                 x = input("f32", (batch, 3))
                 exp = exp() x
                 log = log() exp
                 add = add() log, log
                 output add
               }""",
        ),
        Refused(
            """graph draws {
                 x = input("f32", (batch, 3))
                 dropout = dropout(0.5) x
                 dropout_2 = dropout(0.5) x
                 add = add() dropout, dropout_2
                 output add
               }""",
            "draws random numbers",
        ),
    )
    case = """graph shared_layer {
                  x = input("f32", (512, 512))
                  kernel = parameter((512, 512))
                  a = dense(512, bias = false) x; kernel = kernel
                  gelu = gelu() a
                  b = dense(512, bias = false) x; kernel = kernel
                  gelu_2 = gelu() b
                  product = multiply() gelu, gelu_2
                  loss = mean() product
                  output loss
                }"""

    def run(self, graph: Graph) -> Rewritten:
        edit = Edit(graph)
        first: dict[Any, Node] = {}
        for node in edit:
            if node.op.name in SOURCES:
                continue
            key = (op_text(node.op), node.inputs, frozenset(node.weights.items()))
            if key not in first:
                first[key] = node
            elif draws(node.op):
                edit.refuse(Random(), first[key], node)
            elif node.op.state(*input_types(graph, node)):
                edit.refuse(Stateful(), first[key], node)
            else:
                edit.read_instead(node, first[key])
                edit.take(Equal(first[key].name), first[key], node)
        return edit.done()
