"""Finds cross-entropy where softmax, logarithm and the choice of the target are written out."""

from dataclasses import dataclass

from dslc.dims import same
from dslc.graph import Graph, Node, Ref
from dslc.ops._wide import wide
from dslc.ops.arithmetic.add import Add
from dslc.ops.arithmetic.divide import Divide
from dslc.ops.arithmetic.greater_equal import GreaterEqual
from dslc.ops.arithmetic.less import Less
from dslc.ops.base import Op, elements
from dslc.ops.core.constant import Constant
from dslc.ops.loss.cross_entropy import CrossEntropy
from dslc.ops.reduce.mean import Mean
from dslc.ops.shape.cast import Cast
from dslc.ops.shape.where import Where
from dslc.passes._edit import Edit
from dslc.passes._match import Found, become, recognized
from dslc.passes._picked import FORMS, REDUCE
from dslc.passes.base import Fact, Optimization, Refused, Rewritten, Sample, optimization
from dslc.types import Type


@dataclass(frozen=True)
class Narrow(Fact):
    """A loss in a dtype of few bits, which the op does not give."""

    dtype: str

    def __str__(self) -> str:
        return f"the loss is {self.dtype}, and that of the op {wide(self.dtype)}"


@dataclass(frozen=True)
class Mixed(Fact):
    """Targets that do not stand for the rows of the logits one by one."""

    logits: Type
    target: Type

    def __str__(self) -> str:
        return f"the targets {self.target} are neither numbers of known classes nor shares, one for each row of {self.logits}"


@optimization
class RecognizeCrossEntropy(Optimization):
    """Replaces the cross-entropy of logits, written out, by the op.

    Before: `-mean(log(softmax(x))[target])`, with `gather`, with `one_hot`, or with shares as targets; the sum, or a loss for
    each row
    After: `cross_entropy(x, target)`
    Saves: the logarithms of all shares: the loss takes the sum of a row and one logit, and its gradient is one expression. A
    loss that is recognized can be worked out in chunks by `fuse_linear_cross_entropy`.
    Refuses: logarithms that something else reads; losses of fewer than 32 bits. Class numbers below zero count from the end
    with `gather`, and give no loss with `one_hot`: so they do afterwards.
    """

    claim = "time"
    after = ("drop_identities", "share_equal_nodes", "recognize_softmax", "merge_log_softmax")
    samples = (
        Sample(
            """graph gathered {
                 x = input("f32", (batch, 5))
                 target = input("i32", (batch,))
                 log = log_softmax() x
                 picked = gather(-1) log, target
                 negative = negative() picked
                 loss = mean() negative
                 output loss
               }""",
            """graph gathered {
                 x = input("f32", (batch, 5))
                 target = input("i32", (batch,))
                 loss.zero = constant(0, "i32")                   path loss
                 loss.classes = constant(5, "i32")                path loss
                 loss.below = less() target, loss.zero            path loss
                 loss.from_end = add() target, loss.classes       path loss
                 loss.label = where() loss.below, loss.from_end, target  path loss
                 loss = cross_entropy() x, loss.label, none
                 output loss
               }""",
        ),
        Sample(
            """graph one_hot {
                 x = input("f32", (4, 6, 5))
                 target = input("i32", (4, 6))
                 log = log_softmax() x
                 unit = one_hot(5) target
                 each = multiply() unit, log
                 row = sum(-1) each
                 mean = mean() row
                 loss = negative() mean
                 output loss
               }""",
            """graph one_hot {
                 x = input("f32", (4, 6, 5))
                 target = input("i32", (4, 6))
                 loss.zero = constant(0, "i32")                          path loss
                 loss.classes = constant(5, "i32")                       path loss
                 loss.from_zero = greater_equal() target, loss.zero      path loss
                 loss.up_to = less() target, loss.classes                path loss
                 loss.no = constant(false, "bool")                       path loss
                 loss.known = where() loss.from_zero, loss.up_to, loss.no  path loss
                 loss.label = where() loss.known, target, loss.zero      path loss
                 loss.counts = cast("f32") loss.known                    path loss
                 loss.sum = cross_entropy(reduce = "sum") x, loss.label, loss.counts  path loss
                 loss.rows = constant(24.0)                              path loss
                 loss = divide() loss.sum, loss.rows
                 output loss
               }""",
        ),
        Sample(
            """graph shares_as_targets {
                 x = input("f32", (batch, 5))
                 target = input("f32", (batch, 5))
                 log = log_softmax() x
                 each = multiply() target, log
                 row = sum(-1) each
                 y = negative() row
                 output y
               }""",
            """graph shares_as_targets {
                 x = input("f32", (batch, 5))
                 target = input("f32", (batch, 5))
                 y = cross_entropy(reduce = "none") x, target, none
                 output y
               }""",
        ),
        Refused(
            """graph entropy_as_well {
                 x = input("f32", (batch, 5))
                 target = input("i32", (batch,))
                 log = log_softmax() x
                 picked = gather(-1) log, target
                 negative = negative() picked
                 loss = mean() negative
                 norm = mean() log
                 output loss
                 output norm
               }""",
            "`log` is read by `norm` as well",
        ),
        Refused(
            """graph half {
                 x = input("bf16", (batch, 5))
                 target = input("i32", (batch,))
                 log = log_softmax() x
                 picked = gather(-1) log, target
                 loss = negative() picked
                 output loss
               }""",
            "the loss is bf16, and that of the op f32",
        ),
    )
    case = """graph one_hot {
                  h = input("f32", (512, 64))
                  target = input("i32", (512,))
                  w = parameter((64, 4096))
                  x = matmul() h, w
                  log = log_softmax() x
                  unit = one_hot(4096) target
                  each = multiply() unit, log
                  row = sum(-1) each
                  mean = mean() row
                  loss = negative() mean
                  output loss
                }"""

    def run(self, graph: Graph) -> Rewritten:
        edit = Edit(graph)
        for node, form, found in recognized(edit, FORMS):
            fact = _judge(edit, node, form, found)
            if fact is not None:
                edit.refuse(fact, node)
            elif form // 3 == 1:
                _one_hot(edit, node, REDUCE[form % 3], found)
            else:
                picked = form // 3 == 0
                target = _from_end(edit, node, found) if picked else found.refs["wanted"]
                become(edit, node, found, CrossEntropy(reduce=REDUCE[form % 3]), found.refs["x"], target, None)
        return edit.done()


