"""Finds binary cross-entropy where sigmoid and logarithms are written out."""

from dataclasses import dataclass

from dslc.graph import Graph
from dslc.ops.activation.sigmoid import Sigmoid
from dslc.ops.loss.binary_cross_entropy import BinaryCrossEntropy
from dslc.ops.pointwise.log import Log
from dslc.passes._edit import Edit
from dslc.passes._match import Either, Hole, become, call, recognized
from dslc.passes._picked import REDUCE, reductions
from dslc.passes.base import Fact, Optimization, Refused, Rewritten, Sample, optimization
from dslc.types import Type

x, target = Hole("x"), Hole("target")
p = call(Sigmoid, x)
YES, NO = target * call(Log, p), (1 - target) * call(Log, 1 - p)
FORMS = reductions(YES + NO, Either((-(YES + NO), -YES - NO)))


@dataclass(frozen=True)
class OtherTargets(Fact):
    """Targets, or a loss, of another type than the logits."""

    logits: Type
    target: Type

    def __str__(self) -> str:
        return f"the targets are {self.target}, and the logits {self.logits}"


@optimization
class RecognizeBinaryCrossEntropy(Optimization):
    """Replaces the cross-entropy of two classes, written out with a sigmoid, by the op on logits.

    Before: `-mean(t * log(p) + (1 - t) * log(1 - p))`, with `p = sigmoid(x)`; the sum, or a loss for each element
    After: `binary_cross_entropy(x, t)`
    Saves: the infinities where `p` rounds to 0 or 1, and two logarithms and their gradients for each element.
    Refuses: a tensor in the middle that something else reads; targets of another shape or of few bits.
    """

    claim = "time"
    after = ("drop_identities", "share_equal_nodes")
    samples = (
        Sample(
            """graph mean {
                 x = input("f32", (batch, 4))
                 t = input("f32", (batch, 4))
                 p = sigmoid() x
                 one = constant(1.0)
                 log = log() p
                 yes = multiply() t, log
                 q = subtract() one, p
                 log_2 = log() q
                 s = subtract() one, t
                 no = multiply() s, log_2
                 sum = add() yes, no
                 negative = negative() sum
                 loss = mean() negative
                 output loss
               }""",
            """graph mean {
                 x = input("f32", (batch, 4))
                 t = input("f32", (batch, 4))
                 loss = binary_cross_entropy() x, t, none
                 output loss
               }""",
        ),
        Sample(
            """graph each {
                 x = input("f32", (batch, 4))
                 t = input("f32", (batch, 4))
                 p = sigmoid() x
                 one = constant(1.0)
                 log = log() p
                 yes = multiply() log, t
                 q = subtract() one, p
                 log_2 = log() q
                 s = subtract() one, t
                 no = multiply() log_2, s
                 negative = negative() no
                 y = subtract() negative, yes
                 square = square() y
                 output square
               }""",
            """graph each {
                 x = input("f32", (batch, 4))
                 t = input("f32", (batch, 4))
                 y = binary_cross_entropy(reduce = "none") x, t, none
                 square = square() y
                 output square
               }""",
        ),
        Refused(
            """graph share_is_shown {
                 x = input("f32", (batch, 4))
                 t = input("f32", (batch, 4))
                 p = sigmoid() x
                 one = constant(1.0)
                 log = log() p
                 yes = multiply() t, log
                 q = subtract() one, p
                 log_2 = log() q
                 s = subtract() one, t
                 no = multiply() s, log_2
                 sum = add() yes, no
                 loss = negative() sum
                 output loss
                 output p
               }""",
            "`p` is read by `output p` as well",
        ),
        Refused(
            """graph one_target_for_all {
                 x = input("f32", (batch, 4))
                 t = input("f32", (batch, 1))
                 p = sigmoid() x
                 one = constant(1.0)
                 log = log() p
                 yes = multiply() t, log
                 q = subtract() one, p
                 log_2 = log() q
                 s = subtract() one, t
                 no = multiply() s, log_2
                 sum = add() yes, no
                 loss = negative() sum
                 output loss
               }""",
            "the targets are [batch, 1], and the logits [batch, 4]",
        ),
    )
    case = """graph reconstruction {
                  h = input("f32", (512, 32))
                  t = input("f32", (512, 4096))
                  w = parameter((32, 4096))
                  x = matmul() h, w
                  p = sigmoid() x
                  one = constant(1.0)
                  log = log() p
                  yes = multiply() t, log
                  q = subtract() one, p
                  log_2 = log() q
                  s = subtract() one, t
                  no = multiply() s, log_2
                  sum = add() yes, no
                  negative = negative() sum
                  loss = mean() negative
                  output loss
                }"""

    def run(self, graph: Graph) -> Rewritten:
        edit = Edit(graph)
        for node, form, found in recognized(edit, FORMS):
            x, target = edit.type(found.refs["x"]), edit.type(found.refs["target"])
            if target == x and node.type.dtype == x.dtype == "f32":
                op = BinaryCrossEntropy(reduce=REDUCE[form])
                become(edit, node, found, op, found.refs["x"], found.refs["target"], None)
            else:
                edit.refuse(OtherTargets(x, target), node)
        return edit.done()
