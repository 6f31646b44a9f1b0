"""The programs of other frameworks on the pages for those who come from there: they run, and have as many weights."""

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import generate
import jax
import pytest

import dslc

os.environ.setdefault("KERAS_BACKEND", "jax")


def pairs(page: str) -> Iterator[tuple[str, str]]:
    """Programs of a page, each with the file that does the same."""
    found = generate.fences((generate.DOCS / page).read_text("utf-8"))
    for program, file in pairwise(found):
        if program.language == "python":
            yield program.text, file.source.text


def weights(model: Any) -> int:
    """Number of weights that are trained or frozen; of the two biases of a recurrent layer of PyTorch one counts."""
    if hasattr(model, "named_parameters"):
        return sum(weight.numel() for name, weight in model.named_parameters() if "bias_hh" not in name)
    statistics = ("moving_mean", "moving_variance", "seed_generator_state")
    return sum(
        int(weight.numpy().size) if hasattr(weight, "numpy") else weight.size
        for weight in model.weights
        if weight.name not in statistics
    )


def compare(page: str, kinds: Any, tmp_path: Path) -> None:
    """Each model of the framework has the weights of the one of its name."""
    compared = 0
    for number, (program, text) in enumerate(pairs(page)):
        names: dict[str, Any] = {"loader": (), "__name__": "page"}
        # Keras leaves shapes and dtypes to JAX to promote.
        with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
            exec(program, names)  # noqa: S102  # the programs stand on our own pages
        file = tmp_path / f"{number}.net"
        file.write_text(text, "utf-8")
        for name, model in names.items():
            if isinstance(model, kinds) and f"model {name}" in text:
                assert dslc.load(str(file), model=name).parameters == weights(model), name
                compared += 1
    assert compared >= 7, "a model of both has one name"


@pytest.mark.filterwarnings("ignore")  # those of the other framework about itself
def test_models_of_pytorch_have_as_many_weights_as_those_beside_them(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    compare("from-pytorch.md", torch.nn.Module, tmp_path)


@pytest.mark.filterwarnings("ignore")
def test_models_of_keras_have_as_many_weights_as_those_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras = pytest.importorskip("keras")
    # The calls are as they are written, and nothing is trained.
    monkeypatch.setattr(keras.Model, "fit", lambda *args, **kwargs: None)
    compare("from-keras.md", keras.Model, tmp_path)
