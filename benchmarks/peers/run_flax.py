"""Flax NNX: modules that hold their variables, `nnx.jit` around a step from a Python loop."""

import time
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from peers.run_jax import optimizer, order
from peers.timing import Timing
from peers.workloads import CONTEXT, HEADS, LAYERS, VOCAB, WIDTH, Workload, data


class Mlp(nnx.Module):
    def __init__(self, sizes: tuple[int, ...], rates: tuple[float, ...], rngs: Any) -> None:
        self.layers = nnx.List([nnx.Linear(a, b, rngs=rngs) for a, b in pairwise(sizes)])
        self.dropouts = nnx.List([nnx.Dropout(rate, rngs=rngs) for rate in rates])

    def __call__(self, x: Any) -> Any:
        x = x.reshape(x.shape[0], -1)
        for layer, dropout in zip(self.layers, self.dropouts, strict=False):
            x = dropout(nnx.relu(layer(x)))
        return self.layers[-1](x)


class Lstm(nnx.Module):
    def __init__(self, rngs: Any) -> None:
        self.rnn = nnx.RNN(nnx.OptimizedLSTMCell(32, 128, rngs=rngs))
        self.head = nnx.Linear(128, 10, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.head(self.rnn(x)[:, -1])


class Block(nnx.Module):
    def __init__(self, rngs: Any) -> None:
        self.ln1, self.ln2 = (nnx.LayerNorm(WIDTH, epsilon=1e-5, rngs=rngs) for _ in range(2))
        self.attend = nnx.MultiHeadAttention(HEADS, WIDTH, decode=False, rngs=rngs)
        self.up, self.down = nnx.Linear(WIDTH, 4 * WIDTH, rngs=rngs), nnx.Linear(4 * WIDTH, WIDTH, rngs=rngs)

    def __call__(self, x: Any, mask: Any) -> Any:
        x = x + self.attend(self.ln1(x), mask=mask)
        return x + self.down(nnx.gelu(self.up(self.ln2(x)), approximate=False))


class Gpt(nnx.Module):
    def __init__(self, rngs: Any) -> None:
        self.wte = nnx.Embed(VOCAB, WIDTH, rngs=rngs)
        self.wpe = nnx.Embed(CONTEXT, WIDTH, rngs=rngs)
        self.blocks = nnx.List([Block(rngs) for _ in range(LAYERS)])
        self.ln = nnx.LayerNorm(WIDTH, epsilon=1e-5, rngs=rngs)

    def __call__(self, tokens: Any) -> Any:
        x = self.wte(tokens) + self.wpe(jnp.arange(CONTEXT))
        mask = nnx.make_causal_mask(tokens)
        for block in self.blocks:
            x = block(x, mask)
        return self.wte.attend(self.ln(x))


def model(name: str) -> Any:
    rngs = nnx.Rngs(0)
    match name:
        case "mlp":
            return Mlp((784, 256, 128, 10), (0.4, 0.3), rngs)
        case "digits":
            return Mlp((64, 32, 10), (0.0,), rngs)
        case "lstm":
            return Lstm(rngs)
        case _:
            return Gpt(rngs)


def run(workload: Workload, way: str, stretches: int) -> Timing:
    """Times of the first step and of the steps after it."""
    begun = time.perf_counter()
    inputs, target = (jnp.asarray(array) for array in data(workload).values())
    net = model(workload.name)
    rule = nnx.Optimizer(net, optimizer(workload), wrt=nnx.Param)

    def loss(net: Any, x: Any, y: Any) -> Any:
        return optax.softmax_cross_entropy_with_integer_labels(net(x), y).mean()

    @nnx.jit
    def step(net: Any, rule: Any, index: Any) -> Any:
        value, gradients = nnx.value_and_grad(loss)(net, inputs[index], target[index])
        rule.update(net, gradients)
        return value

    # NNX's own advice where steps are short: the graph is walked once, not in every call.
    called = nnx.cached_partial(step, net, rule)
    shuffled = jax.jit(lambda epoch: order(workload, epoch))

    def stretch(number: int) -> None:
        for epoch in range(workload.epochs):
            for index in shuffled(number * workload.epochs + epoch):
                value = called(index)
        jax.block_until_ready(value)

    stretch(0)
    parameters = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(net, nnx.Param)))
    timing = Timing(time.perf_counter() - begun, workload.stretch, parameters)
    for number in range(1, stretches + 1):
        begun = time.perf_counter()
        stretch(number)
        timing.add(time.perf_counter() - begun)
    return timing
