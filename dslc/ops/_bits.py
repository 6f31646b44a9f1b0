"""Loops over 16-bit floats on CPUs, which have no such floats.

XLA for CPUs widens what it updates or slices: of a stack of tensors that a loop writes one by one it converts the whole stack to
float32 and back in every iteration. As plain bits the tensors keep half of the memory, and each is widened by itself.
No derivative goes through bits, so they are used where none is asked of JAX: in a training loop, whose backward pass is a graph.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from dslc.lazy import jax, jnp, lax
from dslc.ops._platform import by_platform

_AS_BITS: ContextVar[bool] = ContextVar("as_bits", default=False)


@contextmanager
def never_differentiated() -> Generator[None]:
    """JAX takes no derivative of what is traced inside."""
    token = _AS_BITS.set(True)
    try:
        yield
    finally:
        _AS_BITS.reset(token)


@contextmanager
def differentiated() -> Generator[None]:
    """JAX does take derivatives of what is traced inside."""
    token = _AS_BITS.set(False)
    try:
        yield
    finally:
        _AS_BITS.reset(token)


def is_never_differentiated() -> bool:
    return _AS_BITS.get()


def scan(
    step: Callable[[Any, Any], tuple[Any, Any]], carry: Any, rows: Any, length: int | None = None, reverse: bool = False
) -> tuple[Any, Any]:
    """`lax.scan`, with 16-bit rows as bits where that is faster."""
    on_cpu = by_platform(default=lambda: False, cpu=lambda: True) if _AS_BITS.get() else False
    if on_cpu is not True:
        return lax.scan(step, carry, rows, length, reverse)
    kinds: list[Any] = []

    def in_bits(carry: Any, packed: Any) -> tuple[Any, Any]:
        carry, made = step(carry, _unpacked(packed, kinds_of_rows))
        kinds[:] = [_kinds(made)]
        return carry, _packed(made)

    kinds_of_rows = _kinds(rows)
    carry, found = lax.scan(in_bits, carry, _packed(rows), length, reverse)
    return carry, _unpacked(found, kinds[0])


def _is_short(array: Any) -> bool:
    return array.dtype in (jnp.bfloat16, jnp.float16)


def _kinds(tree: Any) -> Any:
    return jax.tree.map(lambda array: array.dtype, tree)


def _packed(tree: Any) -> Any:
    return jax.tree.map(lambda array: lax.bitcast_convert_type(array, jnp.uint16) if _is_short(array) else array, tree)


def _unpacked(tree: Any, kinds: Any) -> Any:
    return jax.tree.map(
        lambda array, kind: array if array.dtype == kind else lax.bitcast_convert_type(array, kind), tree, kinds
    )
