"""Equinox: modules as pytrees, `filter_jit` around a step from a Python loop."""

import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from peers.run_jax import optimizer, order
from peers.timing import Timing
from peers.workloads import CONTEXT, HEADS, LAYERS, VOCAB, WIDTH, Workload, data


class Mlp(eqx.Module):
    layers: list[eqx.nn.Linear]
    dropouts: list[eqx.nn.Dropout]

    def __init__(self, key: Any, sizes: tuple[int, ...], rates: tuple[float, ...]) -> None:
        keys = jax.random.split(key, len(sizes))
        self.layers = [eqx.nn.Linear(a, b, key=k) for a, b, k in zip(sizes, sizes[1:], keys, strict=False)]
        self.dropouts = [eqx.nn.Dropout(rate) for rate in rates]

    def __call__(self, x: Any, key: Any) -> Any:
        x = x.reshape(-1)
        for layer, dropout, each in zip(
            self.layers, self.dropouts, jax.random.split(key, len(self.dropouts)), strict=False
        ):
            x = dropout(jax.nn.relu(layer(x)), key=each)
        return self.layers[-1](x)


class Lstm(eqx.Module):
    cell: eqx.nn.LSTMCell
    head: eqx.nn.Linear

    def __init__(self, key: Any) -> None:
        first, second = jax.random.split(key)
        self.cell, self.head = eqx.nn.LSTMCell(32, 128, key=first), eqx.nn.Linear(128, 10, key=second)

    def __call__(self, x: Any, key: Any) -> Any:
        zeros = jnp.zeros(128)
        (h, _), _ = jax.lax.scan(lambda carry, row: (self.cell(row, carry), None), (zeros, zeros), x)
        return self.head(h)


class Block(eqx.Module):
    ln1: eqx.nn.LayerNorm
    ln2: eqx.nn.LayerNorm
    attend: eqx.nn.MultiheadAttention
    up: eqx.nn.Linear
    down: eqx.nn.Linear

    def __init__(self, key: Any) -> None:
        keys = jax.random.split(key, 3)
        self.ln1, self.ln2 = eqx.nn.LayerNorm(WIDTH), eqx.nn.LayerNorm(WIDTH)
        biases = {f"use_{name}_bias": True for name in ("query", "key", "value", "output")}
        self.attend = eqx.nn.MultiheadAttention(HEADS, WIDTH, key=keys[0], **biases)
        self.up = eqx.nn.Linear(WIDTH, 4 * WIDTH, key=keys[1])
        self.down = eqx.nn.Linear(4 * WIDTH, WIDTH, key=keys[2])

    def __call__(self, x: Any) -> Any:
        h, mask = jax.vmap(self.ln1)(x), jnp.tril(jnp.ones((CONTEXT, CONTEXT), bool))
        x = x + self.attend(h, h, h, mask)
        h = jax.nn.gelu(jax.vmap(self.up)(jax.vmap(self.ln2)(x)), approximate=False)
        return x + jax.vmap(self.down)(h)


class Gpt(eqx.Module):
    wte: Any
    wpe: Any
    blocks: list[Block]
    ln: eqx.nn.LayerNorm

    def __init__(self, key: Any) -> None:
        keys = jax.random.split(key, LAYERS + 2)
        self.wte, self.wpe = (
            0.02 * jax.random.normal(k, (rows, WIDTH)) for k, rows in zip(keys, (VOCAB, CONTEXT), strict=False)
        )
        self.blocks, self.ln = [Block(k) for k in keys[2:]], eqx.nn.LayerNorm(WIDTH)

    def __call__(self, tokens: Any, key: Any) -> Any:
        x = self.wte[tokens] + self.wpe
        for block in self.blocks:
            x = block(x)
        return jax.vmap(self.ln)(x) @ self.wte.T


def model(name: str, key: Any) -> Any:
    match name:
        case "mlp":
            return Mlp(key, (784, 256, 128, 10), (0.4, 0.3))
        case "digits":
            return Mlp(key, (64, 32, 10), (0.0,))
        case "lstm":
            return Lstm(key)
        case _:
            return Gpt(key)


def run(workload: Workload, way: str, stretches: int) -> Timing:
    """Times of the first step and of the steps after it."""
    begun = time.perf_counter()
    rule = optimizer(workload)
    inputs, target = (jnp.asarray(array) for array in data(workload).values())
    net = model(workload.name, jax.random.key(0))
    memory = rule.init(eqx.filter(net, eqx.is_array))

    def loss(net: Any, x: Any, y: Any, key: Any) -> Any:
        logits = jax.vmap(net)(x, jax.random.split(key, x.shape[0]))
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    @eqx.filter_jit(donate="all")
    def step(net: Any, memory: Any, number: Any, index: Any) -> Any:
        key = jax.random.fold_in(jax.random.key(1), number)
        value, gradients = eqx.filter_value_and_grad(loss)(net, inputs[index], target[index], key)
        updates, memory = rule.update(gradients, memory, eqx.filter(net, eqx.is_array))
        return eqx.apply_updates(net, updates), memory, number + 1, value

    state = (net, memory, jnp.zeros((), jnp.int32))
    shuffled = jax.jit(lambda epoch: order(workload, epoch))

    def stretch(state: Any, number: int) -> Any:
        for epoch in range(workload.epochs):
            for index in shuffled(number * workload.epochs + epoch):
                *state, value = step(*state, index)
        jax.block_until_ready(value)
        return state

    state = stretch(state, 0)
    parameters = sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(state[0], eqx.is_inexact_array)))
    timing = Timing(time.perf_counter() - begun, workload.stretch, parameters)
    for number in range(1, stretches + 1):
        begun = time.perf_counter()
        state = stretch(state, number)
        timing.add(time.perf_counter() - begun)
    return timing
