"""A tensor of one number."""

from typing import Any

from dslc.dims import Size
from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.source.base import Source, filled
from dslc.types import JAX_DTYPES, Type


@op
class Full(Source):
    """Tensor of one number: f32 for a float, i32 for an int.

    Shapes: nothing to `[shape]`.
    """

    shape: tuple[Size, ...]
    value: int | float
    numbers = ("value",)
    aliases = ("Fill", "ConstantTensor")
    samples = (
        Sample("full([batch, 3], 0.5)", (), "[batch, 3]"),
        Sample("full([2, 1], 7)", (), "i32[2, 1]", gives=[[7], [7]], source="worked by hand"),
        Sample("full([2], 2.5)", (), "[2]", gives=[2.5, 2.5], source="worked by hand"),
        Refused("full([-1], 0.5)", (), "at least 1"),
    )

    def infer(self) -> Type:
        return filled(self.shape, "i32" if isinstance(self.value, int) else "f32")

    def apply(self, weights: Any, *, ctx: Context) -> Any:
        if hasattr(self.value, "dtype"):  # another number in each iteration of a repeat: an array
            return jnp.broadcast_to(self.value, self.shape)
        return jnp.full(self.shape, self.value, JAX_DTYPES[self.infer().dtype])
