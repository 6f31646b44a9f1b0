"""The MLP of examples/mnist_mlp.net in Keras on JAX: read the files of MNIST, scale, train 3 epochs, measure.

The folder with the files is its argument.
"""

import gzip
import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
from keras import layers


def read(name: str, header: int) -> np.ndarray:
    """The bytes of one of the four files, packed or not, behind its header."""
    (found,) = Path(sys.argv[1]).glob(f"{name}*")
    text = gzip.decompress(found.read_bytes()) if found.suffix == ".gz" else found.read_bytes()
    return np.frombuffer(text, np.uint8)[header:]


(x, y), (xt, yt) = (
    (read(f"{part}-images", 16).reshape(-1, 784).astype(np.float32) / 255, read(f"{part}-labels", 8).astype(np.int32))
    for part in ("train", "t10k")
)
net = keras.Sequential([layers.Input((784,))])
for width, rate in ((256, 0.4), (128, 0.3)):
    net.add(layers.Dense(width, "relu"))
    net.add(layers.Dropout(rate))
net.add(layers.Dense(10))
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
net.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
net.fit(x, y, 128, 3, verbose=0)
print(net.evaluate(xt, yt, verbose=0))
