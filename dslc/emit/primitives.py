"""Each primitive of JAX as the call or the operator that a person would write for it."""

from collections.abc import Callable
from typing import Any

from dslc.emit.flat import Step, Value
from dslc.emit.text import ATOM, OPERATORS, PRODUCT, UNARY, Text, call, operation, shape

SAME_NAME = {
    "exp": "jnp.exp", "log": "jnp.log", "log1p": "jnp.log1p", "expm1": "jnp.expm1", "tanh": "jnp.tanh", "sin": "jnp.sin",
    "cos": "jnp.cos", "tan": "jnp.tan", "sqrt": "jnp.sqrt", "rsqrt": "lax.rsqrt", "logistic": "jax.nn.sigmoid",
    "erf": "lax.erf", "erf_inv": "lax.erf_inv", "erfc": "lax.erfc", "abs": "jnp.abs", "sign": "jnp.sign", "floor": "jnp.floor",
    "ceil": "jnp.ceil", "square": "jnp.square", "is_finite": "jnp.isfinite", "max": "jnp.maximum", "min": "jnp.minimum",
    "exp2": "jnp.exp2", "pow": "jnp.power", "cbrt": "jnp.cbrt", "atan2": "jnp.arctan2", "acos": "jnp.arccos",
    "asin": "jnp.arcsin", "atan": "jnp.arctan", "sinh": "jnp.sinh", "cosh": "jnp.cosh", "asinh": "jnp.arcsinh",
    "acosh": "jnp.arccosh", "atanh": "jnp.arctanh", "lgamma": "lax.lgamma", "digamma": "lax.digamma",
}  # fmt: skip
REDUCTIONS = {
    "reduce_sum": "jnp.sum", "reduce_max": "jnp.max", "reduce_min": "jnp.min", "reduce_prod": "jnp.prod",
    "reduce_and": "jnp.all", "reduce_or": "jnp.any",
}  # fmt: skip
CUMULATIVE = ("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp")
ELEMENTWISE = {*SAME_NAME, *OPERATORS, "select_n", "neg", "not", "round", "integer_pow"}
"""What broadcasts its operands as NumPy does, when it is written so."""
WIDE = ("float32", "float64", "int32", "uint32", "bool")
"""The dtypes that `jnp.sum` adds up in as they are."""


def dtype(name: Any) -> str:
    """A dtype as the module names it."""
    return "jnp.bool_" if str(name) == "bool" else f"jnp.{name}"


class Unwritten(Exception):
    """A primitive that has no form here."""

    def __init__(self, step: Step) -> None:
        super().__init__(step.name)
        self.step = step


def is_whole(step: Step) -> bool:
    """Whether a step works on whole numbers, whose division is not Python's."""
    return bool(step.inputs) and str(step.inputs[0].dtype).startswith(("int", "uint"))


def written(step: Step, given: list[Text]) -> Text:
    """The expression of a step; one with several outputs gives a tuple.

    Raises:
        Unwritten: when there is no form for it.
    """
    name, params = step.name, step.params
    if is_whole(step) and name == "div":
        return call("lax.div", *given)
    if name == "shift_right_logical" and not str(step.inputs[0].dtype).startswith("uint"):
        return call("lax.shift_right_logical", *given)
    if name in OPERATORS:
        return operation(name, *given)
    if name in SAME_NAME:
        return call(SAME_NAME[name], *given)
    if name in REDUCTIONS:
        return _reduction(step, given[0])
    if name in CUMULATIVE:
        return call(f"lax.{name}", *given, axis=params["axis"], reverse=params["reverse"] or None)
    if name in FORMS:
        return FORMS[name](step, given)
    raise Unwritten(step)


def _reduction(step: Step, x: Text) -> Text:
    axes = step.params["axes"]
    rank = len(step.inputs[0].shape)
    if str(step.inputs[0].dtype) not in WIDE and step.name in ("reduce_sum", "reduce_prod"):
        ones, function = (0, "lax.add") if step.name == "reduce_sum" else (1, "lax.mul")
        return call("lax.reduce", x, f"{dtype(step.inputs[0].dtype)}({ones})", function, shape(axes))
    which = None if len(axes) == rank else axes[0] if len(axes) == 1 else shape(axes)
    return call(REDUCTIONS[step.name], x, axis=which)


def _convert(step: Step, given: list[Text]) -> Text:
    return Text(f"{given[0].inside(ATOM)}.astype({dtype(step.params['new_dtype'])})")


