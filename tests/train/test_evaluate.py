"""Measurements over a part: exact, whatever the batches."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from runs import LINEAR, block, task_of
from sklearn.metrics import average_precision_score, roc_auc_score

from dslc.initialize import initial
from dslc.lower import lower
from dslc.train.evaluate import Evaluation, _added
from dslc.train.generator import base_key
from dslc.train.task import Task, on_device

METRICS = "metrics = [accuracy, confusion]  batch = "


def measured(task: Task, split: str) -> dict[str, Any]:
    evaluation, key = Evaluation(task, task.held_out[split]), base_key(0)
    weights, state = initial(task.plan.graph, key)
    return evaluation.values(jax.jit(evaluation.run)(weights, state, on_device(evaluation.part), key))


def at_once(task: Task, split: str) -> tuple[float, np.ndarray, np.ndarray]:
    """Loss of the whole part as one batch, logits and labels."""
    part = task.held_out[split]
    weights, state = initial(task.plan.graph, base_key(0))
    fields = part.table.gather(on_device(part), jnp.arange(part.rows))
    outputs, _ = lower(task.forward(part, part.rows, ("loss",)))(weights, state, fields)
    logits = np.asarray(fields["features"], np.float64) @ np.asarray(weights["dense.kernel"], np.float64)
    return float(outputs["loss"]), logits, np.asarray(fields["label"])


@pytest.mark.parametrize("batch", [1, 7, 15, 30, 64])
def test_batches_of_any_size_give_what_the_whole_part_gives(batch: int) -> None:
    task = task_of(LINEAR + block(METRICS + str(batch), data="iris() -> split(0.6, 0.2, 0.2) -> standardize"))
    values = measured(task, "validation")
    loss, logits, labels = at_once(task, "validation")
    guesses = logits.argmax(1)
    assert values["accuracy"] == (guesses == labels).mean()
    table = np.zeros((3, 3))
    np.add.at(table, (labels, guesses), 1)
    assert np.array_equal(values["confusion"], table)
    # The mean of 30 losses in float32.
    assert values["loss"] == pytest.approx(loss, rel=1e-6)


def test_parts_that_are_not_there_are_not_measured() -> None:
    task = task_of(LINEAR + block(data="iris() -> split(0.8, 0.2)"))
    assert set(task.held_out) == {"test"}
    assert task.watched == "test"
    assert task_of(LINEAR + block(data="iris()")).watched is None


def test_windows_of_a_text_are_measured_once_each(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("abcdefgh" * 40)
    text = """model m(vocab = 8) {
      input tokens: i32[batch, seq]
      output logits = tokens -> embedding(vocab, 4) -> dense(vocab)
    }
    train m {
      data = text("a.txt", context = 10) -> split(0.5, 0.5)
      loss = (logits, target) -> cross_entropy
      metrics = [accuracy]
      batch = 4
    }
    """
    from dslc import compiler
    from dslc.data.base import Folders
    from dslc.source import Source
    from dslc.train.task import make

    source = Source(str(tmp_path / "m.net"), f"net 1\n{text}")
    plan = compiler.plan(source, compiler.Options(data=(tmp_path,)))
    task = make(plan, plan.data.load(Folders(tmp_path), 0))
    # 160 characters hold 15 windows of 10 with the character after each.
    assert task.held_out["test"].rows == 15
    assert task.train.rows == 150
    assert 0 <= measured(task, "test")["accuracy"] <= 1


def test_sums_beyond_what_float32_counts_stay_exact() -> None:
    large, steps = 2.0**24, 1000

    def run(start: Any) -> Any:
        sums = {"count": start}, {"count": jnp.zeros_like(start)}
        return jax.lax.fori_loop(0, steps, lambda _, sums: _added(sums, {"count": jnp.float32(1.0)}), sums)

    total, lost = jax.jit(run)(jnp.float32(large))
    assert float(total["count"]) == large
    assert float(total["count"]) + float(lost["count"]) == large + steps


@pytest.mark.parametrize("batch", [1, 7, 30, 64])
def test_metrics_that_rank_gather_the_rows_of_all_batches(batch: int) -> None:
    metrics = f"metrics = [auc, average_precision]  batch = {batch}"
    task = task_of(LINEAR + block(metrics, data="iris() -> split(0.6, 0.2, 0.2) -> standardize"))
    values = measured(task, "validation")
    _, logits, labels = at_once(task, "validation")
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    # Probabilities of float32 rank as those of float64 do, where no two of them are within a rounding.
    assert values["auc"] == pytest.approx(roc_auc_score(labels, shares, multi_class="ovr"), rel=1e-12)
    assert values["average_precision"] == pytest.approx(average_precision_score(np.eye(3)[labels], shares), rel=1e-12)
