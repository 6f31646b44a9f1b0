"""JAX as strict as it can be, for every test; 64 bits only where a test asks for them."""

from collections.abc import Iterator

import jax
import pytest

# A wrong mix of dtypes or ranks in an op is an error here, and not a conversion that nobody sees.
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def float64() -> Iterator[None]:
    """JAX with 64-bit floats for one test."""
    with jax.enable_x64(True):
        yield
