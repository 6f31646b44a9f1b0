"""Whole runs: what they write, how they end, and that going on changes nothing."""

import json
import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nets import plan_of
from runs import LINEAR, Notes, block, same_weights, train_text, weights_of

from dslc.data.base import Folders, Parts, Records, Schema
from dslc.data.pipeline import Loaded
from dslc.errors.base import Failed, Problem
from dslc.source import Source
from dslc.train.folder import RunFolder
from dslc.train.session import train
from dslc.types import Type

DEEP = """model m {
  input  features: [batch, 4]
  output logits = features -> dense(8) -> batch_norm -> relu -> dropout(0.2) -> repeat 3 { dense(8) -> tanh } -> dense(3)
}
"""
SMALL = "batch = 16  epochs = 4  log = 5"

RUNS = {
    "momentum": LINEAR + block("optimizer = sgd(lr = 0.05, momentum = 0.9, nesterov = true)  " + SMALL),
    "adam, dropout and batch norm": DEEP + block(SMALL + "  clip = 1.0"),
    "means, micro-batches and groups": DEEP + block(SMALL + '  ema = 0.9  accumulate = 4  group "*.bias" { lr = 0.5 }'),
    "early stop": DEEP
    + block("batch = 16  epochs = 60  log = 3  validate = 4  early_stop = 20  optimizer = adam(lr = 0.05)"),
    "schedule": LINEAR
    + block("optimizer = adamw(lr = warmup_cosine(0.1, warmup = 0.2))  batch = 32  steps = 23  checkpoint = 4"),
}

RUNS["steps with optimizers of their own, and copies"] = (
    DEEP.replace("model m", "model guess")
    + """model judge { input logits: [batch, 3]  output yes = logits -> dense(5) -> batch_norm -> relu -> dense(1) -> squeeze }
    train game {
      data = iris() -> split(0.8, 0.2) -> standardize
      made = features + 0.1 * normal([batch, 4]) -> guess
      step critic {
        update    = [judge]
        loss      = (made -> stop_gradient -> judge, 0) -> binary_cross_entropy
        optimizer = sgd(lr = 0.1, momentum = 0.9)
        clip      = 1.0
      }
      step forger {
        update = [guess]
        kept   = (made, features -> average(guess, decay = 0.8)) -> squared_error
        held   = (made -> judge, features -> snapshot(guess, every = 3) -> judge) -> squared_error
        loss   = ((made, label) -> cross_entropy) + kept + held
        every  = 2
      }
      """
    + SMALL
    + " checkpoint = 1 }\n"
)


