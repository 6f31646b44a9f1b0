"""Convolution and pools against PyTorch: outputs and gradients in 64 bits."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from peers import channels_first, channels_last, close, compare, drawn
from samples import op_of

from dslc.ops.base import Context

pytestmark = pytest.mark.usefixtures("float64")

IMAGES = {1: drawn(2, 9, 4), 2: drawn(2, 9, 8, 4), 3: drawn(2, 6, 5, 7, 4)}


@pytest.mark.parametrize("rank", IMAGES)
@pytest.mark.parametrize("kernel, stride", [(1, 1), (1, 2), (2, 2), (3, 1), (3, 2), (2, 3)])
@pytest.mark.parametrize("padding, dilation, groups", [('"valid"', 1, 1), ("1", 2, 1), ("1", 1, 2), ('"valid"', 2, 4)])
def test_conv_agrees_with_pytorch(
    rank: int, kernel: int, stride: int, padding: str, dilation: int, groups: int
) -> None:
    functional = pytest.importorskip("torch").nn.functional

    def peer(x: Any, kernel: Any, bias: Any) -> Any:
        turned = kernel.movedim(-1, 0).movedim(-1, 1)
        around = int(padding) if padding.isdigit() else 0
        call = getattr(functional, f"conv{rank}d")
        return channels_last(call(channels_first(x), turned, bias, stride, around, dilation, groups))

    text = f"conv(8, {kernel}, {stride}, {padding}, {dilation}, {groups})"
    compare(text, peer, IMAGES[rank])


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")  # it copies, and is right
@pytest.mark.parametrize("rank", IMAGES)
@pytest.mark.parametrize("kernel, dilation", [(1, 1), (2, 1), (3, 2), (4, 1)])
def test_conv_pads_same_as_pytorch_does(rank: int, kernel: int, dilation: int) -> None:
    functional = pytest.importorskip("torch").nn.functional

    def peer(x: Any, kernel: Any) -> Any:
        turned = kernel.movedim(-1, 0).movedim(-1, 1)
        call = getattr(functional, f"conv{rank}d")
        return channels_last(call(channels_first(x), turned, padding="same", dilation=dilation))

    compare(f"conv(3, {kernel}, dilation = {dilation}, bias = false)", peer, IMAGES[rank])


@pytest.mark.parametrize("size", [1, 2, 3, 9])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_padding_agrees_with_xla(size: int, stride: int) -> None:
    x, kernel = jnp.asarray(drawn(2, 9, 8, 2)), jnp.asarray(drawn(size, size, 2, 3))
    expected = jax.lax.conv_general_dilated(
        x, kernel, (stride,) * 2, "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    op = op_of(f"conv(3, {size}, stride = {stride}, bias = false)")
    close(op.apply({"kernel": kernel}, x, ctx=Context()), expected, "output")


@pytest.mark.parametrize("rank", IMAGES)
@pytest.mark.parametrize("size, stride, padding", [(2, 2, 0), (3, 2, 1), (2, 1, 1), (2, 3, 0), (3, 3, 0)])
def test_max_pool_agrees_with_pytorch_where_values_are_equal(rank: int, size: int, stride: int, padding: int) -> None:
    functional = pytest.importorskip("torch").nn.functional

    def peer(x: Any) -> Any:
        return channels_last(getattr(functional, f"max_pool{rank}d")(channels_first(x), size, stride, padding))

    # A relu before leaves whole windows at zero: the first of equal elements gets the gradient.
    compare(f"max_pool({size}, {stride}, {padding})", peer, np.maximum(IMAGES[rank] - 0.5, 0))


def test_max_pool_of_large_windows_agrees_with_pytorch() -> None:
    functional = pytest.importorskip("torch").nn.functional
    x = drawn(1, 24, 20, 2)
    compare("max_pool(10, 5, 2)", lambda x: channels_last(functional.max_pool2d(channels_first(x), 10, 5, 2)), x)


@pytest.mark.parametrize("rank", IMAGES)
@pytest.mark.parametrize("size, stride, padding", [(2, 2, 0), (3, 2, 1), (2, 1, 1), (2, 3, 0), (3, 3, 0)])
def test_avg_pool_counts_what_is_inside(rank: int, size: int, stride: int, padding: int) -> None:
    functional = pytest.importorskip("torch").nn.functional

    def peer(x: Any) -> Any:
        call = getattr(functional, f"avg_pool{rank}d")
        return channels_last(call(channels_first(x), size, stride, padding, count_include_pad=False))

    compare(f"avg_pool({size}, {stride}, {padding})", peer, IMAGES[rank])


def test_avg_pool_of_large_windows_agrees_with_pytorch() -> None:
    functional = pytest.importorskip("torch").nn.functional
    x = drawn(1, 150, 2)
    compare("avg_pool(70, 3)", lambda x: channels_last(functional.avg_pool1d(channels_first(x), 70, 3)), x)


@pytest.mark.parametrize("rank", IMAGES)
def test_global_pools_agree_with_pytorch(rank: int) -> None:
    functional = pytest.importorskip("torch").nn.functional
    for text, call in (("global_avg_pool", "adaptive_avg_pool"), ("global_max_pool", "adaptive_max_pool")):
        peer = getattr(functional, f"{call}{rank}d")
        compare(f"{text}(keep = true)", lambda x, peer=peer: channels_last(peer(channels_first(x), 1)), IMAGES[rank])
