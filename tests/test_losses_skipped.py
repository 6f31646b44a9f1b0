"""What has a weight of 0, is masked or ignored counts for nothing, though its loss be no number; and losses at their edges."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from samples import op_of

from dslc.ops.base import OPS, Context
from dslc.ops.core.linear_cross_entropy import LinearCrossEntropy
from dslc.ops.loss.base import Loss
from dslc.types import Type

NAMES = {"float32": "f32", "int32": "i32", "bool": "bool"}
BAD = (np.inf, -np.inf, np.nan)
RNG = np.random.default_rng(7)
ROWS, WIDTH = 4, 4
LOST = 1
"""The row that does not count."""


def rows(*shape: int) -> Any:
    return RNG.uniform(0.1, 0.9, shape).astype(np.float32)


LABELS = np.array([0, 3, 2, 1], np.int32)
FLOATS = rows(ROWS, WIDTH)
CASES: dict[str, tuple[Any, ...]] = {
    **{
        name: (rows(ROWS, WIDTH), rows(ROWS, WIDTH))
        for name in (
            "absolute_error", "squared_error", "huber", "log_cosh", "hinge", "poisson", "quantile(0.3)", "focal",
            "binary_cross_entropy", "binary_cross_entropy(positive_weight = 2)", "cross_entropy", "kl_divergence",
            "gaussian_kl", "cosine_distance", "iou_loss", "iou_loss(true)", "info_nce(0.5)",
        )
    },
    "cross_entropy(0.1)": (FLOATS, LABELS),
    "cross_entropy(class_weights = [1, 2, 3, 4])": (FLOATS, LABELS),
    "focal(1)": (FLOATS, LABELS),
    "nll": (FLOATS, LABELS),
    "triplet(1)": (FLOATS, rows(ROWS, WIDTH), rows(ROWS, WIDTH)),
    "contrastive(1)": (FLOATS, rows(ROWS, WIDTH), rows(ROWS)),
    "ctc": (rows(ROWS, 5, 3), np.array([[1, 2], [1, 1], [2, 0], [0, 0]], np.int32), None),
    "dice": (rows(ROWS, WIDTH, 1), rows(ROWS, WIDTH, 1)),
    "dice(0)": (rows(ROWS, WIDTH, 1), rows(ROWS, WIDTH, 1)),
}  # fmt: skip


def value_and_slopes(text: str, arrays: tuple[Any, ...], weight: Any) -> Any:
    """A loss and its gradients, by the op's own rule where it has one."""
    op = op_of(text)
    given = (*arrays, weight)
    if op.keeps is None:
        places = [at for at, each in enumerate(given) if each is not None and each.dtype == np.float32]

        def loss(*moved: Any) -> Any:
            filled = list(given)
            for at, each in zip(places, moved, strict=True):
                filled[at] = each
            return op.apply({}, *filled, ctx=Context())

        return jax.value_and_grad(loss, tuple(range(len(places))))(*(given[at] for at in places))
    saved = op.apply_saving({}, *given, ctx=Context())[1] if op.saves else {}
    names = [parameter.name for parameter in op.inputs()]
    known = dict(zip(names, given, strict=True))
    slopes = op.backward({name: known[name] for name in op.keeps} | dict(saved), jnp.ones(()), Context())
    floats = [name for name in names if known[name] is not None and known[name].dtype == np.float32]
    return op.apply({}, *given, ctx=Context()), tuple(slopes[name] for name in floats)


@pytest.mark.parametrize("text", CASES)
def test_a_row_of_weight_0_counts_for_nothing_whatever_is_in_it(text: str) -> None:
    arrays = CASES[text]
    loss, slopes = value_and_slopes(text, arrays, _weight(text, arrays))
    for bad in BAD:
        damaged = tuple(_damaged(each, bad) if place == 0 else each for place, each in enumerate(arrays))
        found, by_each = value_and_slopes(text, damaged, _weight(text, arrays))
        assert found == loss
        for wanted, slope in zip(slopes, by_each, strict=True):
            assert np.isfinite(slope).all()
            np.testing.assert_array_equal(np.delete(slope, LOST, 0), np.delete(wanted, LOST, 0))
        # What a row of InfoNCE is told from are all targets, those of rows that do not count among them.
        for slope in by_each[: 1 if text.startswith("info_nce") else -1]:
            assert not np.asarray(slope)[LOST].any()


def _weight(text: str, arrays: tuple[Any, ...]) -> Any:
    """A weight for each row, of the rank that the losses of single rows or elements have."""
    types = [each if each is None else Type(each.shape, NAMES[str(each.dtype)]) for each in arrays]
    rank = replace(op_of(text), reduce="none").infer(*types).rank  # type: ignore[call-arg]
    return np.array([1.0, 0.0, 2.0, 0.5], np.float32).reshape(-1, *(1,) * (rank - 1))


def _damaged(array: Any, bad: float) -> Any:
    made = array.copy()
    made[LOST] = bad
    return made


def test_every_loss_is_among_the_cases() -> None:
    losses = {kind.name for kind in OPS if issubclass(kind, Loss)}
    assert losses == {text.partition("(")[0] for text in CASES}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("text", ["cross_entropy(ignore = 3)", "nll(ignore = 3)"])
