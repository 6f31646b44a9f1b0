"""Blocks of the standard library against PyTorch with the same weights: outputs and gradients in 64 bits."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import graph_of

from dslc.bind import bind, dims_of
from dslc.differentiate import differentiate, gradient_name
from dslc.initialize import initial
from dslc.lower import lower

torch = pytest.importorskip("torch")
Leaves = Mapping[str, Any]
BOUND = 1e-10
"""Relative to the largest number: float64 (1e-16), some thousand terms to a sum, a few layers, and norms that divide."""


def agree(
    module: str, stage: str, inputs: Mapping[str, Any], peer: Callable[..., Any], pipe: str = "x", bound: float = BOUND
) -> None:
    """Outputs and gradients of a block are those of its peer, which takes the weights by path and the inputs."""
    declared = "".join(f"input {name}: {_type(array)}\n" for name, array in inputs.items())
    with jax.enable_x64(True):
        text = f"import std.{module}\nmodel m {{ {declared} output y = {pipe} -> {module}.{stage} }}"
        shape = graph_of(text).type(graph_of(text).outputs["y"])
        text = text.replace(" }", f"  input probe: {shape}  output loss = y * probe -> sum }}")
        graph = graph_of(text)
        graph = bind(graph, dims_of(graph, {name: array.shape for name, array in inputs.items()}))
        given = {**inputs, "probe": draw(*graph.type(graph.outputs["y"]).shape, seed=7)}
        weights, state = initial(graph, jax.random.key(0))
        weights = {name: jnp.asarray(draw(*w.shape, seed=n) * 0.3 + 0.1) for n, (name, w) in enumerate(weights.items())}
        state = {name: array.astype(jnp.float64) for name, array in state.items()}
        program = lower(differentiate(graph, "loss", tuple(weights)))
        whole = jax.jit(lambda *arrays: program(*arrays, training=True, key=jax.random.key(0))[0])
        found = whole(weights, state, given)
    leaves = {name: torch.tensor(np.asarray(array), requires_grad=True) for name, array in weights.items()}
    block = re.match(r"\w+", stage)
    assert block
    short = {name.removeprefix(f"{block[0]}."): leaf for name, leaf in leaves.items()}
    wanted = peer(short, **{name: torch.tensor(array) for name, array in inputs.items()})
    near(found["y"], wanted.detach().numpy(), "y", bound)
    (wanted * torch.tensor(given["probe"])).sum().backward()
    for name, leaf in leaves.items():
        near(found[gradient_name(name)], leaf.grad.numpy(), name, bound)


def near(found: Any, wanted: Any, name: str, bound: float) -> None:
    assert found.shape == wanted.shape, name
    assert np.abs(np.asarray(found) - wanted).max() <= bound * max(1.0, np.abs(wanted).max()), name


def draw(*shape: Any, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def _type(array: np.ndarray) -> str:
    dtype = "bool" if array.dtype == bool else ""
    return f"{dtype}[{', '.join(map(str, ('batch', *array.shape[1:])))}]"


SEQUENCE, MEMORY = draw(2, 5, 8), draw(2, 7, 6, seed=2)
SEEN = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], bool)
SEEN_MEMORY = np.array([[1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1, 0]], bool)
IMAGE = draw(3, 8, 8, 6)


def layer_weights(w: Leaves, to: str, path: str) -> dict[str, Any]:
    return {f"{to}.weight": w[f"{path}.kernel"].T, f"{to}.bias": w[f"{path}.bias"]}


def norm_weights(w: Leaves, to: str, path: str) -> dict[str, Any]:
    return {f"{to}.weight": w[f"{path}.scale"], f"{to}.bias": w[f"{path}.bias"]}


def attention_weights(w: Leaves, to: str, path: str) -> dict[str, Any]:
    out = layer_weights(w, f"{to}.out_proj", f"{path}.out")
    return {f"{to}.in_proj_weight": w[f"{path}.qkv.kernel"].T, f"{to}.in_proj_bias": w[f"{path}.qkv.bias"], **out}


def cross_weights(w: Leaves, to: str, path: str) -> dict[str, Any]:
    """Of an attention whose memory has a width of its own."""
    k, v = w[f"{path}.kv.kernel"].T.chunk(2)
    return {
        f"{to}.q_proj_weight": w[f"{path}.q.kernel"].T, f"{to}.k_proj_weight": k, f"{to}.v_proj_weight": v,
        f"{to}.in_proj_bias": torch.cat([w[f"{path}.q.bias"], w[f"{path}.kv.bias"]]),
        **layer_weights(w, f"{to}.out_proj", f"{path}.out"),
    }  # fmt: skip


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("causal", [True, False])
def test_an_encoder_is_that_of_pytorch(norm_first: bool, causal: bool) -> None:
    layer = torch.nn.TransformerEncoderLayer(
        8, 2, 20, 0.0, "gelu", batch_first=True, norm_first=norm_first, dtype=torch.float64
    )

    def peer(w: Leaves, x: Any, mask: Any) -> Any:
        named = (
            attention_weights(w, "self_attn", "attention")
            | norm_weights(w, "norm1", "layer_norm")
            | norm_weights(w, "norm2", "layer_norm_2")
            | layer_weights(w, "linear1", "feed_forward.dense")
            | layer_weights(w, "linear2", "feed_forward.dense_2")
        )
        after = torch.ones(5, 5, dtype=torch.bool).triu(1) if causal else None
        return torch.func.functional_call(layer, named, (x,), {"src_mask": after, "src_key_padding_mask": ~mask})

    stage = f"encoder(2, 20, norm_first = {str(norm_first).lower()}, causal = {str(causal).lower()})"
    agree("transformer", stage, {"x": SEQUENCE, "mask": SEEN}, peer, "(x, mask = mask)")


@pytest.mark.parametrize("norm_first", [True, False])
def test_a_decoder_is_that_of_pytorch(norm_first: bool) -> None:
    layer = torch.nn.TransformerDecoderLayer(
        8, 2, 20, 0.0, "relu", batch_first=True, norm_first=norm_first, dtype=torch.float64
    )
    layer.multihead_attn = torch.nn.MultiheadAttention(8, 2, kdim=6, vdim=6, batch_first=True, dtype=torch.float64)
    second = "layer_norm_2"

    def peer(w: Leaves, x: Any, memory: Any, seen: Any) -> Any:
        named = (
            attention_weights(w, "self_attn", "attention")
            | cross_weights(w, "multihead_attn", "cross_attention.attention")
            | norm_weights(w, "norm1", "layer_norm")
            | norm_weights(w, "norm2", "cross_attention.layer_norm")
            | norm_weights(w, "norm3", second)
            | layer_weights(w, "linear1", "feed_forward.dense")
            | layer_weights(w, "linear2", "feed_forward.dense_2")
        )
        after = torch.ones(5, 5, dtype=torch.bool).triu(1)
        return torch.func.functional_call(
            layer, named, (x, memory), {"tgt_mask": after, "memory_key_padding_mask": ~seen}
        )

    stage = f"decoder(2, 20, act = relu, norm_first = {str(norm_first).lower()})"
    given = {"x": SEQUENCE, "memory": MEMORY, "seen": SEEN_MEMORY}
    agree("transformer", stage, given, peer, "(x, memory, memory_mask = seen)")


def conv(w: Leaves, path: str, x: Any, **how: Any) -> Any:
    return torch.nn.functional.conv2d(x, w[f"{path}.kernel"].permute(3, 2, 0, 1), w.get(f"{path}.bias"), **how)


def norm(w: Leaves, path: str, x: Any) -> Any:
    return torch.nn.functional.batch_norm(x, None, None, w[f"{path}.scale"], w[f"{path}.bias"], training=True, eps=1e-5)


def dense(w: Leaves, path: str, x: Any) -> Any:
    found = x @ w[f"{path}.kernel"]
    return found + w[f"{path}.bias"] if f"{path}.bias" in w else found


def first(x: Any) -> Any:
    """Channels first, as PyTorch has them."""
    return x.permute(0, 3, 1, 2)


def last(x: Any) -> Any:
    return x.permute(0, 2, 3, 1)


@pytest.mark.parametrize(("filters", "stride"), [(6, 1), (4, 2)])
def test_a_residual_block_is_the_basic_block_of_torchvision(filters: int, stride: int) -> None:
    def peer(w: Leaves, x: Any) -> Any:
        x = first(x)
        y = norm(w, "conv_norm.batch_norm", conv(w, "conv_norm.conv", x, stride=stride, padding=1)).relu()
        y = norm(w, "conv_norm_2.batch_norm", conv(w, "conv_norm_2.conv", y, padding=1))
        if stride != 1 or filters != 6:
            x = norm(w, "projection.batch_norm", conv(w, "projection.conv", x, stride=stride))
        return last((y + x).relu())

    agree("residual", f"residual({filters}, stride = {stride})", {"x": IMAGE}, peer)


@pytest.mark.parametrize(("filters", "stride", "expand"), [(3, 1, 2), (2, 2, 4)])
def test_a_bottleneck_is_that_of_torchvision(filters: int, stride: int, expand: int) -> None:
    def peer(w: Leaves, x: Any) -> Any:
        x = first(x)
        y = norm(w, "conv_norm.batch_norm", conv(w, "conv_norm.conv", x)).relu()
        y = norm(w, "conv_norm_2.batch_norm", conv(w, "conv_norm_2.conv", y, stride=stride, padding=1)).relu()
        y = norm(w, "conv_norm_3.batch_norm", conv(w, "conv_norm_3.conv", y))
        if stride != 1 or expand * filters != 6:
            x = norm(w, "projection.batch_norm", conv(w, "projection.conv", x, stride=stride))
        return last((y + x).relu())

    agree("residual", f"bottleneck({filters}, stride = {stride}, expand = {expand})", {"x": IMAGE}, peer)


@pytest.mark.parametrize(("filters", "stride"), [(6, 1), (4, 2)])
def test_a_pre_activation_block_has_its_norms_first(filters: int, stride: int) -> None:
    def peer(w: Leaves, x: Any) -> Any:
        x = first(x)
        ready = norm(w, "batch_norm", x).relu()
        y = conv(w, "conv", ready, stride=stride, padding=1)
        y = conv(w, "conv_2", norm(w, "batch_norm_2", y).relu(), padding=1)
        return last(y + (conv(w, "projection", ready, stride=stride) if filters != 6 else x))

    agree("residual", f"pre_activation({filters}, stride = {stride})", {"x": IMAGE}, peer)


def test_a_dense_block_and_its_transition_are_those_of_torchvision() -> None:
    def layer(w: Leaves, path: str, x: Any) -> Any:
        y = conv(w, f"{path}.conv", norm(w, f"{path}.batch_norm", x).relu())
        return torch.cat([x, conv(w, f"{path}.conv_2", norm(w, f"{path}.batch_norm_2", y).relu(), padding=1)], 1)

    def block(w: Leaves, x: Any) -> Any:
        x = first(x)
        for number in range(3):
            x = layer(w, f"repeat.{number}", x)
        return last(x)

    def transition(w: Leaves, x: Any) -> Any:
        return last(torch.nn.functional.avg_pool2d(conv(w, "conv", norm(w, "batch_norm", first(x)).relu()), 2))

    agree("dense", "dense_block(3, growth = 2, widen = 2)", {"x": IMAGE}, block)
    agree("dense", "transition(compress = 0.7)", {"x": IMAGE}, transition)


@pytest.mark.parametrize(
    ("settings", "stride", "expand", "squeeze"),
    [
        ("6", 1, 6, 1),
        ("5, stride = 2, expand = 3, squeeze = none, act = relu6", 2, 3, 0),
        ("4, expand = 1, squeeze = 0.5", 1, 1, 3),
    ],
)
def test_an_inverted_residual_is_that_of_torchvision(settings: str, stride: int, expand: int, squeeze: int) -> None:
    act = torch.nn.functional.relu6 if "relu6" in settings else torch.nn.functional.silu

    def peer(w: Leaves, x: Any) -> Any:
        x = y = first(x)
        names = ["batch_norm", "batch_norm_2", "batch_norm_3"]
        if expand != 1:
            y = act(norm(w, names.pop(0), conv(w, "widen", y)))
        kernel = w["depthwise_conv.kernel"].permute(3, 2, 0, 1)
        y = torch.nn.functional.conv2d(y, kernel, stride=stride, padding=1, groups=6 * expand)
        y = act(norm(w, names.pop(0), y))
        if squeeze:
            mean = y.mean((2, 3))
            share = dense(w, "squeeze_excite.excite", act(dense(w, "squeeze_excite.squeeze", mean))).sigmoid()
            assert w["squeeze_excite.squeeze.kernel"].shape[1] == squeeze
            y = y * share[:, :, None, None]
        y = norm(w, names.pop(0), conv(w, "project", y))
        return last(y + x if y.shape == x.shape else y)

    agree("mobile", f"inverted_residual({settings})", {"x": IMAGE}, peer)


def test_an_inception_block_has_its_four_branches() -> None:

    def peer(w: Leaves, x: Any) -> Any:
        x = first(x)
        three = conv(w, "three", conv(w, "three_reduce", x).relu(), padding=1)
        five = conv(w, "five", conv(w, "five_reduce", x).relu(), padding=2)
        pooled = conv(w, "pool_project", torch.nn.functional.max_pool2d(x, 3, 1, 1))
        return last(torch.cat([conv(w, "one", x), three, five, pooled], 1).relu())

    agree("inception", "inception(2, 3, 4, 2, 3, 5)", {"x": IMAGE}, peer)


def test_a_u_net_goes_down_and_up() -> None:

    def double(w: Leaves, x: Any) -> Any:
        y = norm(w, "double_conv.batch_norm", conv(w, "double_conv.conv", x, padding=1)).relu()
        return norm(w, "double_conv.batch_norm_2", conv(w, "double_conv.conv_2", y, padding=1)).relu()

    def down(w: Leaves, x: Any) -> Any:
        return last(double(w, torch.nn.functional.max_pool2d(first(x), 2)))

    def up(w: Leaves, x: Any, skip: Any) -> Any:
        kernel = w["conv_transpose.kernel"].permute(2, 3, 0, 1)
        larger = torch.nn.functional.conv_transpose2d(first(x), kernel, w["conv_transpose.bias"], stride=2)
        return last(double(w, torch.cat([first(skip), larger], 1)))

    agree("unet", "down(5)", {"x": IMAGE}, down)
    agree("unet", "up(4)", {"x": IMAGE, "skip": draw(3, 16, 16, 3)}, up, "(x, skip)")


def test_a_gate_decides_what_passes() -> None:

    def peer(w: Leaves, x: Any) -> Any:
        return dense(w, "out", torch.nn.functional.silu(dense(w, "gate", x)) * dense(w, "value", x))

    agree("mlp", "gated(11)", {"x": SEQUENCE}, peer)


def mixed(w: Leaves, x: Any, top: int) -> tuple[Any, Any]:
    """Each place by itself, and its chosen experts alone, as Mixtral has it: a softmax over the chosen scores."""
    scores = dense(w, "router", x)
    names = ["expert", "expert_2", "expert_3"]
    rows, counts = [], torch.zeros(3, dtype=torch.float64)
    for place, score in zip(x.reshape(-1, 8), scores.reshape(-1, 3), strict=True):
        best = score.topk(top)
        outs = []
        for number in best.indices.tolist():
            gate, value = (dense(w, f"{names[number]}.{role}", place) for role in ("gate", "value"))
            outs.append(dense(w, f"{names[number]}.out", torch.nn.functional.silu(gate) * value))
            counts[number] += 1
        rows.append((torch.stack(outs) * best.values.softmax(-1)[:, None]).sum(0))
    balance = 3 * (counts / len(rows) * scores.softmax(-1).reshape(-1, 3).mean(0)).sum()
    return torch.stack(rows).reshape(x.shape), balance


@pytest.mark.parametrize("top", [1, 2])
def test_a_mixture_gives_what_its_chosen_experts_give(top: int) -> None:
    agree(
        "moe",
        f"mixture(3, 7, top = {top}) -> it[0]",
        {"x": SEQUENCE},
        lambda w, x: mixed(w, x, top)[0] + 0 * mixed(w, x, 3)[0],
    )


@pytest.mark.parametrize("top", [1, 2])
def test_the_balance_of_a_mixture_is_that_of_the_switch_transformer(top: int) -> None:
    def peer(w: Leaves, x: Any) -> Any:
        unread = sum(0 * leaf.sum() for leaf in w.values())
        return mixed(w, x, top)[1] + unread

    agree(
        "moe", f"mixture(3, 7, top = {top}) -> it[1]", {"x": SEQUENCE}, peer, bound=1e-7
    )  # how often each is used is a float32


def test_patches_are_read_row_by_row_and_each_becomes_a_vector() -> None:

    def peer(w: Leaves, x: Any) -> Any:
        patches = torch.nn.functional.unfold(first(x), 4, stride=4).transpose(1, 2)
        kernel = w["conv.kernel"].permute(2, 0, 1, 3).reshape(-1, 5)
        return patches @ kernel + w["conv.bias"]

    agree("vision", "patch_embedding(5, patch = 4)", {"x": IMAGE}, peer)


def test_a_class_token_stands_in_front_and_places_are_told_apart() -> None:
    agree("vision", "class_token", {"x": SEQUENCE}, lambda w, x: torch.cat([w["token"].expand(2, 1, 8), x], 1))
    agree("vision", "position_embedding", {"x": SEQUENCE}, lambda w, x: x + w["table"])
