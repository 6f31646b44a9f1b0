"""Puts the iterations of a short repeat side by side."""

from dataclasses import dataclass

from dslc.dims import Size
from dslc.graph import Graph
from dslc.ops._choice import choose
from dslc.ops._platform import known_platforms
from dslc.ops.core._loop import LOOP, SIDE_BY_SIDE
from dslc.ops.core.repeat import Repeat
from dslc.passes._edit import Edit
from dslc.passes.base import Fact, Optimization, Refused, Rewritten, Sample, optimization
from dslc.types import Type
from dslc.verify import input_types


@dataclass(frozen=True)
class _Compared(Fact):
    """Milliseconds of a step in the repeat, as a loop and side by side, and how they are known."""

    count: Size
    loop: float
    beside: float
    measured: bool

    @property
    def _times(self) -> str:
        how = "measured here" if self.measured else "by the model"
        return f"{self.beside:.3g} ms, and {self.loop:.3g} ms in a loop, {how}"


class NoLoop(_Compared):
    """A loop less."""

    def __str__(self) -> str:
        return f"{self.count} iterations side by side take {self._times}"


class Loop(_Compared):
    """A repeat that a loop serves better, compile time counted in."""

    def __str__(self) -> str:
        return f"{self.count} iterations stay one loop, which compiles once: side by side they would take {self._times}"


@dataclass(frozen=True)
class Open(Fact):
    """A repeat whose number of iterations is not known."""

    count: Size

    def __str__(self) -> str:
        return f"the number of iterations, {self.count}, is not known yet"


@optimization
class UnrollShortRepeats(Optimization):
    """Puts the iterations of a repeat side by side in the program where that is faster; in the graph it stays one node.

    Before: `for i in 0..n: x = f(x, w[i])`
    After: `f(... f(f(x, w[0]), w[1]) ..., w[n - 1])`
    Saves: the time of a loop that keeps and fetches arrays in every iteration.
    Refuses: a repeat that a loop serves better, by a model or, after `--tune`, by measurement: one of many iterations, which
    would take longer to compile than a minute of training gains by it, or of small ones.
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
                   }, count = 1000, carried = 1, captured = 0) x
                 output repeat
               }""",
            "1000 iterations stay one loop",
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
            fact = _judged(node.op, *input_types(graph, node))
            if isinstance(fact, NoLoop):
                edit.become(node, node.op.taking(SIDE_BY_SIDE), *node.inputs, weights=node.weights)
                edit.take(fact, node)
            elif fact is not None:
                edit.refuse(fact, node)
        return edit.done()


def _judged(op: Repeat, *types: Type | None) -> Fact | None:
    """What is to be done on all the platforms that the program is for; None: nothing is to choose."""
    if not isinstance(op.count, int):
        return Open(op.count)
    found = [choose(op, platform, *types) for platform in known_platforms()]
    choices = [choice for choice in found if choice is not None]
    if not choices:
        return None
    # One graph for all of them: a loop is right everywhere.
    choice = next((one for one in choices if one.taken.name == LOOP), choices[0])
    kind = Loop if choice.taken.name == LOOP else NoLoop
    return kind(op.count, 1e3 * choice.seconds(LOOP), 1e3 * choice.seconds(SIDE_BY_SIDE), choice.measured)
