"""Values, gradients and compiled steps on whatever backend Keras runs: TensorFlow, JAX or torch."""

import keras
import numpy as np

NAME = keras.config.backend()


def value_and_gradient(function, *inputs, jit=False):
    """Value and gradients of a scalar function of float arrays: (float, [array, ...]).

    `jit` compiles the step: XLA on TensorFlow and JAX, `torch.compile` on torch.
    """
    if NAME == "tensorflow":
        import tensorflow as tf

        def step(*tensors):
            with tf.GradientTape() as tape:
                tape.watch(tensors)
                value = function(*tensors)
            return value, tape.gradient(value, tensors, unconnected_gradients="zero")

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


def to_numpy(x):
    return keras.ops.convert_to_numpy(x)
