"""The examples: they check, and they reach the results in their comments."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import headers
import pytest
import small

from dslc import compiler
from dslc.data.folders import Folders
from dslc.train.session import train

EXAMPLES = small.EXAMPLES
# Real data sets are no part of the repository.
DATA = Path(__file__).parents[2] / "shared" / "data"
FILES = [pytest.param(file, id=str(file.relative_to(EXAMPLES))) for file in sorted(EXAMPLES.rglob("*.net"))]
needs_mnist = pytest.mark.skipif(not (DATA / "mnist").is_dir(), reason="the files of MNIST are not here")
needs_text = pytest.mark.skipif(not (DATA / "tinyshakespeare.txt").is_file(), reason="the text is not here")


@dataclass(frozen=True)
class Expected:
    """What a run of an example measures on the test part: the number that the comment at its top names."""

    name: str
    value: str
    """A loss or a metric, or `1 - accuracy`, the share of what is wrong."""
    at_least: str = ""
    at_most: str = ""
    """As the comment writes it: `97 %`, `0.40`."""
    seeds: int = 1
    """The median over so many of them: where one differs from another by as much as is left to the bound."""
    options: str = ""
    """Of `dslc train`: a variant, settings."""
    marks: Any = (pytest.mark.slow,)

    def measured(self, folder: Path) -> float:
        return median(self._trained(folder, seed) for seed in range(self.seeds))

    def _trained(self, folder: Path, seed: int) -> float:
        given = shlex.split(self.options)
        variants = [text for text in given if "=" not in text]
        settings = dict(text.split("=", 1) for text in given if "=" in text)
        options = compiler.Options(
            variant=variants[0] if variants else None, settings=settings, data=(DATA,), seed=seed
        )
        source = compiler.read(str(EXAMPLES / f"{self.name}.net"))
        folders = Folders(Path(source.name).parent, (DATA,))
        values = train(compiler.plan(source, options), source, folders, folder / f"{seed}").values
        # Where there is no test part it is the last steps of training that say it.
        found = values.get("test") or values["train"]
        return 1 - found["accuracy"] if self.value == "1 - accuracy" else found[self.value]


def number(text: str) -> float:
    return float(text.split(maxsplit=1)[0]) / (100 if text.endswith(" %") else 1)


MNIST, TEXT = (pytest.mark.slow, needs_mnist), (pytest.mark.slow, needs_text)
EXPECTED = [
    Expected("digits", "accuracy", "97 %", seeds=5, marks=()),
    # Least squares in closed form has a median of 0.49 over 200 such splits, and half of them lie in 0.44 to 0.53.
    Expected("basics/linear_regression", "r2", "0.40", seeds=5),
    Expected("basics/ridge_regression", "r2", "0.40", seeds=5),
    # An Introduction to Statistical Learning, table 10.1, has 7.2 %: a linear model can do little else.
    Expected("basics/logistic_regression", "1 - accuracy", at_most="8 %", marks=MNIST),
    Expected("basics/mnist_mlp", "1 - accuracy", at_most="1.8 %", marks=MNIST),
    Expected("basics/mnist_mlp", "1 - accuracy", at_most="2.3 %", options="undropped l2=1e-5", marks=MNIST),
    Expected("basics/logistic_two_classes", "accuracy", "95 %", seeds=5),
    Expected("basics/perceptron", "right", "100 %"),
    Expected("basics/single_layer", "accuracy", "93 %", seeds=5),
    Expected("basics/vanishing_gradients", "accuracy", at_most="20 %"),
    *(
        Expected("basics/vanishing_gradients", "accuracy", "90 %", seeds=3, options=cure)
        for cure in ("rectified", "normed", "skipping")
    ),
    Expected("vision/residual", "accuracy", "98 %", seeds=3),
    Expected("vision/vision_transformer", "accuracy", "94 %", seeds=3),
    Expected("vision/lenet5", "accuracy", "98.5 %", marks=MNIST),
    Expected("vision/yolo", "right", "0.95"),
    # 800 points of the data, against other 800 of it, have an energy distance of about 0.004.
    Expected("generative/gan_moons", "energy", at_most="0.04", seeds=3),
    Expected("generative/vae_digits", "loss", at_most="25 nats"),
    Expected("generative/vae", "loss", at_most="106 nats", marks=MNIST),
    Expected("generative/rbm_digits", "error", at_most="0.03"),
    Expected("generative/rbm", "error", at_most="0.02", marks=MNIST),
    # Two principal components, fitted by scikit-learn on such a split, leave 0.0534.
    Expected("generative/autoencoder", "loss", at_most="0.04", seeds=3),
    Expected("generative/denoising_autoencoder", "loss", at_most="0.03"),
    Expected("generative/wgan_gp", "energy", at_most="0.04", seeds=3),
    # nanoGPT names 1.88 for this layout after 2,000 steps; this run reaches 1.80.
    Expected("language/gpt_char", "loss", at_most="1.88", marks=TEXT),
    Expected("sequence/char_rnn", "loss", at_most="1.75", marks=TEXT),
    Expected("sequence/digits_gru", "accuracy", "97 %", seeds=3),
    Expected("sequence/sine_lstm", "loss", at_most="0.002"),
    Expected("sequence/tagger", "accuracy", "95 %"),
    Expected("sequence/elman", "right", "95 %"),
    # From nothing the same settings have a median of 85.1 %.
    Expected("learning/finetune", "accuracy", "86 %", seeds=3),
    Expected("learning/siamese", "right_", "95 %"),
    Expected("learning/multi_task", "right", "96 %"),
    Expected("learning/distillation", "learn.right", "95 %"),
    Expected("learning/graph_convolution", "accuracy", "93 %", seeds=5),
    Expected("learning/pinn", "off", at_most="0.01"),
    Expected("learning/neural_field", "rmse", at_most="0.1"),
    Expected("learning/dqn", "greedy", "0.95"),
]


@pytest.mark.parametrize("file", FILES)
def test_examples_check_without_a_word(file: Path) -> None:
    source = compiler.read(str(file))
    found = compiler.check(source, compiler.Options(data=(DATA,)))
    # Data that is not here is a note.
    assert not [problem for problem in found if problem.severity != "note"]


@pytest.mark.parametrize(
    "expected",
    [pytest.param(each, id=f"{each.name} {each.options}".strip(), marks=each.marks) for each in EXPECTED],
)
def test_an_example_reaches_what_its_comment_says(expected: Expected, tmp_path: Path) -> None:
    bound = expected.at_least or expected.at_most
    assert bound in headers.example(EXAMPLES / f"{expected.name}.net").facts["expected"]
    found = expected.measured(tmp_path)
    assert found >= number(bound) if expected.at_least else found <= number(bound)


def test_all_that_train_in_a_short_time_do_so_here() -> None:
    assert {*small.NAMES} <= {expected.name for expected in EXPECTED}
