"""Computes equal branches of a fork at once."""

from collections.abc import Iterator
from dataclasses import dataclass

from dslc.graph import Graph, Node, Ref
from dslc.ops.core.unstack import Unstack
from dslc.ops.shape.stack import Stack
from dslc.ops.shape.transpose import Transpose
from dslc.passes._copies import Copies, find, flops
from dslc.passes._edit import Edit
from dslc.passes._looped import looped
from dslc.passes.base import Fact, Match, Optimization, Place, Refusal, Refused, Rewritten, Sample, optimization

LEAST = 4
"""Branches from which on it was measured to pay."""
LARGE = 5_000_000
"""FLOPs of a branch from which on it fills the machine by itself, and one axis more is in the way."""


@dataclass(frozen=True)
class AtOnce(Fact):
    """Branches that were computed one by one."""

    count: int

    def __str__(self) -> str:
        return f"{self.count} equal branches are computed at once: products with one axis more"


@dataclass(frozen=True)
class Large(Fact):
    """Branches that fill the machine each by itself."""

    count: int
    flops: int

    def __str__(self) -> str:
        return f"{self.count} branches of {self.flops / 1e6:,.0f} million FLOPs each fill the machine one by one"


def _branches(count: int, rows: str, units: int) -> str:
    """Branches of two layers, as text."""
    lines = [f'x = input("f32", ({rows}, {units}))']
    for number in range(1, count + 1):
        lines.append(f"e{number}.kernel = parameter(({units}, {units}))")
        lines.append(f"e{number}.dense = dense({units}, bias = false) x; kernel = e{number}.kernel")
        lines.append(f"e{number}.tanh = tanh() e{number}.dense")
    lines.append(f"all = stack(1) {', '.join(f'e{number}.tanh' for number in range(1, count + 1))}")
    return "\n".join(lines)


def _names(count: int) -> str:
    """The names of both layers in each branch."""
    rows = {layer: ", ".join(f'"e{number}.{layer}"' for number in range(1, count + 1)) for layer in ("dense", "tanh")}
    return "(" + ", ".join(f'("e1.{layer}", ({row}))' for layer, row in rows.items()) + ")"


@optimization
class BatchForkCopies(Optimization):
    """Computes equal branches that read the same tensors at once: experts, members of an ensemble.

    Before: `y1 = f(x, w1), ..., yn = f(x, wn)`
    After: `y = f(x, stack(w1, ..., wn))` with one axis more
    Saves: time and compile time of many small products. Weights stay arrays of their own under their names, and random
    draws those of the branches.
    Refuses: branches that are large enough to fill the machine one by one.
    """

    phase = "training"  # at inference the weights would be put together in each call
    claim = "compile"
    after = ("roll_equal_neighbours",)
    samples = (
        Sample(
            f"""graph experts {{
                 {_branches(4, "batch", 4)}
                 output all
               }}""",
            f"""graph experts {{
                 x = input("f32", (batch, 4))
                 {chr(10).join(f"e{n}.kernel = parameter((4, 4))" for n in range(1, 5))}
                 e1.kernel.stacked = stack(0) {", ".join(f"e{n}.kernel" for n in range(1, 5))}
                 e1:e4 = repeat(4, 0, 1, batched = true, places = {_names(4)}) x; e1.kernel = e1.kernel.stacked with body e1:e4 {{
                   x = input("f32", (batch, 4))
                   e1.kernel = parameter((4, 4))
                   e1.dense = dense(4, bias = false) x; kernel = e1.kernel
                   e1.tanh = tanh() e1.dense
                   output 0 = e1.tanh
                 }}
                 all = transpose((1, 0, 2)) e1:e4
                 output all
               }}""",
        ),
        Refused(
            f"""graph large {{
                 {_branches(4, "128", 256)}
                 output all
               }}""",
            "4 branches of 17 million FLOPs",
        ),
    )
    case = f"""graph ensemble {{
                  {_branches(32, "32", 32)}
                  loss = mean() all
                  output loss
                }}"""

    def run(self, graph: Graph) -> Rewritten:
        taken, now = list[Match](), graph
        while (copies := next((one for one in _found(now) if _reason(now, one) is None), None)) is not None:
            taken.append(Match(_places(copies), AtOnce(len(copies))))
            now, _ = looped(now, copies, batched=True)
            now = _joined(now)
        reasons = ((one, _reason(now, one)) for one in _found(now))
        refused = (Refusal(_places(one), reason) for one, reason in reasons if reason is not None)
        return Rewritten(now, tuple(taken), tuple(refused))


def _found(graph: Graph) -> Iterator[Copies]:
    return (copies for copies in find(graph, LEAST, chained=False) if len(copies) >= LEAST)


def _places(copies: Copies) -> tuple[Place, ...]:
    return tuple(Place.of(copy[-1]) for copy in copies.nodes)


def _reason(graph: Graph, copies: Copies) -> Fact | None:
    work = flops(graph, copies.nodes[0])
    return Large(len(copies), work) if work > LARGE else None


def _joined(graph: Graph) -> Graph:
    """The graph in which what comes out stacked is not taken apart to be stacked again."""
    edit = Edit(graph)
    for node in edit:
        if not isinstance(node.op, Stack) or node.inputs[0] is None:
            continue
        first = edit[node.inputs[0].node]
        if not isinstance(first.op, Unstack) or node.inputs != _rows(first):
            continue
        rank = node.type.rank
        axis = node.op.axis % rank
        order = (*range(1, axis + 1), 0, *range(axis + 1, rank))
        edit.become(node, Transpose(order), *first.inputs)
        edit.take(AtOnce(len(node.inputs)), node)
    return edit.done().graph


def _rows(node: Node) -> tuple[Ref, ...]:
    return tuple(Ref(node.name, place) for place in range(len(node.types)))