def test_an_ignored_row_counts_for_nothing_whatever_is_in_it(text: str, bad: float) -> None:
    labels = np.array([0, 3, 2, 1], np.int32)
    loss, slopes = value_and_slopes(text, (FLOATS, labels), None)
    found, by_each = value_and_slopes(text, (_damaged(FLOATS, bad), labels), None)
    assert found == loss
    np.testing.assert_array_equal(by_each[0], slopes[0])
    assert not np.asarray(by_each[0])[LOST].any()


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_a_row_that_chunks_of_rows_leave_out_counts_for_nothing(reduce: str, bad: float) -> None:
    loss = op_of(f'cross_entropy(ignore = 3, reduce = "{reduce}")')
    chunked = LinearCrossEntropy(loss, rows=3)  # type: ignore[arg-type]
    labels, kernel, weight = np.array([0, 3, 2, 1], np.int32), rows(WIDTH, 5), rows(ROWS)

    def all_of(x: Any) -> Any:
        found, saved = chunked.apply_saving({}, x, kernel, labels, None, weight, ctx=Context())
        return found, chunked.apply({}, x, kernel, labels, None, weight, ctx=Context()), saved

    jax.tree.map(np.testing.assert_array_equal, all_of(_damaged(FLOATS, bad)), all_of(FLOATS))


@pytest.mark.parametrize("name", ["mse", "rmse", "mae", "r2", "auc", "average_precision", "perplexity", "bits_per_dim"])
def test_a_row_of_weight_0_is_not_measured_whatever_is_in_it(name: str) -> None:
    metric: Any = OPS[name]()
    classes = name in ("perplexity", "bits_per_dim", "auc", "average_precision")
    target = np.array([0, 3, 2, 1], np.int32) if classes else rows(ROWS, 1)
    x, weight = FLOATS if classes else FLOATS[:, :1], np.array([1.0, 0.0, 2.0, 0.5], np.float32)
    weight = weight if classes else weight[:, None]
    wanted = metric.result(np.asarray(metric.apply({}, x, target, weight, ctx=Context()), np.float64))
    for bad in BAD:
        sums = metric.apply({}, _damaged(x, bad), target, weight, ctx=Context())
        assert metric.result(np.asarray(sums, np.float64)) == wanted
    assert np.isfinite(wanted)


# Edges.


def test_two_empty_masks_agree_without_a_number_to_make_them() -> None:
    op, empty = op_of("dice(0)"), np.zeros((1, 3, 1), np.float32)
    loss, slopes = jax.value_and_grad(lambda x: op.apply({}, x, empty, ctx=Context()))(empty)
    assert loss == 0
    assert not np.asarray(slopes).any()


def test_labels_that_some_moments_cannot_say_leave_the_other_ways_to_spread_them() -> None:
    op = op_of('ctc(reduce = "none")')
    # Moments 1 and 2 can only be blank: `1 2` has to be said in moments 0 and 3, or in 0, 3 alone.
    x = np.zeros((1, 4, 3), np.float32)
    x[:, 1:3, 1:] = -np.inf
    target = np.array([[1, 2]], np.int32)
    loss, slopes = jax.value_and_grad(lambda x: op.apply({}, x, target, ctx=Context())[0])(x)
    # One way, of which both moments that say something have the probability 1 / 3.
    np.testing.assert_allclose(loss, 2 * np.log(3), rtol=1e-6)  # a few roundings of 6e-8
    assert np.isfinite(slopes).all()
    np.testing.assert_allclose(np.asarray(slopes)[0, 0], [1 / 3, -2 / 3, 1 / 3], rtol=1e-5)


def test_labels_that_nothing_can_say_have_an_infinite_loss_and_no_slope() -> None:
    op = op_of('ctc(reduce = "none")')
    # Two moments in a row leave neither a label nor the blank, but a class that is not asked for.
    x = np.zeros((1, 4, 4), np.float32)
    x[:, 1:3, :3] = -np.inf
    loss, slopes = jax.value_and_grad(lambda x: op.apply({}, x, np.array([[1, 2]], np.int32), ctx=Context())[0])(x)
    assert loss == np.inf
    assert np.isfinite(slopes).all()


def test_what_is_no_sound_need_be_no_number() -> None:
    op, target = op_of("ctc"), np.array([[1, 2]], np.int32)
    x, mask = rows(1, 5, 3), np.arange(5)[None] < 3
    loss, slopes = jax.value_and_grad(lambda x: op.apply({}, x, target, mask, ctx=Context()))(x)
    x[:, 3:] = np.nan
    found, by_x = jax.value_and_grad(lambda x: op.apply({}, x, target, mask, ctx=Context()))(x)
    assert found == loss
    np.testing.assert_array_equal(by_x, slopes)


def test_a_class_number_that_there_is_not_is_not_hidden_by_the_last_weight() -> None:
    op = op_of("cross_entropy(class_weights = [1, 1, 1, 0])")
    for label in (-1, 4):
        assert np.isnan(op.apply({}, FLOATS, np.array([0, label, 1, 2], np.int32), ctx=Context()))


def test_slopes_of_many_rows_are_not_lost_in_float16() -> None:
    loss = op_of("cross_entropy")
    count, classes, features = 8192, 700, 2
    chunked = LinearCrossEntropy(loss, rows=4096)  # type: ignore[arg-type]
    x, kernel = jnp.ones((count, features), jnp.float16), jnp.zeros((features, classes), jnp.float16)
    labels = np.zeros(count, np.int32)
    _, saved = chunked.apply_saving({}, x, kernel, labels, ctx=Context())
    # With the factor that a run in float16 begins with, and which it takes away in float32.
    slopes = chunked.backward(saved, jnp.float32(2.0**15), Context())
    by_kernel = np.asarray(slopes["kernel"].astype(jnp.float16), np.float64) / 2.0**15
    # Every row says the same; float16 has 11 bits.
    np.testing.assert_allclose(by_kernel[:, 1:], 1 / classes, rtol=2e-3)
    np.testing.assert_allclose(by_kernel[:, 0], 1 / classes - 1, rtol=2e-3)
