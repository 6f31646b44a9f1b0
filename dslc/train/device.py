"""Where programs run, and where the compiled ones are kept for the next run."""

from dslc.cache import folder
from dslc.lazy import jax

CACHE = "jax_compilation_cache_dir"


def prepare(device: str | None = None) -> None:
    """Choose the kind of device (`cpu`, `gpu`, `tpu`; None: the best there is) and turn on XLA's cache of programs.

    A cache folder that the user has set up for JAX is left as it is.
    """
    if device is not None:
        jax.config.update("jax_platforms", {"gpu": "cuda,rocm"}.get(device, device))
    place = folder("xla")
    if place is None or jax.config.values[CACHE]:
        return
    jax.config.update(CACHE, str(place))
    # By default programs that compile in less than a second are not kept: here they are most of them.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
