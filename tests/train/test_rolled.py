"""Blocks that were written out one by one train in a loop; files and checkpoints know nothing of that."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from nets import plan_of
from runs import block, train_text, weights_of

from dslc.data.base import Folders
from dslc.train.program import Loop
from dslc.train.task import make

STAGES = " ".join(f"-> residual {{ dense(6) as d{number} -> tanh -> dropout(0.2) }}" for number in range(9))
MODEL = f"model m {{ input features: [batch, 4]  output logits = features -> dense(6) {STAGES} -> dense(3) }}\n"
SETTINGS = (
    "optimizer = adamw(lr = 0.01)  batch = 16  clip = 0.5  l2 = 0.01  ema = 0.9 "
    'group "d3.*" { lr = 0.5  decay = 0 }  group "d4.*" { frozen = true }'
)
# The same operations in another grouping: a few roundings of float32 in 12 steps of about 1e-2.
ROUNDING = 2e-5
WITHOUT, WITH = (), None


def trained(folder: Path, *parts: tuple[int, tuple[str, ...] | None]) -> dict[str, np.ndarray]:
    """The weights after so many steps, with passes that may change on the way."""
    for number, (steps, passes) in enumerate(parts):
        text = MODEL + block(f"{SETTINGS}  steps = {steps}")
        train_text(text, folder, plan=replace(plan_of(text), passes=passes), resume=number > 0)
    return weights_of(folder)


@pytest.mark.parametrize("parts", [[(12, WITH)], [(6, WITHOUT), (12, WITH)], [(6, WITH), (12, WITHOUT)]])
def test_a_run_goes_on_with_other_passes(parts: list[tuple[int, tuple[str, ...] | None]], tmp_path: Path) -> None:
    wanted = trained(tmp_path / "without", (12, WITHOUT))
    found = trained(tmp_path / "found", *parts)
    assert found.keys() == wanted.keys() >= {f"d{number}.kernel" for number in range(9)}
    for name, array in wanted.items():
        np.testing.assert_allclose(found[name], array, rtol=ROUNDING, atol=ROUNDING, err_msg=name)


def test_weights_of_a_loop_are_rows_while_they_train() -> None:
    text = MODEL + block("batch = 16  steps = 1")
    plan = plan_of(text)
    loop = Loop(make(plan, plan.data.load(Folders(Path()), plan.seed)))
    assert {stack: len(names) for stack, names in loop.packing.rows.items()} == {
        "stacked d0.bias": 9,
        "stacked d0.kernel": 9,
    }
