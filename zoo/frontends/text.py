"""UTF-8 text to character ids."""

import collections

import keras
import numpy as np

from zoo import errors
from zoo.backends import tensorflow
from zoo.frontends.base import Frontend, is_strings

WIDTH_STEP = 8  # widths are rounded up, so that a compiler meets few shapes


@keras.saving.register_keras_serializable(package="zoo")
class TextFrontend(Frontend):
    """Turns UTF-8 strings [N] into int32 character ids [N, T]: 0 is padding, 1 an unknown character.

    Invalid UTF-8 becomes the replacement character, which no vocabulary holds. An empty text is one unknown
    character, so that no row is without a step. T is the longest text of the batch, rounded up to a multiple of 8.

    Args:
        max_length: characters of a text that are read; the rest is cut off.
        lowercase: fold case before the lookup.
        vocabulary: characters that have an id, in order; None until `adapt`.

    Example:

    >>> frontend = TextFrontend(vocabulary=["a", "b"])
    >>> frontend(["ab", "x"])[:, :3].numpy().tolist()
    [[2, 3, 0], [1, 0, 0]]
    """

    kind, learns = "text", "characters"
    samples = ("how do i get to the railway station", "附近有什么好吃的", "", "👍 مرحبا")
    input_shape = (None, None)

    def __init__(self, max_length=128, lowercase=True, vocabulary=None):
        self.max_length = errors.whole("max_length", max_length)
        self.lowercase = errors.flag("lowercase", lowercase)
        self.vocabulary = None if vocabulary is None else list(vocabulary)
        self._module = None

    def learn(self, texts, min_count=1):
        """Return the characters of training texts, the most frequent first.

        Args:
            texts: list or array of `str` (or UTF-8 `bytes`) [N].
            min_count: characters seen less often stay unknown.

        Raises:
            ValueError: no text, or no character at all.
        """
        texts = as_texts(texts)
        counts = collections.Counter()
        tf = tensorflow("reading text")
        for start in range(0, len(texts), 8192):
            characters = self._split(tf.constant(texts[start : start + 8192], tf.string))
            counts.update(characters.flat_values.numpy().tolist())
        kept = [(-n, c.decode("utf-8")) for c, n in counts.items() if n >= min_count and c != b"\xef\xbf\xbd"]
        if not kept:
            raise ValueError(f"texts hold no character to learn a vocabulary from ({len(texts)} texts were given)")
        return [character for _, character in sorted(kept)]

    @property
    def state(self):
        """The characters that have an id, in order, or None."""
        return self.vocabulary

    @state.setter
    def state(self, vocabulary):
        self.vocabulary, self._module = list(vocabulary), None

    def require(self):
        """Raise `ValueError` where there is no vocabulary yet."""
        if not self.vocabulary:
            raise ValueError("the model has no vocabulary yet: call model.adapt(texts) with the training texts first")

    def is_raw(self, items):
        """Whether items are strings: a list or array of `str` or `bytes`, a TensorFlow string tensor or its spec."""
        return isinstance(items, (str, bytes)) or is_strings(items)  # one string is refused by name in `as_items`

    def as_items(self, items):
        """Return texts as a list of UTF-8 `bytes`; see `as_texts`."""
        return as_texts(items)

    as_bytes = as_items

    def order(self, items):
        """Short texts beside short ones: no padding."""
        return np.argsort([len(text) for text in items], kind="stable")

    def names(self, items):
        """Return the texts as `str`."""
        return [text.decode("utf-8", "replace") for text in as_texts(items)]

    @property
    def raw_spec(self):
        """What the served signature takes."""
        tf = tensorflow("reading text")
        return tf.TensorSpec([None], tf.string, name="text")

    @property
    def module(self):
        """`tf.Module` that holds the lookup table; an exported graph must track it."""
        self.require()
        if self._module is None:
            tf = tensorflow("reading text")
            with tf.init_scope():  # a table made inside a traced function would not outlive it
                self._module = tf.Module(name="characters")
                keys = tf.constant(self.vocabulary, tf.string)
                values = tf.range(2, len(self.vocabulary) + 2, dtype=tf.int32)
                self._module.table = tf.lookup.StaticHashTable(
                    tf.lookup.KeyValueTensorInitializer(keys, values), default_value=1
                )
        return self._module

    def _split(self, strings):
        tf = tensorflow("reading text")
        # A character has at most 4 bytes: a long text is cut before the costly steps.
        strings = tf.strings.substr(strings, 0, 4 * self.max_length)
        if self.lowercase:
            valid = tf.strings.unicode_transcode(strings, "UTF-8", "UTF-8", errors="replace")
            strings = tf.strings.lower(valid, "utf-8")
        return tf.strings.unicode_split(strings, "UTF-8", errors="replace")[:, : self.max_length]

    def __call__(self, strings):
        """Return character ids int32 [N, T] of UTF-8 strings [N]."""
        tf = tensorflow("reading text")
        strings = strings if getattr(strings, "dtype", None) == "string" else as_texts(strings)
        characters = self._split(tf.convert_to_tensor(strings, tf.string))
        ids = tf.ragged.map_flat_values(self.module.table.lookup, characters)
        ids = ids.to_tensor(0)  # (N, T)
        width = tf.shape(ids)[1]
        padded = tf.maximum(-(-width // WIDTH_STEP) * WIDTH_STEP, WIDTH_STEP)
        ids = tf.pad(ids, [[0, 0], [0, padded - width]])
        empty = tf.cast(characters.row_lengths() == 0, tf.int32)  # (N,)
        return ids + empty[:, None] * tf.one_hot(0, padded, dtype=tf.int32)

    def dataset(self, texts, batch_size):
        """Return batches of ids of UTF-8 `bytes` [N] in the order given, each as wide as its own longest text."""
        tf = tensorflow("reading text")
        strings = tf.data.Dataset.from_tensor_slices(tf.constant(texts, tf.string))
        self.module  # made here, not while the pipeline is traced
        return strings.batch(batch_size).map(self, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)

    def get_config(self):
        return {"max_length": self.max_length, "lowercase": self.lowercase, "vocabulary": self.vocabulary}


def as_texts(texts):
    """Return texts (a list, array or tensor of `str` or `bytes`) as a list of UTF-8 `bytes`.

    A single string is refused, since it would be read as a list of characters.
    """
    if isinstance(texts, (str, bytes)):
        raise ValueError(f"texts must be a list of strings, not one string; write [{texts[:40]!r}]")
    texts = texts.numpy() if hasattr(texts, "numpy") else texts
    result = []
    for i, text in enumerate(texts):
        if not isinstance(text, (str, bytes)):
            raise ValueError(f"texts must hold strings, but item {i} is {type(text).__name__}: {text!r:.40}")
        result.append(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return result
