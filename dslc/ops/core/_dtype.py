"""The dtype of an array that is made for a type, in programs whose arrays are wider than their types say."""

from collections.abc import Iterable
from typing import Any

from dslc.lazy import jnp
from dslc.types import JAX_DTYPES, Type


def dtype_for(type: Type, known: Iterable[tuple[Type | None, Any]]) -> Any:
    """Dtype for a type, from known types and their arrays: a model of f32 that is given float64 runs in float64."""
    if type.dtype == "f32" and any(
        declared is not None and declared.dtype == "f32" and array.dtype == jnp.float64 for declared, array in known
    ):
        return jnp.dtype("float64")
    return jnp.dtype(JAX_DTYPES[type.dtype])
