"""Captions to word ids."""

import collections
import logging

import keras
import numpy as np

from zoo import errors
from zoo.backends import tensorflow
from zoo.frontends.base import Frontend, is_strings
from zoo.frontends.text import WIDTH_STEP, as_texts
from zoo.frontends.word_vectors import read_vectors

log = logging.getLogger(__name__)

VOCABULARIES = ("captions", "vectors", "both")
WORD_BYTES = 32  # a caption of T words is cut to T times as many bytes before the costly steps
# In turn: format characters inside a word go, an apostrophe within a word begins a part of its own (isn't: is, n't;
# man's: man, 's), other punctuation, symbols and the characters of scripts without spaces stand alone.
_APOSTROPHE = "\ue000"  # private use: stands for an apostrophe that stays with the letters behind it
_STEPS = (
    (r"\p{Cf}+", ""),
    (_APOSTROPHE, " "),
    (r"(\pL)n['’]t\b", rf"\1 n{_APOSTROPHE}t"),
    (r"(\pL)['’](\pL)", rf"\1 {_APOSTROPHE}\2"),
    (rf"[^\pL\pM\pN{_APOSTROPHE}]", r" \0 "),
    (r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]", r" \0 "),
    (_APOSTROPHE, "'"),
    (r"[\pZ\p{Cc}]+", " "),
)


