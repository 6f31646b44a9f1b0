"""Multiplies matrices of weights with one another, where that leaves less to do for each call."""

from dslc.graph import Graph
from dslc.passes._chains import on_weights_alone, reordered
from dslc.passes.base import Optimization, Refused, Rewritten, Sample, optimization


@optimization
class CollapseProducts(Optimization):
    """Multiplies the matrices of a chain in the order that takes the fewest operations for a call, weights among them once.

    Before: `(x @ A) @ B`, with weights `A` and `B`
    After: `x @ (A @ B)`
    Saves: operations of each call: `prepare` works out once what depends on weights alone.
    Refuses: sizes that are not known; a bottleneck, where two products are the cheaper form; a product inside of the chain
    that something else reads.
    """

    phase = "inference"
    claim = "time"
    after = ("drop_identities",)
    samples = (
        Sample(
            """graph wide_middle {
                 x = input("f32", (6, 4))
                 a = parameter((4, 16))
                 b = parameter((16, 3))
                 xa = matmul() x, a
                 y = matmul() xa, b
                 output y
               }""",
            """graph wide_middle {
                 x = input("f32", (6, 4))
                 a = parameter((4, 16))
                 b = parameter((16, 3))
                 y.product = matmul() a, b  path y
                 y = matmul() x, y.product
                 output y
               }""",
        ),
        Refused(
            """graph bottleneck {
                 x = input("f32", (6, 32))
                 a = parameter((32, 2))
                 b = parameter((2, 32))
                 xa = matmul() x, a
                 y = matmul() xa, b
                 output y
               }""",
            "the order that is written takes 1,536 FLOPs, and the best 1,536",
        ),
        Refused(
            """graph tapped {
                 x = input("f32", (6, 4))
                 a = parameter((4, 16))
                 b = parameter((16, 3))
                 code = matmul() x, a
                 y = matmul() code, b
                 output y
                 output code
               }""",
            "`code` is read by `output code` as well",
        ),
    )
    case = """graph wide_middle {
                  x = input("f32", (128, 512))
                  a = parameter((512, 1024))
                  b = parameter((1024, 256))
                  xa = matmul() x, a
                  y = matmul() xa, b
                  output y
                }"""

    def run(self, graph: Graph) -> Rewritten:
        return reordered(graph, on_weights_alone(graph))
