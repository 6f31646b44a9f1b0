"""The models as a person writes them in JAX: pure functions, optax, no framework."""

from collections.abc import Callable, Iterator
from itertools import count, pairwise
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax
from peers.workloads import HEADS, LAYERS, WIDTH, Workload

Params = dict[str, Any]
Keys = Iterator[Any]
UNROLLED = 16
"""Layers up to which the loop over them is one of Python: from about there `lax.scan` is the faster, and compiles in a second."""


def fresh(workload: Workload, key: Any) -> tuple[Params, Params]:
    """First weights and state."""
    init, _ = MODELS[workload.model]
    return init((jax.random.fold_in(key, number) for number in count()), workload)


def dense(key: Any, inputs: int, outputs: int) -> Params:
    return {"w": jax.random.normal(key, (inputs, outputs)) * (2 / inputs) ** 0.5, "b": jnp.zeros(outputs)}


def linear(p: Params, x: Any) -> Any:
    return x @ p["w"] + p["b"]


def dropout(key: Any, x: Any, rate: float) -> Any:
    return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0)


def cross_entropy(logits: Any, labels: Any) -> Any:
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def mlp_init(keys: Keys, workload: Workload) -> tuple[Params, Params]:
    sizes = [784, 256, 128, 10] if workload.name == "mlp" else [64, 32, 10]
    return {str(i): dense(next(keys), a, b) for i, (a, b) in enumerate(pairwise(sizes))}, {}


def mlp_loss(p: Params, state: Params, batch: Params, key: Any) -> tuple[Any, Params]:
    x = batch["image"].reshape(batch["image"].shape[0], -1)
    first, second = jax.random.split(key)
    x = dropout(first, jax.nn.relu(linear(p["0"], x)), 0.4)
    x = dropout(second, jax.nn.relu(linear(p["1"], x)), 0.3)
    return cross_entropy(linear(p["2"], x), batch["label"]), state


def digits_loss(p: Params, state: Params, batch: Params, key: Any) -> tuple[Any, Params]:
    x = jax.nn.relu(linear(p["0"], batch["image"].reshape(batch["image"].shape[0], -1)))
    return cross_entropy(linear(p["1"], x), batch["label"]), state