@keras.saving.register_keras_serializable(package="zoo")
class WordFrontend(Frontend):
    """Turns UTF-8 captions [N] into int32 word ids [N, T]: 0 is padding, 1 an unknown word.

    Words are runs of letters and digits; punctuation is split off, `man's` becomes `man` and `'s` as in GloVe, and
    Chinese, Japanese and Thai characters stand alone. A caption without a word is one unknown word, so that no row is
    without a step. T is the longest caption of the batch, rounded up to a multiple of 8. Training and the exported graph
    run this one function.

    Args:
        max_length: words of a caption that are read, from its first 32 * max_length bytes; the rest is cut off.
        lowercase: fold case before the lookup.
        min_count: words seen less often in the training captions stay unknown.
        source: where the vocabulary comes from: `"captions"`, the training captions; `"vectors"`, the file of word
            vectors; `"both"`, the training captions and then the file.
        vectors: file of word vectors, see `zoo.frontends.read_vectors`; for `"vectors"` and `"both"` only.
        vocabulary: words that have an id, in order; None until `adapt`.

    Attributes:
        unknown_share: share of the tokens of the training captions that are unknown, once `adapt` was called.

    Raises:
        ValueError: an unknown source, or one without its file.

    Example:

    >>> frontend = WordFrontend(vocabulary=["a", "plane", "."])
    >>> frontend(["A plane.", "a ship"])[:, :4].numpy().tolist()
    [[2, 3, 4, 0], [2, 1, 0, 0]]
    """

    kind, learns = "text", "words"
    samples = ("There is a piece of farmland .", "two planes are on the runway", "", "👍 مرحبا")
    input_shape = (None, None)

    def __init__(self, max_length=64, lowercase=True, min_count=1, source="captions", vectors=None, vocabulary=None):
        self.max_length, self.min_count = errors.whole("max_length", max_length), errors.whole("min_count", min_count)
        self.lowercase = errors.flag("lowercase", lowercase)
        if source not in VOCABULARIES:
            raise ValueError(errors.unknown("source of the vocabulary", source, VOCABULARIES))
        if source != "captions" and vectors is None and vocabulary is None:
            raise ValueError(f"source={source!r} needs a file of word vectors: vectors='glove.6B.300d.txt'")
        self.source, self.vectors = source, vectors
        self.vocabulary = None if vocabulary is None else list(vocabulary)
        self.unknown_share = None
        self._module = None

    def learn(self, captions):
        """Return the words that get an id, the most frequent first, and note the share of unknown tokens.

        Args:
            captions: list or array of `str` (or UTF-8 `bytes`) [N], those of the training split only.

        Raises:
            ValueError: no caption, or no word at all.
        """
        counts = self.count(captions)
        words = [word for word, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if n >= self.min_count]
        if not words:
            raise ValueError(f"captions hold no word to learn a vocabulary from ({len(captions)} captions were given)")
        if self.source != "captions":
            known = self.vocabulary or [] if self.vectors is None else read_vectors(self.vectors).words
            known = [word for word in known if word == word.lower()] if self.lowercase else known
            words = list(dict.fromkeys(known if self.source == "vectors" else [*words, *known]))
        self.unknown_share = _unknown(counts, words)
        log.info("%d words; %.1f %% of the training tokens are unknown", len(words), 100 * self.unknown_share)
        return words

    def count(self, captions):
        """Return a `collections.Counter` of the words of captions [N]."""
        captions, counts = as_texts(captions), collections.Counter()
        tf = tensorflow("reading captions")
        for start in range(0, len(captions), 8192):
            words = self.split(tf.constant(captions[start : start + 8192], tf.string))
            counts.update(words.flat_values.numpy().tolist())
        return collections.Counter({word.decode("utf-8"): n for word, n in counts.items() if word != b"\xef\xbf\xbd"})

    def unknown_in(self, captions):
        """Return the share of unknown tokens in captions [N], those of a test split for instance; nan without a token."""
        self.require()
        return _unknown(self.count(captions), self.vocabulary)

    @property
    def state(self):
        """The words that have an id, in order, or None."""
        return self.vocabulary

    @state.setter
    def state(self, vocabulary):
        self.vocabulary, self._module = list(vocabulary), None

    def require(self):
        """Raise `ValueError` where there is no vocabulary yet."""
        if not self.vocabulary:
            raise ValueError("the model has no vocabulary yet: call model.adapt(...) with the training captions first")

    def is_raw(self, items):
        """Whether items are strings: a list or array of `str` or `bytes`, a TensorFlow string tensor or its spec."""
        return isinstance(items, (str, bytes)) or is_strings(items)  # one string is refused by name in `as_items`

    def as_items(self, items):
        """Return captions as a list of UTF-8 `bytes`; see `zoo.frontends.text.as_texts`."""
        return as_texts(items)

    as_bytes = as_items

    def order(self, items):
        """Short captions beside short ones: no padding."""
        return np.argsort([len(text) for text in items], kind="stable")

    def names(self, items):
        """Return the captions as `str`."""
        return [text.decode("utf-8", "replace") for text in as_texts(items)]

    @property
    def raw_spec(self):
        """What the served signature takes."""
        tf = tensorflow("reading captions")
        return tf.TensorSpec([None], tf.string, name="text")

    @property
    def module(self):
        """`tf.Module` that holds the lookup table; an exported graph must track it."""
        self.require()
        if self._module is None:
            tf = tensorflow("reading captions")
            with tf.init_scope():  # a table made inside a traced function would not outlive it
                self._module = tf.Module(name="words")
                keys = tf.constant(self.vocabulary, tf.string)
                values = tf.range(2, len(self.vocabulary) + 2, dtype=tf.int32)
                self._module.table = tf.lookup.StaticHashTable(
                    tf.lookup.KeyValueTensorInitializer(keys, values), default_value=1
                )
        return self._module

    def split(self, strings):
        """Return the words of UTF-8 strings [N], a ragged string tensor [N, words] of at most `max_length` each."""
        tf = tensorflow("reading captions")
        strings = tf.strings.substr(strings, 0, WORD_BYTES * self.max_length)
        strings = tf.strings.unicode_transcode(strings, "UTF-8", "UTF-8", errors="replace")
        strings = tf.strings.lower(strings, "utf-8") if self.lowercase else strings
        for pattern, replacement in _STEPS:
            strings = tf.strings.regex_replace(strings, pattern, replacement)
        return tf.strings.split(strings)[:, : self.max_length]

    def __call__(self, strings):
        """Return word ids int32 [N, T] of UTF-8 strings [N]."""
        tf = tensorflow("reading captions")
        strings = strings if getattr(strings, "dtype", None) == "string" else as_texts(strings)
        words = self.split(tf.convert_to_tensor(strings, tf.string))
        ids = tf.ragged.map_flat_values(self.module.table.lookup, words).to_tensor(0)  # (N, T)
        width = tf.shape(ids)[1]
        padded = tf.maximum(-(-width // WIDTH_STEP) * WIDTH_STEP, WIDTH_STEP)
        ids = tf.pad(ids, [[0, 0], [0, padded - width]])
        empty = tf.cast(words.row_lengths() == 0, tf.int32)  # (N,)
        return ids + empty[:, None] * tf.one_hot(0, padded, dtype=tf.int32)

    def dataset(self, captions, batch_size):
        """Return batches of ids of UTF-8 `bytes` [N] in the order given, each as wide as its own longest caption."""
        tf = tensorflow("reading captions")
        strings = tf.data.Dataset.from_tensor_slices(tf.constant(captions, tf.string))
        self.module  # made here, not while the pipeline is traced
        return strings.batch(batch_size).map(self, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)

    def get_config(self):
        # A saved frontend brings its own vocabulary: no file is read again.
        vectors = self.vectors if self.vocabulary is None else None
        names = ("max_length", "lowercase", "min_count", "source", "vocabulary")
        return {"vectors": vectors, **{name: getattr(self, name) for name in names}}


def _unknown(counts, words):
    total, words = sum(counts.values()), set(words)
    return sum(n for word, n in counts.items() if word not in words) / total if total else float("nan")
