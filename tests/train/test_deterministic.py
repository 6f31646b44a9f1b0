"""`--deterministic`: the same bits in every run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from runs import same_weights

from dslc.train.device import FLAGS, REPEATING, repeat_exactly

ROOT = Path(__file__).parents[2]
# Products and sums large enough for XLA to share them out among threads; a table of which rows are added up at random.
TEXT = """net 1
model m {
  input  image: [batch, 8, 8, 1]
  x      = image -> conv(16, 3, bias = false) -> batch_norm -> relu -> flatten -> dense(256) -> relu -> dropout(0.1)
  rows   = (image * 16 -> cast("i32")) -> embedding(17, 8) -> mean(axis = [1, 2, 3])
  output logits = (x, rows) -> concat -> dense(10)
}
train m { data = digits() -> split(0.8, 0.2) -> scale(0, 1)  loss = (logits, label) -> cross_entropy  batch = 128  steps = 40 }
"""
BUSY = "while True: pass"


def test_two_runs_end_with_the_same_bits_whatever_else_the_machine_does(tmp_path: Path) -> None:
    file = tmp_path / "m.net"
    file.write_text(TEXT, "utf-8")
    for name, others in (("alone", 0), ("crowded", 3)):
        around = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(others)]
        try:
            command = [sys.executable, "-m", "dslc", "train", str(file), "--deterministic", "-o", str(tmp_path / name)]
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        finally:
            for process in around:
                process.kill()
                process.wait()
    assert same_weights(tmp_path / "alone", tmp_path / "crowded")


@pytest.mark.parametrize("before", ["", "--xla_cpu_enable_fast_math=false", REPEATING])
def test_the_flag_joins_those_of_the_user_once(before: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FLAGS, before)
    repeat_exactly()
    repeat_exactly()
    assert os.environ[FLAGS].split() == [*dict.fromkeys((*before.split(), REPEATING))]


def test_xla_knows_the_flag() -> None:
    # A flag that it does not know ends the process.
    environment = {**os.environ, FLAGS: REPEATING}
    subprocess.run(
        [sys.executable, "-c", "import jax; jax.devices()"], env=environment, check=True, capture_output=True
    )
