"""How recurrent layers start, and what they give in 16 bits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from peers import drawn, gradients, weights_of
from samples import op_of

from dslc.ops.base import Context
from dslc.types import Type

pytestmark = pytest.mark.usefixtures("float64")

UNITS = 5
X = drawn(3, 6, 4)


def test_the_forget_gate_of_an_lstm_starts_open() -> None:
    weight = op_of("lstm(3)").weights(Type(X.shape))["bias"]
    assert weight.init is not None
    found = weight.init.sample(jax.random.key(0), (12,), 1, 1)
    np.testing.assert_array_equal(found, [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0])


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_half_precision_stays_near_single_precision(kind: str) -> None:
    op = op_of(f"{kind}({UNITS})")
    weights = {role: jnp.asarray(array / 4, jnp.float32) for role, array in weights_of(op, (X,)).items()}
    none = [None] * (len(op.inputs()) - 1)
    wide = op.apply(weights, jnp.asarray(X, jnp.float32), *none, ctx=Context())
    short = {role: array.astype(jnp.bfloat16) for role, array in weights.items()}
    x = jnp.asarray(X, jnp.bfloat16)
    narrow = op.apply(short, x, *none, ctx=Context())
    assert narrow.dtype == jnp.bfloat16
    # bfloat16 has 8 bits, 0.004; six steps of rounded states and products stay within a few of them.
    np.testing.assert_allclose(narrow.astype(jnp.float32), wide, atol=0.03)
    found = gradients(op, (x, *none), short, Context(), jnp.ones_like(narrow))
    assert all(found[role].dtype == jnp.bfloat16 for role in ("x", *weights))