def _reshape(step: Step, given: list[Text]) -> Text:
    # The gradient of a convolution in groups turns the axes of the kernel on the way.
    order = step.params["dimensions"]
    turned = "" if order is None else f".transpose({', '.join(map(str, order))})"
    return Text(f"{given[0].inside(ATOM)}{turned}.reshape({', '.join(map(str, step.params['new_sizes']))})")


def _transpose(step: Step, given: list[Text]) -> Text:
    order = step.params["permutation"]
    text = given[0].inside(ATOM)
    return Text(f"{text}.T" if tuple(order) == (1, 0) else f"{text}.transpose({', '.join(map(str, order))})")


def _squeeze(step: Step, given: list[Text]) -> Text:
    axes = step.params["dimensions"]
    return call("jnp.squeeze", given[0], axis=axes[0] if len(axes) == 1 else shape(axes))


def _slice(step: Step, given: list[Text]) -> Text:
    params, sizes = step.params, step.inputs[0].shape
    strides = params["strides"] or (1,) * len(sizes)
    parts: list[str] = []
    for start, stop, stride, size in zip(params["start_indices"], params["limit_indices"], strides, sizes, strict=True):
        part = f"{start or ''}:{'' if stop == size else stop}"
        parts.append(part if stride == 1 else f"{part}:{stride}")
    while len(parts) > 1 and parts[-1] == ":":
        parts.pop()
    return Text(f"{given[0].inside(ATOM)}[{', '.join(parts)}]")


def loose(step: Step, x: Text) -> Text:
    """A broadcast array before it is: with axes of size 1, so that the operator that takes it broadcasts."""
    params, sizes = step.params, step.inputs[0].shape
    dims = params["broadcast_dimensions"]
    rank = len(params["shape"])
    if not dims or tuple(dims) == tuple(range(rank - len(sizes), rank)):
        return x
    index = [":" if axis in dims else "None" for axis in range(min(dims), rank)]
    return Text(f"{x.inside(ATOM)}[{', '.join(index)}]")


def _broadcast(step: Step, given: list[Text]) -> Text:
    sizes = step.params["shape"]
    if not isinstance(step.inputs[0], Value):
        kind = dtype(step.inputs[0].dtype)
        plain = {"0": "jnp.zeros", "0.0": "jnp.zeros", "1": "jnp.ones", "1.0": "jnp.ones"}.get(given[0].code)
        return call(plain, shape(sizes), kind) if plain else call("jnp.full", shape(sizes), given[0], kind)
    dims = step.params["broadcast_dimensions"]
    added = [axis for axis in range(len(sizes)) if axis not in dims]
    if all(sizes[axis] == 1 for axis in added) and all(
        sizes[axis] == size for axis, size in zip(dims, step.inputs[0].shape, strict=True)
    ):
        index = ["None" if axis in added else ":" for axis in range(len(sizes))]
        while len(index) > 1 and index[-1] == ":":
            index.pop()
        return Text(f"{given[0].inside(ATOM)}[{', '.join(index)}]") if added else given[0]
    return call("jnp.broadcast_to", loose(step, given[0]), shape(sizes))


def _select(step: Step, given: list[Text]) -> Text:
    if len(given) == 3 and str(step.inputs[0].dtype) == "bool":
        return call("jnp.where", given[0], given[2], given[1])
    return call("lax.select_n", *given)


def _iota(step: Step, given: list[Text]) -> Text:
    sizes, kind = step.params["shape"], dtype(step.params["dtype"])
    if len(sizes) == 1:
        return call("jnp.arange", sizes[0], dtype=kind)
    return call("lax.broadcasted_iota", kind, shape(sizes), step.params["dimension"])


