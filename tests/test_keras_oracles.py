"""Examples with the random weights of Keras applications, brought in by a `weights` section: outputs agree."""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import headers
import jax
import keras_peers
import numpy as np
import pytest

import dslc

pytest.importorskip("torch")
if find_spec("keras") is None:  # imported by the program beside this file alone, which says with which backend
    pytest.skip("Keras is not here", allow_module_level=True)
BOUND = 1e-4
"""Relative to the largest output: float32 (6e-8) through fifty layers, whose sums are added in another order."""


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the weights and the answers of Keras."""
    folder = tmp_path_factory.mktemp("keras")
    words = [sys.executable, keras_peers.__file__, str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def layer(ours: str, theirs: str, *, bias: bool = True, change: str = "") -> Iterator[str]:
    yield f'"{ours}.kernel" = "{theirs}.kernel"{change}'
    if bias:
        yield f'"{ours}.bias" = "{theirs}.bias"'


def norm(ours: str, theirs: str) -> Iterator[str]:
    names = {"scale": "gamma", "bias": "beta", "mean": "moving_mean", "var": "moving_variance"}
    return (f'"{ours}.{role}" = "{theirs}.{name}"' for role, name in names.items())


def vgg() -> Iterator[str]:
    for stage, n in enumerate([2, 2, 3, 3, 3]):
        for at in range(n):
            yield from layer(f"stages.{stage}.layers.{at}.conv", f"block{stage + 1}_conv{at + 1}")
    yield from (*layer("body.0.dense", "fc1"), *layer("body.1.dense", "fc2"), *layer("head", "predictions"))


def mobilenet() -> Iterator[str]:
    yield from (*layer("stem.conv", "Conv1", bias=False), *norm("stem.batch_norm", "bn_Conv1"))
    number = 0
    for stage, n in enumerate([1, 2, 3, 4, 3, 3, 1]):
        for at in range(n):
            ours, theirs = f"stages.{stage}.layers.{at}", f"block_{number}" if number else "expanded_conv"
            parts = {"widen": "expand", "depthwise_conv": "depthwise", "project": "project"}
            if not number:
                del parts["widen"]
            for place, (part, name) in enumerate(parts.items(), 1):
                # A kernel for each channel is [height, width, channels, 1] in Keras.
                change = " -> transpose([0, 1, 3, 2])" if name == "depthwise" else ""
                yield from layer(f"{ours}.{part}", f"{theirs}_{name}", bias=False, change=change)
                yield from norm(f"{ours}.batch_norm{f'_{place}' if place > 1 else ''}", f"{theirs}_{name}_BN")
            number += 1
    yield from (*layer("last.conv", "Conv_1", bias=False), *norm("last.batch_norm", "Conv_1_bn"))
    yield from layer("head", "predictions")


def efficientnet() -> Iterator[str]:
    yield from (*layer("stem.conv", "stem_conv", bias=False), *norm("stem.batch_norm", "stem_bn"))
    for stage, n in enumerate([1, 2, 2, 3, 3, 4, 1]):
        for at in range(n):
            ours, theirs = f"stages.{stage}.layers.{at}", f"block{stage + 1}{'abcd'[at]}"
            parts = [("widen", "expand_conv", "expand_bn"), ("depthwise_conv", "dwconv", "bn"),
                     ("project", "project_conv", "project_bn")][not stage :]  # fmt: skip
            for place, (part, name, its_norm) in enumerate(parts, 1):
                change = " -> transpose([0, 1, 3, 2])" if name == "dwconv" else ""
                yield from layer(f"{ours}.{part}", f"{theirs}_{name}", bias=False, change=change)
                yield from norm(f"{ours}.batch_norm{f'_{place}' if place > 1 else ''}", f"{theirs}_{its_norm}")
            # Dense layers are convolutions with windows of one place in Keras.
            yield from layer(f"{ours}.squeeze_excite.squeeze", f"{theirs}_se_reduce", change="[0, 0]")
            yield from layer(f"{ours}.squeeze_excite.excite", f"{theirs}_se_expand", change="[0, 0]")
    yield from (*layer("last.conv", "top_conv", bias=False), *norm("last.batch_norm", "top_bn"))
    yield from layer("head", "predictions")


MODELS = {
    "VGG16": ("vgg", vgg, None),
    "MobileNetV2": ("mobilenet_v2", mobilenet, "keras"),
    "EfficientNetB0": ("efficientnet", efficientnet, "keras"),
}


@pytest.mark.parametrize("peer", MODELS)
def test_an_example_is_the_network_of_keras(peer: str, peers: Path) -> None:
    name, lines, variant = MODELS[peer]
    text = (headers.EXAMPLES / f"vision/{name}.net").read_text("utf-8")
    # Without the train block, whose data and precision are of no account here.
    text = re.sub(r"\ntrain .*?\n}\n", "", text, flags=re.DOTALL)
    file = peers / f"{name}.net"
    file.write_text(f'{text}\n\nweights "{peer}.safetensors" {{\n' + "\n".join(lines()) + "\n}\n", "utf-8")
    settings = {"size": keras_peers.SIZES[peer], "classes": keras_peers.CLASSES}
    model = dslc.load(file, variant=variant, settings=settings)
    answer = np.load(peers / f"{peer}.npz")
    found = jax.jit(model.apply)(model.pretrained(), {"image": answer["image"]})["logits"]
    wanted = answer["logits"]
    # Different answers to different images: a constant would agree with anything.
    assert (np.ptp(wanted, axis=0) > 0.05 * np.abs(wanted).max()).all()
    assert np.abs(np.asarray(found) - wanted).max() < BOUND * np.abs(wanted).max()
