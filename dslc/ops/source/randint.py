"""Random integers."""

from typing import Any

from dslc.dims import Size, less_equal
from dslc.lazy import jax, jnp
from dslc.ops.base import Context, Mismatch, Refused, Sample, op
from dslc.ops.source.base import Source, filled
from dslc.types import Type


@op
class Randint(Source):
    """Random integers from `low` up to below `high`, all equally probable, drawn anew at each step.

    Shapes: nothing to `i32[shape]`.
    """

    shape: tuple[Size, ...]
    low: Size
    high: Size
    aliases = ("RandomIntegers",)
    random = True
    samples = (
        Sample("randint([batch, 3], 0, 10)", (), "i32[batch, 3]"),
        Sample("randint([batch], 0, n)", (), "i32[batch]"),
        Sample("randint([2], 3, 4)", (), "i32[2]", gives=[3, 3], source="by hand: there is only one"),
        Refused("randint([0], 0, 2)", (), "at least 1"),
        Refused("randint([2], 2, 2)", (), "no integer"),
    )

    def infer(self) -> Type:
        if less_equal(self.high, self.low):
            raise Mismatch(
                f"there is no integer from `low = {self.low}` up to below `high = {self.high}`", "`high` is left out"
            )
        return filled(self.shape, "i32")

    def apply(self, weights: Any, *, ctx: Context) -> Any:
        key: Any = ctx.key
        shape: Any = self.shape
        return jax.random.randint(key, shape, self.low, self.high, jnp.int32)  # pyright: ignore[reportArgumentType]
