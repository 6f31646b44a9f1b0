"""The architectures in `examples/`: their comments, their weights, and the first steps of their training."""

import re
from pathlib import Path
from typing import Any

import headers
import numpy as np
import pytest
import small
from first_steps import Tiny

EXAMPLES = headers.examples()
UNCHANGED = {"undropped", "gpt2"}
"""Variants that differ from their model in what has no weights."""
COUNTS = [
    pytest.param(found, weights, id=f"{found.name}-{weights.of or ''}")
    for found in EXAMPLES
    for weights in found.weights
]

SLOW = pytest.mark.slow
"""Some ten seconds or more, nearly all of them XLA's, to compile what cannot be made small."""


def draws(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pictures(size: int, *, channels: int = 3, classes: int = 4, rows: int = 8) -> dict[str, np.ndarray]:
    """Noise, from 0 to 255 as pixels are, whose mean depends on the label."""
    label = np.arange(rows) % classes
    image = 60 * draws().uniform(size=(rows, size, size, channels)) + 195 * (label / classes)[:, None, None, None]
    return {"image": image.astype(np.uint8), "label": label.astype(np.int32)}


def sentences(length: int = 12, *, words: int = 20, rows: int = 8) -> dict[str, np.ndarray]:
    """Texts that count upwards, in which the next word follows from the last one."""
    start = draws().integers(1, words, size=(rows, 1))
    counted = (start + np.arange(length + 1)) % (words - 1) + 1
    return {"tokens": counted[:, :-1].astype(np.int32), "target": counted[:, 1:].astype(np.int32)}


def imagenet(name: str, settings: str, size: int = 32, **more: Any) -> Tiny:
    """A classifier of images; a batch is all there is, so that the loss must fall."""
    return Tiny(f"vision/{name}", f"classes=4 size={size} batch=8 {settings}", {"imagenet.npz": pictures(size)}, **more)


def writer(name: str, settings: str, file: str = "corpus.npz", **more: Any) -> Tiny:
    """A model that writes on."""
    return Tiny(f"language/{name}", f"vocab=20 batch=8 {settings}", {file: sentences()}, **more)


def pairs() -> dict[str, dict[str, np.ndarray]]:
    """Sentences and what they are in the other language."""
    text = sentences(rows=100)["tokens"]
    return {"pairs.npz": {"source": text, "wanted": text[:, ::-1].copy()}}


TINY = [
    imagenet("alexnet", "width=32 optimizer=adamw(1e-3)", size=67, marks=SLOW),
    imagenet("convnext", "widths=[8,12,16,20] depths=[1,1,1,1] drop=0 ema=0.5 optimizer=adamw(1e-2)", marks=SLOW),
    imagenet("deit", "d=16 heads=2 depth=2 patch=8 optimizer=adamw(1e-2)"),
    imagenet("densenet", "depths=[1,1,2,1] growth=4 optimizer=adamw(1e-2)", marks=SLOW),
    imagenet("efficientnet", "ema=0.5 drop=0 optimizer=adamw(1e-2)", marks=SLOW),
    imagenet("googlenet", "optimizer=adamw(1e-3)", size=224, marks=SLOW),
    imagenet("mobilenet_v2", "optimizer=adamw(1e-3)", marks=SLOW),
    imagenet("resnet", "depths=[1,1,1,1] optimizer=adamw(1e-2)", marks=SLOW),
    imagenet("squeezenet", "optimizer=adamw(3e-3)", size=67, marks=SLOW),
    imagenet(
        "swin",
        "d=12 depths=[1,1,2,1] heads=[1,1,2,2] window=2 drop=0 size=64 optimizer=adamw(1e-2)",
        size=64,
        marks=SLOW,
    ),
    imagenet("vgg", "depths=[1,1,1,1,1] width=32 rate=0 optimizer=adamw(1e-3)", marks=SLOW),
    imagenet("vit", "d=16 heads=2 depth=2 patch=8 optimizer=adamw(1e-2)"),
    Tiny(
        "vision/resnet1001", "depth=2 batch=8 size=16 optimizer=adamw(1e-2)", {"cifar10.npz": pictures(16, classes=10)}
    ),
    Tiny(
        "vision/unet",
        "size=188 width=4 batch=2 optimizer=adamw(1e-2)",
        {
            "cells.npz": {
                "image": (image := draws().normal(size=(2, 188, 188, 1)).astype(np.float32)),
                "mask": (image[:, 92:-92, 92:-92, 0] > 0.5).astype(np.int32),
            }
        },
    ),
    Tiny(
        "vision/clip",
        "size=16 patch=8 width=16 depth=1 heads=2 vocab=20 text_width=16 text_depth=1 text_heads=2 out=8 batch=8 optimizer=adamw(1e-2)",
        {"pairs.npz": {"image": pictures(16)["image"], "tokens": sentences()["tokens"]}},
    ),
    writer("gpt2", "context=12 d=16 depth=2 heads=2 rate=0 accumulate=1 optimizer=adamw(1e-2)", "openwebtext.npz"),
    writer("llama", "context=12 d=16 depth=2 heads=4 kv_heads=2 hidden=24 optimizer=adamw(1e-2)"),
    writer("mixture_of_experts", "d=16 depth=2 heads=4 experts=3 hidden=24 optimizer=adamw(1e-2)"),
    Tiny(
        "language/t5",
        "vocab=20 d=16 depth=2 heads=2 head_dim=8 hidden=24 rate=0 batch=8 optimizer=adamw(1e-2)",
        pairs(),
    ),
    Tiny("language/transformer", "vocab=20 d=16 depth=2 heads=2 rate=0 batch=8 optimizer=adamw(1e-2)", pairs()),
    Tiny(
        "language/bert",
        "vocab=20 context=12 d=16 depth=2 heads=2 rate=0 mask=19 batch=8 optimizer=adamw(1e-2)",
        {
            "sentences.npz": {
                "word": sentences()["tokens"],
                "segment": np.repeat([[0] * 6 + [1] * 6], 8, 0).astype(np.int32),
                "label": pictures(1, classes=2)["label"],
            }
        },
        steps=30,
    ),
    Tiny("vision/yolo", "batch=32 filters=[8,8,8,8] optimizer=adamw(1e-2)", steps=40),
    *(
        Tiny(f"basics/{name}", settings, steps=40)
        for name, settings in {
            "perceptron": "batch=16 optimizer=sgd(0.05)",
            "ridge_regression": "",
            "logistic_two_classes": "",
            "single_layer": "",
            "vanishing_gradients": "depth=2 act=relu",
        }.items()
    ),
    *(
        Tiny(f"learning/{name}", settings, steps=40)
        for name, settings in {
            "siamese": "",
            "multi_task": "",
            "distillation": "optimizer=adam(1e-2)",
            "dqn": "optimizer=adam(1e-2)",
            "pinn": "optimizer=adam(1e-2)",
            "neural_field": "optimizer=adam(3e-3)",
            "graph_convolution": "",
        }.items()
    ),
    Tiny("generative/autoencoder", steps=40),
    Tiny("generative/denoising_autoencoder", steps=40),
    Tiny("generative/gan", steps=40, watched="critic.loss"),
    Tiny("generative/wgan_gp", "weight=10.0", steps=40, watched="judge.penalty"),
    Tiny("sequence/elman", "length=3 batch=256 optimizer=adam(3e-2)", steps=60),
    Tiny("sequence/tagger", "length=6 units=16 optimizer=adam(2e-2)", steps=40),
    Tiny(
        "sequence/seq2seq_attention",
        "source_vocab=20 target_vocab=20 d=16 units=16 batch=4 optimizer=adam(3e-2)",
        pairs(),
    ),
    Tiny("generative/dcgan", "width=4 batch=8", {"faces.npz": pictures(64)}, watched="critic.loss", marks=SLOW),
    Tiny(
        "generative/ddpm",
        "width=32 ema=0.5 batch=8 optimizer=adam(3e-3)",
        {"cifar10.npz": pictures(32)},
        steps=30,
        marks=SLOW,
    ),
    Tiny(
        "generative/rbm",
        "hidden=16 batch=8 optimizer=adam(3e-2)",
        {"mnist.npz": pictures(28, channels=1)},
        steps=300,
        watched="error",
    ),
    Tiny(
        "generative/vae", "hidden=64 batch=8 optimizer=adam(5e-3)", {"mnist.npz": pictures(28, channels=1)}, steps=100
    ),
    Tiny(
        "sequence/char_rnn",
        "vocab=20 d=8 units=16 batch=8 rate=0 optimizer=adam(2e-2)",
        {"text.npz": sentences(rows=10)},
    ),
]


@pytest.mark.parametrize("found", [pytest.param(found, id=found.name) for found in EXAMPLES])
def test_every_file_says_what_it_is_how_large_and_what_to_expect(found: headers.Example) -> None:
    assert found.about.endswith(".")
    assert "expected" in found.facts
    assert found.weights[0].of is None
    named = [weights.of for weights in found.weights]
    assert len({*named}) == len(named)
    # Every variant that is there has its number.
    assert {*re.findall(r"^variant (\w+) +of", found.source.text, re.MULTILINE)} <= {*named, *UNCHANGED}


@pytest.mark.parametrize("found", [pytest.param(found, id=found.name) for found in EXAMPLES if "/" in found.name])
def test_what_somebody_has_published_has_its_source(found: headers.Example) -> None:
    assert re.search(r"\b(19|20)\d\d\b", found.facts["source"])


@pytest.mark.parametrize(("found", "weights"), COUNTS)
def test_weights_are_as_many_as_published(found: headers.Example, weights: headers.Weights) -> None:
    assert found.counted(weights.of) == weights.count


@pytest.mark.parametrize("tiny", [pytest.param(tiny, id=tiny.name, marks=tiny.marks) for tiny in TINY])
def test_first_steps_lower_the_loss(tiny: Tiny, tmp_path: Path) -> None:
    losses = tiny.losses(tmp_path)
    first, last = np.mean(losses[:3]), np.mean(losses[-3:])
    # Every batch is the same one, or drawn alike: a tenth less is far more than three steps differ by.
    assert last < 0.9 * first, losses


def test_every_architecture_trains_in_these_tests() -> None:
    trained = {tiny.name for tiny in TINY} | {*small.NAMES} - {"digits"}
    with_block = {
        found.name.removesuffix(".net") for found in EXAMPLES if "/" in found.name and "\ntrain " in found.source.text
    }
    # The weights of a pretrained model are not here; `test_model_oracles.py` runs it with others.
    assert trained == {name for name in with_block if not name.endswith("_pretrained")}