def _judge(edit: Edit, node: Node, form: int, found: Found) -> Fact | None:
    x = edit.type(found.refs["x"])
    if node.type.dtype != wide(x.dtype):
        return Narrow(node.type.dtype)
    target = edit.type(found.refs["wanted" if form // 3 == 2 else "target"])
    wanted = x if form // 3 == 2 else Type(x.shape[:-1], target.dtype)
    known = form // 3 == 2 or (isinstance(x.shape[-1], int) and _classes(edit, found, x.shape[-1]))
    if not known or x.shape[-1] == 1 or target != wanted:
        return Mixed(x, target)
    return None


def _classes(edit: Edit, found: Found, classes: int) -> bool:
    """Whether unit vectors have as many entries as there are classes."""
    sizes = [getattr(edit[name].op, "n", classes) for name in found.inner]
    return all(same(size, classes) for size in sizes)


def _numbers(edit: Edit, node: Node, found: Found) -> tuple[Ref, Ref, Ref]:
    """Targets in a dtype that holds every class number, the first class number, and the number of classes."""
    target = found.refs["target"]
    if edit.type(target).dtype not in ("i32", "i64"):
        target = edit.put(node, f"{node.name}.number", Cast("i32"), target)
    dtype, classes = edit.type(target).dtype, edit.type(found.refs["x"]).shape[-1]
    assert isinstance(classes, int)
    zero = edit.put(node, f"{node.name}.zero", Constant(0, dtype))
    return target, zero, edit.put(node, f"{node.name}.classes", Constant(classes, dtype))


def _from_end(edit: Edit, node: Node, found: Found) -> Ref:
    """The class numbers with those below zero counted from the end."""
    target, zero, classes = _numbers(edit, node, found)
    below = edit.put(node, f"{node.name}.below", Less(), target, zero)
    moved = edit.put(node, f"{node.name}.from_end", Add(), target, classes)
    return edit.put(node, f"{node.name}.label", Where(), below, moved, target)


def _one_hot(edit: Edit, node: Node, reduce: str, found: Found) -> None:
    """A loss that is zero where the number is none of a class, as the product with a vector of zeros is."""
    x = found.refs["x"]
    target, zero, classes = _numbers(edit, node, found)
    least = edit.put(node, f"{node.name}.from_zero", GreaterEqual(), target, zero)
    most = edit.put(node, f"{node.name}.up_to", Less(), target, classes)
    no = edit.put(node, f"{node.name}.no", Constant(value=False, dtype="bool"))
    known = edit.put(node, f"{node.name}.known", Where(), least, most, no)
    label = edit.put(node, f"{node.name}.label", Where(), known, target, zero)
    counts = edit.put(node, f"{node.name}.counts", Cast(edit.type(x).dtype), known)
    if reduce != "mean":
        become(edit, node, found, CrossEntropy(reduce="sum" if reduce == "sum" else "none"), x, label, counts)
        return
    op, *inputs = _mean(edit, node, x, label, counts)
    become(edit, node, found, op, *inputs, named="cross_entropy")


def _mean(edit: Edit, node: Node, x: Ref, label: Ref, counts: Ref) -> tuple[Op, Ref] | tuple[Op, Ref, Ref]:
    """The mean over all rows, also those that give no loss."""
    rows = Type(edit.type(x).shape[:-1])
    if not all(isinstance(size, int) for size in rows.shape):
        return Mean(), edit.put(node, f"{node.name}.each", CrossEntropy(reduce="none"), x, label, counts)
    total = edit.put(node, f"{node.name}.sum", CrossEntropy(reduce="sum"), x, label, counts)
    return Divide(), total, edit.put(node, f"{node.name}.rows", Constant(float(elements([rows]))))
