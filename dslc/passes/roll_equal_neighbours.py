"""Makes one loop of equal blocks that stand one after the other."""

from dataclasses import dataclass

from dslc.graph import Graph
from dslc.passes._copies import Copies, find, flops
from dslc.passes._looped import looped
from dslc.passes.base import Fact, Match, Optimization, Place, Refusal, Refused, Rewritten, Sample, optimization

LEAST = 8
"""Copies from which on a loop is the faster form on a CPU; up to six run faster side by side."""
LIGHT = 5_000_000
"""FLOPs of a copy above which to fetch its weights in a loop, and to put away what it keeps, takes an eighth to a quarter of
the time of a step; below, the loop halves it."""
ROWS = 8
"""Rows for which a product takes longer than to put its weights beside those of the other blocks."""
MANY = 32
"""Copies from which on seconds of compiling count for more than that."""
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


@dataclass(frozen=True)
class FewRows(Fact):
    """Copies whose weights take longer to stack than to use."""

    count: int

    def __str__(self) -> str:
        return f"for so few rows the weights of {self.count} blocks take longer to put together than to use"


@dataclass(frozen=True)
class Heavy(Fact):
    """Copies in which a loop would lose more time than the compiler gains."""

    count: int
    flops: int

    def __str__(self) -> str:
        return (
            f"{self.count} blocks of {self.flops / 1e6:,.0f} million FLOPs each train an eighth to a quarter faster side by side; "
            f"from {MANY} on the time to compile them counts for more"
        )


def _blocks(count: int, rows: str, units: int) -> str:
    """Blocks of two layers, one after the other."""
    lines = [f'x = input("f32", ({rows}, {units}))']
    for number in range(1, count + 1):
        before = f"b{number - 1}.tanh" if number > 1 else "x"
        lines.append(f"b{number}.kernel = parameter(({units}, {units}))")
        lines.append(f"b{number}.dense = dense({units}, bias = false) {before}; kernel = b{number}.kernel")
        lines.append(f"b{number}.tanh = tanh() b{number}.dense")
    return "\n".join(lines)


def _names(count: int) -> str:
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
    Refuses: fewer blocks than a loop pays for, 8 of small ones and 32 of large ones.
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
                 b1:b8 = repeat(8, 1, 0, places = {_names(8)}) x; b1.kernel = b1.kernel.stacked with body b1:b8 {{
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
        Refused(
            f"""graph heavy {{
                 {_blocks(9, "128", 512)}
                 output y = b9.tanh
               }}""",
            "9 blocks of 67 million FLOPs",
        ),
        Refused(
            f"""graph one_row {{
                 {_blocks(9, "1", 64)}
                 output y = b9.tanh
               }}""",
            "for so few rows",
        ),
    )
    case = f"""graph residual_mlp {{
                  {_blocks(24, "64", 128)}
                  loss = mean() b24.tanh
                  output loss
                }}"""

    def run(self, graph: Graph) -> Rewritten:
        taken, now = list[Match](), graph
        while (
            copies := next((one for one in find(now, LEAST, chained=True) if _reason(now, one) is None), None)
        ) is not None:
            gain = OneLoop(len(copies), len(copies.nodes[0]))
            taken.append(Match(_places(copies), gain))
            now, _ = looped(now, copies)
        reasons = ((one, _reason(now, one)) for one in find(now, SEEN, chained=True) if len(one) >= SEEN)
        refused = (Refusal(_places(one), reason) for one, reason in reasons if reason is not None)
        return Rewritten(now, tuple(taken), tuple(refused))


def _places(copies: Copies) -> tuple[Place, ...]:
    return tuple(Place.of(copy[-1]) for copy in copies.nodes)


def _reason(graph: Graph, copies: Copies) -> Fact | None:
    """Why copies stay side by side."""
    if len(copies) < LEAST:
        return Few(len(copies))
    work = flops(graph, copies.nodes[0])
    elements = sum(int(graph.nodes[names[0]].type.size) for names in copies.own)  # pyright: ignore[reportArgumentType]
    if 0 < work < 2 * ROWS * elements:
        return FewRows(len(copies))
    return Heavy(len(copies), work) if work > LIGHT and len(copies) < MANY else None
