"""Which of several ways to compute something fits the device: chosen for the one that the program is compiled for.

A program that is compiled here runs here, so the choice is made while it is traced, and costs nothing. One that is exported
for several platforms holds all their ways, and chooses where it runs.
"""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from dslc.lazy import jax, lax

GPUS = ("cuda", "rocm")
_TARGETS: ContextVar[tuple[str, ...]] = ContextVar("targets", default=())


@contextmanager
def targets(*platforms: str) -> Generator[None]:
    """What is traced inside is meant for these platforms, in place of that of this machine."""
    token = _TARGETS.set(platforms)
    try:
        yield
    finally:
        _TARGETS.reset(token)


def by_platform(*arrays: Any, default: Callable[..., Any], **ways: Callable[..., Any]) -> Any:
    """What the way that fits the platform makes of the arrays.

    Args:
        ways: functions by platform: `cpu`, `cuda`, `rocm`, `tpu`, or `gpu` for both kinds of GPU.
    """
    if "gpu" in ways:
        ways = {**dict.fromkeys(GPUS, ways["gpu"]), **{name: way for name, way in ways.items() if name != "gpu"}}
    wanted = platforms()
    chosen = {name: ways.get(name, default) for name in wanted}
    if len(set(chosen.values())) == 1:
        return chosen[wanted[0]](*arrays)
    return lax.platform_dependent(*arrays, default=default, **{name: ways[name] for name in wanted if name in ways})


def local_cuda() -> float | None:
    """Compute capability of the CUDA device that the program is compiled on and for; None: it is for others."""
    if _TARGETS.get() or _here() != ("cuda",):
        return None
    return float(jax.devices()[0].compute_capability)


def platforms() -> tuple[str, ...]:
    """The platforms that the program is for."""
    return _TARGETS.get() or _here()


def known_platforms() -> tuple[str, ...]:
    """The same where JAX runs already; a stage that needs no device starts none, and takes it for a CPU."""
    return _TARGETS.get() or (_here() if "jax" in sys.modules else ("cpu",))


def _here() -> tuple[str, ...]:
    """The platform of this machine."""
    backend = jax.default_backend()
    if backend != "gpu":
        return (backend,)
    return ("rocm",) if "rocm" in jax.devices()[0].client.platform_version.lower() else ("cuda",)
