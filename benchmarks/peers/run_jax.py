"""Hand-written JAX: one jitted step from a Python loop (`step`), or all steps of a stretch in one scan (`scan`)."""

import time
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax
from peers.models_jax import MODELS
from peers.timing import Timing
from peers.workloads import Workload, data


def optimizer(workload: Workload) -> Any:
    if workload.name == "gpt":
        return optax.adamw(workload.lr, b2=0.99, weight_decay=0.1)
    return optax.adam(workload.lr)


def run(workload: Workload, way: str, stretches: int) -> Timing:
    """Times of the first step and of the steps after it."""
    begun = time.perf_counter()
    init, loss = MODELS[workload.name]
    rule = optimizer(workload)
    rows = {name: jnp.asarray(array) for name, array in data(workload).items()}
    params, state = jax.jit(init)(jax.random.key(0))
    carry = (params, state, rule.init(params), jnp.zeros((), jnp.int32))

    def step(carry: Any, index: Any) -> Any:
        params, state, memory, number = carry
        batch = {name: array[index] for name, array in rows.items()}
        key = jax.random.fold_in(jax.random.key(1), number)
        (value, state), gradients = jax.value_and_grad(loss, has_aux=True)(params, state, batch, key)
        updates, memory = rule.update(gradients, memory, params)
        return (optax.apply_updates(params, updates), state, memory, number + 1), value

    def order(epoch: int) -> Any:
        found = jax.random.permutation(jax.random.key(epoch), workload.rows)
        return found[: workload.steps * workload.batch].reshape(workload.steps, workload.batch)

    if way == "scan":
        stretch = jax.jit(lambda carry, epoch: lax.scan(step, carry, order(epoch)), donate_argnums=0)
    else:
        one, shuffled = jax.jit(step, donate_argnums=0), jax.jit(order)

        def stretch(carry: Any, epoch: int) -> Any:
            values = []
            for index in shuffled(epoch):
                carry, value = one(carry, index)
                values.append(value)
            return carry, values

    carry, values = stretch(carry, 0)
    jax.block_until_ready(values)
    timing = Timing(time.perf_counter() - begun, workload.steps)
    for epoch in range(1, stretches + 1):
        begun = time.perf_counter()
        carry, values = stretch(carry, epoch)
        jax.block_until_ready(values)
        timing.add(time.perf_counter() - begun)
    return timing
