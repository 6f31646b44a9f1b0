"""Another dtype."""

from typing import Any

from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, moved, op
from dslc.types import DTYPES, JAX_DTYPES, Type


@op
class Cast(Op):
    """The same values in another dtype; floats that become integers are cut towards zero.

    Shapes: `[...]` to `dtype[...]`.
    """

    dtype: str
    aliases = ("AsType", "To")
    elementwise = True
    transparent = True
    linear = True
    precision = "own"
    samples = (
        Sample('cast("f32")', ("bool[batch, 3]",), "[batch, 3]"),
        Sample('cast("bf16")', ("[batch, 3]",), "bf16[batch, 3]"),
        Sample('cast("i32")', ("[3]",), "i32[3]", given=([1.9, -1.9, 0.0],), gives=[1, -1, 0], source="worked by hand"),
        Sample('cast("f32")', ("bool[2]",), "[2]", given=([True, False],), gives=[1.0, 0.0], source="worked by hand"),
        Refused('cast("float")', ("[batch]",), "float"),
    )

    def infer(self, x: Type) -> Type:
        if self.dtype not in DTYPES:
            raise Mismatch(f'there is no dtype "{self.dtype}"', f"use one of {', '.join(DTYPES)}")
        return x.with_dtype(self.dtype)

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return x.astype(JAX_DTYPES[self.dtype])

    def cost(self, x: Type) -> Cost:
        return Cost(0, moved(x, self.infer(x)))
