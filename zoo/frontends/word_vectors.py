"""Word vectors from the files in which GloVe and word2vec publish them."""

import gzip
import os
from typing import NamedTuple

import numpy as np

from zoo import errors


class WordVectors(NamedTuple):
    """Words [V], the most frequent first where their file is sorted so, and their vectors float32 [V, D]."""

    words: list
    vectors: np.ndarray


def read_vectors(path, words=None, limit=None):
    """Read word vectors.

    Args:
        path: `.npz` with the arrays `words` and `vectors`; or a text file of GloVe (`word 0.1 0.2 ...` a line) or
            word2vec (a first line `V D`); or a binary file of word2vec. A name that ends in `.gz` is unpacked.
        words: the words to keep, or None for all; what a file of a million words does not need to hold in memory.
        limit: how many words of the file are looked at, from its start; None for all.

    Returns:
        `WordVectors`. Of a word that occurs twice the first vector counts.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line or an array that is no word with D finite numbers, a binary file that breaks off.

    Example:

    >>> import os, tempfile
    >>> from zoo.frontends.word_vectors import read_vectors
    >>> path = os.path.join(tempfile.mkdtemp(), "glove.txt")
    >>> with open(path, "w") as file:
    ...     _ = file.write("red 1 0\\ngreen 0 1\\n")
    >>> read_vectors(path).words
    ['red', 'green']

    References: Mikolov et al. 2013 (word2vec); Pennington, Socher and Manning 2014 (GloVe).
    """
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"vectors: there is no file {path!r}; expected .npz with words and vectors, a text file of GloVe or word2vec, "
            "or a binary file of word2vec"
        )
    wanted = None if words is None else set(words)
    limit = None if limit is None else errors.whole("limit", limit)
    found = {}
    for i, (word, vector) in enumerate(_rows(path)):
        if i == limit:
            break
        if (wanted is None or word in wanted) and word not in found:
            found[word] = vector
    if not found and wanted is None:
        raise ValueError(f"vectors: {path!r} holds no words")
    vectors = np.array(list(found.values()), "float32")
    if not np.isfinite(vectors).all():
        word = list(found)[int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])]
        raise ValueError(f"vectors: {path!r} has numbers that are not finite in the vector of {word!r}")
    return WordVectors(list(found), vectors)


def _rows(path):
    """(word, vector) of a file, one after the other."""
    if path.endswith(".npz"):
        return _arrays(path)
    with _open(path) as file:
        first = file.readline().split()
        rest = file.readline() if _is_header(first) else b""
    if not rest:
        return _lines(path, 0)
    return _lines(path, 1) if _is_line(rest, int(first[1])) else _records(path)


def _open(path):
    return gzip.open(path) if path.endswith(".gz") else open(path, "rb")


def _is_header(fields):
    return len(fields) == 2 and all(field.isdigit() for field in fields) and int(fields[1]) > 1


def _is_line(line, size):
    """Whether a line is a word and so many numbers in text."""
    try:
        return len([float(field) for field in line.rstrip().rsplit(b" ", size)[1:]]) == size
    except ValueError:
        return False


def _arrays(path):
    with np.load(path) as file:
        if not {"words", "vectors"} <= set(file.files):
            raise ValueError(f"vectors: {path!r} must hold the arrays words [V] and vectors [V, D], not {file.files}")
        words, vectors = file["words"], file["vectors"]
    if vectors.ndim != 2 or len(words) != len(vectors) or vectors.dtype.kind not in "fiu":
        raise ValueError(f"vectors: {path!r} must hold numbers [V, D] for {len(words)} words, not {vectors.shape}")
    return zip(map(str, words.tolist()), vectors.astype("float32"))


def _lines(path, skip):
    size = None
    with _open(path) as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip()
            if number <= skip or not line:
                continue
            size = size or len(line.split()) - 1
            # From the right: GloVe of 840 billion tokens has words with spaces in them.
            word, *numbers = line.rsplit(b" ", size)
            try:
                vector = np.array([float(field) for field in numbers], "float32")
            except ValueError:
                vector = ()
            if not size or len(vector) != size:
                raise ValueError(f"vectors: {path}:{number}: expected a word and {size or 'its'} numbers, got {line[:60]!r}")
            yield word.decode("utf-8", "replace"), vector


def _records(path):
    with _open(path) as file:
        count, size = (int(field) for field in file.readline().split())
        for i in range(count):
            word = bytearray()
            while (character := file.read(1)) not in (b" ", b""):
                word += character
            data = file.read(4 * size)
            if len(data) < 4 * size:
                raise ValueError(f"vectors: {path!r} promises {count} words, but breaks off in word {i + 1}")
            yield word.lstrip(b"\n").decode("utf-8", "replace"), np.frombuffer(data, "<f4")
