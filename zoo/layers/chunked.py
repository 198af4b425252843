"""An embedding of several chunks."""

import keras
from keras import ops

from zoo import errors, geometry


@keras.saving.register_keras_serializable(package="zoo")
class ChunkedEmbedding(keras.layers.Layer):
    """Scale each of C equal chunks of a row [N, D] to the length 1 / sqrt(C), so that the row has unit length.

    The product of two such rows is the mean of the cosines of their chunks.

    Args:
        chunks: C; it divides D.
        name, dtype: as in Keras; the computation never goes below float32.

    Example:

    >>> import numpy as np, zoo
    >>> zoo.layers.ChunkedEmbedding(2)(np.array([[3.0, 4.0, 0.0, 9.0]])).numpy().round(3)
    array([[0.424, 0.566, 0.   , 0.707]], dtype=float32)

    Related: `zoo.losses.Chunked` trains every chunk as an embedding of its own.
    """

    def __init__(self, chunks, name=None, dtype="float32", **kwargs):
        super().__init__(name=name, dtype=dtype, **kwargs)
        self.chunks = errors.whole("chunks", chunks)

    def build(self, input_shape):
        if input_shape[-1] % self.chunks:
            raise ValueError(f"chunks={self.chunks} must divide the size of the embedding, {input_shape[-1]}")
        self.built = True

    def call(self, x):
        size = x.shape[-1]
        rows = ops.reshape(x, (-1, size // self.chunks))  # (N C, D / C)
        return ops.reshape(geometry.normalize(rows), (-1, size)) / self.chunks**0.5

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "chunks": self.chunks}
