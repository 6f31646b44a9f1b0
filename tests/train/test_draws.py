"""Training on data that draws anew for each batch, and with optimizers that look at whole weights."""

from pathlib import Path

import numpy as np
import pytest
from runs import task_of, train_text, weights_of

from dslc.train.program import Loop

MODEL = "model m { input image: [batch, 6, 6, 1]  output logits = image -> flatten -> dense(10) }\n"
TRAIN = """train m {
  data = digits() -> split(0.8, 0.2) -> random_crop(6) -> normalize -> mixup(0.2)
  loss = (logits, shares) -> cross_entropy
  right = (logits, label) -> accuracy
  optimizer = adam(lr = 1e-2)  steps = 30  batch = 64  seed = SEED
}
"""


def test_a_run_that_draws_follows_its_seed(tmp_path: Path) -> None:
    for name, seed in {"one": 1, "same": 1, "other": 2}.items():
        result = train_text(MODEL + TRAIN.replace("SEED", str(seed)), tmp_path / name)
        # What is measured is neither cropped at random nor mixed; a tenth would be right by chance.
        assert result.values["test"]["right"] > 0.3
    one, same, other = (weights_of(tmp_path / name) for name in ("one", "same", "other"))
    assert np.array_equal(one["dense.kernel"], same["dense.kernel"])
    assert not np.array_equal(one["dense.kernel"], other["dense.kernel"])


BLOCKS = """model m {
  input features: [batch, 4]
  output logits = features -> dense(8) -> repeat 3 { dense(8) -> relu } -> dense(3)
}
"""


@pytest.mark.parametrize("optimizer", ["lamb()", "adafactor()", "muon()"])
def test_weights_of_rules_that_look_at_them_whole_are_not_joined(optimizer: str) -> None:
    data = "data = iris() -> standardize  loss = (logits, label) -> cross_entropy"
    task = task_of(f"{BLOCKS}train m {{ {data}  optimizer = {optimizer}  steps = 4 }}")
    assert not Loop(task).packing.names
    joined = task_of(f"{BLOCKS}train m {{ {data}  optimizer = adam()  steps = 4 }}")
    assert Loop(joined).packing.names
