"""A run that is killed without warning, again and again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import pytest
from runs import block, same_weights, train_text

from dslc.train.folder import RunFolder

TEXT = """model m {
  input  features: [batch, 4]
  output logits = features -> dense(8, bias = false) -> batch_norm -> relu -> dropout(0.2) -> dense(3)
}
""" + block(
    "batch = 16  steps = 400  checkpoint = 3  log = 2  validate = 10  optimizer = sgd(lr = 0.01, momentum = 0.9)"
)
DELAYS = (0.0, 0.013, 0.041)
"""Seconds between a checkpoint and the end."""
PATIENCE = 120.0
"""Seconds to start on a busy machine."""
PROGRAM = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from dslc.train.device import prepare
from runs import train_text
prepare()
train_text(Path(sys.argv[1]).read_text(), Path(sys.argv[2]), resume=True)
"""


def started(text: Path, folder: Path) -> subprocess.Popen[bytes]:
    tests = Path(__file__).parent
    cache = jax.config.values["jax_compilation_cache_dir"]
    arguments = [
        sys.executable,
        "-c",
        PROGRAM,
        str(text),
        str(folder),
        str(tests),
        str(tests.parent),
        str(tests.parents[1]),
    ]
    return subprocess.Popen(
        arguments, env={**os.environ, "JAX_COMPILATION_CACHE_DIR": str(cache)}, stderr=subprocess.DEVNULL
    )


def killed(text: Path, folder: Path, delay: float) -> None:
    """Start a run, and kill it some time after it has written a checkpoint."""
    before, begun = RunFolder(folder).checkpoints.steps()[-1:], time.monotonic()
    with started(text, folder) as process:
        while RunFolder(folder).checkpoints.steps()[-1:] == before and process.poll() is None:
            assert time.monotonic() - begun < PATIENCE
            time.sleep(0.002)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)


@pytest.mark.slow
def test_a_run_that_is_killed_at_any_moment_ends_in_the_same_bits(tmp_path: Path) -> None:
    text, whole, parts = tmp_path / "m.txt", tmp_path / "whole", tmp_path / "parts"
    text.write_text(TEXT)
    seen: list[int] = []
    for delay in DELAYS:
        killed(text, parts, delay)
        seen += RunFolder(parts).checkpoints.steps()[-1:]
    assert seen == sorted(set(seen))
    assert seen[-1] < 400
    (parts / "checkpoints" / ".step-00000009.safetensors.7.part").write_bytes(b"half")
    with started(text, parts) as process:
        assert process.wait(PATIENCE) == 0
    expected = train_text(TEXT, whole)
    assert expected.step == 400
    assert same_weights(whole, parts)
    assert RunFolder(whole).lines() == RunFolder(parts).lines()
    assert list(parts.rglob(".*")) == []
