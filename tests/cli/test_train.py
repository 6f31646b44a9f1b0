"""`dslc train`, and what is done with what was trained."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli.commands import MLP, Dslc

from dslc.train.checkpoint import read_arrays

TEXT = """\
net 1
model next(vocab = 4, d = 16) { input tokens: i32[batch, seq]  output logits = tokens -> embedding(vocab, d) -> dense(vocab) }
train next {
  data      = text("abc.txt", context = 8) -> split(0.9, 0.1)
  loss      = (logits, target) -> cross_entropy
  optimizer = adam(lr = 0.1)
  steps     = 60
}
"""

LONGER = ("--set", "epochs=20", "--set", "optimizer=adam(lr = 0.05)")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs are not kept in the folder of whoever runs the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def numbers(line: str) -> dict[str, float]:
    words = line.split()[1:]
    return {name: float(value) for name, value in zip(words[::2], words[1::2], strict=True)}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the small file, trained once for all the tests that only read it."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "mlp.net").write_text(MLP)
    command = [sys.executable, "-m", "dslc", "train", "mlp.net", "-o", "run", *LONGER]
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder)}
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
    return folder / "run"


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> str:
    """A copy of it, to be changed at will."""
    shutil.copytree(trained, tmp_path / "run")
    return "run"


def test_training_writes_the_folder_of_a_run_and_prints_the_results(dslc: Dslc, mlp: str, tmp_path: Path):
    said = dslc("train", mlp)
    assert said.status == 0
    *results, last = said.out.splitlines()
    assert [line.split()[0] for line in results] == ["test"]
    assert set(numbers(results[0])) == {"loss", "accuracy"}
    assert last.endswith(": runs/mlp-1")
    names = {path.name for path in (tmp_path / "runs" / "mlp-1").iterdir()}
    assert names == {"model.net", "config.json", "metrics.jsonl", "checkpoints", "weights.safetensors", "report.html"}
    assert (tmp_path / "runs" / "mlp-1" / "model.net").read_text() == MLP
    assert "runs/mlp-2" in dslc("train", mlp).out


def test_the_command_line_is_kept_with_the_run(dslc: Dslc, mlp: str, tmp_path: Path):
    assert (
        dslc("train", mlp, "-o", "run", "--variant", "wide", "--seed", "7", "--set", "rate=0.0", "--no-passes").status
        == 0
    )
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["options"]["variant"] == "wide"
    assert config["options"]["settings"] == {"rate": "0.0"}
    assert (config["seed"], config["passes"]) == (7, [])
    assert dslc("eval", "run").status == 0


def test_a_folder_that_is_not_empty_is_refused_and_can_be_resumed(dslc: Dslc, mlp: str, run: str, tmp_path: Path):
    said = dslc("train", mlp, "-o", run)
    assert (said.status, said.out) == (1, "")
    assert "error[E0423]: `run` is not empty" in said.err
    before = (tmp_path / run / "metrics.jsonl").read_text().splitlines()
    said = dslc("train", mlp, "-o", run, "--resume", *LONGER, "--set", "epochs=24")
    assert said.status == 0
    assert "`epochs` was 20 when the run began, and is 24 now" in said.err
    after = (tmp_path / run / "metrics.jsonl").read_text().splitlines()
    assert max(json.loads(line)["step"] for line in after) > max(json.loads(line)["step"] for line in before)


def test_errors_of_the_file_come_before_anything_is_written(dslc: Dslc, tmp_path: Path):
    (tmp_path / "bad.net").write_text(MLP.replace("relu", "rellu"))
    (tmp_path / "far.net").write_text(MLP.replace("iris()", 'csv("far.csv", target = "kind")'))
    for file, code in (("bad.net", "E0201"), ("far.net", "E0502"), ("gone.net", "E0501")):
        said = dslc("train", file, "-o", "run")
        assert (said.status, said.out) == (1, "")
        assert f"error[{code}]" in said.err
    assert not (tmp_path / "run").exists()


def test_a_warning_does_not_stop_the_training(dslc: Dslc, tmp_path: Path):
    (tmp_path / "old.net").write_text(MLP.removeprefix("net 1\n"))
    said = dslc("train", "old.net")
    assert said.status == 0
    assert "warning[W0214]" in said.err


def test_eval_measures_what_training_measured(dslc: Dslc, mlp: str):
    trained = numbers(dslc("train", mlp, "-o", "run").out.splitlines()[0])
    said = dslc("eval", "run")
    assert said.status == 0
    assert numbers(said.out.splitlines()[0]) == trained
    values = json.loads(dslc("eval", "run", "--json").out)["test"]
    # The printed numbers have four decimals.
    assert values["accuracy"] == pytest.approx(trained["accuracy"], abs=5e-5)
    assert np.trace(values["confusion"]) / np.sum(values["confusion"]) == pytest.approx(values["accuracy"])
    table = said.out.splitlines()[2:]
    assert table[0].split() == ["setosa", "versicolor", "virginica"]


def test_predict_answers_with_classes_and_probabilities(dslc: Dslc, run: str, tmp_path: Path):
    (tmp_path / "rows.csv").write_text("a,b,c,d\n5.0,3.4,1.5,0.2\n6.6,3.0,5.6,2.1\n")
    said = dslc("predict", run, "--input", "rows.csv")
    assert (said.status, said.err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert [row["class"] for row in rows] == ["setosa", "virginica"]
    for row in rows:
        shares = [float(row[f"probability of {name}"]) for name in ("setosa", "versicolor", "virginica")]
        assert sum(shares) == pytest.approx(1.0, abs=1e-5)  # six digits are printed
        assert float(row["probability"]) == max(shares)
    found = json.loads(dslc("predict", run, "--input", "rows.csv", "--json").out)
    assert found[0]["class"] == "setosa"
    assert set(found[0]["probabilities"]) == {"setosa", "versicolor", "virginica"}


def test_predictions_are_the_weights_applied_to_prepared_rows(dslc: Dslc, run: str, tmp_path: Path):
    rows = np.array([[5.0, 3.4, 1.5, 0.2], [6.6, 3.0, 5.6, 2.1], [5.5, 2.5, 4.0, 1.3]])
    np.save(tmp_path / "rows.npy", rows)
    np.savez(tmp_path / "rows.npz", features=rows)
    said = json.loads(dslc("predict", run, "--input", "rows.npy", "--json").out)
    assert json.loads(dslc("predict", run, "--input", "rows.npz", "--json").out) == said
    arrays, _ = read_arrays(tmp_path / run / "weights.safetensors")
    stats = json.loads((tmp_path / run / "config.json").read_text())["fitted"][1]["features"]
    x = (rows - stats["center"]) / stats["width"]
    hidden = np.maximum(x @ arrays["dense.kernel"] + arrays["dense.bias"], 0.0)
    logits = hidden @ arrays["dense_2.kernel"] + arrays["dense_2.bias"]
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    # float32 on one side: seven digits, less what two layers round.
    np.testing.assert_allclose([list(row["probabilities"].values()) for row in said], shares, rtol=1e-5, atol=1e-6)


def test_pictures_of_their_own_size_go_through_the_stages_that_resize(dslc: Dslc, tmp_path: Path):
    (tmp_path / "small.net").write_text(
        "net 1\nmodel m { input image: [batch, 4, 6, 1]  output logits = image -> flatten -> dense(10) }\n"
        "train m { data = digits() -> standardize -> random_crop([4, 6])  loss = (logits, label) -> cross_entropy  steps = 2 }\n"
    )
    dslc("train", "small.net", "-o", "run")
    pictures = np.random.default_rng(0).uniform(0, 16, (3, 8, 8, 1)).astype(np.float32)
    np.save(tmp_path / "all.npy", pictures)
    np.save(tmp_path / "one.npy", pictures[1])
    said = json.loads(dslc("predict", "run", "--input", "all.npy", "--json").out)
    arrays, _ = read_arrays(tmp_path / "run" / "weights.safetensors")
    stats = json.loads((tmp_path / "run" / "config.json").read_text())["fitted"][0]["image"]
    middle = ((pictures - stats["center"]) / stats["width"])[:, 2:6, 1:7].reshape(3, -1)
    shares = np.exp(middle @ arrays["dense.kernel"] + arrays["dense.bias"])
    shares /= shares.sum(1, keepdims=True)
    # float32 on one side: seven digits, less what a product of 24 numbers rounds.
    np.testing.assert_allclose([list(row["probabilities"].values()) for row in said], shares, rtol=1e-4, atol=1e-6)
    (alone,) = json.loads(dslc("predict", "run", "--input", "one.npy", "--json").out)
    assert alone["class"] == said[1]["class"]
    np.save(tmp_path / "wide.npy", pictures.repeat(3, axis=-1))
    assert "an item has the shape [8, 8, 3]" in dslc("predict", "run", "--input", "wide.npy").err


def test_a_table_with_words_is_learnt_and_predicted_by_its_columns(dslc: Dslc, tmp_path: Path):
    generator = np.random.default_rng(0)
    width, height = generator.normal(size=(2, 80))
    lines = [f"{h:.3f},{'big' if w > 0 else 'small'},{w:.3f}" for w, h in zip(width, height, strict=True)]
    (tmp_path / "table.csv").write_text("\n".join(("height,size,width", *lines)) + "\n")
    (tmp_path / "table.net").write_text(
        "net 1\nmodel m { input features: [batch, 2]  output score = features -> dense(2) }\n"
        'train m { data = csv("table.csv", target = "size") -> split(0.8, 0.2)  loss = (score, label) -> cross_entropy  '
        "optimizer = adam(lr = 0.1)  batch = 16  epochs = 20 }\n"
    )
    assert dslc("train", "table.net", "-o", "run").status == 0
    (tmp_path / "new.csv").write_text("width,note,height\n2.0,x,0.0\n-2.0,y,0.0\n")
    said = dslc("predict", "run", "--input", "new.csv")
    assert [row["class"] for row in csv.DictReader(io.StringIO(said.out))] == ["big", "small"]
    (tmp_path / "less.csv").write_text("width\n2.0\n")
    assert "it has no column `height`" in dslc("predict", "run", "--input", "less.csv").err


def test_predictions_can_be_written(dslc: Dslc, run: str, tmp_path: Path):
    np.save(tmp_path / "rows.npy", np.ones((300, 4)))
    assert dslc("predict", run, "--input", "rows.npy", "-o", "said.json").out == "said.json: 300 rows\n"
    found = json.loads((tmp_path / "said.json").read_text())
    assert len(found) == 300
    assert all(row == found[0] for row in found)
    assert dslc("predict", run, "--input", "rows.npy", "-o", "said.txt").status == 2


def test_rows_that_do_not_fit_are_refused(dslc: Dslc, run: str, tmp_path: Path):
    np.save(tmp_path / "wide.npy", np.ones((3, 5)))
    np.save(tmp_path / "bad.npy", np.full((3, 4), np.nan))
    np.save(tmp_path / "none.npy", np.ones((0, 4)))
    np.savez(tmp_path / "other.npz", first=np.ones((3, 4)), second=np.ones(3))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "other.npz").read_bytes()[:40])
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "rows.txt").write_text("1")
    reasons = {
        "wide.npy": "E0507]: `wide.npy` does not fit: an item has the shape [5]",
        "bad.npy": "E0507]: `bad.npy` does not fit: it holds a NaN or an infinity",
        "none.npy": "E0507]: `none.npy` does not fit: it has no rows",
        "other.npz": "E0507]: `other.npz` does not fit: it has no array `features`, but `first`, `second`",
        "cut.npz": "E0503]: `cut.npz` is not a whole npz file",
        "empty.csv": "E0503]: `empty.csv` is empty",
        "rows.txt": "E0501]: `rows.txt` is no csv, npz or npy file",
        "gone.npy": "E0501]: `gone.npy` is not there",
    }
    for file, reason in reasons.items():
        said = dslc("predict", run, "--input", file)
        assert (said.status, said.out) == (1, "")
        assert said.err.startswith(f"error[{reason}"), said.err


def test_what_is_no_run_is_said(dslc: Dslc, run: str, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    for folder, what in (("gone", "there is no such folder"), ("empty", "it has no `config.json`")):
        said = dslc("eval", folder)
        assert said.status == 1
        assert said.err.startswith(f"error[E0506]: `{folder}` is not the folder of a run: {what}")
    weights = tmp_path / run / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    assert "error[E0506]: `run` is not the folder of a run: `weights.safetensors`: " in dslc("eval", run).err
    (tmp_path / run / "config.json").write_text('{"options": {}}')
    assert "its `config.json` is not as `dslc train` wrote it" in dslc("eval", run).err


def test_text_is_continued(dslc: Dslc, tmp_path: Path):
    (tmp_path / "abc.txt").write_text("abc\n" * 200)
    (tmp_path / "next.net").write_text(TEXT)
    assert dslc("train", "next.net", "-o", "run").status == 0
    said = dslc("sample", "run", "--prompt", "ab", "--tokens", "14", "--temperature", "0")
    assert (said.status, said.err) == (0, "")
    assert said.out == "abc\nabc\nabc\nabc\n\n"
    drawn = [
        dslc("sample", "run", "--prompt", "a", "--tokens", "30", "--temperature", "5", "--seed", seed).out
        for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    sure = dslc("sample", "run", "--prompt", "ab", "--tokens", "14", "--temperature", "5", "--top-k", "1")
    assert sure.out == said.out
    said = dslc("sample", "run", "--prompt", "xyz")
    assert (said.status, said.out) == (1, "")
    assert "error[E0505]: the vocabulary has no character 'x'" in said.err
    assert dslc("sample", "run", "--tokens", "0").status == 2


def test_only_text_is_sampled(dslc: Dslc, run: str):
    said = dslc("sample", run)
    assert (said.status, said.out) == (1, "")
    assert "error[E0508]: `mlp` does not continue text" in said.err


def test_a_run_is_drawn_as_well(dslc: Dslc, run: str, tmp_path: Path):
    assert dslc("view", run).out == "run.html: mlp\n"
    assert '"title":"backward"' in (tmp_path / "run.html").read_text()


def test_data_is_found_where_the_file_was_and_where_the_command_line_says(
    dslc: Dslc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "next.net").write_text(TEXT)
    (tmp_path / "home" / "abc.txt").write_text("abc\n" * 200)
    assert dslc("train", "home/next.net", "-o", "run").status == 0
    assert dslc("eval", "run").status == 0
    (tmp_path / "home").rename(tmp_path / "moved")
    said = dslc("eval", "run")
    assert said.status == 1
    assert "error[E0502]" in said.err
    assert dslc("eval", "run", "--data", "moved").status == 0


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path: Path):
    (tmp_path / "mlp.net").write_text(MLP.replace("epochs  = 2", "epochs = 1_000_000"))
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "dslc", "train", "mlp.net", "-o", "run"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, env=environment, text=True
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("step ")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "`--resume -o run` goes on from there" in out
    assert list((tmp_path / "run" / "checkpoints").iterdir())
