"""Learning rates against their formulas, step by step."""

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

from dslc.ops.base import Mismatch
from dslc.plan import Duration
from dslc.schedules.base import SCHEDULES, Length, Schedule

RUN = Length(total=200, per_epoch=20)


def nanogpt(step: int) -> float:
    """`get_lr` of nanoGPT, with its names: a linear warm-up, half a cosine, a floor."""
    learning_rate, warmup_iters, lr_decay_iters, min_lr = 6e-4, 30, 200, 6e-5
    if step < warmup_iters:
        return learning_rate * (step + 1) / (warmup_iters + 1)
    if step > lr_decay_iters:
        return min_lr
    decay_ratio = (step - warmup_iters) / (lr_decay_iters - warmup_iters)
    return min_lr + 0.5 * (1.0 + math.cos(math.pi * decay_ratio)) * (learning_rate - min_lr)


def one_cycle(step: int, rise: float = 0.3, start: float = 25.0, end: float = 1e4) -> float:
    """Half cosines with their ends where PyTorch has them: the top is at step `rise * total - 1`."""
    top, last = rise * 200 - 1, 199
    if step <= top:
        return 0.1 / start + (0.1 - 0.1 / start) * (1 - math.cos(math.pi * step / top)) / 2
    done = min((step - top) / (last - top), 1)
    return 0.1 / start / end + (0.1 - 0.1 / start / end) * (1 + math.cos(math.pi * done)) / 2


def stairs(step: int) -> float:
    return 0.1 * 0.5 ** sum(step >= moment for moment in (60, 100, 150))


CASES: dict[str, tuple[str, dict[str, Any], Callable[[int], float]]] = {
    "constant": ("constant", {"lr": 0.3}, lambda step: 0.3),
    "cosine": (
        "cosine", {"lr": 0.1, "floor": 0.02},
        lambda step: 0.02 + 0.08 * (1 + math.cos(math.pi * min(step / 200, 1))) / 2,
    ),
    "warmup": (
        "warmup", {"lr": 0.1, "warmup": Duration(epochs=2)},
        lambda step: 0.1 * (step + 1) / 41 if step < 40 else 0.1,
    ),
    "warmup_cosine in steps": (
        "warmup_cosine", {"lr": 6e-4, "warmup": Duration(steps=30), "floor": 6e-5}, nanogpt,
    ),
    "warmup_cosine in a share of the run": (
        "warmup_cosine", {"lr": 6e-4, "warmup": Duration(fraction=0.15), "floor": 6e-5}, nanogpt,
    ),
    "warmup_linear": (
        "warmup_linear", {"lr": 0.1, "warmup": Duration(steps=40), "floor": 0.01},
        lambda step: 0.1 * (step + 1) / 41 if step < 40 else 0.01 + 0.09 * max(0, 1 - (step - 40) / 160),
    ),
    "inverse_sqrt": (
        "inverse_sqrt", {"lr": (512 * 40) ** -0.5, "warmup": Duration(steps=40)},
        lambda step: 512 ** -0.5 * min((step + 1) ** -0.5, (step + 1) * 40 ** -1.5),
    ),
    "one_cycle": ("one_cycle", {"lr": 0.1}, one_cycle),
    "one_cycle with its settings": (
        "one_cycle", {"lr": 0.1, "rise": 0.1, "start": 10.0, "end": 100.0},
        lambda step: one_cycle(step, 0.1, 10.0, 100.0),
    ),
    "step_decay every so often": (
        "step_decay", {"lr": 0.1, "every": Duration(epochs=3)}, lambda step: 0.1 * 0.1 ** (step // 60),
    ),
    "step_decay at moments": (
        "step_decay",
        {"lr": 0.1, "at": (Duration(steps=60), Duration(fraction=0.5), Duration(epochs=7.5)), "factor": 0.5},
        stairs,
    ),
    "exponential_decay": (
        "exponential_decay", {"lr": 0.1, "factor": 0.8}, lambda step: 0.1 * 0.8 ** (step / 20),
    ),
    "exponential_decay with a stretch": (
        "exponential_decay", {"lr": 0.1, "factor": 0.8, "every": Duration(steps=7)},
        lambda step: 0.1 * 0.8 ** (step / 7),
    ),
}  # fmt: skip


def made(name: str, **settings: Any) -> Schedule:
    maker: Any = SCHEDULES[name]
    return maker(**settings)


@pytest.mark.parametrize("case", CASES)
def test_rates_follow_the_formula_at_every_step(case: str) -> None:
    name, settings, formula = CASES[case]
    schedule = made(name, **settings)
    steps = np.arange(RUN.total + 5, dtype=np.int32)
    rates = jax.jit(jax.vmap(lambda step: schedule.rate(step, RUN)))(steps)
    # float32 rounds each of a handful of operations to 6e-8; a cosine near its minimum adds a few of them absolutely.
    np.testing.assert_allclose(rates, [formula(int(step)) for step in steps], rtol=2e-6, atol=1e-8)


@pytest.mark.parametrize("case", CASES)
def test_float64_gives_the_exact_formula(case: str) -> None:
    name, settings, formula = CASES[case]
    schedule = made(name, **settings)
    with jax.enable_x64(True):
        rates = [float(schedule.rate(step, RUN)) for step in range(0, RUN.total, 9)]
    np.testing.assert_allclose(rates, [formula(step) for step in range(0, RUN.total, 9)], rtol=1e-13, atol=1e-17)


@pytest.mark.parametrize("name", SCHEDULES.names())
def test_every_schedule_has_a_formula_to_follow(name: str) -> None:
    assert name in {member for member, _, _ in CASES.values()}


@pytest.mark.parametrize("name", SCHEDULES.names())
def test_a_rate_is_one_finite_number_even_when_the_run_is_one_step(name: str) -> None:
    _, settings, _ = next(case for case in CASES.values() if case[0] == name)
    rate = made(name, **settings).rate(0, Length(total=1, per_epoch=1))
    assert rate.shape == ()
    assert math.isfinite(float(rate))


@pytest.mark.parametrize("given", [{}, {"every": Duration(epochs=1), "at": (Duration(steps=5),)}])
def test_step_decay_takes_one_of_every_and_at(given: dict[str, Any]) -> None:
    with pytest.raises(Mismatch, match="`step_decay` takes `every` or `at`"):
        made("step_decay", lr=0.1, **given)


def test_one_cycle_gives_the_rates_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    peer = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=RUN.total, cycle_momentum=False)
    schedule = made("one_cycle", lr=0.1)
    with jax.enable_x64(True):
        for step in range(RUN.total):
            # A dozen roundings of float64.
            assert float(schedule.rate(step, RUN)) == pytest.approx(peer.get_last_lr()[0], rel=1e-12)
            optimizer.step()
            if step < RUN.total - 1:
                peer.step()


def test_one_cycle_needs_time_to_rise_and_to_fall() -> None:
    with pytest.raises(Mismatch, match="between 0 and 1"):
        made("one_cycle", lr=0.1, rise=1.0)
    for given in ({"start": 0.0}, {"end": 0.0}, {"start": -2.0}):
        with pytest.raises(Mismatch, match="must be above 0"):
            made("one_cycle", lr=0.1, **given)
