"""Products that stand for looking up, turning or mixing keep all digits of float32; a GPU would multiply in 10 bits."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from samples import op_of

from dslc.data.stages import _colours
from dslc.data.stages.random_affine import Moved
from dslc.ops.base import OPS, Context
from dslc.ops.conv._gradient import _examples_last
from dslc.ops.linear._table import multiplied

PICTURE = jnp.zeros((5, 4, 3))
ROWS = jnp.zeros((2, 5, 3))
EXACT: dict[str, Callable[[], Any]] = {
    "the gradient of a table": lambda: multiplied(7, jnp.zeros((2, 5), jnp.int32), ROWS),
    "places that are mixed": lambda: op_of("resize(3)").apply({}, ROWS, ctx=Context()),
    "windows that overlap": lambda: op_of("adaptive_avg_pool(2)").apply({}, ROWS, ctx=Context()),
    "axes that are turned": lambda: _examples_last(jnp.zeros((2, 5, 5, 3))),
    "the gain of a kernel": lambda: OPS["spectral_normed"]().apply(
        {"u": jnp.ones(3)}, jnp.zeros((4, 3)), ctx=Context(training=True)
    ),
    "a grey picture": lambda: _colours.grey(PICTURE),
    "a sharp picture": lambda: _colours.sharpened(PICTURE, 1.5),
    "a picture that is turned": lambda: Moved(("image",), 0.1, 0.0, 0.0, 0.1).of(PICTURE[None], jax.random.key(0)),
}


def products(jaxpr: Any) -> Iterator[Any]:
    """Every product in a program, in the programs inside of it too."""
    for step in jaxpr.eqns:
        if step.primitive.name in ("dot_general", "conv_general_dilated"):
            yield step
        for inner in step.params.values():
            if hasattr(inner, "eqns") or hasattr(inner, "jaxpr"):
                yield from products(getattr(inner, "jaxpr", inner))


@pytest.mark.parametrize("what", EXACT)
def test_a_product_in_place_of_something_exact_keeps_all_digits(what: str) -> None:
    found = list(products(jax.make_jaxpr(EXACT[what])().jaxpr))
    assert found
    highest = jax.lax.Precision.HIGHEST
    assert all(step.params["precision"] in (highest, (highest, highest)) for step in found)
