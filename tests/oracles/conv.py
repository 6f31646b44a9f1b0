"""Convolutions."""

from typing import Any

from oracles.base import F, Oracle, channels_first, channels_last, oracle, torch

IMAGES = {1: "[2, 9, 4]", 2: "[2, 9, 8, 4]", 3: "[1, 6, 5, 7, 4]"}
# Kernel, stride, padding, dilation, groups; a padding of none is "same" with a stride of 1.
CONVOLUTIONS: list[tuple[int, int, Any, int, int]] = [
    (1, 1, 0, 1, 1), (1, 2, 1, 1, 2), (2, 2, 0, 2, 4), (3, 1, 1, 2, 1), (3, 2, 1, 1, 2), (2, 3, 0, 1, 1),
    (2, 1, None, 1, 1), (3, 1, None, 2, 1), (4, 1, None, 1, 1), (1, 1, None, 1, 4),
]  # fmt: skip
DEPTHWISE = [(3, 1, 1, 1), (3, 2, 1, 2), (2, 1, 2, 1), (1, 1, 1, 3)]
TRANSPOSED = [(2, 1, 1), (2, 2, 2), (1, 3, 1), (2, 3, 2), (3, 4, 2), (1, 5, 3)]


def padded(x: Any, total: int) -> Any:
    """Zeros before and after each spatial axis, the odd one at the end."""
    return F.pad(x, (0, 0) + (total // 2, total - total // 2) * (x.ndim - 2))


def call(name: str, x: Any, kernel: Any, *arguments: Any) -> Any:
    """A convolution of PyTorch: channels and the kernel turned round and back."""
    made = getattr(F, f"{name}{x.ndim - 2}d")
    return channels_last(made(channels_first(x), kernel, *arguments))


def _conv(kernel: int, stride: int, padding: Any, dilation: int, groups: int) -> Oracle:
    text = '"same"' if padding is None else str(padding or '"valid"')

    def peer(x: Any, kernel: Any, bias: Any) -> Any:
        turned = kernel.movedim(-1, 0).movedim(-1, 1)
        wide = padded(x, dilation * (kernel.shape[0] - 1)) if padding is None else x
        return call("conv", wide, turned, bias, stride, padding or 0, dilation, groups)

    return oracle(
        f"conv(8, {kernel}, {stride}, {text}, {dilation}, {groups})", "PyTorch `conv1d` to `conv3d`", peer,
        *IMAGES.values(),
    )  # fmt: skip


def _depthwise(kernel: int, stride: int, dilation: int, multiplier: int) -> Oracle:
    def peer(x: Any, kernel: Any, bias: Any) -> Any:
        return call("conv", x, kernel.movedim(-1, 0).movedim(-1, 1), bias, stride, 1, dilation, 4)

    text = f"depthwise_conv({kernel}, {stride}, 1, {dilation}, {multiplier})"
    return oracle(text, "PyTorch `conv1d` to `conv3d` with groups", peer, *IMAGES.values())


def _transposed(rank: int, kernel: int, stride: int, padding: int) -> Oracle:
    def peer(x: Any, kernel: Any, bias: Any) -> Any:
        return call("conv_transpose", x, kernel.movedim(-1, 0).movedim(-1, 0), bias, stride, padding)

    around = padding or '"valid"'
    text = f"conv_transpose(3, {kernel}, {stride}, {around})"
    return oracle(text, "PyTorch `conv_transpose1d` to `conv_transpose3d`", peer, IMAGES[rank])


def _single(x: Any, kernel: Any, bias: Any) -> Any:
    return call("conv_transpose", x, kernel.movedim(-1, 0).movedim(-1, 0), bias)


def _causal(x: Any, kernel: Any, bias: Any) -> Any:
    wide = F.pad(x, (0, 0, 2 * (kernel.shape[0] - 1), 0))
    return call("conv", wide, kernel.movedim(-1, 0).movedim(-1, 1), bias, 1, 0, 2)


def _explicit(x: Any, kernel: Any, bias: Any) -> Any:
    wide = F.pad(x, (0, 0, 3, 3, 1, 2))
    return call("conv", wide, kernel.movedim(-1, 0).movedim(-1, 1), bias, 2)


def _local(kernel_size: int, stride: int) -> Any:
    """Windows by PyTorch's `unfold`, its channels put behind the places of a window."""

    def peer(x: Any, kernel: Any, bias: Any) -> Any:
        windows = F.unfold(channels_first(x), kernel_size, stride=stride)
        windows = windows.unflatten(1, (x.shape[-1], -1)).permute(0, 3, 2, 1).flatten(2)
        y = torch.einsum("bpi,pif->bpf", windows, kernel.flatten(0, 1)) + bias.flatten(0, 1)
        return y.reshape(x.shape[0], *kernel.shape[:2], -1)

    return oracle(
        f"locally_connected(3, {kernel_size}, {stride})", "PyTorch `unfold`", peer, "[2, 5, 4, 3]", "[1, 3, 7, 1]"
    )


ORACLES = [
    oracle('conv(3, 3, padding = "causal", dilation = 2)', "PyTorch `conv1d`", _causal, "[2, 9, 4]", "[1, 1, 1]"),
    oracle("conv(3, 3, 2, ((1, 2), 3))", "PyTorch `conv2d`", _explicit, "[2, 5, 4, 3]", "[1, 1, 7, 1]"),
    _local(2, 1),
    _local(3, 2),
    *(_conv(*settings) for settings in CONVOLUTIONS),
    *(_depthwise(*settings) for settings in DEPTHWISE),
    *(_transposed(*settings, padding) for settings in TRANSPOSED for padding in (0, 1)),
    oracle('conv_transpose(3, 4, padding = "valid")', "PyTorch `conv_transpose2d`", _single, "[3, 1, 1, 5]"),
]
