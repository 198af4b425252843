"""From a map of features to one vector an image."""

import keras
from keras import ops

from zoo import errors

POOLINGS = ("avg", "max", "gem")
START = 3.0  # p of the generalized mean before training, as in its paper


@keras.saving.register_keras_serializable(package="zoo")
class GlobalPool(keras.layers.Layer):
    """Mean, maximum or generalized mean over the places of a feature map.

    The generalized mean is (mean of x^p)^(1/p) of the features above 0, with one trainable p for all channels: p = 1 is
    the mean, a large p comes near the maximum.

    Args:
        pooling: `"avg"`, `"max"` or `"gem"`.

    Call arguments:
        x: features [N, H, W, C].

    Returns:
        floats [N, C].

    Example:

    >>> import numpy as np
    >>> from zoo.layers import GlobalPool
    >>> GlobalPool("max")(np.ones((2, 3, 3, 5), "float32")).shape
    TensorShape([2, 5])

    Reference: Radenović, Tolias, Chum 2019, Fine-tuning CNN image retrieval with no human annotation.
    """

    def __init__(self, pooling="avg", **kwargs):
        super().__init__(**kwargs)
        if pooling not in POOLINGS:
            raise ValueError(errors.unknown("pooling", pooling, POOLINGS))
        self.pooling = pooling

    def build(self, input_shape):
        if self.pooling == "gem":
            self.power = self.add_weight(name="power", shape=(), initializer=keras.initializers.Constant(START))
        self.built = True

    def call(self, x):
        if self.pooling == "avg":
            return ops.mean(x, axis=(1, 2))
        if self.pooling == "max":
            return ops.max(x, axis=(1, 2))
        x = ops.maximum(ops.cast(x, "float32"), 1e-6)  # a power of 0 has no derivative by p
        power = ops.cast(self.power, "float32")
        return ops.cast(ops.power(ops.mean(ops.power(x, power), axis=(1, 2)), 1.0 / power), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "pooling": self.pooling}