def conv(p: Any, x: Any, stride: int = 1) -> Any:
    return lax.conv_general_dilated(x, p, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def batch_norm(p: Params, s: Params, x: Any) -> tuple[Any, Params]:
    mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
    y = (x - mean) * lax.rsqrt(var + 1e-5) * p["scale"] + p["bias"]
    return y, {"mean": 0.9 * s["mean"] + 0.1 * mean, "var": 0.9 * s["var"] + 0.1 * var}


def conv_norm_init(keys: Keys, layers: dict[str, tuple[int, int, int]]) -> tuple[Params, Params]:
    """Kernels and normalizations of layers given as (size, inputs, outputs)."""
    params: Params = {}
    state: Params = {}
    for name, (size, inputs, outputs) in layers.items():
        kernel = jax.random.normal(next(keys), (size, size, inputs, outputs)) * (2 / (size * size * inputs)) ** 0.5
        params[name] = {"kernel": kernel, "scale": jnp.ones(outputs), "bias": jnp.zeros(outputs)}
        state[name] = {"mean": jnp.zeros(outputs), "var": jnp.ones(outputs)}
    return params, state


STAGES = [(width, 2 if width > 16 and number == 0 else 1) for width in (16, 32, 64) for number in range(3)]


def resnet_init(keys: Keys, workload: Workload) -> tuple[Params, Params]:
    layers, inputs = {"stem": (3, 3, 16)}, 16
    for number, (width, _) in enumerate(STAGES):
        layers |= {f"{number}a": (3, inputs, width), f"{number}b": (3, width, width)}
        inputs = width
    params, state = conv_norm_init(keys, layers)
    for number, (width, stride) in enumerate(STAGES):
        if stride > 1:
            params[f"{number}p"] = jax.random.normal(next(keys), (1, 1, width // 2, width)) * (4 / width) ** 0.5
    return params | {"head": dense(next(keys), 64, 10)}, state


def resnet_loss(p: Params, state: Params, batch: Params, key: Any) -> tuple[Any, Params]:
    new: Params = {}

    def layer(name: str, x: Any, stride: int = 1) -> Any:
        y, new[name] = batch_norm(p[name], state[name], conv(p[name]["kernel"], x, stride))
        return y

    x = jax.nn.relu(layer("stem", batch["image"]))
    for number, (_, stride) in enumerate(STAGES):
        y = layer(f"{number}b", jax.nn.relu(layer(f"{number}a", x, stride)))
        # dslc's `residual(project = true)` has a convolution alone in its projection.
        if stride > 1:
            x = conv(p[f"{number}p"], x, stride)
        x = jax.nn.relu(x + y)
    return cross_entropy(linear(p["head"], x.mean((1, 2))), batch["label"]), new


def unet_init(keys: Keys, workload: Workload) -> tuple[Params, Params]:
    layers: dict[str, tuple[int, int, int]] = {}
    for name, inputs, width in (("enc1", 3, 16), ("enc2", 16, 32), ("mid", 32, 64), ("dec2", 64, 32), ("dec1", 32, 16)):
        layers |= {f"{name}a": (3, inputs, width), f"{name}b": (3, width, width)}
    params, state = conv_norm_init(keys, layers)
    for name, inputs, width in (("up2", 64, 32), ("up1", 32, 16)):
        kernel = jax.random.normal(next(keys), (2, 2, inputs, width)) * (1 / inputs) ** 0.5
        params[name] = {"kernel": kernel, "b": jnp.zeros(width)}
    return params | {"head": dense(next(keys), 16, 4)}, state


def unet_loss(p: Params, state: Params, batch: Params, key: Any) -> tuple[Any, Params]:
    new: Params = {}

    def double(name: str, x: Any) -> Any:
        for part in (f"{name}a", f"{name}b"):
            y, new[part] = batch_norm(p[part], state[part], conv(p[part]["kernel"], x))
            x = jax.nn.relu(y)
        return x

    def down(x: Any) -> Any:
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def up(name: str, x: Any) -> Any:
        axes = ("NHWC", "HWIO", "NHWC")
        return lax.conv_transpose(x, p[name]["kernel"], (2, 2), "VALID", dimension_numbers=axes) + p[name]["b"]

    enc1 = double("enc1", batch["image"])
    enc2 = double("enc2", down(enc1))
    dec2 = double("dec2", jnp.concatenate([up("up2", double("mid", down(enc2))), enc2], -1))
    dec1 = double("dec1", jnp.concatenate([up("up1", dec2), enc1], -1))
    return cross_entropy(linear(p["head"], dec1), batch["label"]), new


def lstm_init(keys: Keys, workload: Workload) -> tuple[Params, Params]:
    inputs = dense(next(keys), 32, 4 * 128)
    return {"in": inputs, "hidden": dense(next(keys), 128, 4 * 128)["w"], "head": dense(next(keys), 128, 10)}, {}


def lstm_loss(p: Params, state: Params, batch: Params, key: Any) -> tuple[Any, Params]:
    x = batch["features"]

    def cell(carry: Any, x: Any) -> tuple[Any, None]:
        h, c = carry
        i, f, g, o = jnp.split(linear(p["in"], x) + h @ p["hidden"], 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    zeros = jnp.zeros((x.shape[0], 128))
    (h, _), _ = lax.scan(cell, (zeros, zeros), x.swapaxes(0, 1))
    return cross_entropy(linear(p["head"], h), batch["label"]), state


def norm(width: int) -> Params:
    return {"scale": jnp.ones(width), "bias": jnp.zeros(width)}


def layer_norm(p: Params, x: Any) -> Any:
    mean = x.mean(-1, keepdims=True)
    var = x.var(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(var + 1e-5) * p["scale"] + p["bias"]


def depth_init(keys: Keys, workload: Workload) -> tuple[Params, Params]:
    def block(_: int) -> Params:
        return {"ln": norm(64), "up": dense(next(keys), 64, 128), "down": dense(next(keys), 128, 64)}

    blocks: Any = [block(i) for i in range(workload.layers)]
    if workload.layers > UNROLLED:
        blocks = jax.tree.map(lambda *leaves: jnp.stack(leaves), *blocks)
    return {"in": dense(next(keys), 32, 64), "blocks": blocks, "ln": norm(64), "head": dense(next(keys), 64, 10)}, {}


def depth_loss(p: Params, state: Params, batch: Params, key: Any) -> tuple[Any, Params]:
    def block(x: Any, p: Params) -> tuple[Any, None]:
        h = jax.nn.gelu(linear(p["up"], layer_norm(p["ln"], x)), approximate=False)
        return x + linear(p["down"], h), None

    x = linear(p["in"], batch["features"])
    if isinstance(p["blocks"], list):
        for each in p["blocks"]:
            x, _ = block(x, each)
    else:
        x, _ = lax.scan(block, x, p["blocks"])
    return cross_entropy(linear(p["head"], layer_norm(p["ln"], x)), batch["label"]), state


def attention(p: Params, x: Any, heads: int, causal: bool) -> Any:
    batch, seq, width = x.shape
    q, k, v = jnp.split(linear(p["qkv"], x), 3, axis=-1)
    q, k, v = (t.reshape(batch, seq, heads, width // heads).transpose(0, 2, 1, 3) for t in (q, k, v))
    scores = q @ k.transpose(0, 1, 3, 2) * (width // heads) ** -0.5
    if causal:
        scores = jnp.where(jnp.tril(jnp.ones((seq, seq), bool)), scores, -1e30)
    y = jax.nn.softmax(scores, axis=-1) @ v
    return linear(p["out"], y.transpose(0, 2, 1, 3).reshape(batch, seq, width))


def transformer_init(keys: Keys, width: int) -> Params:
    def layer(inputs: int, outputs: int) -> Params:
        return {"w": jax.random.normal(next(keys), (inputs, outputs)) * 0.02, "b": jnp.zeros(outputs)}

    return {"ln1": norm(width), "qkv": layer(width, 3 * width), "out": layer(width, width), "ln2": norm(width),
            "up": layer(width, 4 * width), "down": layer(4 * width, width)}  # fmt: skip


def transformer(p: Params, x: Any, heads: int, causal: bool) -> Any:
    x = x + attention(p, layer_norm(p["ln1"], x), heads, causal)
    return x + linear(p["down"], jax.nn.gelu(linear(p["up"], layer_norm(p["ln2"], x)), approximate=False))


def gpt_init(keys: Keys, workload: Workload) -> tuple[Params, Params]:
    blocks = [transformer_init(keys, WIDTH) for _ in range(LAYERS)]
    wte, wpe = (jax.random.normal(next(keys), (rows, WIDTH)) * 0.02 for rows in (workload.classes, *workload.shape))
    return {"wte": wte, "wpe": wpe, "blocks": blocks, "ln": norm(WIDTH)}, {}


def gpt_loss(p: Params, state: Params, batch: Params, key: Any) -> tuple[Any, Params]:
    tokens = batch["tokens"]
    x = p["wte"][tokens] + p["wpe"][: tokens.shape[1]]
    for block in p["blocks"]:
        x = transformer(block, x, HEADS, causal=True)
    return cross_entropy(layer_norm(p["ln"], x) @ p["wte"].T, batch["target"]), state


def vit_init(keys: Keys, workload: Workload) -> tuple[Params, Params]:
    blocks: Any = [transformer_init(keys, 192) for _ in range(12)]
    token, position = (jax.random.normal(next(keys), (1, rows, 192)) * 0.02 for rows in (1, 65))
    return {"patch": dense(next(keys), 48, 192), "token": token, "position": position, "blocks": blocks,
            "ln": norm(192), "head": dense(next(keys), 192, 10)}, {}  # fmt: skip


def vit_loss(p: Params, state: Params, batch: Params, key: Any) -> tuple[Any, Params]:
    image = batch["image"]
    rows = image.shape[0]
    # Patches as rows of a product: faster than the convolution that they amount to.
    tiles = image.reshape(rows, 8, 4, 8, 4, 3).transpose(0, 1, 3, 2, 4, 5).reshape(rows, 64, 48)
    token = jnp.broadcast_to(p["token"], (rows, 1, 192))
    x = jnp.concatenate([token, linear(p["patch"], tiles)], 1) + p["position"]
    for block in p["blocks"]:
        x = transformer(block, x, 3, causal=False)
    return cross_entropy(linear(p["head"], layer_norm(p["ln"], x)[:, 0]), batch["label"]), state


MODELS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "mlp": (mlp_init, mlp_loss),
    "digits": (mlp_init, digits_loss),
    "resnet20": (resnet_init, resnet_loss),
    "gpt": (gpt_init, gpt_loss),
    "lstm": (lstm_init, lstm_loss),
    "depth": (depth_init, depth_loss),
    "unet": (unet_init, unet_loss),
    "vit": (vit_init, vit_loss),
}
