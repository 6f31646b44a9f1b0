"""The digits example in Keras on JAX: load, split, normalize, train 20 epochs, measure."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = x.astype(np.float32)
rows = np.random.default_rng(0).permutation(len(x))
train, test = rows[: int(0.8 * len(x))], rows[int(0.8 * len(x)) :]
mean, std = x[train].mean(), x[train].std()
x = (x - mean) / std
net = keras.Sequential([layers.Input((64,)), layers.Dense(32, "relu"), layers.Dense(10)])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
net.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
net.fit(x[train], y[train], 32, 20, verbose=0)
print(net.evaluate(x[test], y[test], verbose=0))
