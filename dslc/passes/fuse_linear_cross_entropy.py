"""Works out the cross-entropy of a last dense layer without keeping its logits."""

from dataclasses import dataclass

from dslc.graph import Graph, Node, Ref
from dslc.ops.arithmetic.matmul import Matmul
from dslc.ops.base import elements, moved
from dslc.ops.core.linear_cross_entropy import LinearCrossEntropy
from dslc.ops.linear.dense import Dense
from dslc.ops.loss.cross_entropy import CrossEntropy
from dslc.ops.shape.transpose import Transpose
from dslc.passes._edit import Edit
from dslc.passes.base import Fact, Optimization, ReadElsewhere, Refused, Rewritten, Sample, optimization
from dslc.types import BYTES, Type

MIB = 2**20
FEWEST_ROWS = 128
"""The gradient of the kernel is read and written once a chunk: that should cost little beside the products."""


@dataclass(frozen=True)
class Chunked(Fact):
    """Bytes of all the logits, and of those that exist at a time."""

    whole: int
    chunk: int

    def __str__(self) -> str:
        chunk, whole = self.chunk / MIB, self.whole / MIB
        return f"{chunk:.1f} MiB of logits at a time instead of {whole:.1f} MiB"


@dataclass(frozen=True)
class Small(Fact):
    """Bytes of the logits, and the number from which chunks pay."""

    logits: int
    least: int

    def __str__(self) -> str:
        return f"the logits take {self.logits / MIB:.1f} MiB, and chunks pay from {self.least / MIB:.0f} MiB on"


@dataclass(frozen=True)
class FewRows(Fact):
    """Bytes of the logits, and of what is added up in their place."""

    logits: int
    kernel: int

    def __str__(self) -> str:
        logits, kernel = self.logits / MIB, self.kernel / MIB
        return f"the gradient of the kernel, added up along the way, takes {kernel:.1f} MiB, and the logits {logits:.1f} MiB"


@dataclass(frozen=True)
class Unknown(Fact):
    """Logits of a size that is not known."""

    type: Type

    def __str__(self) -> str:
        return f"the size of the logits {self.type} is not known"


@dataclass(frozen=True)
class Soft(Fact):
    """Targets that are not class numbers."""

    target: Type

    def __str__(self) -> str:
        return f"the targets {self.target} are probabilities, as large as the logits"


@dataclass(frozen=True)
class NotReduced(Fact):
    """A loss for each row."""

    def __str__(self) -> str:
        return "the loss is not reduced to one number"


@dataclass(frozen=True)
class Last:
    """The layer that makes the logits: `x @ kernel + bias`, or with the kernel as a table of classes."""

    node: Node
    x: Ref
    kernel: Ref
    bias: Ref | None = None
    transposed: bool = False


