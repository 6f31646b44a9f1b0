"""The speeds of this machine, measured once in a second or two and kept in the user's cache folder by kind of device."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import log
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from dslc.cache import folder
from dslc.lazy import jax, jnp, lax
from dslc.ops.base import OPS, Context
from dslc.types import Type

VERSION = 3
PRODUCTS = (16, 64, 256, 1024)
"""Units of the dense layers whose products are timed."""
ROWS = 256
CHANNELS = 16
CURVED = 12.0
"""Operations that a tanh counts for."""
ARRAYS = (2**16, 2**21, 2**25)
"""Bytes of the arrays that are read and written."""
ROUNDS = 5
SPELL = 0.02
"""Seconds that a measurement takes, about."""
SMALL = 8


@dataclass(frozen=True)
class Speeds:
    """Operations, bytes and seconds."""

    products: tuple[tuple[float, float], ...]
    """Operations of a product, and how many a second."""
    arrays: tuple[tuple[float, float], ...]
    """Bytes of an array, and bytes a second that an elementwise loop reads and writes."""
    elementwise: float
    """Operations a second of an elementwise loop."""
    convolution: float
    """Operations a second of a 3 x 3 convolution of 16 channels, with its gradients."""
    start: float
    """Seconds to start a kernel inside of a program."""

    def product(self, flops: float) -> float:
        return between(self.products, max(flops, 1))

    def bandwidth(self, size: float) -> float:
        return between(self.arrays, max(size, 1))


def between(points: tuple[tuple[float, float], ...], at: float) -> float:
    """A value between measured ones, by the logarithm of the size; the outermost ones hold beyond them."""
    if at <= points[0][0]:
        return points[0][1]
    for (low, first), (high, second) in pairwise(points):
        if at <= high:
            return first + (second - first) * log(at / low) / log(high / low)
    return points[-1][1]


def known() -> Speeds | None:
    """The speeds that the cache folder has for the device that was measured last; JAX is not needed."""
    place = folder("speeds")
    found = sorted(place.glob("*.json"), key=lambda file: file.stat().st_mtime) if place else []
    return _read(found[-1]) if found else None


def speeds() -> Speeds:
    """The speeds of the device that programs run on: from the cache folder, else measured now."""
    device = jax.devices()[0]
    place = folder("speeds")
    file = None if place is None else place / _name(f"{device.platform} {device.device_kind}")
    found = _read(file) if file else None
    if found is None:
        found = measured()
        if file:
            file.write_text(json.dumps({"version": VERSION, **asdict(found)}), "utf-8")
    return found


def _name(kind: str) -> str:
    return re.sub(r"\W+", "-", kind.lower()) + ".json"


def _read(file: Path) -> Speeds | None:
    try:
        facts = json.loads(file.read_text("utf-8"))
        if facts.pop("version") != VERSION:
            return None
        products, arrays = (tuple((float(a), float(b)) for a, b in facts[name]) for name in ("products", "arrays"))
        return Speeds(products, arrays, *(float(facts[name]) for name in ("elementwise", "convolution", "start")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def measured() -> Speeds:
    """Time products, arrays, convolutions and small kernels, each in a loop inside of one program, as training has them."""
    start = _turn(lambda x: jnp.tanh(x @ x), jnp.full((SMALL, SMALL), 0.1), 1e-6) / 2
    products = tuple(_product(n) for n in PRODUCTS)
    arrays = tuple(_array(size) for size in ARRAYS)
    many = jnp.full(2**19, 0.5)
    curved = _turn(jnp.tanh, many, 1e-3) - 2.0 * many.nbytes / arrays[1][1]
    elementwise = CURVED * many.size / max(curved, 1e-9)
    return Speeds(products, arrays, elementwise, _convolution(), start)


def _product(n: int) -> tuple[float, float]:
    """Operations of the products of a dense layer of a side, forward and both of its gradients, and how many a second."""
    x, w = jnp.ones((ROWS, n)), jnp.eye(n)
    flops = 2.0 * ROWS * n * n

    def layer(carry: Any) -> Any:
        x, w = carry
        y = x @ w
        return y @ w.T, w + 1e-9 * (x.T @ y)

    return flops, 3 * flops / _turn(layer, (x, w), 3 * flops / 5e10)


def _array(size: int) -> tuple[float, float]:
    """Bytes of an array, and bytes a second that are read and written."""
    return float(size), 2.0 * size / _turn(lambda x: x * 0.999 + 0.5, jnp.ones(size // 4), size / 5e9)


def _convolution() -> float:
    """Operations a second of a convolution and its gradients, as the layer has them."""
    kind: Any = OPS["conv"]
    op = kind(CHANNELS, 3, bias=False)
    x, kernel = jnp.ones((32, 16, 16, CHANNELS)), jnp.full((3, 3, CHANNELS, CHANNELS), 1e-2)
    flops = 3 * op.cost(Type(x.shape)).flops

    def layer(carry: Any) -> Any:
        x, kernel = carry
        y, back = jax.vjp(lambda x, k: op.apply({"kernel": k}, x, ctx=Context()), x, kernel)
        by_x, by_kernel = back(y)
        return x + 1e-9 * by_x, kernel + 1e-9 * by_kernel

    return flops / _turn(layer, (x, kernel), flops / 2e10)


def _turn(turn: Callable[[Any], Any], carry: Any, about: float) -> float:
    """Seconds of one turn of a loop: the median of a few calls.

    Args:
        about: seconds that a turn may take: it says how many there are.
    """
    count = max(4, min(4000, int(SPELL / about)))

    def loop(carry: Any) -> Any:
        return lax.fori_loop(0, count, lambda _, carry: turn(carry), carry)

    program = jax.jit(loop).lower(carry).compile()
    jax.block_until_ready(program(carry))
    taken = list[float]()
    for _ in range(ROUNDS):
        begun = perf_counter()
        jax.block_until_ready(program(carry))
        taken.append(perf_counter() - begun)
    return max(median(taken) / count, 1e-10)
