"""Values, gradients and compiled steps on whatever backend Keras runs: TensorFlow, JAX or torch."""

import contextlib

import keras
import numpy as np
import pytest

NAME = keras.config.backend()
text = pytest.mark.skipif(NAME != "tensorflow", reason="models of texts read characters with TensorFlow")


def within(tolerance, **others):
    """The tolerance for float64, or the one of this backend: `within(1e-9, torch=1e-5)`.

    Keras keeps float64 through every operation on TensorFlow alone: on torch `matmul` and `maximum` come out in float32,
    on JAX `cos`, `sin` and `tanh`.
    """
    return others.get(NAME, tolerance)


def value_and_gradient(function, *inputs, weights=(), jit=False, missing=None):
    """Value and gradients of a scalar function of float arrays: (float, [array, ...]).

    `weights` are Keras variables that the function reads; their gradients come after those of the inputs.
    `jit` compiles the step: XLA on TensorFlow and JAX, `torch.compile` on torch. An input that the value does not hang on
    is an error on TensorFlow, unless `missing="zero"`; the others cannot tell.
    """
    if weights:
        return value_and_gradient(_reading(function, weights), *inputs, *map(to_numpy, weights), jit=jit, missing=missing)
    if NAME == "tensorflow":
        import tensorflow as tf

        def step(*tensors):
            with tf.GradientTape() as tape:
                tape.watch(tensors)
                value = function(*tensors)
            return value, tape.gradient(value, tensors, unconnected_gradients=missing or "none")

        tensors = [tf.convert_to_tensor(x) for x in inputs]
        value, gradients = (tf.function(step, jit_compile=True) if jit else step)(*tensors)
        return float(value), [tf.convert_to_tensor(g).numpy() for g in gradients]
    if NAME == "jax":
        import jax

        step = jax.value_and_grad(lambda tensors: function(*tensors))
        value, gradients = (jax.jit(step) if jit else step)([keras.ops.convert_to_tensor(x) for x in inputs])
        return float(value), [np.asarray(g) for g in gradients]
    import torch

    tensors = [torch.as_tensor(np.asarray(x)).requires_grad_(True) for x in inputs]
    value = (torch.compile(function) if jit else function)(*tensors)
    gradients = torch.autograd.grad(value, tensors, allow_unused=True) if value.requires_grad else [None] * len(tensors)
    found = zip(gradients, tensors, strict=True)
    return float(value.detach()), [(torch.zeros_like(t) if g is None else g).detach().cpu().numpy() for g, t in found]


def _reading(function, weights):
    """The function of its inputs and of the values of these variables."""

    def of_all(*tensors):
        inputs, values = tensors[: -len(weights)], tensors[-len(weights) :]
        with keras.StatelessScope(list(zip(weights, values, strict=True))):
            return function(*inputs)

    return of_all


def uncompiled():
    """A context in which JAX takes one branch of a condition and loops in Python, as the others do outside a graph."""
    if NAME != "jax":
        return contextlib.nullcontext()
    import jax

    return jax.disable_jit()


def compiled(function):
    """The function compiled, with tensors for arguments: a graph on TensorFlow, `jax.jit`; torch runs it as it is."""
    if NAME == "tensorflow":
        import tensorflow as tf

        return tf.function(function)
    if NAME == "jax":
        import jax

        return jax.jit(function)
    return function


def traced(layer, *inputs):
    """A step `step(training=None)` that calls the layer, compiled, and the list of its traces.

    A `tf.function` on TensorFlow; on JAX a jitted call without state, whose state is put back; torch traces nothing.
    """
    traces = []

    def step(training=None):
        traces.append(training)
        return layer(*inputs, training=training)

    if NAME == "tensorflow":
        import tensorflow as tf

        return tf.function(step), traces
    if NAME == "torch":
        return step, traces
    import jax

    def pure(trainable, others, training):
        traces.append(training)
        return layer.stateless_call(trainable, others, *inputs, training=training)

    pure = jax.jit(pure, static_argnums=2)

    def on_jax(training=None):
        state = [[w.value for w in weights] for weights in (layer.trainable_variables, layer.non_trainable_variables)]
        value, after = pure(*state, training)
        for weight, now in zip(layer.non_trainable_variables, after, strict=True):
            weight.assign(now)
        return value

    return on_jax, traces


def to_numpy(x):
    return keras.ops.convert_to_numpy(x)
