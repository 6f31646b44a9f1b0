"""Attention by the flash kernels of cuDNN (Dao, 2023, arXiv:2307.08691): neither scores nor shares are ever in memory.

JAX makes the calls. Its public function rounds the sums of the rows to 16 bits, and has no reverse that starts from them, so
the function behind it is called, and the rule that is its reverse; where their arguments are not the known ones, blocks serve.
"""

from importlib import import_module
from inspect import signature
from math import prod
from typing import Any

from dslc.lazy import jax, jnp
from dslc.ops.attention._core import Attend

MODULE = "jax._src.cudnn.fused_attention_stablehlo"
FORWARD = "dot_product_attention"
REVERSE = "_dot_product_attention_bwd_rule"
TAKEN = {"bias", "scale", "mask_type", "qkv_layout", "sliding_window_length", "return_residual"}
"""What the forward call is given by name."""
RULE = (
    "scale", "seed", "dropout_rate", "variadic_args", "mask_type", "layout", "sliding_window_length", "is_training",
    "return_residual", "res", "grad_output",
)  # fmt: skip
"""What the reverse is given by position."""
OLDEST = 8.0
"""Compute capability of the first devices with these kernels (Ampere)."""
LOWEST = {"bfloat16": -(2.0**41), "float16": -(2.0**15)}
"""What hides a score: far below all others, and the difference of two such scores is still a number."""


def kernels() -> Any:
    """The module of JAX that makes the calls; None where it is not as it is known."""
    try:
        module = import_module(MODULE)
        taken, rule = signature(getattr(module, FORWARD)).parameters, signature(getattr(module, REVERSE)).parameters
    except (ImportError, AttributeError):
        return None
    return module if set(taken) >= TAKEN and tuple(rule) == RULE else None


def refusal(kernels: Any, capability: float, core: Attend, q: Any, k: Any, v: Any) -> str | None:
    """Why the kernels cannot do it; None: they can."""
    query, key, odd = q.shape[-2], k.shape[-2], (q.shape[-2] | k.shape[-2]) % 2
    hides = core.mask is not None or core.bias is not None
    reasons = {
        "this version of JAX calls it in another way": kernels is None,
        f"it needs a device of compute capability {OLDEST}, and this one has {capability}": capability < OLDEST,
        f'it needs 16-bit floats, and these are {q.dtype}: `precision = "bf16"`': str(q.dtype) not in LOWEST,
        "its dropout draws the same numbers in every step": core.key is not None,
        f"values of {v.shape[-1]} and queries of {q.shape[-1]} numbers": v.shape[-1] != q.shape[-1],
        f"it is causal for as many keys as queries, not for {key} and {query}": core.causal and key != query,
        "its window looks back alone: `causal = true`": core.window is not None and not core.causal,
        "it has no window together with a mask or bias": core.window is not None and hides,
        f"a mask or bias of {query} queries and {key} keys, where it needs even numbers": hides and odd,
    }
    found = next((reason for reason, holds in reasons.items() if holds), None)
    return _objection(kernels, core, q, k, v) if found is None else found


def forward(kernels: Any, core: Attend, q: Any, k: Any, v: Any) -> tuple[Any, Any]:
    """The context and the logarithm of the sum of each row, as `Attend.forward_in_blocks` gives them."""
    context, sums = getattr(kernels, FORWARD)(
        *map(_turned, (q, k, v)),
        bias=_bias(core, q, k),
        scale=1.0,
        mask_type=_mask_type(kernels, core),
        qkv_layout="BTNH",
        sliding_window_length=core.window,
        return_residual=True,
    )
    context = context.swapaxes(1, 2).reshape(q.shape)
    if core.mask is not None:
        # To the kernels a row without visible keys is one in which all scores are the same.
        context = jnp.where(_sees(core, q, k), context, 0)
    return context, sums.reshape(*q.shape[:-1], 1)


def backward(
    kernels: Any, core: Attend, gradient: Any, q: Any, k: Any, v: Any, context: Any, logsumexp: Any
) -> tuple[Any, Any, Any, Any]:
    """Gradients as `Attend.backward_in_blocks` gives them."""
    if core.mask is not None:
        gradient = jnp.where(_sees(core, q, k), gradient, 0)
    bias, none = _bias(core, q, k), jnp.zeros(0, q.dtype)
    has_bias = bias is not None
    sums = logsumexp.reshape(-1, *q.shape[-3:-1])
    # Neither lengths nor offsets of sequences, nor pages.
    kept = (*map(_turned, (q, k, v)), bias if has_bias else none, *[none] * 6, sums, _turned(context))
    layout = kernels.AttentionLayout.BTNH.value
    how = (1.0, 0, 0.0, (has_bias, has_bias), _mask_type(kernels, core), layout, core.window, True, False)
    found = getattr(kernels, REVERSE)(*how, kept, _turned(gradient))
    by_q, by_k, by_v = (
        array.swapaxes(1, 2).reshape(like.shape) for array, like in zip(found[:3], (q, k, v), strict=True)
    )
    if core.bias is None:
        return by_q, by_k, by_v, None
    by_bias = found[3]
    leading = q.shape[:-3] if by_bias.shape[0] == prod(q.shape[:-3]) else (1,) * (q.ndim - 3)
    return by_q, by_k, by_v, by_bias.reshape(*leading, *by_bias.shape[1:])


def _objection(kernels: Any, core: Attend, q: Any, k: Any, v: Any) -> str | None:
    """What JAX says against the call: it knows the versions of cuDNN, and sizes that they do not have."""
    try:
        jax.eval_shape(lambda q, k, v: forward(kernels, core, q, k, v), q, k, v)
    except (RuntimeError, NotImplementedError, ValueError) as error:
        return " ".join(str(error).split()).rstrip(".")
    return None


def _turned(x: Any) -> Any:
    """`[..., heads, positions, width]` as `[batch, positions, heads, width]`, which costs nothing behind `split_heads`."""
    return x.reshape(-1, *x.shape[-3:]).swapaxes(1, 2)


def _mask_type(kernels: Any, core: Attend) -> Any:
    return kernels.MaskType.CAUSAL if core.causal else kernels.MaskType.NO_MASK


def _bias(core: Attend, q: Any, k: Any) -> Any:
    """What is added to the scores, `[batch or 1, heads or 1, query, key]`; None: nothing."""
    if core.mask is None and core.bias is None:
        return None
    bias = jnp.zeros((), q.dtype) if core.bias is None else core.bias.astype(q.dtype)
    if core.mask is not None:
        bias = jnp.expand_dims(bias, tuple(range(q.ndim - bias.ndim)))
        bias = jnp.where(core.mask, bias, jnp.asarray(LOWEST[str(q.dtype)], q.dtype))
    leading = bias.shape[:-3] if prod(bias.shape[:-3]) == 1 else q.shape[:-3]
    full = jnp.broadcast_to(bias, (*leading, bias.shape[-3], q.shape[-2], k.shape[-2]))
    return full.reshape(-1, *full.shape[-3:])


def _sees(core: Attend, q: Any, k: Any) -> Any:
    """Which queries see a key, with an axis of 1 for what they gather."""
    visible = core.visible(q.ndim, q.shape[-2], k.shape[-2])
    return visible.any(-1, keepdims=True)
