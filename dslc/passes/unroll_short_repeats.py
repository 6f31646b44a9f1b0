"""Puts the iterations of a short repeat side by side."""

from dataclasses import dataclass

from dslc.dims import Size
from dslc.graph import Graph
from dslc.ops.core.repeat import Repeat
from dslc.passes._edit import Edit, changed
from dslc.passes.base import Fact, Optimization, Refused, Rewritten, Sample, optimization

SHORT = 6
"""Iterations up to which a loop costs a fifth of the time of a step on a CPU; from about eight on the loop is the faster."""


@dataclass(frozen=True)
class NoLoop(Fact):
    """A loop less."""

    count: int

    def __str__(self) -> str:
        return f"{self.count} iterations side by side: no copy in and out of a loop, and XLA sees across them"


@dataclass(frozen=True)
class Long(Fact):
    """A repeat that a loop serves better."""

    count: Size

    def __str__(self) -> str:
        return f"{self.count} iterations stay one loop, which compiles once and runs faster than more than {SHORT} side by side"


@optimization
class UnrollShortRepeats(Optimization):
    """Puts the iterations of a short repeat side by side in the program; in the graph it stays one node with stacked weights.

    Before: `for i in 0..n: x = f(x, w[i])`
    After: `f(... f(f(x, w[0]), w[1]) ..., w[n - 1])`
    Saves: the time of a loop that keeps and fetches arrays in every iteration.
    Refuses: a repeat of more iterations.
    """

    claim = "time"
    samples = (
        Sample(
            """graph short {
                 x = input("f32", (batch, 4))
                 repeat = repeat(body = graph repeat.* {
                     repeat.*.carry.0 = input("f32", (batch, 4))
                     relu = relu() repeat.*.carry.0
                     output 0 = relu
                   }, count = 3, carried = 1, captured = 0) x
                 output repeat
               }""",
            """graph short {
                 x = input("f32", (batch, 4))
                 repeat = repeat(body = graph repeat.* {
                     repeat.*.carry.0 = input("f32", (batch, 4))
                     relu = relu() repeat.*.carry.0
                     output 0 = relu
                   }, count = 3, carried = 1, captured = 0, unroll = true) x
                 output repeat
               }""",
        ),
        Refused(
            """graph long {
                 x = input("f32", (batch, 4))
                 repeat = repeat(body = graph repeat.* {
                     repeat.*.carry.0 = input("f32", (batch, 4))
                     relu = relu() repeat.*.carry.0
                     output 0 = relu
                   }, count = 12, carried = 1, captured = 0) x
                 output repeat
               }""",
            "12 iterations stay one loop",
        ),
    )
    case = """graph four_blocks {
                  x = input("f32", (64, 128))
                  up.kernel = parameter((128, 512), stack = ((0, 4),))
                  down.kernel = parameter((512, 128), stack = ((0, 4),))
                  blocks = repeat(4, 1, 0) x; up.kernel, down.kernel with body blocks {
                    carried = input("f32", (64, 128))
                    up.kernel = parameter((128, 512))
                    up = dense(512, bias = false) carried; kernel = up.kernel
                    gelu = gelu() up
                    down.kernel = parameter((512, 128))
                    down = dense(128, bias = false) gelu; kernel = down.kernel
                    output 0 = down
                  }
                  loss = mean() blocks
                  output loss
                }"""

    def run(self, graph: Graph) -> Rewritten:
        edit = Edit(graph)
        for node in edit:
            if not isinstance(node.op, Repeat) or node.op.unroll:
                continue
            if not isinstance(node.op.count, int) or node.op.count > SHORT:
                edit.refuse(Long(node.op.count), node)
            else:
                edit.become(node, changed(node.op, unroll=True), *node.inputs, weights=node.weights)
                edit.take(NoLoop(node.op.count), node)
        return edit.done()
