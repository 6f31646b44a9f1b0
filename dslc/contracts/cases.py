"""Samples of the ops made to run: their text read, their dimensions bound, their inputs and weights drawn."""

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from dslc.dims import Dim, Size, dim, exact_div, floor_div, substitute, symbols
from dslc.initializers.base import INITIALIZERS
from dslc.lazy import jax, jnp, np
from dslc.ops.base import OPS, Context, Op, Sample, Weight
from dslc.types import JAX_DTYPES, Type

DRAWN: dict[Any, tuple[dict[str, Any], tuple[Any, ...]]] = {}
PROGRAMS: dict[Any, Callable[..., tuple[Any, ...]]] = {}
NAMES = {"true": True, "false": False, "none": None}
ARITHMETIC: dict[type[ast.operator], Any] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: exact_div,
    ast.FloorDiv: floor_div,
    ast.Pow: lambda a, b: a**b,
}


def op_of(text: str) -> Op:
    """The op that a stage of the language means, its settings values only: `dense(4, bias = false)`."""
    call = ast.parse(text, mode="eval").body
    name, args, named = (call.func.id, call.args, call.keywords) if isinstance(call, ast.Call) else (call.id, [], [])  # type: ignore[attr-defined]
    kind, types = OPS[name], OPS[name].setting_types()
    given: dict[Any, Any] = dict(zip(types, args, strict=False)) | {keyword.arg: keyword.value for keyword in named}
    loose = tuple((name, _value(given.pop(name), "")) for name in [*given] if kind.open and name not in types)
    settings = {setting: _value(node, str(types[setting])) for setting, node in given.items()}
    return kind(**settings, **({kind.open: loose} if kind.open else {}))


def _value(node: ast.expr, wanted: str) -> Any:
    match node:
        case ast.Constant(value=value):
            return float(value) if isinstance(value, int) and wanted == str(float) else value
        case ast.Name(id=name) if name in NAMES:
            return NAMES[name]
        case ast.Name(id=name) | ast.Call(func=ast.Name(id=name)) if "Initializer" in wanted or "Op" in wanted:
            arguments = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
            return _member(INITIALIZERS if "Initializer" in wanted else OPS, name, arguments)
        case ast.Name(id=name):
            return dim(name)
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return tuple(_value(part, wanted) for part in parts)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, wanted)
        case ast.BinOp(left=left, op=operator, right=right):
            return ARITHMETIC[type(operator)](_value(left, wanted), _value(right, wanted))
        case _:
            raise ValueError(ast.unparse(node))


def _member(catalogue: Any, name: str, call: ast.Call) -> Any:
    kind = catalogue[name]
    given: dict[Any, Any] = dict(zip(kind.setting_types(), call.args, strict=False)) | {
        word.arg: word.value for word in call.keywords
    }
    return kind(**{setting: _value(node, "") for setting, node in given.items()})


def types_of(text: str) -> tuple[Type, ...]:
    """The types in `[batch, 2], i32[batch]`."""
    return tuple(Type.parse(part) for part in re.findall(r"\w*\[[^\]]*\]", text))


def input_types(texts: tuple[str, ...]) -> tuple[Type | None, ...]:
    return tuple(None if text == "none" else Type.parse(text) for text in texts)


def tupled(outputs: Any) -> tuple[Any, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)


def variadic(op: Op) -> bool:
    return any(parameter.kind is parameter.VAR_POSITIONAL for parameter in op.inputs())


def bound(value: Any, dims: Mapping[str, Size]) -> Any:
    """A setting with sizes in place of dimension names."""
    if isinstance(value, tuple):
        return tuple(bound(part, dims) for part in value)
    if isinstance(value, Op):
        return type(value)(**{field.name: bound(getattr(value, field.name), dims) for field in value.settings()})
    return substitute(value, dims) if isinstance(value, Dim) else value


def _names(value: Any) -> set[str]:
    """Dimension names in a setting or a type."""
    if isinstance(value, tuple):
        return {name for part in value for name in _names(part)}
    if isinstance(value, Type):
        return _names(value.shape)
    return set(symbols(value)) if isinstance(value, Dim) else set()


def symbolic_of(sample: Sample) -> tuple[Op, tuple[Type | None, ...]]:
    """The op of a sample and the types of its inputs, with dimension names in them."""
    return op_of(sample.text), input_types(sample.inputs)


def dimension_names(op: Op, inputs: tuple[Type | None, ...]) -> set[str]:
    """The names in the settings of an op and in types."""
    return _names(tuple(getattr(op, field.name) for field in op.settings())) | _names(tuple(t for t in inputs if t))


