"""The compiled loop against the same steps in plain Python."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from runs import LINEAR, block, loop_of

from dslc.initialize import initial
from dslc.lower import lower
from dslc.train.generator import base_key, fold
from dslc.train.program import DRAWS, START, Carry, Loop, order
from dslc.train.task import on_device

DEEP = """model m {
  input  features: [batch, 4]
  output logits = features -> dense(8, bias = false) -> batch_norm -> relu -> dropout(0.2) -> repeat 3 { dense(8) -> tanh } -> dense(3)
}
"""


def trained(loop: Loop, *stops: int) -> Carry:
    """The carry after calls of one compiled program, each to another step."""
    key, data = base_key(loop.task.plan.seed), on_device(loop.task.train)
    carry, run = jax.jit(loop.start)(key), jax.jit(loop.run, donate_argnums=0)
    for stop in stops:
        carry = run(carry, data, key, np.int32(stop))
    assert run._cache_size() == 1  # type: ignore[attr-defined]
    return carry


def by_hand(loop: Loop, steps: int) -> tuple[dict[str, Any], list[float]]:
    """Weights and losses of the same steps with `jax.grad`, Optax and a loop in Python."""
    task, plan = loop.task, loop.task.plan
    key, data = base_key(plan.seed), on_device(task.train)
    weights, state = initial(plan.graph, fold(key, START))
    (update,) = plan.updates
    rule = update.optimizer.build(task.length)
    kept, losses = rule.init(weights), list[float]()
    program = lower(task.forward(task.train, plan.batch, task.scalars))

    def loss(weights: Any, state: Any, fields: Any, draws: Any) -> Any:
        outputs, after = program(weights, state, fields, training=True, key=draws)
        kernels = [weight for name, weight in weights.items() if name.endswith(("kernel", "recurrent"))]
        penalty = sum(update.l1 * jnp.abs(w).sum() + update.l2 * (w**2).sum() for w in kernels)
        return outputs["loss"] + penalty, (outputs["loss"], after)

    slope = jax.jit(jax.grad(loss, has_aux=True))
    for step in range(steps):
        epoch, place = divmod(step, task.length.per_epoch)
        rows = order(key, epoch, task.train.rows)[place * plan.batch :][: plan.batch]
        fields = task.train.table.gather(data, rows)
        gradients, (value, after) = slope(weights, state, fields, fold(key, DRAWS, step))
        if update.clip is not None:
            gradients, _ = optax.clip_by_global_norm(update.clip).update(gradients, optax.EmptyState())
        updates, kept = rule.update(gradients, kept, weights)
        weights = {name: weight + updates[name] for name, weight in weights.items()}
        state = {**state, **after}
        losses.append(float(value))
    return {**weights, **state}, losses


@pytest.mark.parametrize(
    "text",
    [
        LINEAR + block("optimizer = sgd(lr = 0.1)  batch = 16  epochs = 5"),
        LINEAR + block("optimizer = adam(lr = cosine(0.05))  batch = 50  seed = 3  clip = 0.3"),
        LINEAR + block("optimizer = sgd(lr = 0.1, momentum = 0.9)  batch = 32  l1 = 0.01  l2 = 0.02"),
        DEEP + block("optimizer = adamw(lr = warmup(0.01, warmup = epochs(1)))  batch = 16  l2 = 0.01  clip = 1.0"),
    ],
    ids=["plain", "clipped", "penalized", "deep"],
)
def test_the_loop_takes_the_same_steps_as_python(text: str) -> None:
    loop = loop_of(text)
    steps = 2 * loop.task.length.per_epoch + 1
    carry = trained(loop, steps)
    expected, losses = by_hand(loop, steps)
    found = {**loop.packing.unpack(carry.weights), **carry.state}
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        # float32 and two orders of summation over some 15 steps of about 0.01.
        np.testing.assert_allclose(found[name], array, rtol=2e-3, atol=2e-5, err_msg=name)
    assert int(carry.counted) == steps
    assert float(carry.sums["loss"]) == pytest.approx(sum(losses), rel=1e-5)


def test_chunks_of_any_length_end_in_the_same_bits() -> None:
    loop = loop_of(DEEP + block("batch = 16"))
    whole, parts = trained(loop, 30), trained(loop, 1, 2, 6, 7, 8, 21, 21, 30)
    assert int(parts.step) == 30
    for one, other in zip(jax.tree.leaves(whole), jax.tree.leaves(parts), strict=True):
        assert np.array_equal(one, other)


def test_an_incomplete_last_batch_is_dropped() -> None:
    loop = loop_of(LINEAR + block("batch = 50"))
    assert loop.task.train.rows == 120
    assert loop.task.length.per_epoch == 2
    assert int(trained(loop, 5).step) == 5


def test_a_loss_that_is_not_finite_stops_the_loop_before_its_update() -> None:
    loop = loop_of(LINEAR + block("optimizer = sgd(lr = 1.0, momentum = 0.9)  batch = 16  l2 = 30.0"))
    carry = trained(loop, 500)
    step = int(carry.step)
    assert not bool(carry.fine)
    assert 0 < step < 500
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(carry))
    before = trained(loop, step)
    assert bool(before.fine)
    # The bad step may be the first of an epoch, whose order the loop has then made already.
    carry = carry._replace(order=before.order)
    for one, other in zip(jax.tree.leaves(before._replace(fine=carry.fine)), jax.tree.leaves(carry), strict=True):
        assert np.array_equal(one, other)


def test_a_graph_compiles_to_one_loop_whatever_the_number_of_epochs() -> None:
    sizes: list[int] = []
    for epochs in (1, 50):
        loop = loop_of(LINEAR + block(f"batch = 16  epochs = {epochs}"))
        key, data = base_key(0), on_device(loop.task.train)
        carry = jax.eval_shape(loop.start, key)
        sizes.append(len(str(jax.make_jaxpr(loop.run)(carry, data, key, np.int32(0)))))
    assert sizes[0] == sizes[1]
