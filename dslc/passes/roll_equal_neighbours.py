"""Makes one loop of equal blocks that stand one after the other."""

from dataclasses import dataclass

from dslc.graph import Graph
from dslc.passes._copies import find
from dslc.passes._looped import looped
from dslc.passes.base import Fact, Match, Optimization, Place, Refusal, Refused, Rewritten, Sample, optimization

LEAST = 8
"""Copies from which on a loop is the faster form on a CPU; up to six run faster side by side."""
SEEN = 3
"""Copies from which on a refusal is worth a line in the report."""


@dataclass(frozen=True)
class OneLoop(Fact):
    """Copies that were nodes of their own."""

    count: int
    layers: int

    def __str__(self) -> str:
        what = "a layer" if self.layers == 1 else f"{self.layers} layers"
        return f"{self.count} copies of {what} are one loop: it compiles once, however many there are"


@dataclass(frozen=True)
class Few(Fact):
    """Copies that a loop would serve worse."""

    count: int

    def __str__(self) -> str:
        return f"{self.count} equal blocks run faster side by side; a loop pays from {LEAST} on"


def _blocks(count: int, rows: str, units: int) -> str:
    """Blocks of two layers, one after the other."""
    lines = [f'x = input("f32", ({rows}, {units}))']
    for number in range(1, count + 1):
        before = f"b{number - 1}.tanh" if number > 1 else "x"
        lines.append(f"b{number}.kernel = parameter(({units}, {units}))")
        lines.append(f"b{number}.dense = dense({units}, bias = false) {before}; kernel = b{number}.kernel")
        lines.append(f"b{number}.tanh = tanh() b{number}.dense")
    return "\n".join(lines)


def _places(count: int) -> str:
    """The names of both layers in each block."""
    rows = (", ".join(f'"b{number}.{layer}"' for number in range(1, count + 1)) for layer in ("dense", "tanh"))
    return "(" + ", ".join(f'("b1.{layer}", ({row}))' for layer, row in zip(("dense", "tanh"), rows, strict=True)) + ")"


@optimization
class RollEqualNeighbours(Optimization):
    """Makes one loop of equal blocks that the author wrote out one after the other, with weights of their own.

    Before: `y = f(... f(f(x, w1), w2) ..., wn)`
    After: `for w in stack(w1, ..., wn): x = f(x, w)`
    Saves: compile time, which grows with the number of blocks and then does not; time of a step where there are many.
    Weights stay arrays of their own under their names, random draws those of the blocks that were written.
    Refuses: fewer blocks than a loop pays for.
    """

    claim = "compile"
    after = ("drop_dead_nodes", "share_equal_nodes")
    samples = (
        Sample(
            f"""graph written_out {{
                 {_blocks(8, "batch", 4)}
                 output y = b8.tanh
               }}""",
            f"""graph written_out {{
                 x = input("f32", (batch, 4))
                 {chr(10).join(f"b{n}.kernel = parameter((4, 4))" for n in range(1, 9))}
                 b1.kernel.stacked = stack(0) {", ".join(f"b{n}.kernel" for n in range(1, 9))}
                 b1:b8 = repeat(8, 1, 0, places = {_places(8)}) x; b1.kernel = b1.kernel.stacked with body b1:b8 {{
                   b1:b8.carry.0 = input("f32", (batch, 4))
                   b1.kernel = parameter((4, 4))
                   b1.dense = dense(4, bias = false) b1:b8.carry.0; kernel = b1.kernel
                   b1.tanh = tanh() b1.dense
                   output 0 = b1.tanh
                 }}
                 output y = b1:b8
               }}""",
        ),
        Refused(
            f"""graph four {{
                 {_blocks(4, "batch", 4)}
                 output y = b4.tanh
               }}""",
            "4 equal blocks run faster side by side",
        ),
    )
    case = f"""graph residual_mlp {{
                  {_blocks(24, "64", 128)}
                  loss = mean() b24.tanh
                  output loss
                }}"""

    def run(self, graph: Graph) -> Rewritten:
        taken, now = list[Match](), graph
        while (copies := next((one for one in find(now, LEAST, chained=True) if len(one) >= LEAST), None)) is not None:
            places = tuple(Place.of(copy[-1]) for copy in copies.nodes)
            now, _ = looped(now, copies)
            taken.append(Match(places, OneLoop(len(copies), len(copies.nodes[0]))))
        few = (one for one in find(now, SEEN, chained=True) if SEEN <= len(one) < LEAST)
        refused = (Refusal(tuple(Place.of(copy[-1]) for copy in one.nodes), Few(len(one))) for one in few)
        return Rewritten(now, tuple(taken), tuple(refused))
