"""Values, and the cost of making them."""

from functools import partial
from typing import Any

from dslc.contracts.base import check, differentiable, modes
from dslc.contracts.cases import Case
from dslc.lazy import jax, jnp, lax, np
from dslc.ops.base import Sample, elements, moved
from dslc.types import JAX_DTYPES


@check(when=lambda case: case.sample.gives is not None)
def literal_values_come_out(sample: Sample) -> None:
    case = Case.of(sample)
    assert set(sample.weights) == {*case.weights, *case.state}
    inputs = tuple(
        None if type is None else jnp.asarray(_padded(sample.given, at), JAX_DTYPES[type.dtype])
        for at, type in enumerate(case.inputs)
    )
    found = case.program()({role: jnp.asarray(value, jnp.float32) for role, value in sample.weights.items()}, inputs)
    for array, literal in zip(found, sample.gives if len(found) > 1 else (sample.gives,), strict=True):
        # The literals have seven to nine digits and the op rounds a few times at 6e-8 each.
        np.testing.assert_allclose(array, np.asarray(literal), rtol=2e-6, atol=5e-7)


def _padded(given: tuple[Any, ...], at: int) -> Any:
    assert at < len(given), "a sample with values gives one for each input"
    return given[at]


@check()
def jit_changes_nothing(sample: Sample) -> None:
    case = Case.of(sample)
    weights, inputs = case.draw()
    for training in modes(case):
        eager = case.call(weights, inputs, training)
        compiled = case.program(training)(weights, inputs)
        for array, expected in zip(compiled, eager, strict=True):
            # Fusion changes the order of float32 roundings only.
            np.testing.assert_allclose(array, expected, rtol=1e-5, atol=1e-6)


@check(when=lambda case: case.op.elementwise, wide=True)
def elementwise_ops_look_at_one_element(sample: Sample) -> None:
    case = Case.of(sample).wide()
    weights, inputs = case.draw()
    others = tuple(_all_but_first(array) for array in inputs)
    for before, after in zip(case.program()(weights, inputs), case.program()(weights, others), strict=True):
        assert np.asarray(before).flat[0] == np.asarray(after).flat[0]


def _all_but_first(array: "jax.Array | None") -> Any:
    """The array with every element changed but the first."""
    if array is None or array.size == 1:
        return array
    given = np.asarray(array)
    changed = ~given if given.dtype == bool else given + np.ones((), given.dtype)
    changed.flat[0] = given.flat[0]
    return changed


@check()
def cost_reads_and_writes_every_array_once_at_most(sample: Sample) -> None:
    case = Case.of(sample)
    cost = case.op.cost(*case.inputs)
    assert isinstance(cost.flops, int)
    assert isinstance(cost.bytes, int)
    assert cost.flops >= 0
    # An op that hands on its input moves nothing.
    everything = moved(*case.inputs, *case.outputs, *case.weights.values(), *case.state.values())
    assert cost.bytes == 0 or moved(*case.outputs) <= cost.bytes <= everything


@check(when=lambda case: differentiable(case) and not case.op.random)
def cost_counts_the_operations_that_xla_counts(sample: Sample) -> None:
    # XLA counts the body of a loop once, however often it runs: a loop that is rolled out is counted whole.
    case = Case.of(sample)
    weights, inputs = case.draw()
    whole, lax.scan = lax.scan, partial(lax.scan, unroll=True)
    try:
        found = jax.jit(case.call).lower(weights, inputs).cost_analysis() or {}
    finally:
        lax.scan = whole
    counted = found.get("flops", 0) + found.get("transcendentals", 0)
    flops = case.op.cost(*case.inputs).flops
    if flops == 0:
        # A conversion is one operation of XLA's, and the check of an index in a gather up to eight.
        assert counted <= 8 * elements([type for type in (*case.inputs, *case.outputs) if type])
    else:
        # XLA counts the formula as written, with its comparisons and masks; the cost counts the algebra.
        assert 0.6 * counted <= flops <= 1.7 * counted
