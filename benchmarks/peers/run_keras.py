"""Keras 3 on JAX: `compile` and `fit`."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import time
from typing import Any

import keras
from keras import layers, ops
from peers.timing import Timing
from peers.workloads import BETA2, CONTEXT, DECAY, HEADS, LAYERS, VOCAB, WIDTH, Workload, data


def conv(x: Any, width: int, stride: int = 1, act: bool = True) -> Any:
    x = layers.Conv2D(width, 3, stride, "same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
    return layers.ReLU()(x) if act else x


def mlp() -> Any:
    x = image = keras.Input((28, 28, 1))
    for width, rate in ((256, 0.4), (128, 0.3)):
        x = layers.Dropout(rate)(layers.Dense(width, "relu")(layers.Flatten()(x)))
    return keras.Model(image, layers.Dense(10)(x))


def digits() -> Any:
    image = keras.Input((8, 8, 1))
    return keras.Model(image, layers.Dense(10)(layers.Dense(32, "relu")(layers.Flatten()(image))))


def lstm() -> Any:
    rows = keras.Input((100, 32))
    return keras.Model(rows, layers.Dense(10)(layers.LSTM(128)(rows)))


def resnet20() -> Any:
    image = keras.Input((32, 32, 3))
    x = conv(image, 16)
    for width in (16, 32, 64):
        for number in range(3):
            stride = 2 if width > 16 and number == 0 else 1
            skip = layers.Conv2D(width, 1, stride, use_bias=False)(x) if stride > 1 else x
            x = layers.ReLU()(skip + conv(conv(x, width, stride), width, act=False))
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


MODELS = {"mlp": mlp, "digits": digits, "resnet20": resnet20, "lstm": lstm, "gpt": Gpt}


def run(workload: Workload, way: str, stretches: int) -> Timing:
    """Times of the first step and of the steps after it."""
    begun = time.perf_counter()
    keras.utils.set_random_seed(0)
    rows = data(workload)
    inputs, target = rows.values()
    net = MODELS[workload.name]()
    match workload.rule:
        case "adamw":
            decay = DECAY[workload.name]
            rule = keras.optimizers.AdamW(workload.lr, decay, beta_2=BETA2.get(workload.name, 0.999))
        case "sgd":
            rule = keras.optimizers.SGD(workload.lr, 0.9)
        case _:
            rule = keras.optimizers.Adam(workload.lr)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    # Many steps in one compiled call: the faster of Keras's two ways on small models.
    net.compile(rule, loss, steps_per_execution=min(39, workload.steps))
    count = workload.steps * workload.batch

    def stretch() -> None:
        net.fit(inputs[:count], target[:count], workload.batch, workload.epochs, verbose=0, shuffle=True)

    stretch()
    parameters = sum(each.value.size for each in net.trainable_variables)
    timing = Timing(time.perf_counter() - begun, workload.stretch, parameters)
    for _ in range(stretches):
        begun = time.perf_counter()
        stretch()
        timing.add(time.perf_counter() - begun)
    return timing
