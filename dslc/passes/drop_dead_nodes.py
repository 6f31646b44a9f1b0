"""Leaves out what nothing reads."""

from dataclasses import dataclass

from dslc.graph import Graph
from dslc.passes._edit import SOURCES, alive
from dslc.passes.base import Fact, Match, Optimization, Place, Refusal, Refused, Rewritten, Sample, optimization


@dataclass(frozen=True)
class Unread(Fact):
    """Nothing that leaves the graph depends on the node."""

    def __str__(self) -> str:
        return "no output and no update depends on it"


@dataclass(frozen=True)
class Stored(Fact):
    """A source that nothing reads."""

    kind: str

    def __str__(self) -> str:
        return f"nothing reads it, but it is one of the {self.kind}s that whoever runs the program gives by name"


@optimization
class DropDeadNodes(Optimization):
    """Leaves out the nodes that no output and no state update depends on.

    Before: `y = f(x)`, `z = g(x)`, output `y`
    After: `y = f(x)`, output `y`
    Saves: their place in the listing and in every count; the compiled program never ran them.
    Refuses: inputs, parameters and states, which are the program's signature and a checkpoint's content.
    """

    claim = "readability"
    samples = (
        Sample(
            """graph branch {
                 x = input("f32", (batch, 3))
                 exp = exp() x
                 log = log() exp
                 square = square() x
                 output square
               }""",
            """graph branch {
                 x = input("f32", (batch, 3))
                 square = square() x
                 output square
               }""",
        ),
        Refused(
            """graph unread_weight {
                 x = input("f32", (batch, 3))
                 scale = parameter((3,))
                 exp = exp() x
                 output exp
               }""",
            "one of the parameters",
        ),
    )
    case = """graph unread_head {
                  x = input("f32", (256, 1024))
                  a.kernel = parameter((1024, 1024))
                  a = dense(1024, bias = false) x; kernel = a.kernel
                  b.kernel = parameter((1024, 1024))
                  b = dense(1024, bias = false) x; kernel = b.kernel
                  softmax = softmax() b
                  output a
                }"""

    def run(self, graph: Graph) -> Rewritten:
        kept = alive(graph)
        taken = tuple(Match((Place.of(node),), Unread()) for node in graph if node.name not in kept)
        read = {ref.node for ref in graph.read()} | {ref.node for node in graph for ref in node.references()}
        refused = tuple(
            Refusal((Place.of(node),), Stored(node.op.name))
            for node in graph
            if node.op.name in SOURCES and node.name not in read
        )
        return Rewritten(graph.only(kept) if taken else graph, taken, refused)
