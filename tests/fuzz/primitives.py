"""JAX's primitives in NumPy, an interpretation of jaxprs that shares nothing with XLA: nothing is compiled.

A primitive without a rule here runs by itself in JAX. With `Noise` every float that a primitive gives is off by a known share,
which tells how much of a rounding error arrives at the end (Monte Carlo arithmetic: Parker, 1997).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal
from scipy import special

from dslc.emit.flat import scanned

Rule = Callable[..., Any]
"""From the equation and its arguments to what it gives: one array, or a list of several."""


@dataclass
class Noise:
    """How far off each float is: a share of it, with a random sign."""

    share: float
    single: float = 0.0
    """Of a float32: draws are made in it, and a compiler rounds them in another way."""
    draw: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))
    met_single: bool = False

    def of(self, array: Any) -> Any:
        dtype = getattr(array, "dtype", None)
        self.met_single |= dtype == np.float32
        share = {np.dtype("float64"): self.share, np.dtype("float32"): self.single}.get(dtype, 0)
        if not share:
            return array
        return (array * (1 + share * (2 * self.draw.integers(0, 2, np.shape(array)) - 1))).astype(dtype)


class Function:
    """A jaxpr as a function on arrays."""

    def __init__(self, closed: Any) -> None:
        jaxpr = closed.jaxpr
        self._places: dict[Any, int] = {}
        self._constants = [
            (self._place(var), np_of(const)) for var, const in zip(jaxpr.constvars, closed.consts, strict=True)
        ]
        self._given = [self._place(var) for var in jaxpr.invars]
        self._steps = [self._step(eqn) for eqn in jaxpr.eqns]
        self._results = [self._source(var) for var in jaxpr.outvars]

    def __call__(self, *arrays: Any, noise: Noise | None = None) -> list[Any]:
        values: list[Any] = [None] * len(self._places)
        for place, array in (*self._constants, *zip(self._given, arrays, strict=True)):
            values[place] = array
        for rule, eqn, sources, places, rounds in self._steps:
            found = rule(eqn, *(values[s] if type(s) is int else s[0] for s in sources), noise)
            for place, array in zip(places, found if isinstance(found, (list, tuple)) else (found,), strict=True):
                values[place] = noise.of(array) if noise and rounds else array
        return [values[s] if type(s) is int else s[0] for s in self._results]

    def _place(self, var: Any) -> int:
        return self._places.setdefault(var, len(self._places))

    def _source(self, var: Any) -> Any:
        return (np_of(var.val),) if isinstance(var, Literal) else self._places[var]

    def _step(self, eqn: Any) -> tuple[Rule, Any, list[Any], list[int], bool]:
        name, sources = eqn.primitive.name, [self._source(var) for var in eqn.invars]
        inner = next((eqn.params[key] for key in CALLED if key in eqn.params), None)
        if name in RULES:
            rule = _quiet(RULES[name])
        elif name in LOOPS:
            rule = LOOPS[name](eqn)
        elif inner is not None:
            rule = _called(Function(inner if hasattr(inner, "consts") else ClosedJaxpr(inner, ())))
        else:
            rule = _quiet(_by_jax)
        return rule, eqn, sources, [self._place(var) for var in eqn.outvars], name in ROUNDING


ROUNDING = {
    "add", "add_any", "sub", "mul", "div", "pow", "rem", "exp", "exp2", "log", "log1p", "expm1", "sin", "cos", "tan", "atan", "sinh",
    "cosh", "tanh", "sqrt",
    "cbrt", "square", "rsqrt", "logistic", "erf", "erfc", "erf_inv", "atan2", "integer_pow", "dot_general", "conv_general_dilated",
    "scatter-add", "cumsum", "cumprod", "reduce_sum", "reduce_prod",
}  # fmt: skip
"""What gives a rounded number; the others move numbers, or choose among them."""
CALLED = ("call_jaxpr", "jaxpr")
"""Where a primitive that stands for a function keeps it."""


def np_of(array: Any) -> Any:
    """An array in NumPy; a random key stays one of JAX's."""
    return array if jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key) else np.asarray(array)