def _product(step: Step, given: list[Text]) -> Text:
    (left, right), (left_batch, right_batch) = step.params["dimension_numbers"]
    a, b = step.inputs
    kind, accurate = step.params["preferred_element_type"], step.params["precision"]
    plain = (kind is None or str(kind) == str(a.dtype)) and accurate is None
    ranks, batch = (len(a.shape), len(b.shape)), len(left_batch)
    leading = tuple(left_batch) == tuple(right_batch) == tuple(range(batch))
    fits = leading and len(left) == 1 and (ranks == (batch + 2, batch + 2) if batch else ranks[1] == 2)
    if plain and fits and left[0] == ranks[0] - 1 and right[0] == batch:
        return Text(f"{given[0].inside(PRODUCT)} @ {given[1].inside(PRODUCT + 1)}", PRODUCT)
    if plain and not batch and ranks == (2, 2) and len(left) == 1:
        first = given[0].inside(PRODUCT) if left[0] else f"{given[0].inside(ATOM)}.T"
        second = f"{given[1].inside(ATOM)}.T" if right[0] else given[1].inside(PRODUCT + 1)
        return Text(f"{first} @ {second}", PRODUCT)
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    one, other = [next(letters) for _ in a.shape], [""] * ranks[1]
    for mine, theirs in (*zip(left, right, strict=True), *zip(left_batch, right_batch, strict=True)):
        other[theirs] = one[mine]
    other = [letter or next(letters) for letter in other]
    out = [one[axis] for axis in left_batch]
    out += [one[axis] for axis in range(ranks[0]) if axis not in (*left, *left_batch)]
    out += [other[axis] for axis in range(ranks[1]) if axis not in (*right, *right_batch)]
    recipe = f'"{"".join(one)},{"".join(other)}->{"".join(out)}"'
    wide = None if kind is None or str(kind) == str(a.dtype) else dtype(kind)
    return call("jnp.einsum", recipe, *given, preferred_element_type=wide, precision=_precision(accurate))


def _precision(found: Any) -> str | None:
    if found is None:
        return None
    first = found[0] if isinstance(found, tuple) else found
    return f"lax.Precision.{first.name}" if hasattr(first, "name") else repr(str(first)).replace("'", '"')


def _convolution(step: Step, given: list[Text]) -> Text:
    params = step.params
    numbers = params["dimension_numbers"]
    specs = (numbers.lhs_spec, numbers.rhs_spec, numbers.out_spec)
    names = [_spec(spec, letters) for spec, letters in zip(specs, ("NC", "OI", "NC"), strict=True)]
    ones = (1,) * (len(specs[0]) - 2)
    dilations = {
        name: shape(params[name]) if tuple(params[name]) != ones else None for name in ("lhs_dilation", "rhs_dilation")
    }
    groups = {
        name: params[name] if params[name] != 1 else None for name in ("feature_group_count", "batch_group_count")
    }
    axes = ", ".join(f'"{name}"' for name in names)
    padding = f"[{', '.join(shape(pair) for pair in params['padding'])}]"
    kind = params["preferred_element_type"]
    wide = None if kind is None or str(kind) == str(step.inputs[0].dtype) else dtype(kind)
    return call(
        "lax.conv_general_dilated", *given, shape(params["window_strides"]), padding, **dilations,
        dimension_numbers=f"({axes})", **groups, preferred_element_type=wide, precision=_precision(params["precision"]),
    )  # fmt: skip


def _spec(spec: tuple[int, ...], letters: str) -> str:
    found = [""] * len(spec)
    for axis, letter in zip(spec, letters + "DHW"[5 - len(spec) :], strict=True):
        found[axis] = letter
    return "".join(found)


def _numbers(numbers: Any, kind: str) -> str:
    """Dimension numbers; the first three have no default."""
    fields = {name: getattr(numbers, name) for name in numbers._fields}
    shown = {name: shape(found) for place, (name, found) in enumerate(fields.items()) if found or place < 3}
    return call(f"lax.{kind}", **shown).code


def _gather(step: Step, given: list[Text]) -> Text:
    params = step.params
    mode = f"lax.GatherScatterMode.{params['mode'].name}"
    kind = None if params["fill_value"] is None else str(params["fill_value"]).replace("nan", "jnp.nan")
    return call(
        "lax.gather", *given, _numbers(params["dimension_numbers"], "GatherDimensionNumbers"),
        shape(params["slice_sizes"]), mode=mode, fill_value=kind,
        unique_indices=params["unique_indices"] or None, indices_are_sorted=params["indices_are_sorted"] or None,
    )  # fmt: skip


def _scatter(step: Step, given: list[Text]) -> Text:
    params = step.params
    function = {"scatter-add": "lax.scatter_add", "scatter_add": "lax.scatter_add", "scatter": "lax.scatter",
                "scatter_mul": "lax.scatter_mul", "scatter_max": "lax.scatter_max", "scatter_min": "lax.scatter_min"}  # fmt: skip
    return call(
        function[step.name], *given, _numbers(params["dimension_numbers"], "ScatterDimensionNumbers"),
        mode=f"lax.GatherScatterMode.{params['mode'].name}",
        unique_indices=params["unique_indices"] or None, indices_are_sorted=params["indices_are_sorted"] or None,
    )  # fmt: skip


