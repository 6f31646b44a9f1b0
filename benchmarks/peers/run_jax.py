"""Hand-written JAX: one jitted step from a Python loop (`step`), or all steps of a stretch in one scan (`scan`)."""

import time
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax
from peers.models_jax import MODELS, fresh
from peers.timing import Timing
from peers.workloads import BETA2, DECAY, Workload, data


def optimizer(workload: Workload) -> Any:
    match workload.rule:
        case "adamw":
            decay = DECAY[workload.name]
            return optax.adamw(workload.lr, b2=BETA2.get(workload.name, 0.999), weight_decay=decay)
        case "sgd":
            return optax.sgd(workload.lr, momentum=0.9)
        case _:
            return optax.adam(workload.lr)


def order(workload: Workload, epoch: Any) -> Any:
    """Rows of the batches of an epoch."""
    found = jax.random.permutation(jax.random.key(epoch), workload.rows)
    return found[: workload.steps * workload.batch].reshape(workload.steps, workload.batch)


def run(workload: Workload, way: str, stretches: int) -> Timing:
    """Times of the first step and of the steps after it."""
    begun = time.perf_counter()
    _, loss = MODELS[workload.model]
    rule = optimizer(workload)
    rows = {name: jnp.asarray(array) for name, array in data(workload).items()}
    # The start is no part of what is compared: op by op it takes no compiling.
    params, state = fresh(workload, jax.random.key(0))
    parameters = sum(leaf.size for leaf in jax.tree.leaves(params))
    carry = (params, state, rule.init(params), jnp.zeros((), jnp.int32))

    def step(carry: Any, index: Any) -> Any:
        params, state, memory, number = carry
        batch = {name: array[index] for name, array in rows.items()}
        key = jax.random.fold_in(jax.random.key(1), number)
        (value, state), gradients = jax.value_and_grad(loss, has_aux=True)(params, state, batch, key)
        updates, memory = rule.update(gradients, memory, params)
        return (optax.apply_updates(params, updates), state, memory, number + 1), value

    if way == "scan":
        epoch_of = jax.jit(lambda carry, epoch: lax.scan(step, carry, order(workload, epoch)), donate_argnums=0)
    else:
        one, shuffled = jax.jit(step, donate_argnums=0), jax.jit(partial(order, workload))

        def epoch_of(carry: Any, epoch: int) -> Any:
            values = []
            for index in shuffled(epoch):
                carry, value = one(carry, index)
                values.append(value)
            return carry, values

    def stretch(carry: Any, number: int) -> Any:
        for epoch in range(workload.epochs):
            carry, values = epoch_of(carry, number * workload.epochs + epoch)
            jax.block_until_ready(values)
        return carry

    carry = stretch(carry, 0)
    timing = Timing(time.perf_counter() - begun, workload.stretch, parameters)
    for number in range(1, stretches + 1):
        begun = time.perf_counter()
        carry = stretch(carry, number)
        timing.add(time.perf_counter() - begun)
    return timing
