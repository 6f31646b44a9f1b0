"""JAX and its kin, imported at first use: `dslc check` and `--help` never load them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax
    from jax import lax
else:

    class _Lazy:
        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, attribute: str) -> Any:
            module = import_module(self._name)
            self.__dict__.update(vars(module))
            return getattr(module, attribute)

    jax, jnp, lax = _Lazy("jax"), _Lazy("jax.numpy"), _Lazy("jax.lax")
    np, optax = _Lazy("numpy"), _Lazy("optax")

__all__ = ["jax", "jnp", "lax", "np", "optax"]
