"""Multiplies chains of matrices in the cheapest order."""

from dslc.graph import Graph
from dslc.passes._chains import reordered
from dslc.passes.base import Optimization, Refused, Rewritten, Sample, optimization


@optimization
class ReassociateProducts(Optimization):
    """Multiplies the matrices of a chain in the order that takes the fewest operations.

    Before: `(A @ B) @ x`
    After: `A @ (B @ x)`, or of all orders the one that takes least
    Saves: operations, `2 * rows * middle * columns` for each product, forward, and twice as many in the gradient.
    Refuses: sizes that are not known; a product inside of the chain that something else reads; less than a tenth to save.
    Reference: Godbole, 1973, On efficient computation of matrix chain products.
    """

    phase = "training"
    claim = "time"
    after = ("drop_identities",)
    samples = (
        Sample(
            """graph vector_last {
                 a = input("f32", (6, 7))
                 b = input("f32", (7, 8))
                 x = input("f32", (8,))
                 ab = matmul() a, b
                 y = matmul() ab, x
                 output y
               }""",
            """graph vector_last {
                 a = input("f32", (6, 7))
                 b = input("f32", (7, 8))
                 x = input("f32", (8,))
                 y.product = matmul() b, x  path y
                 y = matmul() a, y.product
                 output y
               }""",
        ),
        Sample(
            """graph linear_attention {
                 q = input("f32", (2, 40, 4))
                 k = input("f32", (2, 40, 4))
                 v = input("f32", (2, 40, 4))
                 turned = transpose((0, 2, 1)) k
                 scores = matmul() q, turned
                 y = matmul() scores, v
                 output y
               }""",
            """graph linear_attention {
                 q = input("f32", (2, 40, 4))
                 k = input("f32", (2, 40, 4))
                 v = input("f32", (2, 40, 4))
                 turned = transpose((0, 2, 1)) k
                 y.product = matmul() turned, v  path y
                 y = matmul() q, y.product
                 output y
               }""",
        ),
        Sample(
            """graph four {
                 a = input("f32", (20, 2))
                 b = input("f32", (2, 30))
                 c = input("f32", (30, 3))
                 d = input("f32", (3, 25))
                 ab = matmul() a, b
                 abc = matmul() ab, c
                 y = matmul() abc, d
                 output y
               }""",
            """graph four {
                 a = input("f32", (20, 2))
                 b = input("f32", (2, 30))
                 c = input("f32", (30, 3))
                 d = input("f32", (3, 25))
                 y.product = matmul() b, c            path y
                 y.product@2 = matmul() y.product, d  path y
                 y = matmul() a, y.product@2
                 output y
               }""",
        ),
        Refused(
            """graph best_already {
                 x = input("f32", (2, 8))
                 a = input("f32", (8, 8))
                 b = input("f32", (8, 8))
                 xa = matmul() x, a
                 y = matmul() xa, b
                 output y
               }""",
            "the order that is written takes 512 FLOPs, and the best 512",
        ),
        Refused(
            """graph rows_open {
                 a = input("f32", (batch, 8))
                 b = input("f32", (8, batch))
                 c = input("f32", (batch, 8))
                 ab = matmul() a, b
                 y = matmul() ab, c
                 output y
               }""",
            "are not known",
        ),
        Refused(
            """graph product_is_read {
                 a = input("f32", (6, 7))
                 b = input("f32", (7, 8))
                 x = input("f32", (8,))
                 ab = matmul() a, b
                 y = matmul() ab, x
                 output y
                 output ab
               }""",
            "`ab` is read by `output ab` as well",
        ),
    )
    case = """graph linear_attention {
                  x = input("f32", (8, 512, 32))
                  k = input("f32", (8, 512, 32))
                  v = input("f32", (8, 512, 32))
                  w = parameter((32, 32))
                  q = matmul() x, w
                  exp = exp() q
                  turned = transpose((0, 2, 1)) k
                  scores = matmul() exp, turned
                  y = matmul() scores, v
                  loss = mean() y
                  output loss
                }"""

    def run(self, graph: Graph) -> Rewritten:
        return reordered(graph, once=())
