"""Keras 3 on JAX: `compile` and `fit`."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import time
from typing import Any

import keras
from keras import layers, ops
from peers.timing import Timing
from peers.workloads import CONTEXT, HEADS, LAYERS, VOCAB, WIDTH, Workload, data


def conv(x: Any, width: int, stride: int = 1, act: bool = True) -> Any:
    x = layers.Conv2D(width, 3, stride, "same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
    return layers.ReLU()(x) if act else x


def mlp() -> Any:
    x = image = keras.Input((28, 28, 1))
    for width, rate in ((256, 0.4), (128, 0.3)):
        x = layers.Dropout(rate)(layers.Dense(width, "relu")(layers.Flatten()(x)))
    return keras.Model(image, layers.Dense(10)(x))


def small_resnet() -> Any:
    image = keras.Input((28, 28, 1))
    x = conv(image, 16)
    x = layers.ReLU()(x + conv(conv(x, 16), 16, act=False))
    x = conv(x, 32, 2)
    x = layers.ReLU()(x + conv(conv(x, 32), 32, act=False))
    return keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


class Tied(layers.Layer):
    """Token and position tables, and the logits by the same token table."""

    def build(self, shape: Any) -> None:
        self.wte = self.add_weight(shape=(VOCAB, WIDTH), initializer=keras.initializers.RandomNormal(stddev=0.02))
        self.wpe = self.add_weight(shape=(CONTEXT, WIDTH), initializer=keras.initializers.RandomNormal(stddev=0.02))

    def call(self, tokens: Any) -> Any:
        return ops.take(self.wte, tokens, axis=0) + self.wpe

    def logits(self, x: Any) -> Any:
        return x @ ops.transpose(self.wte)


class Gpt(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.tables, self.norm = Tied(), layers.LayerNormalization(epsilon=1e-5)
        self.parts = [
            (layers.LayerNormalization(epsilon=1e-5), layers.MultiHeadAttention(HEADS, WIDTH // HEADS),
             layers.LayerNormalization(epsilon=1e-5), layers.Dense(4 * WIDTH, "gelu"), layers.Dense(WIDTH))
            for _ in range(LAYERS)
        ]  # fmt: skip

    def call(self, tokens: Any) -> Any:
        x = self.tables(tokens)
        for ln1, attend, ln2, up, down in self.parts:
            h = ln1(x)
            x = x + attend(h, h, use_causal_mask=True)
            x = x + down(up(ln2(x)))
        return self.tables.logits(self.norm(x))


def run(workload: Workload, way: str, stretches: int) -> Timing:
    """Times of the first step and of the steps after it."""
    begun = time.perf_counter()
    keras.utils.set_random_seed(0)
    rows = data(workload)
    inputs, target = rows.get("image", rows.get("tokens")), rows.get("label", rows.get("target"))
    net = {"mlp": mlp, "conv": small_resnet, "gpt": Gpt}[workload.name]()
    rule = (
        keras.optimizers.AdamW(workload.lr, 0.1, beta_2=0.99)
        if workload.name == "gpt"
        else keras.optimizers.Adam(workload.lr)
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    # Many steps in one compiled call: the faster of Keras's two ways on small models.
    net.compile(rule, loss, steps_per_execution=min(39, workload.steps))
    count = workload.steps * workload.batch

    def stretch() -> None:
        net.fit(inputs[:count], target[:count], workload.batch, 1, verbose=0, shuffle=True)

    stretch()
    parameters = sum(each.value.size for each in net.trainable_variables)
    timing = Timing(time.perf_counter() - begun, workload.stretch, parameters)
    for _ in range(stretches):
        begun = time.perf_counter()
        stretch()
        timing.add(time.perf_counter() - begun)
    return timing
