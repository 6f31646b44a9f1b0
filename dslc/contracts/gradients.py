"""Gradients: rules of an op's own beside the derived one, the derived one beside finite differences."""

from collections.abc import Callable, Mapping
from typing import Any

from dslc.contracts.base import check, differentiable, has_fine_outputs
from dslc.contracts.cases import Case, own_gradients, summed_down
from dslc.lazy import jax, jnp, np
from dslc.ops.base import Sample


def floats_of(case: Case, weights: Mapping[str, Any], inputs: tuple[Any, ...]) -> tuple[dict[str, Any], list[int]]:
    """The trained weights, and the places of the inputs that have a gradient."""
    trained = {role: weights[role] for role, weight in case.weights.items() if weight.dtype.startswith(("f", "bf"))}
    return trained, [at for at, type in enumerate(case.inputs) if type is not None and type.is_float]


def at_floats(case: Case, weights: Any, inputs: tuple[Any, ...], training: bool) -> tuple[Callable[..., Any], Any]:
    """Float outputs as a function of all that has a gradient, and its arguments."""
    trained, places = floats_of(case, weights, inputs)

    def function(trained: Any, moved: Any) -> tuple[Any, ...]:
        return floats(case.call(*filled(case, weights, inputs, trained, moved), training))

    return function, (trained, tuple(inputs[at] for at in places))


def filled(case: Case, weights: Any, inputs: Any, trained: Any, moved: Any) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """Weights and inputs with others in place of those that have a gradient."""
    _, places = floats_of(case, weights, inputs)
    moving = dict(zip(places, moved, strict=True))
    return {**weights, **trained}, tuple(moving.get(at, array) for at, array in enumerate(inputs))


def floats(found: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(array for array in found if jnp.issubdtype(array.dtype, jnp.floating))


def drawn_like(tree: Any) -> Any:
    """Gaussian numbers in the shapes of some arrays."""
    rng = np.random.default_rng(5)
    return jax.tree.map(lambda array: jnp.asarray(rng.standard_normal(array.shape), array.dtype), tree)


@check(when=lambda case: case.op.keeps is not None and differentiable(case), wide=True, modes=True)
def own_backward_agrees_with_the_derived_one(sample: Sample, training: bool) -> None:
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
    own, derived = jax.tree.map(np.asarray, jax.jit(both)(point, weights, inputs, gradient))
    for found, expected in zip(jax.tree.leaves(own), jax.tree.leaves(derived), strict=True):
        assert found.dtype == expected.dtype
        # Both round at 1e-16 a few hundred times at most; a gradient that is zero by cancellation is left with those.
        assert np.linalg.norm(found - expected) <= 1e-9 * np.linalg.norm(expected) + 1e-13, f"{found} and {expected}"


def _in_shape(gradient: Any, like: Any) -> Any:
    """A gradient in the shape of its array, zero where the rule gives none."""
    return jnp.zeros_like(like) if gradient is None else summed_down(gradient, like)


@check(when=lambda case: case.op.keeps is None and has_fine_outputs(case), wide=True, modes=True)
def gradients_match_finite_differences(sample: Sample, training: bool) -> None:
    case = Case.of(sample).wide()
    weights, inputs = case.draw()
    function, point = at_floats(case, weights, inputs, training)
    gradient, direction = drawn_like(jax.eval_shape(function, *point)), drawn_like(point)

    def projected(found: tuple[Any, ...]) -> Any:
        return sum((a * g).sum() for a, g in zip(found, gradient, strict=True))

    def at(step: float) -> float:
        moved = jax.tree.map(lambda a, d: (np.asarray(a) + step * np.asarray(d)).astype(a.dtype), point, direction)
        found = case.program(training)(*filled(case, weights, inputs, *moved))
        return float(projected(tuple(map(np.asarray, floats(found)))))

    step = 1e-6
    slope = (at(step) - at(-step)) / (2 * step)
    # The differences err by the square of the step, and by the rounding of the outputs (1e-16) over the step: 1e-10.
    along = jax.grad(lambda step: projected(function(*jax.tree.map(lambda a, d: a + step * d, point, direction))))
    derived = float(jax.jit(along)(0.0))
    assert abs(slope - derived) <= 1e-7 * max(1, abs(derived)), f"{slope} and {derived}"


@check(when=lambda case: case.op.linear and differentiable(case), wide=True)
def linear_ops_have_a_transpose_that_reads_types_only(sample: Sample) -> None:
    case = Case.of(sample).wide()
    weights, inputs = case.draw()
    call, (trained, moved) = at_floats(case, weights, inputs, training=False)
    assert not trained
    function = jax.jit(call)
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
