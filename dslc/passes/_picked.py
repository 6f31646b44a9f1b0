"""Cross-entropy as an author writes it out: logarithms of shares, and of these the one of the target."""

from dslc.ops.activation.log_softmax import LogSoftmax
from dslc.ops.activation.softmax import Softmax
from dslc.ops.pointwise.log import Log
from dslc.ops.reduce.base import Reduction
from dslc.ops.reduce.logsumexp import Logsumexp
from dslc.ops.reduce.mean import Mean
from dslc.ops.reduce.sum import Sum
from dslc.ops.shape.gather import Gather
from dslc.ops.shape.one_hot import OneHot
from dslc.passes._match import Call, Either, Hole, Pattern, call
from dslc.types import Type

x, target = Hole("x"), Hole("target")
Types = tuple[Type | None, ...]


def _last(op: LogSoftmax | Softmax | Gather, types: Types) -> bool:
    return types[0] is not None and op.axis % types[0].rank == types[0].rank - 1


def _row_sum(op: Reduction, types: Types) -> bool:
    return types[0] is not None and not op.keep and op.axes(types[0].rank) == (types[0].rank - 1,)


def _whole(op: Reduction, types: Types) -> bool:
    return types[0] is not None and len(op.axes(types[0].rank)) == types[0].rank and not op.keep


LOGARITHMS = Call(LogSoftmax, (x,), _last)
PICKED = Either(
    (
        Call(Gather, (LOGARITHMS, target), _last),
        call(Log, Call(Gather, (Call(Softmax, (x,), _last), target), _last)),
        Call(Gather, (x, target), _last) - Call(Logsumexp, (x,), _row_sum),
    )
)
ONE_HOT = Call(Sum, (call(OneHot, target) * LOGARITHMS,), _row_sum)
SOFT = Call(Sum, (Hole("wanted") * LOGARITHMS,), _row_sum)


def reductions(rows: Pattern, negative: Pattern | None = None) -> tuple[Pattern, Pattern, Pattern]:
    """The negative mean, the negative sum, and the negative of each row, for which there may be other ways to write it."""
    negative = negative or -rows
    mean, sum = (Either((-Call(op, (rows,), _whole), Call(op, (negative,), _whole))) for op in (Mean, Sum))
    return mean, sum, negative


REDUCE = ("mean", "sum", "none")
FORMS = (*reductions(PICKED), *reductions(ONE_HOT), *reductions(SOFT))
