"""Batches for every kind of loss, losses whose draws stand still, and the float64 loops of all names."""

import importlib
import pathlib

import backend
import keras
import numpy as np
from keras import ops

import zoo
from zoo import registry

LOSSES = sorted(registry.LOSSES)
KINDS = sorted({item.takes for item in registry.LOSSES.values()})
MULTI_LABEL = {name for name in LOSSES if zoo.losses.get(name).multilabel}
NOISE = np.random.default_rng(99).random((64, 64)).astype("float32")  # oracles_towers.py uses the same
# For these a pair alone costs something; all other losses of pairs compare pairs that match with pairs that do not.
PAIR_ALONE = {"contrastive", "manytomany", "manytomany_l1", "sigmoid"}


def takes(name):
    return registry.LOSSES[name].takes


def as_input(kind, x):
    """What a loss of this kind compares, made of vectors [N, D]."""
    if kind == "cosines":
        return np.tanh(x)
    if kind == "towers":
        return np.stack([x, np.roll(x, 1, axis=0) * 1.5], axis=1)  # (N, 2, D): a row and its neighbor
    return x


def batch(name, seed=0, classes=4, rows=12, dim=5):
    """Labels [N] and the input of a loss of this name: classes fewer than `dim`, so that they are columns, too."""
    random = np.random.default_rng(seed)
    x = as_input(takes(name), random.normal(size=(rows, dim)).astype("float32"))
    return targets(name, np.arange(rows) % classes, dim), x


def targets(name, labels, classes):
    """Labels as the loss takes them: class ids, or the same as multi-hot floats [N, C]."""
    return np.eye(classes, dtype="float32")[labels] if name in MULTI_LABEL else labels


def fix(loss, noise=NOISE):
    """Let a loss that draws use these numbers every time."""
    if getattr(loss, "draws", None) is not None:
        loss.draws = lambda shape: ops.convert_to_tensor(noise)[: shape[0], : shape[1]]
    return loss


def make(name, **settings):
    return fix(zoo.losses.get(name, **settings))


def head(kind, width):
    """Layers [N, D] -> input of a loss of this kind."""
    if kind == "towers":
        return [keras.layers.Dense(2 * width), keras.layers.Reshape((2, width), dtype="float32")]
    return [keras.layers.Dense(width, activation="tanh" if kind == "cosines" else None)]


def model_with_loss(inputs, labels, embeddings, layer):
    """A functional model whose loss is what a loss layer says of its labels and embeddings.

    The layer is part of the graph. Not on JAX, where `fit` hands the metrics of a layer to `compute_loss` alone.
    """

    class InGraph(keras.Model):
        def compute_loss(self, x, y, y_pred, *args, **kwargs):
            return y_pred

    class Outside(keras.Model):
        def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
            return self.loss_layer(*y_pred, training=training)

    value = layer(labels, embeddings)
    if backend.NAME != "jax":
        return InGraph(inputs, value)
    model = Outside(inputs, (labels, embeddings))
    model.loss_layer = layer
    return model


def value_and_gradient(loss, labels, x, dtype="float32"):
    value, (gradient,) = backend.value_and_gradient(lambda z: loss(labels, z), np.asarray(x, dtype), missing="zero")
    return value, gradient


def oracles():
    """The float64 loop of every name, from the dict ORACLES of each oracles*.py beside this file."""
    found = {}
    for path in sorted(pathlib.Path(__file__).parent.glob("oracles*.py")):
        found |= getattr(importlib.import_module(path.stem), "ORACLES", {})
    return found
