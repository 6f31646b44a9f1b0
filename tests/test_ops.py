"""Contracts of every op of the catalogue, run over the samples in the ops' own files: no op is named here."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from samples import Case, input_types, op_of, own_gradients, summed_down, tupled, types_of

from dslc.dims import same
from dslc.initializers.base import INITIALIZERS
from dslc.lazy import lax
from dslc.ops.arithmetic import BINARY, UNARY
from dslc.ops.base import OPS, Mismatch, Op, Refused, Sample, elements, moved
from dslc.types import JAX_DTYPES, Type

# A combinator is built from others and leaves no node of its own: the tests of the build run its samples.
LAYERS = [kind for kind in OPS if kind.apply is not Op.apply]
KINDS = [pytest.param(kind, id=kind.name) for kind in LAYERS]
GOOD = [
    pytest.param(sample, id=f"{kind.name}-{number}")
    for kind in LAYERS
    for number, sample in enumerate(kind.samples)
    if isinstance(sample, Sample)
]
BAD = [
    pytest.param(sample, id=f"{kind.name}-{number}")
    for kind in LAYERS
    for number, sample in enumerate(kind.samples)
    if isinstance(sample, Refused)
]


def chosen(wanted: Callable[[Case], bool]) -> list[Any]:
    """The good samples of which something is true."""
    return [each for each in GOOD if wanted(Case.of(each.values[0]))]


def modes(case: Case) -> tuple[bool, ...]:
    """Inference, and training where it may differ: an op that neither draws nor keeps statistics does not ask."""
    return (False, True) if case.op.random or case.state else (False,)


def in_each_mode(samples: list[Any]) -> list[Any]:
    """The samples with `training` false, and true where that makes a difference."""
    return [
        pytest.param(each.values[0], training, id=f"{each.id}-{'training' if training else 'inference'}")
        for each in samples
        for training in modes(Case.of(each.values[0]))
    ]


def differentiable(case: Case) -> bool:
    reads = [*case.inputs, *(Type(weight.shape, weight.dtype) for weight in case.weights.values())]
    return any(type.is_float for type in case.outputs) and any(type is not None and type.is_float for type in reads)


def has_fine_outputs(case: Case) -> bool:
    """Whether finite differences can be taken: outputs that stay at 32 or 16 bits have too few of them."""
    follows = any(type is not None and type.is_float for type in case.inputs)
    return differentiable(case) and all(
        type.dtype == "f64" for type in case.wide().outputs if type.is_float and follows
    )


# What is written in an op's file.


@pytest.mark.parametrize("kind", KINDS)
def test_docstring_is_one_sentence_and_the_shapes(kind: type[Op]) -> None:
    sentence = kind.summary()
    assert re.fullmatch(r"[A-Z`].*[a-z0-9`)]\.", sentence), sentence
    assert not re.search(r"[a-z`)]\. [A-Z]", sentence), "more than one sentence"
    assert re.search(r"^\s*Shapes: [^\n]*`(\n(?!\n)|[^\n])*\.$", kind.__doc__ or "", re.MULTILINE)
    for reference in re.findall(r"Reference: (.*)", kind.__doc__ or ""):
        assert re.search(r"\b(1[6-9]|20)\d\d\b", reference), reference


@pytest.mark.parametrize("kind", KINDS)
def test_class_is_named_as_the_file(kind: type[Op]) -> None:
    assert kind.__name__ == "".join(part.capitalize() for part in kind.name.split("_"))
    assert kind.__module__.split(".")[-2:] == [kind.family, kind.name]


@pytest.mark.parametrize("kind", KINDS)
def test_facets_name_what_exists(kind: type[Op]) -> None:
    assert kind.starts is None or kind.starts in INITIALIZERS
    cases = [Case.of(sample) for sample in kind.samples if isinstance(sample, Sample)]
    roles = {role for case in cases for role in (*case.weights, *case.state)}
    known = {parameter.name for parameter in kind.inputs()} | roles | {"out"}
    assert set(kind.keeps or ()) <= known
    assert not set(kind.saves) & known
    assert kind.keeps is not None or not kind.saves


@pytest.mark.parametrize("kind", KINDS)
def test_samples_show_a_literal_value_a_refusal_and_the_weights(kind: type[Op]) -> None:
    good = [sample for sample in kind.samples if isinstance(sample, Sample)]
    assert any(sample.gives is not None and sample.source for sample in good)
    assert all(sample.source for sample in good if sample.gives is not None)
    # An op that takes any type of any shape has nothing to refuse.
    assert len(good) < len(kind.samples) or not kind.settings()
    assert any(sample.parameters for sample in good) or not any(Case.of(sample).weights for sample in good)


def test_operators_mean_the_op_that_carries_their_symbol() -> None:
    for sign, name in (*BINARY.items(), *UNARY.items()):
        assert OPS[name].symbol == sign
    assert {kind.name for kind in LAYERS if kind.symbol} == {*BINARY.values(), *UNARY.values()}


# Types.


@pytest.mark.parametrize("sample", GOOD)
def test_infer_gives_the_type_in_the_sample(sample: Sample) -> None:
    found = tupled(op_of(sample.text).infer(*input_types(sample.inputs)))
    expected = types_of(sample.output)
    assert [type.dtype for type in found] == [type.dtype for type in expected]
    assert [type.rank for type in found] == [type.rank for type in expected]
    for type, wanted in zip(found, expected, strict=True):
        assert all(same(a, b) for a, b in zip(type.shape, wanted.shape, strict=True)), f"{type}, and not {wanted}"


@pytest.mark.parametrize("sample", BAD)
def test_refused_samples_give_their_reason(sample: Refused) -> None:
    op, inputs = op_of(sample.text), input_types(sample.inputs)
    with pytest.raises(Mismatch) as caught:  # noqa: PT012  # one of the two refuses, whichever knows
        op.infer(*inputs)
        op.weights(*inputs)
    assert sample.reason in caught.value.reason
    assert caught.value.reason[0].islower() or caught.value.reason[0] in "`[" or caught.value.reason[0].isdigit()
    assert not caught.value.reason.endswith(".")
    assert caught.value.input is None or 0 <= caught.value.input < len(inputs)


@pytest.mark.parametrize("sample", GOOD)
def test_infer_agrees_with_the_shapes_of_apply(sample: Sample) -> None:
    case = Case.of(sample)
    weights, inputs = case.draw()
    for training in modes(case):
        ctx = case.context(training)
        found = jax.eval_shape(
            lambda weights, inputs, ctx=ctx: case.op.apply(weights, *inputs, ctx=ctx), weights, inputs
        )
        outputs, state = found if case.state else (found, {})
        assert [(each.shape, str(each.dtype)) for each in tupled(outputs)] == _described(case.outputs)
        assert {name: (each.shape, str(each.dtype)) for name, each in state.items()} == {
            name: (weight.shape, JAX_DTYPES[weight.dtype]) for name, weight in case.state.items()
        }


@pytest.mark.parametrize("sample", chosen(lambda case: bool(case.op.saves)))
def test_saved_arrays_come_in_the_order_of_their_types(sample: Sample) -> None:
    case = Case.of(sample)
    weights, inputs = case.draw()
    for training in modes(case):
        ctx = case.context(training)
        _, found = jax.eval_shape(
            lambda weights, inputs, ctx=ctx: case.op.apply_saving(weights, *inputs, ctx=ctx), weights, inputs
        )
        wanted = case.op.saved(*case.inputs)
        # A pytree has its keys sorted: the order is that of a plain call.
        assert [*case.op.apply_saving(weights, *inputs, ctx=ctx)[1]] == [*wanted]
        assert {name: (each.shape, str(each.dtype)) for name, each in found.items()} == {
            name: (type.shape, JAX_DTYPES[type.dtype]) for name, type in wanted.items()
        }


def _described(types: tuple[Type, ...]) -> list[tuple[tuple[Any, ...], str]]:
    return [(type.shape, JAX_DTYPES[type.dtype]) for type in types]


@pytest.mark.parametrize("sample", [each for each in GOOD if each.values[0].parameters is not None])
def test_parameters_are_counted(sample: Sample) -> None:
    assert sum(prod(weight.shape) for weight in Case.of(sample).weights.values()) == sample.parameters


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("sample", chosen(differentiable))
def test_apply_keeps_64_bits(sample: Sample) -> None:
    case = Case.of(sample).wide()
    weights, inputs = case.draw()
    follows = any(type is not None and type.is_float for type in case.inputs)
    for array, type in zip(case.call(weights, inputs), case.outputs, strict=True):
        # Without a float input the weights decide, of which `infer` knows nothing.
        expected = "f64" if type.is_float and not follows else type.dtype
        assert str(array.dtype) == JAX_DTYPES[expected]


# Values.


@pytest.mark.parametrize("sample", [each for each in GOOD if each.values[0].gives is not None])
def test_literal_values_come_out(sample: Sample) -> None:
    case = Case.of(sample)
    assert set(sample.weights) == {*case.weights, *case.state}
    inputs = tuple(
        None if type is None else jnp.asarray(_padded(sample.given, at), JAX_DTYPES[type.dtype])
        for at, type in enumerate(case.inputs)
    )
    found = case.call({role: jnp.asarray(value, jnp.float32) for role, value in sample.weights.items()}, inputs)
    for array, literal in zip(found, sample.gives if len(found) > 1 else (sample.gives,), strict=True):
        # The literals have seven to nine digits and the op rounds a few times at 6e-8 each.
        np.testing.assert_allclose(array, np.asarray(literal), rtol=2e-6, atol=5e-7)


def _padded(given: tuple[Any, ...], at: int) -> Any:
    assert at < len(given), "a sample with values gives one for each input"
    return given[at]


@pytest.mark.parametrize("sample", GOOD)
def test_jit_changes_nothing(sample: Sample) -> None:
    case = Case.of(sample)
    weights, inputs = case.draw()
    for training in modes(case):
        eager = case.call(weights, inputs, training)
        compiled = jax.jit(lambda weights, inputs, training=training: case.call(weights, inputs, training))(
            weights, inputs
        )
        for array, expected in zip(compiled, eager, strict=True):
            # Fusion changes the order of float32 roundings only.
            np.testing.assert_allclose(array, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("sample", chosen(lambda case: case.op.elementwise))
def test_elementwise_ops_look_at_one_element(sample: Sample) -> None:
    case = Case.of(sample).wide()
    weights, inputs = case.draw()
    others = tuple(_all_but_first(array) for array in inputs)
    for before, after in zip(case.call(weights, inputs), case.call(weights, others), strict=True):
        assert before[(0,) * before.ndim] == after[(0,) * after.ndim]


def _all_but_first(array: jax.Array | None) -> jax.Array | None:
    """The array with every element changed but the first."""
    if array is None or array.size == 1:
        return array
    changed = ~array if array.dtype == bool else array + jnp.ones((), array.dtype)
    first = (0,) * array.ndim
    return changed.at[first].set(array[first])


# Cost.


@pytest.mark.parametrize("sample", GOOD)
def test_cost_reads_and_writes_every_array_once_at_most(sample: Sample) -> None:
    case = Case.of(sample)
    cost = case.op.cost(*case.inputs)
    assert isinstance(cost.flops, int) and isinstance(cost.bytes, int)
    assert cost.flops >= 0
    # An op that hands on its input moves nothing.
    everything = moved(*case.inputs, *case.outputs, *case.weights.values(), *case.state.values())
    assert cost.bytes == 0 or moved(*case.outputs) <= cost.bytes <= everything


@pytest.mark.parametrize("sample", chosen(lambda case: differentiable(case) and not case.op.random))
def test_cost_counts_the_operations_that_xla_counts(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    # XLA counts the body of a loop once, however often it runs: a loop that is rolled out is counted whole.
    monkeypatch.setattr(lax, "scan", partial(jax.lax.scan, unroll=True))
    case = Case.of(sample)
    weights, inputs = case.draw()
    found = jax.jit(case.call).lower(weights, inputs).cost_analysis() or {}
    counted = found.get("flops", 0) + found.get("transcendentals", 0)
    flops = case.op.cost(*case.inputs).flops
    if flops == 0:
        # A conversion is one operation of XLA's, and the check of an index in a gather up to eight.
        assert counted <= 8 * elements([type for type in (*case.inputs, *case.outputs) if type])
    else:
        # XLA counts the formula as written, with its comparisons and masks; the cost counts the algebra.
        assert 0.6 * counted <= flops <= 1.7 * counted


# Gradients.


def floats_of(case: Case, weights: Mapping[str, Any], inputs: tuple[Any, ...]) -> tuple[dict[str, Any], list[int]]:
    """The trained weights, and the places of the inputs that have a gradient."""
    trained = {role: weights[role] for role, weight in case.weights.items() if weight.dtype.startswith(("f", "bf"))}
    return trained, [at for at, type in enumerate(case.inputs) if type is not None and type.is_float]


def at_floats(case: Case, weights: Any, inputs: tuple[Any, ...], training: bool) -> tuple[Callable[..., Any], Any]:
    """Float outputs as a function of all that has a gradient, and its arguments."""
    trained, places = floats_of(case, weights, inputs)

    def function(trained: Any, moved: Any) -> tuple[Any, ...]:
        filled = list(inputs)
        for at, array in zip(places, moved, strict=True):
            filled[at] = array
        found = case.call({**weights, **trained}, tuple(filled), training)
        return tuple(array for array in found if jnp.issubdtype(array.dtype, jnp.floating))

    return function, (trained, tuple(inputs[at] for at in places))


def drawn_like(tree: Any) -> Any:
    """Gaussian numbers in the shapes of some arrays."""
    rng = np.random.default_rng(5)
    return jax.tree.map(lambda array: jnp.asarray(rng.standard_normal(array.shape), array.dtype), tree)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("sample", "training"), in_each_mode(chosen(lambda case: case.op.keeps is not None and differentiable(case)))
)
def test_own_backward_agrees_with_the_derived_one(sample: Sample, training: bool) -> None:
    case = Case.of(sample).wide()
    weights, inputs = case.draw()
    function, point = at_floats(case, weights, inputs, training)
    _, places = floats_of(case, weights, inputs)

    def both(point: Any, weights: Any, inputs: Any, gradient: Any) -> tuple[Any, Any]:
        _, back = jax.vjp(function, *point)
        given = gradient if len(gradient) > 1 else gradient[0]
        by_weight, by_input = own_gradients(case, weights, inputs, given, training)
        found = ({role: by_weight[role] for role in point[0]}, tuple(by_input[at] for at in places))
        return jax.tree.map(_in_shape, found, point, is_leaf=lambda leaf: leaf is None), back(gradient)

    gradient = drawn_like(jax.eval_shape(function, *point))
    own, derived = jax.jit(both)(point, weights, inputs, gradient)
    for found, expected in zip(jax.tree.leaves(own), jax.tree.leaves(derived), strict=True):
        assert found.dtype == expected.dtype
        # Both round at 1e-16 a few hundred times at most; a gradient that is zero by cancellation is left with those.
        assert np.linalg.norm(found - expected) <= 1e-9 * np.linalg.norm(expected) + 1e-13, f"{found} and {expected}"


def _in_shape(gradient: Any, like: Any) -> Any:
    """A gradient in the shape of its array, zero where the rule gives none."""
    return jnp.zeros_like(like) if gradient is None else summed_down(gradient, like)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("sample", "training"), in_each_mode(chosen(lambda case: case.op.keeps is None and has_fine_outputs(case)))
)
def test_gradients_match_finite_differences(sample: Sample, training: bool) -> None:
    case = Case.of(sample).wide()
    weights, inputs = case.draw()
    function, point = at_floats(case, weights, inputs, training)
    gradient, direction = drawn_like(jax.eval_shape(function, *point)), drawn_like(point)

    @jax.jit
    def projected(step: Any) -> Any:
        found = function(*jax.tree.map(lambda a, d: a + step * d, point, direction))
        return sum((a * g).sum() for a, g in zip(found, gradient, strict=True))

    step = 1e-6
    slope = (float(projected(step)) - float(projected(-step))) / (2 * step)
    # The differences err by the square of the step, and by the rounding of the outputs (1e-16) over the step: 1e-10.
    assert slope == pytest.approx(float(jax.jit(jax.grad(projected))(0.0)), rel=1e-7, abs=1e-7)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("sample", chosen(lambda case: case.op.linear and differentiable(case)))
def test_linear_ops_have_a_transpose_that_reads_types_only(sample: Sample) -> None:
    case = Case.of(sample).wide()
    weights, inputs = case.draw()
    function, (trained, moved) = at_floats(case, weights, inputs, training=False)
    assert not trained
    outputs, back = jax.vjp(function, {}, moved)
    gradient = drawn_like(outputs)
    shapes = tuple(jax.ShapeDtypeStruct(array.shape, array.dtype) for array in moved)
    transposed = jax.linear_transpose(lambda *moved: function({}, moved), *shapes)(gradient)
    for found, expected in zip(transposed, back(gradient)[1], strict=True):
        # Both are the same sums in the same order.
        np.testing.assert_allclose(found, expected, rtol=1e-14, atol=0)
    doubled = function({}, tuple(2 * array for array in moved))
    for twice, once in zip(doubled, outputs, strict=True):
        # Doubling is exact in binary floats.
        np.testing.assert_array_equal(twice, 2 * once)
