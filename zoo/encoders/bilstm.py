"""Character BiLSTM over text."""

import keras
from keras import ops

from zoo import errors
from zoo.frontends.text import TextFrontend

POOLINGS = ("last", "max", "mean")


@keras.saving.register_keras_serializable(package="zoo")
class BiLSTM(keras.layers.Layer):
    """Characters to vectors, vectors through a bidirectional LSTM, its states to one vector a text.

    Padding changes nothing: every step is masked at the true length of its text.

    Args:
        units: LSTM units in each direction; the output has 2 * units numbers.
        char_dim: size of the character vectors.
        depth: number of bidirectional layers on top of each other.
        pooling: `"max"` or `"mean"` over the characters, or `"last"`: last forward and first backward state.
        dropout: share of the inputs of each LSTM set to zero in training.
        unknown: share of the characters taken for unknown ones in training. Every character of the training texts is
            in the vocabulary, so that without it the vector of unknown characters would never be learnt.
        max_length: characters of a text that are read; the rest is cut off.
        lowercase: fold case before the lookup.

    Call arguments:
        ids: character ids [N, T] from `zoo.frontends.TextFrontend`; 0 is padding.

    Returns:
        float32 [N, 2 * units].

    Example:

    >>> import numpy as np
    >>> from zoo.encoders import BiLSTM
    >>> encoder = BiLSTM(units=4)
    >>> encoder.set_vocabulary(["a", "b"])
    >>> encoder(np.array([[2, 3, 0]])).shape
    TensorShape([1, 8])

    References: Hochreiter and Schmidhuber 1997; Graves and Schmidhuber 2005.
    """

    def __init__(
        self,
        units=128,
        char_dim=64,
        depth=1,
        pooling="max",
        dropout=0.0,
        unknown=0.1,
        max_length=128,
        lowercase=True,
        **kwargs,
    ):
        super().__init__(**{"name": "bilstm", **kwargs})
        if pooling not in POOLINGS:
            raise ValueError(errors.unknown("pooling", pooling, POOLINGS))
        self.units = errors.whole("units", units)
        self.char_dim = errors.whole("char_dim", char_dim)
        self.depth = errors.whole("depth", depth)
        self.pooling = pooling
        self.dropout = errors.number("dropout", dropout, 0, 0.99)
        self.unknown = errors.number("unknown", unknown, 0, 1)
        self.max_length = errors.whole("max_length", max_length)
        self.lowercase = errors.flag("lowercase", lowercase)
        self.vocabulary_size = None
        self.seed_generator = keras.random.SeedGenerator()
        self.initializer = keras.initializers.RandomUniform()  # made here: the same seed gives the same characters
        self.recurrent = [
            keras.layers.Bidirectional(
                keras.layers.LSTM(self.units, return_sequences=i < depth - 1 or pooling != "last", dropout=dropout),
                name=f"recurrent_{i}",
            )
            for i in range(depth)
        ]

    def make_frontend(self):
        """The frontend that turns raw texts into this encoder's ids."""
        return TextFrontend(max_length=self.max_length, lowercase=self.lowercase)

    def set_vocabulary(self, vocabulary):
        """Say which characters the ids from 2 on stand for; must precede the first call."""
        self.vocabulary_size = len(vocabulary) + 2  # padding, unknown

    def build(self, input_shape):
        if self.vocabulary_size is None:
            raise ValueError("the model has no vocabulary yet: call model.adapt(texts) with the training texts first")
        self.characters = keras.layers.Embedding(
            self.vocabulary_size, self.char_dim, embeddings_initializer=self.initializer, name="characters"
        )
        self.characters.build(input_shape)
        shape = (*input_shape, self.char_dim)
        for layer in self.recurrent:
            layer.build(shape)
            shape = (*input_shape, 2 * self.units)
        self.built = True

    def call(self, ids, training=None):
        mask = ids != 0  # (N, T)
        if training and self.unknown:
            draw = keras.random.uniform(ops.shape(ids), seed=self.seed_generator)
            ids = ops.where(ops.logical_and(mask, draw < self.unknown), 1, ids)
        x = self.characters(ids)
        for layer in self.recurrent:
            x = layer(x, mask=mask, training=training)
        if self.pooling == "last":
            return x  # (N, 2U)
        mask = ops.cast(mask, x.dtype)[:, :, None]
        if self.pooling == "max":
            return ops.max(x * mask - 2.0 * (1.0 - mask), axis=1)  # states lie in (-1, 1)
        return ops.sum(x * mask, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1.0)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 2 * self.units)

    def _generators(self):
        cells = [layer.cell for pair in self.recurrent for layer in (pair.forward_layer, pair.backward_layer)]
        return [self.seed_generator, *(cell.seed_generator for cell in cells if hasattr(cell, "seed_generator"))]

    def save_own_variables(self, store):
        """Keep the state of the random draws, which Keras does not, so that a resumed run draws what it would have."""
        for i, generator in enumerate(self._generators()):
            store[f"draws_{i}"] = ops.convert_to_numpy(generator.state)

    def load_own_variables(self, store):
        for i, generator in enumerate(self._generators()):
            generator.state.assign(store[f"draws_{i}"])

    def get_build_config(self):
        return None  # a loaded model builds its backbone itself, once the vocabulary is set

    def get_config(self):
        names = ("units", "char_dim", "depth", "pooling", "dropout", "unknown", "max_length", "lowercase")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
