"""Three networks of Keras applications with random weights, and what they answer: `python keras_peers.py FOLDER` writes both.

A program of its own, as Keras takes its backend from the environment when it is imported: here PyTorch, which compiles nothing.
"""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

SIZES = {"VGG16": 32, "MobileNetV2": 64, "EfficientNetB0": 64}
"""Of the images: the smallest that leave more than one place to the layers that pad."""
CLASSES = 5


def moved(name: str, first: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A weight away from its first value, which may be zero or one, and large enough that the image is still seen at the end."""
    drawn = random.normal(size=first.shape)
    if name == "kernel":
        inputs = first.shape[:2] if first.shape[-1] == 1 else first.shape[:-1]
        return drawn * np.sqrt(2 / np.prod(inputs))
    return first + 0.1 * drawn


def network(name: str, keras: Any) -> Any:
    """One without an activation behind its last layer."""
    size = SIZES[name]
    make = getattr(keras.applications, name)
    whole = make(weights=None, input_shape=(size, size, 3), classes=CLASSES, classifier_activation=None)
    if name != "EfficientNetB0":
        return whole
    # It scales its pixels inside of the model: `normalize` does that to the data here.
    return keras.Model(whole.get_layer("stem_conv_pad").input, whole.output)


def main(folder: Path) -> None:
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    for name, size in SIZES.items():
        peer = network(name, keras)
        for layer in peer.layers:
            # One pass over images gives the statistics, as they are of these images and of no others.
            layer.momentum = 0.0
            for variable in layer.trainable_weights:
                variable.assign(moved(variable.name, keras.ops.convert_to_numpy(variable), random).astype(np.float32))
        seen, image = random.normal(size=(2, 4, size, size, 3)).astype(np.float32)
        peer(seen, training=True)
        held = {
            f"{layer.name}.{variable.name}": keras.ops.convert_to_numpy(variable)
            for layer in peer.layers
            for variable in layer.weights
        }
        save_file(held, folder / f"{name}.safetensors")
        logits = keras.ops.convert_to_numpy(peer(image, training=False))
        np.savez(folder / f"{name}.npz", image=image, logits=logits)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
