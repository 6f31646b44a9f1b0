"""The speeds of this machine, measured once in a second or two and kept in the user's cache folder by kind of device."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from dslc.cache import folder
from dslc.lazy import jax, jnp, lax

VERSION = 1
PRODUCTS = (32, 128, 512, 1024)
"""Sides of the square matrices whose products are timed."""
ARRAYS = (2**16, 2**21, 2**25)
"""Bytes of the arrays that are read and written."""
ROUNDS = 5
LOOPS = 200
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
    """Operations a second of a 3 x 3 convolution of 32 channels."""
    start: float
    """Seconds to start a kernel inside of a program."""

    def product(self, flops: float) -> float:
        from dslc.estimate.time import between  # noqa: PLC0415  # the two know each other

        return between(self.products, max(flops, 1))

    def bandwidth(self, size: float) -> float:
        from dslc.estimate.time import between  # noqa: PLC0415

        return between(self.arrays, max(size, 1))


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
    """Time products, arrays, a convolution and small kernels."""
    start = _seconds(_kernels, jnp.ones((SMALL, SMALL))) / (2 * LOOPS)
    products = tuple((2.0 * n**3, 2.0 * n**3 / max(_seconds(_product, _square(n)) - start, 1e-9)) for n in PRODUCTS)
    arrays = tuple((float(size), 2.0 * size / max(_seconds(_copied, _line(size)) - start, 1e-9)) for size in ARRAYS)
    many = _line(2**21)
    elementwise = 12.0 * many.size / _seconds(_curved, many)
    picture, kernel = jnp.ones((32, 16, 16, 32)), jnp.ones((3, 3, 32, 32))
    convolution = 2.0 * 9 * 32 * picture.size / _seconds(partial(_convolved, kernel), picture)
    return Speeds(products, arrays, elementwise, convolution, start)


def _square(n: int) -> Any:
    return jnp.ones((n, n))


def _line(size: int) -> Any:
    return jnp.ones(size // 4)


def _product(x: Any) -> Any:
    return x @ x


def _copied(x: Any) -> Any:
    return x * 1.5 + 0.5


def _curved(x: Any) -> Any:
    """About a dozen operations for each element."""
    return jnp.tanh(x)


def _convolved(kernel: Any, x: Any) -> Any:
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _kernels(x: Any) -> Any:
    """Two small kernels in each turn of a loop."""
    return lax.fori_loop(0, LOOPS, lambda _, x: jnp.tanh(x @ x), x)


def _seconds(run: Callable[[Any], Any], x: Any) -> float:
    """The best of a few calls of the compiled function, the time to call it taken off."""
    program = jax.jit(run).lower(x).compile()
    nothing = jax.jit(lambda x: x + 1).lower(jnp.zeros(())).compile()
    one = jnp.zeros(())
    best, idle = float("inf"), float("inf")
    jax.block_until_ready(program(x))
    for _ in range(ROUNDS):
        begun = perf_counter()
        jax.block_until_ready(program(x))
        between = perf_counter()
        jax.block_until_ready(nothing(one))
        best, idle = min(best, between - begun), min(idle, perf_counter() - between)
    return max(best - idle, 1e-7)