def _quiet(rule: Rule) -> Rule:
    return lambda eqn, *args: rule(eqn, *args[:-1])


def _called(function: Function) -> Rule:
    return lambda eqn, *args: function(*args[:-1], noise=args[-1])


def _by_jax(eqn: Any, *args: Any) -> Any:
    found = eqn.primitive.bind(*args, **eqn.params)
    return [np_of(one) for one in found] if eqn.primitive.multiple_results else np_of(found)


# Loops.


def _scan(eqn: Any) -> Rule:
    body, p = Function(eqn.params["jaxpr"]), eqn.params
    avals = ([var.aval for var in some] for some in (eqn.invars, eqn.outvars))
    (consts, carried), length = scanned(p["jaxpr"], *avals), p["length"]

    def run(_: Any, *args: Any) -> list[Any]:
        *args, noise = args
        whole, carry, rows = args[:consts], args[consts : consts + carried], args[consts + carried :]
        found: list[Any] = [None] * length
        for at in reversed(range(length)) if p["reverse"] else range(length):
            made = body(*whole, *carry, *(row[at] for row in rows), noise=noise)
            carry, found[at] = made[:carried], made[carried:]
        return [*carry, *(np.stack(rows) for rows in zip(*found, strict=True))]

    return run


def _while(eqn: Any) -> Rule:
    p = eqn.params
    test, body, first, second = (
        Function(p["cond_jaxpr"]),
        Function(p["body_jaxpr"]),
        p["cond_nconsts"],
        p["body_nconsts"],
    )

    def run(_: Any, *args: Any) -> list[Any]:
        *args, noise = args
        carry = args[first + second :]
        while test(*args[:first], *carry)[0]:
            carry = body(*args[first : first + second], *carry, noise=noise)
        return list(carry)

    return run


def _cond(eqn: Any) -> Rule:
    branches = [Function(branch) for branch in eqn.params["branches"]]
    return lambda _, which, *args: branches[min(max(int(which), 0), len(branches) - 1)](*args[:-1], noise=args[-1])


LOOPS: dict[str, Callable[[Any], Rule]] = {"scan": _scan, "while": _while, "cond": _cond}

# Moving data.


def _split(eqn: Any, x: Any) -> Any:
    return np.split(x, np.cumsum(eqn.params["sizes"])[:-1], eqn.params["axis"])


def _spread(eqn: Any, x: Any, *_: Any) -> Any:
    shape, places = eqn.params["shape"], eqn.params["broadcast_dimensions"]
    wide = [1] * len(shape)
    for place, size in zip(places, np.shape(x), strict=True):
        wide[place] = size
    return np.broadcast_to(np.reshape(x, wide), shape)


def padded(x: Any, value: Any, config: Sequence[tuple[int, int, int]]) -> Any:
    """Zeros between the entries, then before and behind them; below zero entries are cut off."""
    for axis, (low, high, inner) in enumerate(config):
        shape = list(x.shape)
        if inner and shape[axis]:
            shape[axis] += (shape[axis] - 1) * inner
            wide = np.full(shape, value, x.dtype)
            wide[(slice(None),) * axis + (slice(None, None, inner + 1),)] = x
            x = wide
        sides = [(0, 0)] * x.ndim
        sides[axis] = max(low, 0), max(high, 0)
        x = np.pad(x, sides, constant_values=value)
        x = x[(slice(None),) * axis + (slice(max(-low, 0), x.shape[axis] - max(-high, 0)),)]
    return x


def _dynamic_slice(eqn: Any, x: Any, *starts: Any) -> Any:
    return x[_window(x.shape, eqn.params["slice_sizes"], starts)]


def _dynamic_update(_: Any, x: Any, part: Any, *starts: Any) -> Any:
    made = np.array(x)
    made[_window(x.shape, part.shape, starts)] = part
    return made


