"""Layers that make images larger, and convolutions by channel, against PyTorch: outputs and gradients in 64 bits."""

from typing import Any

import jax.numpy as jnp
import pytest
from peers import channels_first, channels_last, close, compare, drawn, weights_of
from samples import op_of

from dslc.ops.base import Context

pytestmark = pytest.mark.usefixtures("float64")

IMAGES = {1: drawn(2, 9, 4), 2: drawn(2, 5, 6, 4), 3: drawn(2, 4, 3, 5, 4)}


@pytest.mark.parametrize("rank, kernel, stride", [(2, 1, 1), (2, 2, 2), (1, 3, 1), (2, 3, 2), (3, 4, 2), (1, 5, 3)])
@pytest.mark.parametrize("padding", ['"valid"', "1"])
def test_transposed_convolutions_agree_with_pytorch(rank: int, kernel: int, stride: int, padding: str) -> None:
    functional = pytest.importorskip("torch").nn.functional

    def peer(x: Any, kernel: Any, bias: Any) -> Any:
        turned = kernel.movedim(-1, 0).movedim(-1, 0)
        around = int(padding) if padding.isdigit() else 0
        return channels_last(
            getattr(functional, f"conv_transpose{rank}d")(channels_first(x), turned, bias, stride, around)
        )

    compare(f"conv_transpose(3, {kernel}, {stride}, {padding})", peer, IMAGES[rank])


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


def test_a_transposed_convolution_of_a_single_place_agrees_with_pytorch() -> None:
    functional = pytest.importorskip("torch").nn.functional

    def peer(x: Any, kernel: Any) -> Any:
        return channels_last(functional.conv_transpose2d(channels_first(x), kernel.movedim(-1, 0).movedim(-1, 0)))

    compare('conv_transpose(3, 4, padding = "valid", bias = false)', peer, drawn(3, 1, 1, 5))


@pytest.mark.parametrize("rank", IMAGES)
@pytest.mark.parametrize(
    "kernel, stride, dilation, multiplier", [(3, 1, 1, 1), (3, 2, 1, 2), (2, 1, 2, 1), (1, 1, 1, 3)]
)
def test_depthwise_convolutions_agree_with_pytorch(
    rank: int, kernel: int, stride: int, dilation: int, multiplier: int
) -> None:
    functional = pytest.importorskip("torch").nn.functional

    def peer(x: Any, kernel: Any, bias: Any) -> Any:
        turned = kernel.movedim(-1, 0).movedim(-1, 1)
        call = getattr(functional, f"conv{rank}d")
        return channels_last(call(channels_first(x), turned, bias, stride, 1, dilation, groups=4))

    compare(f"depthwise_conv({kernel}, {stride}, 1, {dilation}, {multiplier})", peer, IMAGES[rank])


@pytest.mark.parametrize("rank, mode", [(1, "linear"), (2, "bilinear"), (3, "trilinear")])
@pytest.mark.parametrize("factor", [2, 3])
def test_upsampling_agrees_with_pytorch(rank: int, mode: str, factor: int) -> None:
    functional = pytest.importorskip("torch").nn.functional

    def larger(x: Any, mode: str) -> Any:
        return channels_last(functional.interpolate(channels_first(x), scale_factor=factor, mode=mode))

    compare(f"upsample({factor})", lambda x: larger(x, "nearest"), IMAGES[rank])
    compare(f'upsample({factor}, "bilinear")', lambda x: larger(x, mode), IMAGES[rank])