def _several(opening: str, given: list[Text], closing: str) -> str:
    return f"{opening}{', '.join(text.code for text in given)}{closing}"


def _sort(step: Step, given: list[Text]) -> Text:
    operand = given[0].code if len(given) == 1 else _several("(", given, ")")
    params = step.params
    keys = params["num_keys"] if params["num_keys"] != 1 else None
    return call("lax.sort", operand, dimension=params["dimension"], num_keys=keys, is_stable=params["is_stable"])


def _split(step: Step, given: list[Text]) -> Text:
    return call("lax.split", given[0], shape(step.params["sizes"]), axis=step.params["axis"] or None)


def _minus(step: Step, given: list[Text]) -> Text:
    return Text(f"{'~' if step.name == 'not' else '-'}{given[0].inside(UNARY)}", UNARY)


def _argument(step: Step, given: list[Text]) -> Text:
    return call(f"lax.{step.name}", given[0], step.params["axes"][0], dtype(step.params["index_dtype"]))


def _draw(step: Step, given: list[Text]) -> Text:
    width, sizes = step.params["bit_width"], step.params["shape"]
    if len(step.inputs[0].shape) != 1 or width == 64:
        raise Unwritten(step)
    found = call("random_bits", given[0], shape(sizes))
    return found if width == 32 else Text(f"{found}.astype(jnp.uint{width})")


def _helper_bits(step: Step, given: list[Text]) -> Text:
    return call("random_bits", given[0], shape(step.outputs[0].shape))


def _random_split(step: Step, given: list[Text]) -> Text:
    if len(step.inputs[0].shape) != 1:
        raise Unwritten(step)
    return call("random_split", given[0], shape(step.params["shape"]))


Form = Callable[[Step, list[Text]], Text]
FORMS: dict[str, Form] = {
    "convert_element_type": _convert,
    "reshape": _reshape,
    "transpose": _transpose,
    "squeeze": _squeeze,
    "slice": _slice,
    "broadcast_in_dim": _broadcast,
    "select_n": _select,
    "iota": _iota,
    "dot_general": _product,
    "conv_general_dilated": _convolution,
    "gather": _gather,
    **dict.fromkeys(("scatter-add", "scatter_add", "scatter", "scatter_mul", "scatter_max", "scatter_min"), _scatter),
    "sort": _sort,
    "split": _split,
    "neg": _minus,
    "not": _minus,
    "argmax": _argument,
    "argmin": _argument,
    "random_bits": _draw,
    "random_split": _random_split,
    "_bits": _helper_bits,
    "rem": lambda _, given: call("lax.rem", *given),
    "nextafter": lambda _, given: call("jnp.nextafter", *given),
    "clamp": lambda _, given: call("jnp.clip", given[1], given[0], given[2]),
    "round": lambda step, given: call(
        "lax.round", given[0], f"lax.RoundingMethod({int(step.params['rounding_method'])})"
    ),
    "integer_pow": lambda step, given: call("lax.integer_pow", given[0], step.params["y"]),
    "top_k": lambda step, given: call("lax.top_k", given[0], step.params["k"]),
    "rev": lambda step, given: call("jnp.flip", given[0], shape(step.params["dimensions"])),
    "concatenate": lambda step, given: call(
        "jnp.concatenate", _several("[", given, "]"), axis=step.params["dimension"] or None
    ),
    "unstack": lambda step, given: call("jnp.unstack", given[0], axis=step.params["axis"] or None),
    "stack": lambda step, given: call("jnp.stack", _several("[", given, "]"), axis=step.params["axis"] or None),
    "pad": lambda step, given: call(
        "lax.pad", *given, f"[{', '.join(shape(one) for one in step.params['padding_config'])}]"
    ),
    "dynamic_slice": lambda step, given: call(
        "lax.dynamic_slice", given[0], _tuple(given[1:]), shape(step.params["slice_sizes"])
    ),
    "dynamic_update_slice": lambda _, given: call("lax.dynamic_update_slice", *given[:2], _tuple(given[2:])),
    "bitcast_convert_type": lambda step, given: call(
        "lax.bitcast_convert_type", given[0], dtype(step.params["new_dtype"])
    ),
    "reduce_precision": lambda step, given: call(
        "lax.reduce_precision", given[0], step.params["exponent_bits"], step.params["mantissa_bits"]
    ),
}


def _tuple(given: list[Text]) -> str:
    return shape(text.code for text in given)
