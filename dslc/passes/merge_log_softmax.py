"""Takes the logarithm of softmax without leaving the logarithms."""

from dataclasses import dataclass

from dslc.graph import Graph
from dslc.ops.activation.log_softmax import LogSoftmax
from dslc.ops.activation.softmax import Softmax
from dslc.ops.pointwise.log import Log
from dslc.passes._edit import Edit
from dslc.passes.base import Fact, Optimization, Refused, Rewritten, Sample, optimization


@dataclass(frozen=True)
class Stable(Fact):
    """No share is too small for a float any more."""

    def __str__(self) -> str:
        return "the logarithm is exact where a share is too small for a float, and one pass over the tensor is left out"


@dataclass(frozen=True)
class Masked(Fact):
    """The logarithm of a share that is masked."""

    def __str__(self) -> str:
        return "softmax has a mask, and log_softmax takes none"


@optimization
class MergeLogSoftmax(Optimization):
    """Takes the logarithm of softmax in one op that never leaves the logarithms.

    Before: `log(exp(x) / sum(exp(x)))`
    After: `x - log(sum(exp(x)))`
    Saves: the infinity, and the gradient lost to it, where a share is below the smallest float; a pass over the tensor.
    Refuses: softmax with a mask.
    """

    claim = "readability"
    after = ("recognize_softmax",)
    samples = (
        Sample(
            """graph simple {
                 x = input("f32", (batch, 10))
                 softmax = softmax() x
                 log = log() softmax
                 output log
               }""",
            """graph simple {
                 x = input("f32", (batch, 10))
                 log = log_softmax() x
                 output log
               }""",
        ),
        Sample(
            """graph read_twice {
                 x = input("f32", (4, batch))
                 softmax = softmax(axis = 0) x
                 log = log() softmax
                 entropy = multiply() softmax, log
                 output entropy
               }""",
            """graph read_twice {
                 x = input("f32", (4, batch))
                 softmax = softmax(axis = 0) x
                 log = log_softmax(axis = 0) x
                 entropy = multiply() softmax, log
                 output entropy
               }""",
        ),
        Refused(
            """graph masked {
                 x = input("f32", (batch, 10))
                 mask = input("bool", (batch, 10))
                 softmax = softmax() x, mask
                 log = log() softmax
                 output log
               }""",
            "has a mask",
        ),
    )
    case = """graph entropy {
                  x = input("f32", (1024, 4096))
                  softmax = softmax() x
                  log = log() softmax
                  output log
                }"""

    def run(self, graph: Graph) -> Rewritten:
        edit = Edit(graph)
        for log in edit:
            softmax = edit.producer(log.inputs[0]) if isinstance(log.op, Log) else None
            if softmax is None or not isinstance(softmax.op, Softmax):
                continue
            x, *mask = softmax.inputs
            if any(mask):
                edit.refuse(Masked(), softmax, log)
            else:
                edit.become(log, LogSoftmax(softmax.op.axis), x, covers=(softmax,))
                edit.take(Stable(), softmax, log)
        return edit.done()