def _window(shape: Any, sizes: Any, starts: Any) -> tuple[slice, ...]:
    low = [min(max(int(start), 0), whole - size) for start, whole, size in zip(starts, shape, sizes, strict=True)]
    return tuple(slice(start, start + size) for start, size in zip(low, sizes, strict=True))


def _gather(eqn: Any, x: Any, indices: Any) -> Any:
    p, sizes = eqn.params, eqn.params["slice_sizes"]
    d, shape = p["dimension_numbers"], eqn.outvars[0].aval.shape
    fill = np.nan if x.dtype.kind == "f" else (np.iinfo(x.dtype).min if x.dtype.kind == "i" else 0)
    out = np.full(shape, fill if p["fill_value"] is None else p["fill_value"], x.dtype)
    gone = (*d.collapsed_slice_dims, *d.operand_batching_dims)
    for at, start in _starts(d.start_index_map, d.operand_batching_dims, d.start_indices_batching_dims, x, indices):
        if _is_clipped(p["mode"]):
            start = [min(max(s, 0), whole - size) for s, whole, size in zip(start, x.shape, sizes, strict=True)]  # noqa: PLW2901
        elif not _fits(start, sizes, x.shape):
            continue
        part = x[tuple(slice(s, s + size) for s, size in zip(start, sizes, strict=True))].squeeze(gone)
        rest = iter(at)
        out[tuple(slice(None) if axis in d.offset_dims else next(rest) for axis in range(len(shape)))] = part
    return out


def _scatter_add(eqn: Any, x: Any, indices: Any, updates: Any) -> Any:
    p, d, out = eqn.params, eqn.params["dimension_numbers"], np.array(x)
    gone = {*d.inserted_window_dims, *d.operand_batching_dims}
    window = iter(d.update_window_dims)
    sizes = [1 if axis in gone else updates.shape[next(window)] for axis in range(x.ndim)]
    places = _starts(
        d.scatter_dims_to_operand_dims, d.operand_batching_dims, d.scatter_indices_batching_dims, x, indices
    )
    for at, start in places:
        if _is_clipped(p["mode"]):
            start = [min(max(s, 0), whole - size) for s, whole, size in zip(start, x.shape, sizes, strict=True)]  # noqa: PLW2901
        elif not _fits(start, sizes, x.shape):
            continue
        rest = iter(at)
        part = updates[tuple(slice(None) if a in d.update_window_dims else next(rest) for a in range(updates.ndim))]
        out[tuple(slice(s, s + size) for s, size in zip(start, sizes, strict=True))] += part.reshape(sizes)
    return out


def _starts(dims: Any, batched: Any, beside: Any, x: Any, indices: Any) -> Iterator[tuple[tuple[int, ...], list[int]]]:
    """Every index, and the first entry of the slice that it means."""
    for at in np.ndindex(*indices.shape[:-1]):
        start = [0] * x.ndim
        for axis, value in zip(dims, indices[at], strict=True):
            start[axis] = int(value)
        for axis, other in zip(batched, beside, strict=True):
            start[axis] = at[other]
        yield at, start


def _is_clipped(mode: Any) -> bool:
    return "CLIP" in str(mode).upper()


def _fits(start: Any, sizes: Any, shape: Any) -> bool:
    return all(0 <= s <= whole - size for s, size, whole in zip(start, sizes, shape, strict=True))


# Sums and products.


def _dot(eqn: Any, a: Any, b: Any) -> Any:
    (over_a, over_b), (batch_a, batch_b) = eqn.params["dimension_numbers"]
    rest_a, rest_b = ([axis for axis in range(x.ndim) if axis not in (*over, *batch)] for x, over, batch in ((a, over_a, batch_a), (b, over_b, batch_b)))  # fmt: skip
    left = a.transpose((*batch_a, *rest_a, *over_a))
    right = b.transpose((*batch_b, *over_b, *rest_b))
    batch, free_a, free_b = (
        left.shape[: len(batch_a)],
        left.shape[len(batch_a) :][: len(rest_a)],
        right.shape[len(batch_b) + len(over_b) :],
    )
    inner = int(np.prod([a.shape[axis] for axis in over_a]))
    found = left.reshape((*batch, int(np.prod(free_a)), inner)) @ right.reshape((*batch, inner, int(np.prod(free_b))))
    return found.reshape((*batch, *free_a, *free_b))


