"""Integers counted up."""

from typing import Any

from dslc.dims import Size
from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.source.base import Source, filled
from dslc.types import Type


@op
class Range(Source):
    """Integers from 0 to `n - 1`.

    Shapes: nothing to `i32[n]`.
    """

    n: Size
    aliases = ("Arange", "Iota")
    samples = (
        Sample("range(batch)", (), "i32[batch]"),
        Sample("range(4)", (), "i32[4]", gives=[0, 1, 2, 3], source="worked by hand"),
        Refused("range(0)", (), "at least 1"),
    )

    def infer(self) -> Type:
        return filled((self.n,), "i32")

    def apply(self, weights: Any, *, ctx: Context) -> Any:
        return jnp.arange(self.n, dtype=jnp.int32)