class Interrupting(Notes):
    """Presses Ctrl-C when a step is reached."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def step(self, step: int, values: Any) -> None:
        super().step(step, values)
        if step >= self.at:
            self.at = 10**9
            os.kill(os.getpid(), signal.SIGINT)


def lines(folder: Path) -> list[dict[str, Any]]:
    return RunFolder(folder).lines()


def refused(text: str, folder: Path, **options: Any) -> Problem:
    with pytest.raises(Failed) as caught:
        train_text(text, folder, **options)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_was_stopped_and_goes_on_ends_in_the_same_bits(name: str, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    expected = train_text(RUNS[name], whole)
    first = train_text(RUNS[name], parts, display=Interrupting(3))
    assert (first.ending, first.exit_status) == ("interrupted", 130)
    second = train_text(RUNS[name], parts, resume=True, display=Interrupting(first.step + 4))
    assert second.ending == "interrupted"
    assert second.step > first.step
    result = train_text(RUNS[name], parts, resume=True)
    assert (result.ending, result.step, result.kept) == (expected.ending, expected.step, expected.kept)
    assert same_weights(whole, parts)
    assert lines(whole) == lines(parts)
    assert result.values == expected.values


def test_a_checkpoint_of_any_step_leads_to_the_same_end(tmp_path: Path) -> None:
    text = DEEP + block("batch = 16  steps = 20  checkpoint = 3  log = 2")
    whole, again = tmp_path / "whole", tmp_path / "again"
    train_text(text, whole)
    train_text(text, again)
    for lost in range(2):
        newest = RunFolder(again).checkpoints.steps()[-1]
        path = RunFolder(again).checkpoints.path(newest)
        path.write_bytes(path.read_bytes()[:-3])
        notes = Notes()
        train_text(text, again, resume=True, display=notes)
        assert any(str(path) in note for note in notes.notes), lost
        assert same_weights(whole, again)
        assert lines(whole) == lines(again)


def test_early_stopping_keeps_the_best_weights(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    result = train_text(RUNS["early stop"], folder)
    assert result.ending == "early"
    assert result.exit_status == 0
    losses = {line["step"]: line["loss"] for line in lines(folder) if line["split"] == "test"}
    assert result.kept == min(losses, key=lambda step: losses[step])
    assert result.step == result.kept + 20
    assert result.values["test"]["loss"] == losses[result.kept]
    best = RunFolder(folder).checkpoints.read_best(result.kept)
    assert np.array_equal(best["dense.kernel"], weights_of(folder)["dense.kernel"])
    assert f"stopped early after {result.step}" in result.text()
    assert f"the weights of step {result.kept} are the best and are kept" in result.text()


def test_without_early_stopping_the_last_weights_are_kept(tmp_path: Path) -> None:
    text = RUNS["early stop"].replace("early_stop = 20", "")
    result = train_text(text, tmp_path / "run", plan=replace(plan_of(text), epochs=8))
    assert result.kept == result.step == 8 * 7


def test_the_folder_holds_what_the_design_says(tmp_path: Path) -> None:
    text = DEEP + block(
        SMALL + "  metrics = [accuracy, confusion]", data="iris() -> split(0.6, 0.2, 0.2) -> standardize"
    )
    folder = tmp_path / "run"
    result = train_text(text, folder, options={"variant": None, "settings": {"a": "1"}})
    assert {path.name for path in folder.iterdir()} == {
        "model.net", "config.json", "metrics.jsonl", "checkpoints", "weights.safetensors", "report.html",
    }  # fmt: skip
    assert (folder / "model.net").read_text() == f"net 1\n{text}"
    config = json.loads((folder / "config.json").read_text())
    assert config["batch"] == 16
    assert config["optimizer"] == {"name": "adam", "lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
    assert config["options"] == {"variant": None, "settings": {"a": "1"}}
    assert config["rows"] == {"train": 90, "validation": 30, "test": 30}
    assert config["parameters"] == 4 * 8 + 8 + 16 + 3 * (8 * 8 + 8) + 8 * 3 + 3
    assert len(np.ravel(config["fitted"][1]["features"]["center"])) == 4
    found = lines(folder)
    assert [line["step"] for line in found if line["split"] == "train"] == [5, 10, 15, 20]
    assert [line["step"] for line in found if line["split"] == "validation"] == [5, 10, 15, 20]
    assert [line["step"] for line in found if line["split"] == "test"] == [20]
    assert found[-1].keys() == {"step", "epoch", "split", "loss", "accuracy"}
    assert result.values["test"]["confusion"].sum() == 30
    names = weights_of(folder)
    assert {"repeat.0.dense.kernel", "repeat.2.dense.bias", "batch_norm.mean", "dense.kernel"} <= names.keys()


def test_a_log_line_is_the_mean_since_the_last(tmp_path: Path) -> None:
    settings = "batch = 16  steps = 6  optimizer = sgd(lr = 0.1)  log = "
    train_text(LINEAR + block(settings + "1"), tmp_path / "each")
    train_text(LINEAR + block(settings + "3"), tmp_path / "three")
    each = [line["loss"] for line in lines(tmp_path / "each") if line["split"] == "train"]
    three = [line["loss"] for line in lines(tmp_path / "three") if line["split"] == "train"]
    assert len(each) == 6
    # Sums of three float32.
    assert three == pytest.approx([sum(each[:3]) / 3, sum(each[3:]) / 3], rel=1e-6)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    problem = refused(RUNS["momentum"], folder)
    assert problem.code == "E0423"
    assert problem.help() == "name another folder with `-o`"
    assert refused(RUNS["momentum"], folder, resume=True).code == "E0423"
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


def test_a_run_is_not_trained_over(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    train_text(RUNS["momentum"], folder)
    before = weights_of(folder)
    problem = refused(RUNS["momentum"], folder)
    assert problem.code == "E0423"
    assert "--resume" in (problem.help() or "")
    assert np.array_equal(before["dense.kernel"], weights_of(folder)["dense.kernel"])


def test_runs_without_a_name_are_numbered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan, source = plan_of(LINEAR + block("batch = 16  steps = 2")), Source("test.net", "net 1\n")
    folders = [train(plan, source, Folders(tmp_path)).folder for _ in range(2)]
    assert folders == [Path("runs/m-1"), Path("runs/m-2")]
    assert train(plan, source, Folders(tmp_path), resume=True).folder == Path("runs/m-2")


def test_a_finished_run_that_goes_on_only_writes_its_end_again(tmp_path: Path) -> None:
    folder, text = tmp_path / "run", LINEAR + block(SMALL, data="iris() -> split(0.6, 0.2, 0.2) -> standardize")
    result = train_text(text, folder)
    before, found = weights_of(folder), lines(folder)
    again = train_text(text, folder, resume=True)
    assert (again.step, again.values) == (result.step, result.values)
    assert np.array_equal(before["dense.kernel"], weights_of(folder)["dense.kernel"])
    assert lines(folder) == found


def test_a_run_goes_on_with_more_epochs_and_says_what_differs(tmp_path: Path) -> None:
    folder, notes = tmp_path / "run", Notes()
    train_text(RUNS["momentum"], folder)
    longer = RUNS["momentum"].replace("epochs = 4", "epochs = 6")
    result = train_text(longer, folder, resume=True, display=notes)
    assert result.step == 6 * 7
    assert "`epochs` was 4 when the run began, and is 6 now" in notes.notes
    whole = tmp_path / "whole"
    train_text(longer, whole)
    assert same_weights(whole, folder)


def test_the_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    train_text(RUNS["momentum"], folder)
    problem = refused(DEEP + block(SMALL), folder, resume=True)
    assert problem.code == "E0424"
    assert problem.label().startswith("`weights/")
    assert problem.label().endswith("and others differ")


def test_fewer_rows_than_a_batch_are_refused(tmp_path: Path) -> None:
    problem = refused(LINEAR + block("batch = 121"), tmp_path / "run")
    assert (problem.code, problem.help()) == ("E0421", "write `batch = 120` or less")
    assert problem.headline() == "the training part has 120 rows, and a batch takes 121"
    assert not (tmp_path / "run").exists()


def test_early_stopping_needs_something_to_watch(tmp_path: Path) -> None:
    assert refused(LINEAR + block("early_stop = 5", data="iris()"), tmp_path / "run").code == "E0425"


def test_a_model_without_weights_is_refused(tmp_path: Path) -> None:
    text = "model m { input features: [batch, 4]  output logits = features -> softmax -> it[:, :3] }\n" + block()
    assert refused(text, tmp_path / "run").code == "E0426"


def test_without_held_out_rows_the_last_log_is_the_result(tmp_path: Path) -> None:
    result = train_text(LINEAR + block(SMALL, data="iris() -> standardize"), tmp_path / "run")
    assert result.values == {"train": {"loss": lines(tmp_path / "run")[-1]["loss"]}}


def test_a_loss_that_is_not_finite_names_the_layer_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    text = """model m {
      input features: [batch, 4]
      output logits = features -> dense(8) as first -> exp -> dense(3) as last
    }
    """ + block("optimizer = sgd(lr = 8.0)  batch = 16  checkpoint = 1  validate = 1_000  epochs = 40")
    folder = tmp_path / "run"
    problem: Any = refused(text, folder)
    assert problem.code == "E0422"
    assert problem.step > 0
    assert problem.path in ("exp", "last", "first")
    source = f"net 1\n{text}"
    assert source[problem.span.start : problem.span.end].strip() != ""
    kept = RunFolder(folder).checkpoints.newest(pytest.fail)
    assert kept is not None
    assert kept.step == problem.checkpoint <= problem.step
    assert all(np.isfinite(array).all() for array in kept.arrays.values())
    assert f"the checkpoint of step {kept.step} is good" in (problem.help() or "")


def test_a_gradient_that_is_not_finite_is_named_though_the_loss_is(tmp_path: Path) -> None:
    # The root of 0 is 0 and its slope is infinite: the loss of the step is finite, the weights after it are not.
    text = """model m {
      input features: [batch, 4]
      output logits = features -> dense(8) as first -> (it * 0.0) -> sqrt -> dense(3) as last
    }
    """ + block("batch = 16  steps = 20")
    problem: Any = refused(text, tmp_path / "run")
    assert (problem.code, problem.step, problem.stage) == ("E0422", 0, "gradient")
    assert "sqrt" in problem.path or problem.path == "first"


@dataclass(frozen=True)
class Given:
    """Data that no check of a file has seen: the same number in every row of a part."""

    train: float
    test: float

    def load(self, folders: Folders, seed: int) -> Loaded:
        return Loaded(Parts(self.part(self.train), test=self.part(self.test)), ())

    def part(self, value: float) -> Records:
        columns = {"features": np.full((40, 4), value, np.float32), "label": np.zeros(40, np.int32)}
        return Records(Schema({"features": Type.parse("[batch, 4]"), "label": Type.parse("i32[batch]")}), columns)


def test_data_that_is_not_finite_is_named(tmp_path: Path) -> None:
    text = LINEAR + block("batch = 16")
    plan = replace(plan_of(text), data=Given(np.inf, 0.0))  # type: ignore[arg-type]
    problem = refused(text, tmp_path / "run", plan=plan)
    assert problem.code == "E0422"
    assert problem.headline() == "the data holds infinity: field `features` in step 0"


def test_a_held_out_loss_that_is_not_finite_is_never_the_best(tmp_path: Path) -> None:
    text = LINEAR + block("batch = 16  steps = 20  validate = 2  early_stop = 6")
    plan = replace(plan_of(text), data=Given(1.0, np.inf))  # type: ignore[arg-type]
    result = train_text(text, tmp_path / "run", plan=plan)
    assert (result.ending, result.step, result.kept) == ("early", 6, 6)
    assert [line["loss"] for line in lines(tmp_path / "run") if line["split"] == "test"] == [None] * 3


def test_saving_takes_a_small_share_of_the_time(tmp_path: Path) -> None:
    text = LINEAR + block("batch = 16  steps = 200  checkpoint = 1  validate = 100")
    written: list[int] = []
    folder = tmp_path / "run"

    class Watching(Notes):
        def step(self, step: int, values: Any) -> None:
            written.extend(found for found in RunFolder(folder).checkpoints.steps() if found not in written)

    result = train_text(text, folder, share=1e-6, display=Watching())
    assert result.step == 200
    # The first and, after the last step, the last.
    assert written == [1]
    assert RunFolder(folder).checkpoints.steps() == [1, 200]


def test_metrics_that_nothing_measures_are_said(tmp_path: Path) -> None:
    text = (
        "model m { input features: [batch, 4]  output logits = features -> dense(3) }\n"
        "train m { data = iris()PARTS  loss = (logits, label) -> cross_entropy  metrics = [accuracy]  steps = 1 }"
    )
    for parts, said in (
        (" -> split(0.8, 0.2)", []),
        ("", ["`accuracy`: never measured, as the data has no part that is held out"]),
    ):
        notes = Notes()
        train_text(text.replace("PARTS", parts), tmp_path / f"{len(said)}", display=notes)
        assert notes.notes == said