@optimization
class FuseLinearCrossEntropy(Optimization):
    """Works out the cross-entropy of a last dense layer in chunks of rows, with the gradients along the way.

    Before: `loss = cross_entropy(x @ W + b, target)`, its gradients from the logits that were kept
    After: for each chunk of rows: logits, loss, `p - onehot`, and its products with `W` and `x`; no logits are kept
    Saves: the memory of the logits, of which one chunk remains, and on a CPU some of the time as well.
    Refuses: logits that a metric or an output reads; targets that are probabilities; a loss for each row; small logits,
    and fewer rows than features, where the gradient of the kernel that is added up is larger than they are.
    """

    least: int = 16 * MIB
    """Bytes of logits from which it pays."""
    chunk: int = 8 * MIB
    """Bytes of logits at a time, unless that is fewer than 128 rows."""

    phase = "training"
    claim = "memory"
    after = ("recognize_cross_entropy",)
    samples = (
        Sample(
            """graph classifier {
                 x = input("f32", (1024, 8))
                 target = input("i32", (1024,))
                 head.kernel = parameter((8, 8192))
                 head.bias = parameter((8192,))
                 logits = dense(8192) x; kernel = head.kernel, bias = head.bias
                 loss = cross_entropy() logits, target
                 output loss
               }""",
            """graph classifier {
                 x = input("f32", (1024, 8))
                 target = input("i32", (1024,))
                 head.kernel = parameter((8, 8192))
                 head.bias = parameter((8192,))
                 loss = linear_cross_entropy(loss = cross_entropy(), rows = 256) x, head.kernel, target, head.bias, none
                 output loss
               }""",
        ),
        Sample(
            """graph tied_table {
                 x = input("f32", (4, 200, 6))
                 target = input("i32", (4, 200))
                 seen = input("f32", (4, 200))
                 table = parameter((6000, 6))
                 kernel = transpose() table
                 logits = matmul() x, kernel
                 loss = cross_entropy(smoothing = 0.1, ignore = 0) logits, target, seen
                 output loss
               }""",
            """graph tied_table {
                 x = input("f32", (4, 200, 6))
                 target = input("i32", (4, 200))
                 seen = input("f32", (4, 200))
                 table = parameter((6000, 6))
                 loss = linear_cross_entropy(cross_entropy(0.1, 0), 349, transposed = true) x, table, target, none, seen
                 output loss
               }""",
        ),
        Refused(
            """graph measured {
                 x = input("f32", (32, 8))
                 target = input("i32", (32,))
                 head.kernel = parameter((8, 10))
                 logits = dense(10, bias = false) x; kernel = head.kernel
                 loss = cross_entropy() logits, target
                 guess = argmax() logits
                 output loss
                 output guess
               }""",
            "`logits` is read by `guess` as well",
        ),
        Refused(
            """graph small {
                 x = input("f32", (32, 8))
                 target = input("i32", (32,))
                 head.kernel = parameter((8, 10))
                 logits = dense(10, bias = false) x; kernel = head.kernel
                 loss = cross_entropy() logits, target
                 output loss
               }""",
            "the logits take 0.0 MiB",
        ),
        Refused(
            """graph few_rows {
                 x = input("f32", (64, 80))
                 target = input("i32", (64,))
                 head.kernel = parameter((80, 65536))
                 logits = dense(65536, bias = false) x; kernel = head.kernel
                 loss = cross_entropy() logits, target
                 output loss
               }""",
            "takes 20.0 MiB, and the logits 16.0 MiB",
        ),
        Refused(
            """graph soft {
                 x = input("f32", (32, 8))
                 target = input("f32", (32, 10))
                 head.kernel = parameter((8, 10))
                 logits = dense(10, bias = false) x; kernel = head.kernel
                 loss = cross_entropy() logits, target
                 output loss
               }""",
            "are probabilities",
        ),
    )
    case = """graph language_model {
                  x = input("f32", (16, 128, 128))
                  target = input("i32", (16, 128))
                  table = parameter((8192, 128))
                  kernel = transpose() table
                  logits = matmul() x, kernel
                  loss = cross_entropy() logits, target
                  output loss
                }"""

    def run(self, graph: Graph) -> Rewritten:
        edit = Edit(graph)
        for node in edit:
            last = _last(edit, node.inputs[0]) if isinstance(node.op, CrossEntropy) else None
            if last is None or not isinstance(node.op, CrossEntropy):
                continue
            fact = self._judge(edit, last, node)
            if isinstance(fact, Chunked):
                self._fuse(edit, last, node, node.op)
                edit.take(fact, last.node, node)
            else:
                edit.refuse(fact, last.node, node)
        return edit.done()

    def _judge(self, edit: Edit, last: Last, loss: Node) -> Fact:
        logits, target = last.node.type, edit.type(loss.inputs[1])  # pyright: ignore[reportArgumentType]
        others = edit.others(last.node, loss)
        if others:
            return ReadElsewhere(last.node.name, others)
        if not target.is_integer:
            return Soft(target)
        if loss.type.rank:
            return NotReduced()
        if not all(isinstance(size, int) for size in logits.shape):
            return Unknown(logits)
        if moved(logits) < self.least:
            return Small(moved(logits), self.least)
        chunk, kernel = self._rows(logits) * _row_bytes(logits), moved(edit.type(last.kernel))
        if moved(logits) < chunk + kernel:
            return FewRows(moved(logits), kernel)
        return Chunked(moved(logits), chunk)

    def _rows(self, logits: Type) -> int:
        return min(max(self.chunk // _row_bytes(logits), FEWEST_ROWS), elements([logits.with_last(1)]))

    def _fuse(self, edit: Edit, last: Last, loss: Node, of: CrossEntropy) -> None:
        op = LinearCrossEntropy(of, self._rows(last.node.type), last.transposed)
        _, target, *weight = loss.inputs
        edit.become(
            loss, op, last.x, last.kernel, target, last.bias, weight[0] if weight else None, covers=(last.node,)
        )


def _row_bytes(logits: Type) -> int:
    return int(logits.shape[-1]) * BYTES[logits.dtype]  # pyright: ignore[reportArgumentType]


def _last(edit: Edit, ref: Ref | None) -> Last | None:
    """The dense layer or product with a matrix behind logits."""
    node = edit.producer(ref)
    if node is None:
        return None
    if isinstance(node.op, Dense):
        (x,) = node.inputs
        return Last(node, x, node.weights["kernel"], node.weights.get("bias"))  # pyright: ignore[reportArgumentType]
    if not isinstance(node.op, Matmul):
        return None
    x, kernel = node.inputs
    if edit.type(kernel).rank != 2 or edit.type(x).rank < 2:  # pyright: ignore[reportArgumentType]
        return None
    table = edit.producer(kernel)
    if table is not None and isinstance(table.op, Transpose):
        return Last(node, x, table.inputs[0], transposed=True)  # pyright: ignore[reportArgumentType]
    return Last(node, x, kernel)  # pyright: ignore[reportArgumentType]
