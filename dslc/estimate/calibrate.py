"""Measures the speeds of the device that programs run on, in about a second."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from math import log2, prod
from statistics import median
from time import perf_counter, time
from typing import Any

from dslc.estimate.others import Others
from dslc.estimate.speeds import Speeds, file_of, keep, merged, read
from dslc.lazy import jax, jnp, lax, np
from dslc.ops.base import OPS, Context
from dslc.types import Type

PRODUCTS = (16, 64, 256, 1024)
"""Units of the dense layers whose products are timed."""
ROWS = 256
PAIRS = ((17, 8, 256), (64, 32, 48))
"""Small matrices: rows, columns, and how many of them are multiplied at once, as attention does."""
HEADS = 4
ATTENDED = ((17, 8, 256), (64, 32, 48))
"""Heads of attention: positions, width, and how many there are."""
ALONG, ACROSS = ((1024, 32), (256, 256)), (4096, 16)
"""Rows and columns that norms are timed with, along the rows and across them."""
CHANNELS = ((4, 32), (16, 32), (64, 8))
"""Of the convolutions that are timed, and how many pictures."""
SIDE = 16
TABLE, WIDTH, TAKEN = 4096, 256, 256
"""Rows of a table and their length, and how many are taken; rows that are sorted, too."""
CURVED = 12.0
"""Operations that a tanh counts for."""
MANY = 2**19
"""Numbers of the array that it is timed with."""
ODD = 2_654_435_761
"""Times a number, it has other bits in front."""
ARRAYS = (2**16, 2**21, 2**25)
"""Bytes of the arrays that are read and written."""
ROUNDS = 7
COMPILERS = 2
"""Programs that are compiled at the same time."""
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
        count = max(2, min(4000, int(SPELL / about)))
        carry = jax.device_put(carry)

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
    made: dict[Any, Callable[[], Turns]] = {
        "start": lambda: Turns.of(lambda x: jnp.tanh(x @ x), _full(SMALL, SMALL), 1e-6),
        "curved": lambda: Turns.of(jnp.tanh, _full(MANY), 1e-3),
        "gathered": _gathered,
        "sorted": _sorted,
        **{("product", n): partial(_product, n) for n in PRODUCTS},
        **{("pairs", rows): partial(_pairs, rows, columns, many) for rows, columns, many in PAIRS},
        **{("attention", rows): partial(_attention, rows, columns, many) for rows, columns, many in ATTENDED},
        **{("along", shape): partial(_norm, "layer_norm", shape) for shape in ALONG},
        "across": partial(_norm, "batch_norm", ACROSS),
        **{("array", size): partial(_array, size) for size in ARRAYS},
        **{("convolution", channels): partial(_convolution, channels, many) for channels, many in CHANNELS},
    }
    with ThreadPoolExecutor(COMPILERS) as pool:
        turns = dict(zip(made, pool.map(lambda make: make(), made.values()), strict=True))
    # A spell of other work then spoils a round of several measurements, and not all rounds of one.
    with Others() as others:
        for _ in range(ROUNDS):
            for one in turns.values():
                one.run()
    seconds = {name: one.seconds for name, one in turns.items()}
    arrays = tuple((float(size), 2.0 * size / seconds["array", size]) for size in ARRAYS)
    products = {n: 2.0 * ROWS * n * n for n in PRODUCTS}
    convolutions = {channels: _work(channels, many) for channels, many in CHANNELS}
    heads = {rows: (_pair(rows, columns), many) for rows, columns, many in ATTENDED}
    return Speeds(
        products=tuple((flops, 3 * flops / seconds["product", n]) for n, flops in products.items()),
        batched=tuple((2.0 * n * n * d, 4.0 * n * n * d * many / seconds["pairs", n]) for n, d, many in PAIRS),
        arrays=arrays,
        elementwise=CURVED * MANY / max(seconds["curved"] - 2.0 * 4 * MANY / arrays[1][1], 1e-9),
        convolutions=tuple((9.0 * n * n, work / seconds["convolution", n]) for n, work in convolutions.items()),
        attention=tuple((flops, 3 * flops * many / seconds["attention", n]) for n, (flops, many) in heads.items()),
        along=tuple((float(shape[1]), prod(shape) / seconds["along", shape]) for shape in ALONG),
        across=prod(ACROSS) / seconds["across"],
        gathered=TAKEN * WIDTH / seconds["gathered"],
        sorted=TABLE * log2(TABLE) / seconds["sorted"],
        start=seconds["start"] / 2,
        taken=time(),
        busy=others.share > LOADED or spread(one.taken for one in turns.values()) > SPREAD,
    )


def spread(rounds: Iterable[Sequence[float]]) -> float:
    """How much longer than the shortest the middle round takes, in the middle of all measurements."""
    return median(median(taken) / min(taken) for taken in rounds)


def _full(*shape: int) -> Any:
    return np.full(shape, 0.1, np.float32)


def _product(n: int) -> Turns:
    """A dense layer of a side, forward and both of its gradients."""
    kind: Any = OPS["dense"]
    op = kind(n, bias=False)

    def layer(carry: Any) -> Any:
        x, w = carry
        y = op.apply({"kernel": w}, x, ctx=Context())
        found = op.backward({"x": x, "kernel": w}, y, Context())
        return found["x"], w + 1e-9 * found["kernel"]

    return Turns.of(layer, (np.ones((ROWS, n), np.float32), np.eye(n, dtype=np.float32)), 6.0 * ROWS * n * n / 5e10)


def _attention(rows: int, columns: int, many: int) -> Turns:
    """Queries, keys and values, and the gradients of all three."""
    kind: Any = OPS["attend"]
    op = kind(HEADS)

    def turn(x: Any) -> Any:
        out, saved = op.apply_saving({}, x, x, x, ctx=Context())
        found = op.backward({"query": x, "key": x, "value": x, **saved}, out, Context())
        return x + 1e-9 * (found["query"] + found["key"] + found["value"])

    return Turns.of(turn, _full(many // HEADS, rows, HEADS * columns), 3 * _pair(rows, columns) * many / 2e10)


def _pair(rows: int, columns: int) -> float:
    """Operations of one head."""
    kind: Any = OPS["attend"]
    x = Type((1, rows, columns))
    return float(kind(1).cost(x, x, x).flops)


def _norm(name: str, shape: tuple[int, int]) -> Turns:
    """A norm and its gradients."""
    kind: Any = OPS[name]
    op, (_, columns) = kind(), shape
    weights = {"scale": np.ones(columns, np.float32), "bias": np.zeros(columns, np.float32)}
    weights |= {name: np.ones(columns, np.float32) for name in op.state(Type(shape))}

    def turn(x: Any) -> Any:
        out, saved = op.apply_saving(weights, x, ctx=Context(training=True))
        found = op.backward({"x": x, **weights, **saved}, x, Context(training=True))
        first = out[0] if isinstance(out, tuple) else out
        return x + 1e-9 * (first + found["x"] + (found["scale"] + found["bias"])[None])

    return Turns.of(turn, _full(*shape), prod(shape) / 1e9)


def _pairs(rows: int, columns: int, many: int) -> Turns:
    """Scores of all rows by all rows, and the sums of rows that they weigh."""

    def turn(x: Any) -> Any:
        return 1e-2 * jnp.matmul(jnp.matmul(x, jnp.swapaxes(x, 1, 2)), x)

    return Turns.of(turn, _full(many, rows, columns), 4.0 * rows * rows * columns * many / 2e10)


def _array(size: int) -> Turns:
    """An array that is read and written."""
    return Turns.of(lambda x: x * 0.999 + 0.5, _full(size // 4), size / 5e9)


def _gathered() -> Turns:
    """Rows of a table of bytes as floats, other ones in each turn."""

    def turn(carry: Any) -> Any:
        table, rows, found = carry
        return table, (rows * 5 + found[0, 0].astype(rows.dtype)) % TABLE, table[rows].astype(found.dtype)

    return Turns.of(
        turn, (np.ones((TABLE, WIDTH), np.uint8), np.arange(TAKEN, dtype=np.int32), _full(TAKEN, WIDTH)), 2e-5
    )


def _sorted() -> Turns:
    """The rows of an epoch in random order."""

    def turn(carry: Any) -> Any:
        keys, rows = carry
        return lax.sort_key_val(keys * jnp.uint32(ODD) ^ (keys >> 7), rows)

    return Turns.of(turn, (np.arange(TABLE, dtype=np.uint32), np.arange(TABLE, dtype=np.int32)), 3e-4)


def _convolution(channels: int, pictures: int) -> Turns:
    """A convolution with its gradients, as the layer has them."""
    op = _layer(channels)

    def layer(carry: Any) -> Any:
        x, kernel = carry
        y, back = jax.vjp(lambda x, k: op.apply({"kernel": k}, x, ctx=Context()), x, kernel)
        by_x, by_kernel = back(y)
        return x + 1e-9 * by_x, kernel + 1e-9 * by_kernel

    given = _full(pictures, SIDE, SIDE, channels), _full(3, 3, channels, channels)
    return Turns.of(layer, given, _work(channels, pictures) / 2e10)


def _work(channels: int, pictures: int) -> float:
    """Operations of a convolution and its gradients."""
    return 3.0 * _layer(channels).cost(Type((pictures, SIDE, SIDE, channels))).flops


def _layer(channels: int) -> Any:
    kind: Any = OPS["conv"]
    return kind(channels, 3, bias=False)