def _conv(eqn: Any, x: Any, kernel: Any) -> Any:
    p = eqn.params
    d = p["dimension_numbers"]
    x, kernel = x.transpose(d.lhs_spec), kernel.transpose(d.rhs_spec)
    x = padded(x, 0, [(0, 0, 0)] * 2 + [(0, 0, by - 1) for by in p["lhs_dilation"]])
    x = padded(x, 0, [(0, 0, 0)] * 2 + [(low, high, 0) for low, high in p["padding"]])
    kernel = padded(kernel, 0, [(0, 0, 0)] * 2 + [(0, 0, by - 1) for by in p["rhs_dilation"]])
    rank = x.ndim - 2
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[2:], tuple(range(2, 2 + rank)))
    windows = windows[(slice(None), slice(None), *(slice(None, None, by) for by in p["window_strides"]))]
    groups, batches, (outputs, inputs) = p["feature_group_count"], p["batch_group_count"], kernel.shape[:2]
    rows, places = x.shape[0] // batches, windows.shape[2 : 2 + rank]
    # Of the two kinds of groups one is 1.
    windows = windows.reshape(batches, rows, groups, inputs, *places, *kernel.shape[2:])
    kernel = kernel.reshape(batches, groups, outputs // groups // batches, inputs, *kernel.shape[2:])
    spots, taps = "uvw"[:rank], "xyz"[:rank]
    found = np.einsum(f"bngi{spots}{taps},bgoi{taps}->nbgo{spots}", windows, kernel)
    return found.reshape(rows, outputs, *places).transpose(np.argsort(d.out_spec))


def _reshaped(eqn: Any, x: Any, *_: Any) -> Any:
    order = eqn.params["dimensions"]
    return (x if order is None else x.transpose(order)).reshape(eqn.outvars[0].aval.shape)


def _cumulative(function: Any) -> Rule:
    def rule(eqn: Any, x: Any) -> Any:
        axis = eqn.params["axis"]
        return np.flip(function(np.flip(x, axis), axis), axis) if eqn.params["reverse"] else function(x, axis)

    return rule


def _top_k(eqn: Any, x: Any) -> Any:
    place = np.argsort(-x, -1, kind="stable")[..., : eqn.params["k"]]
    return [np.take_along_axis(x, place, -1), place.astype(eqn.outvars[1].aval.dtype)]


def _arg(function: Any) -> Rule:
    return lambda eqn, x: function(x, eqn.params["axes"][0]).astype(eqn.params["index_dtype"])


def _reduced(function: Any) -> Rule:
    return lambda eqn, x: function(x, axis=tuple(eqn.params["axes"])).astype(eqn.outvars[0].aval.dtype)


def _divided(_: Any, a: Any, b: Any) -> Any:
    if a.dtype.kind == "f":
        return a / b
    if not np.all(b):
        raise ZeroDivisionError  # what comes of it is up to the machine
    with np.errstate(all="ignore"):
        return np.trunc(np.asarray(a, np.float64) / b).astype(a.dtype)


def _remainder(_: Any, a: Any, b: Any) -> Any:
    if np.asarray(a).dtype.kind != "f" and not np.all(b):
        raise ZeroDivisionError
    return np.fmod(a, b)


def _rounded(eqn: Any, x: Any) -> Any:
    return np.rint(x) if int(eqn.params["rounding_method"]) else np.trunc(x + np.copysign(0.5, x))


def _selected(_: Any, which: Any, *cases: Any) -> Any:
    if which.dtype == bool:
        return np.where(which, cases[1], cases[0])
    return np.choose(which, cases)


def _plain(function: Any) -> Rule:
    return lambda _, *args: function(*args)


RULES: dict[str, Rule] = {
    name: _plain(function)
    for name, function in {
        "add": np.add, "add_any": np.add, "sub": np.subtract, "mul": np.multiply, "neg": np.negative, "abs": np.abs,
        "max": np.maximum, "min": np.minimum, "pow": np.power, "sign": np.sign, "floor": np.floor,
        "ceil": np.ceil, "exp": np.exp, "exp2": np.exp2, "log": np.log, "log1p": np.log1p, "expm1": np.expm1, "sin": np.sin,
        "cos": np.cos, "tan": np.tan, "tanh": np.tanh, "sqrt": np.sqrt, "cbrt": np.cbrt, "square": np.square,
        "rsqrt": lambda x: 1 / np.sqrt(x), "logistic": special.expit, "erf": special.erf, "erfc": special.erfc, "erf_inv": special.erfinv,
        "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
        "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor, "not": np.invert, "is_finite": np.isfinite,
        "shift_left": np.left_shift, "shift_right_logical": np.right_shift, "atan2": np.arctan2,
        "clamp": lambda low, x, high: np.minimum(np.maximum(x, low), high), "stop_gradient": lambda x: x, "copy": lambda x: x,
        "copy_p": lambda x: x, "optimization_barrier": lambda *xs: list(xs),
    }.items()
} | {
    "div": _divided, "rem": _remainder, "round": _rounded, "select_n": _selected, "dot_general": _dot, "conv_general_dilated": _conv,
    "gather": _gather, "scatter-add": _scatter_add, "split": _split, "broadcast_in_dim": _spread, "top_k": _top_k,
    "dynamic_slice": _dynamic_slice, "dynamic_update_slice": _dynamic_update, "cumsum": _cumulative(np.cumsum),
    "cumprod": _cumulative(np.cumprod), "cummax": _cumulative(np.maximum.accumulate), "argmax": _arg(np.argmax), "argmin": _arg(np.argmin),
    "reduce_sum": _reduced(np.sum), "reduce_max": _reduced(np.max), "reduce_min": _reduced(np.min), "reduce_prod": _reduced(np.prod),
    "reduce_and": _reduced(np.all), "reduce_or": _reduced(np.any),
    "convert_element_type": lambda eqn, x: np.asarray(x).astype(eqn.params["new_dtype"]),
    "bitcast_convert_type": lambda eqn, x: np.asarray(x).view(eqn.params["new_dtype"]),
    "integer_pow": lambda eqn, x: x ** eqn.params["y"] if eqn.params["y"] >= 0 else 1 / x ** -eqn.params["y"],
    "reshape": _reshaped,
    "squeeze": lambda eqn, x: np.reshape(x, eqn.outvars[0].aval.shape),
    "transpose": lambda eqn, x: np.transpose(x, eqn.params["permutation"]),
    "concatenate": lambda eqn, *xs: np.concatenate(xs, eqn.params["dimension"]),
    "stack": lambda eqn, *xs: np.stack(xs, eqn.params["axis"]),
    "unstack": lambda eqn, x: [np.squeeze(one, eqn.params["axis"]) for one in np.split(x, x.shape[eqn.params["axis"]], eqn.params["axis"])],
    "pad": lambda eqn, x, value: padded(np.asarray(x), value, eqn.params["padding_config"]),
    "rev": lambda eqn, x: np.flip(x, eqn.params["dimensions"]),
    "slice": lambda eqn, x: x[tuple(map(slice, eqn.params["start_indices"], eqn.params["limit_indices"], eqn.params["strides"] or [1] * x.ndim))],
    "iota": lambda eqn, *_: np.broadcast_to(np.arange(eqn.params["shape"][eqn.params["dimension"]], dtype=eqn.params["dtype"]).reshape([-1 if axis == eqn.params["dimension"] else 1 for axis in range(len(eqn.params["shape"]))]), eqn.params["shape"]),
}  # fmt: skip
