"""The sum along axes."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops._wide import to_sum
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.reduce.base import Reduction
from dslc.types import Type


@op
class Sum(Reduction):
    """Sum along axes; of bools, how many are true.

    Shapes: `[..., n]` to `[...]`, or to `[..., 1]` with `keep`.
    """

    axis: int | tuple[int, ...] | None = None
    keep: bool = False
    aliases = ("ReduceSum",)
    linear = True
    precision = "full"
    samples = (
        Sample("sum", ("[batch, 3]",), "[]"),
        Sample("sum(axis = [0, -1])", ("[batch, seq, 3]",), "[seq]"),
        Sample("sum(axis = -1, keep = true)", ("[batch, 3]",), "[batch, 1]"),
        Sample("sum(0)", ("i32[2, 2]",), "i32[2]", given=([[1, 2], [3, 5]],), gives=[4, 7], source="worked by hand"),
        Sample("sum", ("bool[3]",), "i32[]", given=([True, False, True],), gives=2, source="worked by hand"),
        Refused("sum(axis = 2)", ("[batch, 3]",), "outside"),
        Refused("sum(axis = [1, -1])", ("[batch, 3]",), "twice"),
    )

    def infer(self, x: Type) -> Type:
        out = super().infer(x)
        return out.with_dtype("i32") if x.dtype == "bool" else out

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return to_sum(x).sum(self.axes(x.ndim), keepdims=self.keep, dtype=jnp.int32 if x.dtype == bool else x.dtype)
