"""What a person sees while a model trains."""

import io
import sys
from pathlib import Path

import pytest
from runs import LINEAR, block, train_text

from dslc.train import progress
from dslc.train.progress import Bar, Lines, suitable
from dslc.train.result import Result


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    return made


def test_lines_come_seconds_apart_and_for_each_measurement(clock: Clock) -> None:
    stream = io.StringIO()
    display = Lines(stream, silence=3.0)
    display.start(0, 1000, 100)
    for step in range(1, 1001):
        clock.now = step * 0.01
        display.step(step, {"loss": 2.5} if step % 100 == 0 else {})
        if step % 500 == 0:
            display.measured(step, "validation", {"loss": 2.0, "accuracy": 0.25})
    said = stream.getvalue().splitlines()
    # Ten seconds with a line after each three of silence, and two measurements.
    assert [line.split("/")[0] for line in said] == ["step 300", "step 500", "step 800", "step 1,000"]
    assert said[0] == "step 300/1,000 (epoch 3)  loss 2.5  100 steps/s"
    assert said[1] == "step 500/1,000 (epoch 5)  loss 2.5  validation: loss 2  accuracy 0.25  100 steps/s"


def test_the_pace_leaves_out_what_comes_before_the_first_step(clock: Clock) -> None:
    stream = io.StringIO()
    display = Lines(stream, silence=0.0)
    display.start(0, 100, 10)
    for step, clock.now in ((10, 60.0), (20, 62.0)):  # a minute of compiling
        display.step(step, {"loss": 1.0})
    assert [line.split("  ")[-1] for line in stream.getvalue().splitlines()] == ["", "5 steps/s"]


def test_results_go_to_standard_output_and_notes_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    display = Lines()
    display.note("look")
    display.finished(Result(Path("runs/a"), "finished", 20, 20, {"test": {"loss": 0.5, "accuracy": 0.75}}, 1.25))
    out, err = capsys.readouterr()
    assert out == "test  loss 0.5000  accuracy 0.7500\n20 steps in 1.2 s: runs/a\n"
    assert err == "note: look\n"


def test_an_interrupted_run_says_how_to_go_on() -> None:
    result = Result(Path("runs/a"), "interrupted", 1234, 1234, {}, 9.0)
    assert result.text() == "interrupted at step 1,234; `--resume -o runs/a` goes on from there"
    assert result.exit_status == 130


def test_without_a_terminal_there_are_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    assert isinstance(suitable(), Lines)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert isinstance(suitable(), Bar)


def test_a_bar_shows_the_loss_and_the_last_measurement(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "160")
    train_text(LINEAR + block("batch = 16  epochs = 3  log = 7  metrics = [accuracy]"), tmp_path / "run", display=Bar())
    shown = stream.getvalue()
    assert "21/21" in shown
    assert "loss" in shown
    assert "test: loss" in shown
    assert "accuracy" in shown


def test_rich_is_loaded_for_a_bar_alone() -> None:
    import subprocess

    program = "import sys; from dslc.train.progress import Lines; Lines(); sys.exit('rich' in sys.modules or 'jax' in sys.modules)"
    root = str(Path(__file__).parents[2])
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0
