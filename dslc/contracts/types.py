"""Types and sizes: what `infer` says beside what JAX makes of `apply`."""

from math import prod
from typing import Any

from dslc.contracts.base import check, described, differentiable, modes
from dslc.contracts.cases import Case, input_types, op_of, tupled, types_of
from dslc.dims import same
from dslc.lazy import jax
from dslc.ops.base import Mismatch, Op, Refused, Sample
from dslc.types import JAX_DTYPES, Type


@check()
def infer_gives_the_type_in_the_sample(sample: Sample) -> None:
    found = tupled(op_of(sample.text).infer(*input_types(sample.inputs)))
    expected = types_of(sample.output)
    assert [type.dtype for type in found] == [type.dtype for type in expected]
    assert [type.rank for type in found] == [type.rank for type in expected]
    for type, wanted in zip(found, expected, strict=True):
        assert all(same(a, b) for a, b in zip(type.shape, wanted.shape, strict=True)), f"{type}, and not {wanted}"


@check("refused")
def refused_samples_give_their_reason(sample: Refused) -> None:
    op, inputs = op_of(sample.text), input_types(sample.inputs)
    refusal = _refusal(op, inputs)
    assert refusal is not None, f"`{sample.text}` takes {', '.join(sample.inputs)}"
    assert sample.reason in refusal.reason, refusal.reason
    assert refusal.reason[0].islower() or refusal.reason[0] in '`["' or refusal.reason[0].isdigit()
    assert not refusal.reason.endswith(".")
    assert refusal.input is None or 0 <= refusal.input < len(inputs)


def _refusal(op: Op, inputs: tuple[Type | None, ...]) -> Mismatch | None:
    """What `infer` or `weights` refuses by, whichever knows."""
    try:
        op.infer(*inputs)
        op.weights(*inputs)
    except Mismatch as refusal:
        return refusal
    return None


@check()
def infer_agrees_with_the_shapes_of_apply(sample: Sample) -> None:
    case = Case.of(sample)
    weights, inputs = case.draw()
    for training in modes(case):
        ctx = case.context(training)
        found = jax.eval_shape(
            lambda weights, inputs, ctx=ctx: case.op.apply(weights, *inputs, ctx=ctx), weights, inputs
        )
        outputs, state = found if case.state else (found, {})
        assert [(each.shape, str(each.dtype)) for each in tupled(outputs)] == described(case.outputs)
        assert {name: (each.shape, str(each.dtype)) for name, each in state.items()} == {
            name: (weight.shape, JAX_DTYPES[weight.dtype]) for name, weight in case.state.items()
        }


@check(when=lambda case: bool(case.op.saves))
def saved_arrays_come_in_the_order_of_their_types(sample: Sample) -> None:
    case = Case.of(sample)
    weights, inputs = case.draw()
    for training in modes(case):
        order: list[str] = []

        def saving(weights: Any, inputs: Any, training: bool = training, order: list[str] = order) -> Any:
            _, saved = case.op.apply_saving(weights, *inputs, ctx=case.context(training))
            order += saved  # what is returned is a pytree, whose keys are sorted
            return saved

        found = jax.eval_shape(saving, weights, inputs)
        wanted = case.op.saved(*case.inputs)
        assert order == [*wanted]
        assert {name: (each.shape, str(each.dtype)) for name, each in found.items()} == {
            name: (type.shape, JAX_DTYPES[type.dtype]) for name, type in wanted.items()
        }


@check(when=lambda case: case.sample.parameters is not None)
def parameters_are_counted(sample: Sample) -> None:
    assert sum(prod(weight.shape) for weight in Case.of(sample).weights.values()) == sample.parameters


@check(when=differentiable, wide=True)
def apply_keeps_64_bits(sample: Sample) -> None:
    case = Case.of(sample).wide()
    weights, inputs = case.draw()
    follows = any(type is not None and type.is_float for type in case.inputs)
    for array, type in zip(jax.eval_shape(case.call, weights, inputs), case.outputs, strict=True):
        # Without a float input the weights decide, of which `infer` knows nothing.
        expected = "f64" if type.is_float and not follows else type.dtype
        assert str(array.dtype) == JAX_DTYPES[expected]
