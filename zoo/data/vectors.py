"""Word vectors by name or from a file."""

import os

from zoo import errors
from zoo.data.sets import data_root
from zoo.frontends.word_vectors import read_vectors

NAMED = {"glove50": "glove50/glove50.npz"}


def vectors_path(name_or_path, root=None):
    """Return the path of a file of word vectors: of a named one, `"glove50"`, or as it is.

    Raises:
        ValueError: a name that is none, and no file either.
    """
    name = os.fspath(name_or_path)
    if name in NAMED:
        return data_root(root) / NAMED[name]
    if not os.path.exists(name) and not set(name) & set("/\\."):
        raise ValueError(f"{errors.unknown('word vectors', name, NAMED)}. The path of a file is accepted too")
    return name


def load_vectors(name_or_path, words=None, limit=None, root=None):
    """Read word vectors.

    Args:
        name_or_path: `"glove50"` (GloVe of Wikipedia and Gigaword, 50 numbers, 5,050 frequent words), or a file as
            `zoo.frontends.read_vectors` takes it.
        words, limit: as there.
        root: folder of the named ones; by default see `zoo.data.data_root`.

    Returns:
        `zoo.frontends.word_vectors.WordVectors`: words [V] and vectors float32 [V, D].
    """
    return read_vectors(vectors_path(name_or_path, root), words, limit)
