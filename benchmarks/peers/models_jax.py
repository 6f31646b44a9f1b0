"""The three models as a person writes them in JAX: pure functions, optax, no framework."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax
from peers.workloads import CONTEXT, HEADS, LAYERS, VOCAB, WIDTH

Params = dict[str, Any]


def dense(key: Any, inputs: int, outputs: int) -> Params:
    return {"w": jax.random.normal(key, (inputs, outputs)) * (2 / inputs) ** 0.5, "b": jnp.zeros(outputs)}


def linear(p: Params, x: Any) -> Any:
    return x @ p["w"] + p["b"]


def dropout(key: Any, x: Any, rate: float) -> Any:
    return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0)


def cross_entropy(logits: Any, labels: Any) -> Any:
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def mlp_init(key: Any) -> tuple[Params, Params]:
    keys = jax.random.split(key, 3)
    sizes = [784, 256, 128, 10]
    return {str(i): dense(keys[i], sizes[i], sizes[i + 1]) for i in range(3)}, {}


def mlp_loss(p: Params, state: Params, batch: Params, key: Any) -> tuple[Any, Params]:
    x = batch["image"].reshape(batch["image"].shape[0], -1)
    first, second = jax.random.split(key)
    x = dropout(first, jax.nn.relu(linear(p["0"], x)), 0.4)
    x = dropout(second, jax.nn.relu(linear(p["1"], x)), 0.3)
    return cross_entropy(linear(p["2"], x), batch["label"]), state


def conv(p: Any, x: Any, stride: int = 1) -> Any:
    return lax.conv_general_dilated(x, p, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def batch_norm(p: Params, s: Params, x: Any) -> tuple[Any, Params]:
    mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
    y = (x - mean) * lax.rsqrt(var + 1e-5) * p["scale"] + p["bias"]
    return y, {"mean": 0.9 * s["mean"] + 0.1 * mean, "var": 0.9 * s["var"] + 0.1 * var}


CONVS = {"a": (1, 16, 1), "b": (16, 16, 1), "c": (16, 16, 1), "d": (16, 32, 2), "e": (32, 32, 1), "f": (32, 32, 1)}


def conv_init(key: Any) -> tuple[Params, Params]:
    keys = jax.random.split(key, 7)
    params: Params = {"head": dense(keys[6], 32, 10)}
    state: Params = {}
    for k, (name, (inputs, outputs, _)) in zip(keys, CONVS.items(), strict=False):
        kernel = jax.random.normal(k, (3, 3, inputs, outputs)) * (2 / (9 * inputs)) ** 0.5
        params[name] = {"kernel": kernel, "scale": jnp.ones(outputs), "bias": jnp.zeros(outputs)}
        state[name] = {"mean": jnp.zeros(outputs), "var": jnp.ones(outputs)}
    return params, state


def conv_loss(p: Params, state: Params, batch: Params, key: Any) -> tuple[Any, Params]:
    new: Params = {}

    def layer(name: str, x: Any, act: bool = True) -> Any:
        y, new[name] = batch_norm(p[name], state[name], conv(p[name]["kernel"], x, CONVS[name][2]))
        return jax.nn.relu(y) if act else y

    x = layer("a", batch["image"])
    x = jax.nn.relu(x + layer("c", layer("b", x), act=False))
    x = layer("d", x)
    x = jax.nn.relu(x + layer("f", layer("e", x), act=False))
    return cross_entropy(linear(p["head"], x.mean((1, 2))), batch["label"]), new


def gpt_init(key: Any) -> tuple[Params, Params]:
    keys = iter(jax.random.split(key, 2 + 4 * LAYERS))

    def normal(*shape: int) -> Any:
        return jax.random.normal(next(keys), shape) * 0.02

    def layer(inputs: int, outputs: int) -> Params:
        return {"w": normal(inputs, outputs), "b": jnp.zeros(outputs)}

    def norm() -> Params:
        return {"scale": jnp.ones(WIDTH), "bias": jnp.zeros(WIDTH)}

    blocks = [
        {"ln1": norm(), "qkv": layer(WIDTH, 3 * WIDTH), "out": layer(WIDTH, WIDTH), "ln2": norm(),
         "up": layer(WIDTH, 4 * WIDTH), "down": layer(4 * WIDTH, WIDTH)}
        for _ in range(LAYERS)
    ]  # fmt: skip
    return {"wte": normal(VOCAB, WIDTH), "wpe": normal(CONTEXT, WIDTH), "blocks": blocks, "ln": norm()}, {}


def layer_norm(p: Params, x: Any) -> Any:
    mean = x.mean(-1, keepdims=True)
    var = x.var(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(var + 1e-5) * p["scale"] + p["bias"]


def attention(p: Params, x: Any) -> Any:
    batch, seq, width = x.shape
    q, k, v = jnp.split(linear(p["qkv"], x), 3, axis=-1)
    q, k, v = (t.reshape(batch, seq, HEADS, width // HEADS).transpose(0, 2, 1, 3) for t in (q, k, v))
    scores = q @ k.transpose(0, 1, 3, 2) * (width // HEADS) ** -0.5
    scores = jnp.where(jnp.tril(jnp.ones((seq, seq), bool)), scores, -1e30)
    y = jax.nn.softmax(scores, axis=-1) @ v
    return linear(p["out"], y.transpose(0, 2, 1, 3).reshape(batch, seq, width))


def gpt_loss(p: Params, state: Params, batch: Params, key: Any) -> tuple[Any, Params]:
    tokens = batch["tokens"]
    x = p["wte"][tokens] + p["wpe"][: tokens.shape[1]]
    for block in p["blocks"]:
        x = x + attention(block, layer_norm(block["ln1"], x))
        h = jax.nn.gelu(linear(block["up"], layer_norm(block["ln2"], x)), approximate=False)
        x = x + linear(block["down"], h)
    return cross_entropy(layer_norm(p["ln"], x) @ p["wte"].T, batch["target"]), state


MODELS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "mlp": (mlp_init, mlp_loss),
    "conv": (conv_init, conv_loss),
    "gpt": (gpt_init, gpt_loss),
}
