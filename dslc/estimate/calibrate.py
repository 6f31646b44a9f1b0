"""Measures the speeds of the device that programs run on, in about a second."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter, time
from typing import Any

from dslc.estimate.others import Others
from dslc.estimate.speeds import Speeds, file_of, keep, merged, read
from dslc.lazy import jax, jnp, lax
from dslc.ops.base import OPS, Context
from dslc.types import Type

PRODUCTS = (16, 64, 256, 1024)
"""Units of the dense layers whose products are timed."""
ROWS = 256
CHANNELS = 16
CURVED = 12.0
"""Operations that a tanh counts for."""
ARRAYS = (2**16, 2**21, 2**25)
"""Bytes of the arrays that are read and written."""
ROUNDS = 7
SPELL = 0.006
"""Seconds that a measurement takes in a round, about: a spell that other work may well leave alone."""
SMALL = 8
LOADED = 0.1
"""Share of the cores that others may use before the machine counts as busy."""
SPREAD = 1.3
"""How much longer than the shortest the middle round of most measurements may take on a quiet machine."""


def speeds() -> Speeds:
    """The speeds of the device that programs run on: from the cache folder, measured where that has none or old ones.

    What is measured on a quiet machine takes the place of old speeds. Of a busy one the better of both are kept.
    """
    device = jax.devices()[0]
    file = file_of(f"{device.platform} {device.device_kind}")
    before = read(file) if file else None
    if before is not None and not before.is_old:
        return before
    found = measured()
    if before is not None and (before.busy or found.busy):
        found = merged(before, found)
    if file:
        keep(file, found)
    return found


@dataclass
class Turns:
    """A compiled loop, and how long it took in each round."""

    program: Callable[[Any], Any]
    carry: Any
    count: int
    taken: list[float] = field(default_factory=list[float])

    @classmethod
    def of(cls, turn: Callable[[Any], Any], carry: Any, about: float) -> "Turns":
        """A loop of a turn that takes about so many seconds."""
        count = max(4, min(4000, int(SPELL / about)))

        def loop(carry: Any) -> Any:
            return lax.fori_loop(0, count, lambda _, carry: turn(carry), carry)

        made = cls(jax.jit(loop).lower(carry).compile(), carry, count)
        jax.block_until_ready(made.program(carry))
        return made

    def run(self) -> None:
        begun = perf_counter()
        jax.block_until_ready(self.program(self.carry))
        self.taken.append(perf_counter() - begun)

    @property
    def seconds(self) -> float:
        """Of a turn, in the best round: other work on the machine adds to a time and never takes from it."""
        return max(min(self.taken) / self.count, 1e-10)


def measured() -> Speeds:
    """Time products, arrays, convolutions and small kernels, each in a loop inside of one program, as training has them."""
    start = Turns.of(lambda x: jnp.tanh(x @ x), jnp.full((SMALL, SMALL), 0.1), 1e-6)
    products = {2.0 * ROWS * n * n: _product(n) for n in PRODUCTS}
    arrays = {size: _array(size) for size in ARRAYS}
    many = jnp.full(2**19, 0.5)
    curved, (convolution, flops) = Turns.of(jnp.tanh, many, 1e-3), _convolution()
    everything = (start, *products.values(), *arrays.values(), curved, convolution)
    # A spell of other work then spoils a round of several measurements, and not all rounds of one.
    with Others() as others:
        for _ in range(ROUNDS):
            for one in everything:
                one.run()
    rates = tuple((float(size), 2.0 * size / one.seconds) for size, one in arrays.items())
    return Speeds(
        products=tuple((flops, 3 * flops / one.seconds) for flops, one in products.items()),
        arrays=rates,
        elementwise=CURVED * many.size / max(curved.seconds - 2.0 * many.nbytes / rates[1][1], 1e-9),
        convolution=flops / convolution.seconds,
        start=start.seconds / 2,
        taken=time(),
        busy=others.share > LOADED or spread(one.taken for one in everything) > SPREAD,
    )


def spread(rounds: Iterable[Sequence[float]]) -> float:
    """How much longer than the shortest the middle round takes, in the middle of all measurements."""
    return median(median(taken) / min(taken) for taken in rounds)


def _product(n: int) -> Turns:
    """The products of a dense layer of a side, forward and both of its gradients."""

    def layer(carry: Any) -> Any:
        x, w = carry
        y = x @ w
        return y @ w.T, w + 1e-9 * (x.T @ y)

    return Turns.of(layer, (jnp.ones((ROWS, n)), jnp.eye(n)), 6.0 * ROWS * n * n / 5e10)


def _array(size: int) -> Turns:
    """An array that is read and written."""
    return Turns.of(lambda x: x * 0.999 + 0.5, jnp.ones(size // 4), size / 5e9)


def _convolution() -> tuple[Turns, float]:
    """A convolution and its gradients, as the layer has them; and their operations."""
    kind: Any = OPS["conv"]
    op = kind(CHANNELS, 3, bias=False)
    x, kernel = jnp.ones((32, 16, 16, CHANNELS)), jnp.full((3, 3, CHANNELS, CHANNELS), 1e-2)
    flops = 3 * op.cost(Type(x.shape)).flops

    def layer(carry: Any) -> Any:
        x, kernel = carry
        y, back = jax.vjp(lambda x, k: op.apply({"kernel": k}, x, ctx=Context()), x, kernel)
        by_x, by_kernel = back(y)
        return x + 1e-9 * by_x, kernel + 1e-9 * by_kernel

    return Turns.of(layer, (x, kernel), flops / 2e10), flops
