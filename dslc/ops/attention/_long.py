"""Attention of many queries, by the way that suits the device: cuDNN's kernels, or blocks of queries.

Both keep the context and the logarithm of the sum of a row's exponentials, so that either can be the reverse of the other.
"""

from typing import Any

from dslc.ops._bits import is_never_differentiated
from dslc.ops._platform import local_cuda
from dslc.ops._remarks import remark
from dslc.ops.attention import _cudnn
from dslc.ops.attention._core import Attend


def forward(core: Attend, q: Any, k: Any, v: Any) -> tuple[Any, Any]:
    """The context `[..., heads, query, width]`, and of each row the logarithm of the sum."""
    kernels = _kernels(core, q, k, v)
    return core.forward_in_blocks(q, k, v) if kernels is None else _cudnn.forward(kernels, core, q, k, v)


def backward(
    core: Attend, gradient: Any, q: Any, k: Any, v: Any, context: Any, logsumexp: Any
) -> tuple[Any, Any, Any, Any]:
    """Gradients of the scaled queries, keys, values and scores; of the scores None, unless there is a bias."""
    kernels, arrays = _kernels(core, q, k, v), (gradient, q, k, v, context, logsumexp)
    return core.backward_in_blocks(*arrays) if kernels is None else _cudnn.backward(kernels, core, *arrays)


def _kernels(core: Attend, q: Any, k: Any, v: Any) -> Any:
    """cuDNN's kernels where the program runs on this machine and they fit; None: by blocks.

    A program for other machines has none of them: JAX exports no call of cuDNN, which promises no later version the same.
    """
    capability = local_cuda()
    # The kernels have no second derivative, and none in forward mode.
    if capability is None or not is_never_differentiated():
        return None
    kernels = _cudnn.kernels()
    reason = _cudnn.refusal(kernels, capability, core, q, k, v)
    sizes = f"{q.dtype} [{', '.join(map(str, q.shape))}]"
    way = "by cuDNN" if reason is None else f"in blocks of queries, not by cuDNN: {reason}"
    remark(f"attention of {sizes} to {k.shape[-2]} keys is computed {way}")
    return kernels if reason is None else None
