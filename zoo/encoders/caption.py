"""Captions to vectors: word vectors through an LSTM or GRU, its state at the true end of the caption."""

import logging

import keras
import numpy as np
from keras import ops

from zoo import errors
from zoo.frontends.word_vectors import read_vectors
from zoo.frontends.words import WordFrontend

log = logging.getLogger(__name__)

CELLS = ("lstm", "gru")
WORD_DIM = 300  # numbers of a word vector where no file says so
RANGE = 0.1  # vectors of words that no file has are drawn evenly from -0.1 to 0.1, as in Kiros et al.


@keras.saving.register_keras_serializable(package="zoo")
class CaptionEncoder(keras.layers.Layer):
    """Words to vectors, vectors through an LSTM or GRU, the last state at the true length of the caption.

    Padding changes nothing: every step is masked. Words that the file of vectors lacks, and all words without a file,
    begin with numbers drawn evenly from -0.1 to 0.1.

    Args:
        units: of the LSTM or GRU; the output has as many numbers, twice as many if bidirectional.
        cell: `"lstm"` or `"gru"`.
        bidirectional: also read from the end; the last forward and the last backward state stand side by side.
        word_dim: size of the word vectors; None takes that of the file, 300 without one.
        vectors: file of word vectors to begin with, see `zoo.frontends.read_vectors`; None draws them.
        train_vectors: train the word vectors further, or keep those of the file as they are.
        dropout: share of the inputs of the LSTM or GRU set to zero in training.
        unknown: share of the words taken for unknown ones in training, so that their vector is learnt although every word
            of the training captions may be in the vocabulary.
        source, min_count, max_length, lowercase: of the vocabulary, see `zoo.frontends.WordFrontend`.

    Call arguments:
        ids: word ids [N, T] from `zoo.frontends.WordFrontend`; 0 is padding.

    Attributes:
        covered: how many words of the vocabulary the file of vectors has, once that was read.

    Returns:
        float32 [N, units], or [N, 2 * units].

    Raises:
        ValueError: an unknown cell; a file that has none of the words, or vectors of another size than word_dim.

    Example:

    >>> import numpy as np
    >>> from zoo.encoders import CaptionEncoder
    >>> encoder = CaptionEncoder(units=4, word_dim=3)
    >>> encoder.set_vocabulary(["a", "plane"])
    >>> encoder(np.array([[2, 3, 0]])).shape
    TensorShape([1, 4])

    References: Kiros, Salakhutdinov and Zemel 2014; Hochreiter and Schmidhuber 1997 (LSTM); Cho et al. 2014 (GRU).
    """

    def __init__(
        self,
        units=256,
        cell="gru",
        bidirectional=False,
        word_dim=None,
        vectors=None,
        train_vectors=True,
        dropout=0.0,
        unknown=0.05,
        source="captions",
        min_count=1,
        max_length=64,
        lowercase=True,
        **kwargs,
    ):
        super().__init__(**{"name": "caption", **kwargs})
        if cell not in CELLS:
            raise ValueError(errors.unknown("cell", cell, CELLS))
        self.units, self.cell = errors.whole("units", units), cell
        self.bidirectional = errors.flag("bidirectional", bidirectional)
        self.word_dim = None if word_dim is None else errors.whole("word_dim", word_dim)
        self.vectors, self.train_vectors = vectors, errors.flag("train_vectors", train_vectors)
        self.dropout, self.unknown = errors.number("dropout", dropout, 0, 0.99), errors.number("unknown", unknown, 0, 1)
        self.source, self.min_count, self.max_length, self.lowercase = source, min_count, max_length, lowercase
        self.vocabulary_size, self.covered, self._start = None, None, None
        self.seed_generator = keras.random.SeedGenerator()
        self.initializer = keras.initializers.RandomUniform(-RANGE, RANGE)  # made here: one seed, the same words
        layer = keras.layers.LSTM if cell == "lstm" else keras.layers.GRU
        layer = layer(self.units, dropout=self.dropout, name=cell)
        self.recurrent = keras.layers.Bidirectional(layer, name="both_ways") if bidirectional else layer

    def make_frontend(self):
        """The frontend that turns raw captions into this encoder's ids."""
        return WordFrontend(self.max_length, self.lowercase, self.min_count, self.source, self.vectors)

    def set_vocabulary(self, vocabulary):
        """Say which words the ids from 2 on stand for, and read their vectors; must precede the first call."""
        self.vocabulary_size = len(vocabulary) + 2  # padding, unknown
        if self.vectors is None:
            self.word_dim = self.word_dim or WORD_DIM
            return
        words, vectors = read_vectors(self.vectors, words=vocabulary)
        if not words:
            raise ValueError(f"vectors: {str(self.vectors)!r} has none of the {len(vocabulary)} words of the vocabulary")
        if self.word_dim not in (None, vectors.shape[1]):
            raise ValueError(f"word_dim={self.word_dim}, but the vectors of {str(self.vectors)!r} have {vectors.shape[1]}")
        self.word_dim, self.covered = vectors.shape[1], len(words)
        row = {word: i for i, word in enumerate(vocabulary, 2)}
        self._start = np.array([row[word] for word in words]), vectors
        log.info("%d of %d words have a vector in %s", self.covered, len(vocabulary), self.vectors)

    def build(self, input_shape):
        if self.vocabulary_size is None:
            raise ValueError("the model has no vocabulary yet: call model.adapt(...) with the training captions first")
        self.words = keras.layers.Embedding(
            self.vocabulary_size, self.word_dim, embeddings_initializer=self._vectors, name="words",
            trainable=self.train_vectors,
        )  # fmt: skip
        self.words.build(input_shape)
        self.recurrent.build((*input_shape, self.word_dim))
        self.built = True

    def _vectors(self, shape, dtype=None):
        """Vectors of all words before training [V + 2, D]."""
        start = np.array(ops.convert_to_numpy(self.initializer(shape, dtype="float32")))
        if self._start is not None:
            start[self._start[0]] = self._start[1]
        return ops.convert_to_tensor(start, dtype=dtype)

    def call(self, ids, training=None):
        mask = ids != 0  # (N, T)
        if training and self.unknown:
            draw = keras.random.uniform(ops.shape(ids), seed=self.seed_generator)
            ids = ops.where(ops.logical_and(mask, draw < self.unknown), 1, ids)
        return self.recurrent(self.words(ids), mask=mask, training=training)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.units * (2 if self.bidirectional else 1))

    def _generators(self):
        layers = [self.recurrent]
        if self.bidirectional:
            layers = [self.recurrent.forward_layer, self.recurrent.backward_layer]
        cells = [layer.cell for layer in layers]
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
        names = ("units", "cell", "bidirectional", "word_dim", "train_vectors", "dropout", "unknown", "source", "min_count")
        config = {name: getattr(self, name) for name in (*names, "max_length", "lowercase")}
        # A model that knows its words brings their vectors: no file is read again.
        path = None if self.vectors is None or self.vocabulary_size is not None else str(self.vectors)
        return {**super().get_config(), **config, "vectors": path}
