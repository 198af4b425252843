"""Scaling embeddings to unit length."""

import keras

from zoo import geometry


@keras.saving.register_keras_serializable(package="zoo")
class L2Normalize(keras.layers.Layer):
    """Scale every row [N, D] to unit length, in float32 or wider, with a finite gradient at zero.

    `keras.layers.UnitNormalization` has a gradient of 1e12 there.

    Example:

    >>> import numpy as np, zoo
    >>> float(zoo.layers.L2Normalize()(np.array([[3.0, 4.0]]))[0, 1])
    0.800000011920929
    """

    def __init__(self, name=None, dtype="float32", **kwargs):
        super().__init__(name=name, dtype=dtype, **kwargs)

    def call(self, x):
        return geometry.normalize(x)

    def compute_output_shape(self, input_shape):
        return input_shape
