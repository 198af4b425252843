"""Cosines between embeddings and class weights."""

import keras
from keras import ops

from zoo import errors, geometry

LENGTHS = (None, "features", "both")


@keras.saving.register_keras_serializable(package="zoo")
class CosineLogits(keras.layers.Layer):
    """Compares embeddings with one learnt direction a class: cos(theta_j) = x.w_j / (|x| |w_j|).

    Labels are no input: a loss on cosines applies its margin, so that an exported graph needs none. An embedding of
    fewer columns than the layer was built for is compared with the first rows of the weights.

    Args:
        classes: number of classes C.
        lengths: None; `"features"` adds the length |x| to each cosine, `"both"` |x| |w_j|.
        name: name of the layer.

    Call arguments:
        x: embeddings [N, D].

    Returns:
        Cosines [N, C], or cosines and lengths [N, C, 2]; a zero row has cosines and lengths 0, and a finite gradient.

    Raises:
        ValueError: unknown lengths, or a number of classes below 1.

    Example:

    >>> import numpy as np, zoo
    >>> layer = zoo.layers.CosineLogits(3, lengths="features")
    >>> layer(np.eye(2, dtype="float32")).shape
    TensorShape([2, 3, 2])
    """

    def __init__(self, classes, lengths=None, name=None, dtype="float32", **kwargs):
        super().__init__(name=name, dtype=dtype, **kwargs)
        if lengths not in LENGTHS:
            raise ValueError(errors.unknown("lengths", lengths, LENGTHS))
        self.classes, self.lengths = errors.whole("classes", classes), lengths

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], self.classes), "glorot_uniform", name="kernel")

    def call(self, x):
        x = geometry.widen(x)
        kernel = ops.cast(self.kernel[: x.shape[-1]], x.dtype)  # (D, C)
        # The weights are scaled before the product: afterwards it would be N x C divisions.
        cosines = ops.matmul(geometry.normalize(x), geometry.normalize(kernel, axis=0))
        if self.lengths is None:
            return cosines
        length = geometry.safe_sqrt(ops.sum(x * x, axis=1, keepdims=True))  # (N, 1)
        if self.lengths == "both":
            length = length * geometry.safe_sqrt(ops.sum(kernel * kernel, axis=0, keepdims=True))  # (N, C)
        return ops.stack([cosines, ops.broadcast_to(length, ops.shape(cosines))], axis=-1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.classes) + (() if self.lengths is None else (2,))

    def get_config(self):
        return {**super().get_config(), "classes": self.classes, "lengths": self.lengths}
