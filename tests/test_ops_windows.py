"""Padding and transposes of convolutions, beside XLA's and beside each other."""

import jax
import jax.numpy as jnp
import pytest
from peers import close, drawn, weights_of
from samples import op_of

from dslc.ops.base import Context

pytestmark = pytest.mark.usefixtures("float64")


@pytest.mark.parametrize("size", [1, 2, 3, 9])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_padding_agrees_with_xla(size: int, stride: int) -> None:
    x, kernel = jnp.asarray(drawn(2, 9, 8, 2)), jnp.asarray(drawn(size, size, 2, 3))
    expected = jax.lax.conv_general_dilated(
        x, kernel, (stride,) * 2, "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    op = op_of(f"conv(3, {size}, stride = {stride}, bias = false)")
    close(op.apply({"kernel": kernel}, x, ctx=Context()), expected, "output")


@pytest.mark.parametrize("kernel, stride", [(1, 2), (2, 3), (3, 1), (3, 2), (4, 2)])
@pytest.mark.parametrize("padding", ['"same"', '"valid"'])
def test_a_transposed_convolution_is_the_transpose_of_the_convolution(kernel: int, stride: int, padding: str) -> None:
    op = op_of(f"conv_transpose(3, {kernel}, {stride}, {padding}, bias = false)")
    x = drawn(2, 4, 5, 2)
    weights = {role: jnp.asarray(array) for role, array in weights_of(op, (x,)).items()}
    found = op.apply(weights, jnp.asarray(x), ctx=Context())
    gradient = jnp.asarray(drawn(*found.shape))
    # <T x, g> = <x, C g>: the convolution's own padding is tested against XLA's.
    conv = op_of(f"conv(2, {kernel}, {stride}, {padding}, bias = false)")
    back = conv.apply({"kernel": weights["kernel"].swapaxes(-1, -2)}, gradient, ctx=Context())
    close((back * x).sum(), (found * gradient).sum(), "product")
    if padding == '"same"':
        assert found.shape == (2, 4 * stride, 5 * stride, 3)