@dataclass(frozen=True)
class Case:
    """A good sample with its dimensions bound to small odd numbers, no two alike."""

    op: Op
    sample: Sample
    inputs: tuple[Type | None, ...]

    @classmethod
    def of(cls, sample: Sample) -> "Case":
        symbolic, inputs = symbolic_of(sample)
        dims = {name: 3 + 2 * number for number, name in enumerate(sorted(dimension_names(symbolic, inputs)))}
        bound_op = bound(symbolic, dims)
        missing = 0 if variadic(bound_op) else len(bound_op.inputs()) - len(inputs)
        filled = (*(type and type.bind(dims) for type in inputs), *(None,) * missing)
        return cls(bound_op, sample, filled)

    def wide(self) -> "Case":
        """The same with 64-bit floats."""
        return replace(
            self, inputs=tuple(type.with_dtype("f64") if type and type.is_float else type for type in self.inputs)
        )

    @cached_property
    def outputs(self) -> tuple[Type, ...]:
        return tupled(self.op.infer(*self.inputs))

    @cached_property
    def weights(self) -> Mapping[str, Weight]:
        return self.op.weights(*self.inputs)

    @cached_property
    def state(self) -> Mapping[str, Weight]:
        return self.op.state(*self.inputs)

    def context(self, training: bool) -> Context:
        return Context(training, jax.random.key(7) if self.op.random else None)

    def call(self, weights: Mapping[str, Any], inputs: tuple[Any, ...], training: bool = False) -> tuple[Any, ...]:
        """The outputs, without the next state."""
        found = self.op.apply(weights, *inputs, ctx=self.context(training))
        return tupled(found[0] if self.state else found)

    def program(self, training: bool = False) -> Callable[..., tuple[Any, ...]]:
        """`call` of weights and inputs as one program, which is compiled once for all checks."""
        wanted = (self.op, self.inputs, training)
        if wanted not in PROGRAMS:
            PROGRAMS[wanted] = jax.jit(partial(self.call, training=training))
        return PROGRAMS[wanted]

    def draw(self, seed: int = 0) -> tuple[dict[str, Any], tuple[Any, ...]]:
        """Weights with state, and inputs, for which the outputs are finite: of both signs, or positive if need be."""
        drawn = (self.op, self.inputs, seed, jax.config.jax_enable_x64)  # type: ignore[attr-defined]
        if drawn not in DRAWN:
            DRAWN[drawn] = self._drawn(seed)
        return DRAWN[drawn]

    def _drawn(self, seed: int) -> tuple[dict[str, Any], tuple[Any, ...]]:
        for positive in (False, True):
            rng = np.random.default_rng(seed)
            weights = {role: _array(rng, weight, positive) for role, weight in self.weights.items()}
            # A running variance is positive, and no op minds a positive mean.
            weights |= {name: _array(rng, weight, True) for name, weight in self.state.items()}
            inputs = tuple(None if type is None else _array(rng, type, positive) for type in self.inputs)
            modes = (False, True) if self.op.random or self.state else (False,)
            outputs = [self.program(training)(weights, inputs) for training in modes]
            if all(np.isfinite(np.asarray(array)).all() for call in outputs for array in call):
                return weights, inputs
        raise AssertionError(f"no inputs of `{self.sample.text}` give finite outputs")


def _array(rng: Any, type: Type | Weight, positive: bool) -> "jax.Array":
    shape: Any = type.shape
    wide = jax.config.jax_enable_x64 and type.dtype == "f32"  # type: ignore[attr-defined]
    dtype = jnp.dtype("float64" if wide else JAX_DTYPES[type.dtype])
    if type.dtype == "bool":
        return jnp.asarray(rng.random(shape) < 0.6)
    if jnp.issubdtype(dtype, jnp.integer):
        # Few enough to be an index into anything, and never a divisor of zero.
        return jnp.asarray(np.ones(shape) if positive else rng.integers(0, 2, shape), dtype)
    values = 0.5 + rng.random(shape) if positive else rng.standard_normal(shape)
    return jnp.asarray(values, dtype)


def summed_down(gradient: Any, like: Any) -> Any:
    """A gradient in the shape before broadcasting."""
    gradient = gradient.sum(tuple(range(gradient.ndim - like.ndim)))
    return gradient.sum(tuple(axis for axis, size in enumerate(like.shape) if size == 1), keepdims=True).reshape(
        like.shape
    )


def own_gradients(
    case: Case, weights: Any, inputs: Any, gradient: Any, training: bool
) -> tuple[dict[str, Any], list[Any]]:
    """What the op's own rule gives, by role and by place of the input."""
    ctx, saved = case.context(training), {}
    found = case.op.apply(weights, *inputs, ctx=ctx)
    if case.op.saves:
        found, saved = case.op.apply_saving(weights, *inputs, ctx=ctx)
    names = [parameter.name for parameter in case.op.inputs()]
    given = {names[0]: inputs} if variadic(case.op) else dict(zip(names, inputs, strict=True))
    known = {**given, **weights, "out": found[0] if case.state else found}
    kept = {name: known.get(name) for name in case.op.keeps or ()} | dict(saved)
    gradients = case.op.backward(kept, gradient, ctx)
    assert set(gradients) <= {*names, *case.weights}
    listed: Any = gradients.get(names[0]) if variadic(case.op) and names else [gradients.get(name) for name in names]
    if variadic(case.op) and not isinstance(listed, tuple):
        listed = (listed,) * len(inputs)
    return {role: gradients.get(role) for role in case.weights}, list(listed)
