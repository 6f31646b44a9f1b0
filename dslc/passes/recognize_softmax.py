"""Finds softmax and its logarithm where they are written out."""

from dslc.graph import Graph
from dslc.ops.activation.log_softmax import LogSoftmax
from dslc.ops.activation.softmax import Softmax
from dslc.ops.pointwise.exp import Exp
from dslc.ops.pointwise.log import Log
from dslc.ops.reduce.logsumexp import Logsumexp
from dslc.ops.reduce.max import Max
from dslc.ops.reduce.sum import Sum
from dslc.ops.shape.stop_gradient import StopGradient
from dslc.passes._edit import Edit
from dslc.passes._match import Either, Hole, Pattern, along_rows, become, call, recognized
from dslc.passes.base import Optimization, Refused, Rewritten, Sample, optimization

x = Hole("x")
largest = along_rows(Max, x)
centred = x - Either((largest, call(StopGradient, largest)))


def _shares(of: Pattern) -> Pattern:
    return call(Exp, of) / along_rows(Sum, call(Exp, of))


def _logarithms(of: Pattern) -> Pattern:
    return of - Either((along_rows(Logsumexp, of), call(Log, along_rows(Sum, call(Exp, of)))))


FORMS = (_shares(centred), _shares(x), _logarithms(centred), _logarithms(x))


@optimization
class RecognizeSoftmax(Optimization):
    """Replaces softmax and its logarithm along the last axis, written out, by the ops.

    Before: `exp(x) / sum(exp(x))`, `x - log(sum(exp(x)))`, with or without the largest of a row subtracted from `x`
    After: `softmax(x)`, `log_softmax(x)`
    Saves: infinities where an exponential is too large for a float. The gradient needs what comes out alone, so that in a
    repeat less is kept.
    Refuses: a tensor in the middle that something else reads.
    """

    claim = "time"
    after = (
        "drop_identities",
        "share_equal_nodes",
    )
    samples = (
        Sample(
            """graph shares {
                 x = input("f32", (batch, 5))
                 exp = exp() x
                 sum = sum(-1, true) exp
                 y = divide() exp, sum
                 square = square() y
                 output square
               }""",
            """graph shares {
                 x = input("f32", (batch, 5))
                 y = softmax() x, none
                 square = square() y
                 output square
               }""",
        ),
        Sample(
            """graph centred_logarithms {
                 x = input("f32", (batch, 5))
                 max = max(-1) x
                 wide = index(("...", "none")) max
                 fixed = stop_gradient() wide
                 z = subtract() x, fixed
                 exp = exp() z
                 sum = sum(-1, true) exp
                 log = log() sum
                 y = subtract() z, log
                 output y
               }""",
            """graph centred_logarithms {
                 x = input("f32", (batch, 5))
                 y = log_softmax() x
                 output y
               }""",
        ),
        Refused(
            """graph total_is_read {
                 x = input("f32", (batch, 5))
                 exp = exp() x
                 sum = sum(-1, true) exp
                 y = divide() exp, sum
                 log = log() sum
                 output y
                 output log
               }""",
            "`sum` is read by `log` as well",
        ),
    )
    case = """graph mixing {
                  x = input("f32", (1024, 256))
                  w = parameter((256, 256), stack = ((0, 8),))
                  blocks = repeat(8, 1, 0) x; w with body blocks {
                    h = input("f32", (1024, 256))
                    w = parameter((256, 256))
                    a = multiply() h, h
                    max = max(-1, true) a
                    centred = subtract() a, max
                    exp = exp() centred
                    sum = sum(-1, true) exp
                    shares = divide() exp, sum
                    y = matmul() shares, w
                    output 0 = y
                  }
                  loss = mean() blocks
                  output loss
                }"""

    def run(self, graph: Graph) -> Rewritten:
        edit = Edit(graph)
        for node, form, found in recognized(edit, FORMS):
            x = found.refs["x"]
            if form < 2:
                become(edit, node, found, Softmax(), x, None)
            else:
                become(edit, node, found, LogSoftmax(), x)
        return edit.done()
