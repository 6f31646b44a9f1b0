"""The float width of sums, statistics and exponentials: at least 32 bits, since 16 would lose most of their digits."""

from typing import Any

from dslc.lazy import jnp


def wide(dtype: str) -> str:
    """The dtype (of the language) that is computed in for a float dtype."""
    return "f32" if dtype in ("f16", "bf16") else dtype


def widened(x: Any) -> Any:
    """The array in that dtype."""
    return x.astype(jnp.float32) if x.dtype in (jnp.float16, jnp.bfloat16) else x
