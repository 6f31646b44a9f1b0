"""The examples: they check, and they reach the results in their comments."""

import re
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import pytest
import small

from dslc import compiler
from dslc.data.folders import Folders
from dslc.source import Source
from dslc.train.session import train

EXAMPLES = small.EXAMPLES
# Real data sets are no part of the repository.
DATA = Path(__file__).parents[2] / "shared" / "data"
FILES = [pytest.param(file, id=str(file.relative_to(EXAMPLES))) for file in sorted(EXAMPLES.rglob("*.net"))]
needs_mnist = pytest.mark.skipif(not (DATA / "mnist").is_dir(), reason="the files of MNIST are not here")
needs_text = pytest.mark.skipif(not (DATA / "tinyshakespeare.txt").is_file(), reason="the text is not here")


def source_of(name: str) -> Source:
    return compiler.read(str(EXAMPLES / f"{name}.net"))


def trained(
    name: str, folder: Path, *, seed: int = 0, variant: str | None = None, settings: Mapping[str, str] | None = None
) -> Mapping[str, float]:
    """What a run measures on the test part."""
    options = compiler.Options(variant=variant, settings=settings or {}, data=(DATA,), seed=seed)
    source = source_of(name)
    folders = Folders(Path(source.name).parent, (DATA,))
    run = folder / f"{Path(name).name}-{seed}"
    return train(compiler.plan(source, options), source, folders, run).values["test"]


@pytest.mark.parametrize("file", FILES)
def test_examples_check_without_a_word(file: Path) -> None:
    source = compiler.read(str(file))
    found = compiler.check(source, compiler.Options(data=(DATA,)))
    # Data that is not here is a note.
    assert not [problem for problem in found if problem.severity != "note"]


def test_all_that_train_in_a_short_time_do_so_here() -> None:
    assert {*re.findall(r'trained\("([\w/]+)"', Path(__file__).read_text("utf-8"))} == {*small.NAMES}


def test_digits_reach_97_percent(tmp_path: Path) -> None:
    # One seed differs from another by about 0.7 points; the median of five is well above.
    found = [trained("digits", tmp_path, seed=seed)["accuracy"] for seed in range(5)]
    assert median(found) >= 0.97


@pytest.mark.slow
def test_linear_regression_is_as_good_as_the_closed_form(tmp_path: Path) -> None:
    # Least squares in closed form has a median of 0.49 over 200 such splits, and half of them lie in 0.44 to 0.53.
    found = [trained("basics/linear_regression", tmp_path, seed=seed)["r2"] for seed in range(5)]
    assert median(found) >= 0.40


@pytest.mark.slow
def test_a_residual_network_reaches_98_percent(tmp_path: Path) -> None:
    found = [trained("vision/residual", tmp_path, seed=seed)["accuracy"] for seed in range(3)]
    assert median(found) >= 0.98


@pytest.mark.slow
def test_a_vision_transformer_reaches_94_percent(tmp_path: Path) -> None:
    found = [trained("vision/vision_transformer", tmp_path, seed=seed)["accuracy"] for seed in range(3)]
    assert median(found) >= 0.94


@pytest.mark.slow
def test_two_networks_against_each_other_come_near_to_the_data(tmp_path: Path) -> None:
    # 800 points of the data, against other 800 of it, have an energy distance of about 0.004.
    found = [trained("generative/gan_moons", tmp_path, seed=seed)["energy"] for seed in range(3)]
    assert median(found) <= 0.04


@pytest.mark.slow
def test_an_autoencoder_of_digits_reaches_its_loss(tmp_path: Path) -> None:
    assert trained("generative/vae_digits", tmp_path)["loss"] <= 25.0


@pytest.mark.slow
def test_a_boltzmann_machine_rebuilds_digits(tmp_path: Path) -> None:
    assert trained("generative/rbm_digits", tmp_path)["error"] <= 0.03


@pytest.mark.slow
def test_weights_of_pytorch_help_to_learn_from_few_pictures(tmp_path: Path) -> None:
    # From nothing the same settings have a median of 85.1 %.
    found = [trained("learning/finetune", tmp_path, seed=seed)["accuracy"] for seed in range(3)]
    assert median(found) >= 0.86


@pytest.mark.slow
@needs_mnist
def test_logistic_regression_has_the_error_of_the_book(tmp_path: Path) -> None:
    # An Introduction to Statistical Learning, table 10.1, has 7.2 %: a linear model can do little else.
    assert trained("basics/logistic_regression", tmp_path)["accuracy"] == pytest.approx(1 - 0.072, abs=0.008)


@pytest.mark.slow
@needs_mnist
def test_dropout_on_mnist_has_the_error_of_the_book(tmp_path: Path) -> None:
    assert trained("basics/mnist_mlp", tmp_path)["accuracy"] >= 1 - 0.018


@pytest.mark.slow
@needs_mnist
def test_ridge_on_mnist_has_the_error_of_the_book(tmp_path: Path) -> None:
    found = trained("basics/mnist_mlp", tmp_path, variant="undropped", settings={"l2": "1e-5"})
    assert found["accuracy"] >= 1 - 0.023


@pytest.mark.slow
@needs_mnist
def test_lenet5_reaches_its_accuracy(tmp_path: Path) -> None:
    assert trained("vision/lenet5", tmp_path)["accuracy"] >= 0.985


@pytest.mark.slow
@needs_text
def test_a_small_gpt_learns_as_nanogpt_does(tmp_path: Path) -> None:
    # nanoGPT names 1.88 for this layout after 2,000 steps; this run reaches 1.80.
    assert trained("language/gpt_char", tmp_path)["loss"] <= 1.88


@pytest.mark.slow
def test_digits_read_row_by_row_reach_97_percent(tmp_path: Path) -> None:
    found = [trained("sequence/digits_gru", tmp_path, seed=seed)["accuracy"] for seed in range(3)]
    assert median(found) >= 0.97


@pytest.mark.slow
def test_an_lstm_finds_the_frequency_of_a_wave(tmp_path: Path) -> None:
    found = trained("sequence/sine_lstm", tmp_path)
    # The waves turn by 0.1 to 0.5 at a step: naming the last value again errs by the mean of 1 - cos, 0.0510.
    assert found["idle"] == pytest.approx(0.051, abs=0.003)
    assert found["loss"] < 0.002
