"""Attention by cuDNN: what is handed to its kernels and comes back, when they are taken, and that the program holds them."""

import re
from types import SimpleNamespace
from typing import Any

import jax
import jax._src.cudnn.fused_attention_stablehlo as of_jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export
from peers import drawn
from samples import op_of

from dslc.compilation import Compilation
from dslc.compiler import Options
from dslc.export import exported
from dslc.ops import _platform
from dslc.ops._bits import differentiated, never_differentiated
from dslc.ops._platform import local_cuda, targets
from dslc.ops.attention import _cudnn, _long
from dslc.ops.attention._core import Attend
from dslc.ops.base import Context
from dslc.source import Source
from dslc.train.generator import base_key

Array = np.ndarray[Any, Any]
CALLS = ("__cudnn$fmhaSoftmax", "__cudnn$fmhaScaleBiasSoftmax")
UNCHECKED = [export.DisabledSafetyCheck.custom_call(f"{call}{end}") for call in CALLS for end in ("", "Backward")]


def written_out(q: Any, k: Any, v: Any, bias: Any, causal: bool, window: int | None) -> tuple[Any, Any]:
    """What the kernels compute: arrays `[batch, positions, heads, width]`, sums `[batch, heads, query]`."""
    k, v = (jnp.repeat(x, q.shape[2] // x.shape[2], axis=2) for x in (k, v))
    scores = jnp.einsum("btnh,bsnh->bnts", q, k)
    scores = scores if bias is None else scores + jnp.broadcast_to(bias, scores.shape)
    distance = jnp.arange(q.shape[1])[:, None] - jnp.arange(k.shape[1])[None, :]
    seen = (distance >= 0) if causal else jnp.ones_like(distance, bool)
    seen = seen if window is None else seen & (distance < window)
    scores = jnp.where(seen[None, None], scores, -jnp.inf)
    sums = jax.nn.logsumexp(scores, axis=-1)
    return jnp.einsum("bnts,bsnh->btnh", jnp.exp(scores - sums[..., None]), v), sums


def kernels() -> Any:
    """Stands for the module of JAX, with the arguments that are known of it."""

    def forward(q: Any, k: Any, v: Any, *, bias: Any, mask_type: Any, sliding_window_length: Any, **others: Any) -> Any:
        assert others == {"scale": 1.0, "qkv_layout": "BTNH", "return_residual": True}
        return written_out(q, k, v, bias, mask_type == of_jax.MaskType.CAUSAL, sliding_window_length)

    def reverse(*given: Any) -> Any:
        how = dict(zip(_cudnn.RULE, given, strict=True))
        q, k, v, bias, *nothing, sums, context = how["res"]
        assert all(array.size == 0 for array in nothing)
        assert how["dropout_rate"] == 0
        has_bias, _ = how["variadic_args"]
        inputs = (q, k, v, bias) if has_bias else (q, k, v)
        causal = how["mask_type"] == of_jax.MaskType.CAUSAL

        def again(q: Any, k: Any, v: Any, bias: Any = None) -> Any:
            return written_out(q, k, v, bias, causal, how["sliding_window_length"])[0]

        found, back = jax.vjp(again, *inputs)
        again_sums = written_out(q, k, v, bias if has_bias else None, causal, how["sliding_window_length"])[1]
        np.testing.assert_allclose(again_sums, sums, rtol=1e-12)  # what was kept is what the kernel wants
        del found, context
        return back(how["grad_output"])

    return SimpleNamespace(
        dot_product_attention=forward,
        _dot_product_attention_bwd_rule=reverse,
        MaskType=of_jax.MaskType,
        AttentionLayout=of_jax.AttentionLayout,
    )


# By name: leading axes, heads, key heads, positions, settings, mask, bias.
CASES: dict[
    str, tuple[tuple[int, ...], int, int, int, dict[str, Any], tuple[int, ...] | None, tuple[int, ...] | None]
] = {
    "plain": ((2,), 2, 2, 6, {}, None, None),
    "causal": ((2, 3), 4, 2, 6, {"causal": True}, None, None),
    "window": ((), 2, 1, 6, {"causal": True, "window": 3}, None, None),
    "mask": ((3,), 2, 2, 6, {"causal": True}, (3, 1, 1, 6), None),
    "bias": ((2, 2), 2, 2, 6, {}, None, (1, 1, 2, 6, 6)),
    "both": ((2,), 2, 1, 6, {}, (2, 1, 6, 6), (1, 2, 1, 6)),
}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", CASES)
def test_the_kernels_get_and_give_what_blocks_do(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    leading, heads, groups, count, settings, masked, biased = CASES[name]
    monkeypatch.setitem(_cudnn.LOWEST, "float64", -(2.0**41))
    q, k, v, gradient = (
        jnp.asarray(drawn(*leading, n, count, 5)) for n in (heads, groups, groups, heads)
    )  # the width of a head is not asked here
    mask = None if masked is None else jnp.asarray(drawn(*masked) < 0.3)
    bias = None if biased is None else jnp.asarray(drawn(*biased))
    if mask is not None:
        mask = mask.at[0, ..., 0:1, :].set(False)  # in one row, or with one for all queries in all, nothing is visible
    core = Attend(**settings, mask=mask, bias=bias)
    context, sums = core.forward_in_blocks(q, k, v)
    by_blocks = core.backward_in_blocks(gradient, q, k, v, context, sums)
    found, found_sums = _cudnn.forward(kernels(), core, q, k, v)
    by_kernels = _cudnn.backward(kernels(), core, gradient, q, k, v, found, found_sums)
    assert found_sums.shape == sums.shape
    close(found, context)
    for ours, theirs in zip(by_kernels[:3], by_blocks[:3], strict=True):
        close(ours, theirs)
    if bias is None:
        assert by_kernels[3] is None
    else:
        close(summed(by_kernels[3], bias.shape), summed(by_blocks[3], bias.shape))


def close(ours: Any, theirs: Any) -> None:
    # Sums of at most 30 terms in 64 bits, added in two orders.
    np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-11)


def summed(x: Any, shape: tuple[int, ...]) -> Any:
    axes = tuple(axis for axis, size in enumerate(shape) if size == 1 and x.shape[axis] != 1)
    return x.sum(axes, keepdims=True)


SMALL = jnp.zeros((2, 4, 256, 64), jnp.bfloat16)

REFUSED: dict[str, tuple[Attend, Any, Any, float, str]] = {
    "float32": (Attend(), SMALL.astype(jnp.float32), None, 9.0, "needs 16-bit floats"),
    "dropout": (Attend(key=jax.random.key(0), rate=0.1), SMALL, None, 9.0, "the same numbers in every step"),
    "old device": (Attend(), SMALL, None, 7.5, "compute capability 8.0, and this one has 7.5"),
    "memory": (Attend(causal=True), SMALL, SMALL[:, :, :128], 9.0, "not for 128 and 256"),
    "window": (Attend(window=3), SMALL, None, 9.0, "looks back alone"),
    "window and bias": (Attend(True, 3, bias=SMALL[:1, :1, :, :1]), SMALL, None, 9.0, "together with a mask or bias"),
    "odd": (Attend(bias=SMALL[:1, :1, :1, :1]), SMALL[:, :, 1:], None, 9.0, "even numbers"),
    "no cuDNN": (Attend(causal=True), SMALL, None, 9.0, "cuDNN is not detected"),
    "width": (Attend(causal=True), SMALL[..., :63], None, 9.0, "multiple of 8, but got 63"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_kernels_cannot_do_has_a_reason(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    core, q, k, capability, reason = REFUSED[name]
    k = q if k is None else k
    if name != "no cuDNN":
        monkeypatch.setattr(of_jax, "check_cudnn_version", lambda: 91000)
    assert reason in str(_cudnn.refusal(_cudnn.kernels(), capability, core, q, k, k))


def test_a_jax_with_other_kernels_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _cudnn.kernels() is of_jax
    monkeypatch.setattr(of_jax, _cudnn.REVERSE, lambda res, gradient: None)
    assert _cudnn.kernels() is None
    assert "another way" in str(_cudnn.refusal(None, 9.0, Attend(), SMALL, SMALL, SMALL))
    monkeypatch.setattr(_cudnn, "MODULE", "jax.no_such_module")
    assert _cudnn.kernels() is None


@pytest.fixture
def on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this machine had an H100 with cuDNN: programs are traced and lowered for it, and not run."""
    monkeypatch.setattr(of_jax, "check_cudnn_version", lambda: 91000)
    monkeypatch.setattr(_long, "local_cuda", lambda: 9.0)


TRAINED = """net 1
model m {
  input  tokens: i32[batch, seq]
  output logits = tokens -> embedding(16, 128) -> repeat 3 { residual { attention(2, causal = true) } } -> dense(16)
}
train m { data = text("t.txt", context = 256) -> split(0.9, 0.1)  loss = (logits, target) -> cross_entropy
  batch = 2  steps = 2  precision = "bf16" }
"""


def compilation_of(text: str, tmp_path: Any) -> Compilation:
    (tmp_path / "t.txt").write_text("".join(chr(97 + n % 16) for n in range(9000)))
    return Compilation(Source("m.net", text), Options(data=(tmp_path,)))


@pytest.mark.usefixtures("on_a_gpu")
def test_a_training_program_for_this_gpu_calls_the_kernels_forward_and_back(tmp_path: Any) -> None:
    compilation = compilation_of(TRAINED, tmp_path)
    traced = compilation.trace
    # Once, not for each layer and not for the backward pass too.
    assert compilation.remarks == ["attention of bfloat16 [2, 2, 256, 64] to 256 keys is computed by cuDNN"]
    assert not re.search(r"\[2,2,256,256\]", str(traced.jaxpr)), "scores of all pairs are somewhere"
    key = base_key(0)
    carry = jax.eval_shape(compilation.loop.start, key)
    data = compilation.task.train.table.arrays
    program = jax.jit(compilation.loop.run)
    made = export.export(program, platforms=("cuda",), disabled_checks=UNCHECKED)(carry, data, key, np.int32(2))
    calls = re.findall(r"@(__cudnn\$\w+)\(", made.mlir_module())
    # One of each for every layer that is not part of a loop: what is kept is enough for the kernel that goes back.
    assert {*calls} == {CALLS[0], f"{CALLS[0]}Backward"}
    assert calls.count(CALLS[0]) == len(calls) / 2


def test_a_program_for_other_machines_calls_no_kernel(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_platform, "_here", lambda: ("cuda",))
    with targets("cpu", "cuda"):
        assert local_cuda() is None
    made = exported(compilation_of(TRAINED, tmp_path))
    assert "__cudnn" not in made["train"].mlir_module()


@pytest.mark.usefixtures("on_a_gpu")
def test_a_derivative_of_a_derivative_goes_by_blocks() -> None:
    q = jnp.zeros((1, 1, 256, 64), jnp.bfloat16)
    for inside, expected in ((never_differentiated, True), (differentiated, False)):
        with inside():
            made = str(jax.make_jaxpr(lambda q: _long.forward(Attend(causal=True), q, q, q))(q))
        assert ("dot_product_attention_fwd" in made) == expected
    # Where nobody says that no derivative is asked for, one may be.
    assert "dot_product_attention_fwd" not in str(
        jax.make_jaxpr(lambda q: _long.forward(Attend(causal=True), q, q, q))(q)
    )


@pytest.mark.usefixtures("on_a_gpu")
def test_attention_of_experts_at_once_lowers_with_the_kernels() -> None:
    op, ctx = op_of("attend(2, causal = true)"), Context()

    def both(x: Any, gradient: Any) -> Any:
        with never_differentiated():
            out, saved = op.apply_saving({}, x, x, x, ctx=ctx)
            kept = {"query": x, "key": x, "value": x, **saved}
            return out, op.backward(kept, gradient, ctx)

    x = jax.ShapeDtypeStruct((3, 2, 256, 128), jnp.bfloat16)
    made = export.export(jax.jit(jax.vmap(both)), platforms=("cuda",), disabled_checks=UNCHECKED)(x, x)
    assert len(re.findall(r"@__cudnn\$", made.mlir_module())) == 2
