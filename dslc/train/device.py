"""Where programs run, and where the compiled ones are kept for the next run."""

import os

from dslc.cache import folder
from dslc.lazy import jax

CACHE = "jax_compilation_cache_dir"
FLAGS = "XLA_FLAGS"
REPEATING = "--xla_gpu_deterministic_ops=true"
"""Leaves out on GPUs what adds in the order in which threads come, and kernels chosen by their time in this process."""


def repeat_exactly() -> None:
    """Have programs give the same bits in every run on this machine; to be called before JAX looks for devices.

    XLA's programs for CPUs do so by themselves: each sum has its order, whichever thread works on it.
    """
    flags = os.environ.get(FLAGS, "").split()
    if REPEATING not in flags:
        os.environ[FLAGS] = " ".join((*flags, REPEATING))


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
