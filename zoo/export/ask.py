"""Ask an exported bundle, with TensorFlow alone."""

import pathlib

from zoo.backends import tensorflow
from zoo.errors import unknown
from zoo.export.strings import as_bytes, as_text


def query(path, texts):
    """Return what the bundle in `path` answers to `texts`.

    Args:
        path: `saved_models/<name>`, of which the highest version answers, or `saved_models/<name>/<version>`.
        texts: the queries, a list of `str` or `bytes` [N]; a single `str` is a list of one.

    Returns:
        A list of N dicts. Without a gallery: `text`, `embedding` (list of D floats). With one: `text`, `label`,
        `votes`, `confidence` and `neighbors`, a list of dicts with `id`, `label` and `score`, the nearest first.

    Raises:
        ValueError: `path` is no bundle; the message names those nearby.

    Example:

    >>> zoo.export.query("saved_models/intent", ["导航去火车站"])[0]["label"]
    'navigation'
    """
    folder = find(path)
    if isinstance(texts, (str, bytes)):
        texts = [texts]
    texts = list(texts)
    if not texts:
        return []
    tf = tensorflow("querying a bundle")
    signatures = tf.saved_model.load(str(folder)).signatures
    batch = tf.constant(as_bytes(texts))
    shown = as_text(texts)
    if "search" not in signatures:
        vectors = signatures["serving_default"](batch)["embedding"].numpy()
        return [{"text": text, "embedding": vector.tolist()} for text, vector in zip(shown, vectors, strict=True)]
    near = {name: value.numpy() for name, value in signatures["search"](batch).items()}
    votes = {name: value.numpy() for name, value in signatures["classify"](batch).items()}
    return [_row(text, near, votes, i) for i, text in enumerate(shown)]


def find(path):
    """Return the folder of the version that `path` stands for: itself, or the highest below it."""
    path = pathlib.Path(path)
    if _is_version(path):
        return path
    found = [entry for entry in _folders(path) if entry.name.isdigit() and _is_version(entry)]
    if found:
        return max(found, key=lambda entry: int(entry.name))
    near = [str(entry) for entry in _folders(path.parent) if any(map(_is_version, _folders(entry)))]
    raise ValueError(unknown("bundle", str(path), near) + "; export one with zoo.export or `zoo export`")


def _is_version(folder):
    return (folder / "saved_model.pb").is_file()


def _folders(path):
    return [entry for entry in path.iterdir() if entry.is_dir()] if path.is_dir() else []


def _row(text, near, votes, i):
    ids, labels = as_text(near["ids"][i]), as_text(near["labels"][i])
    scores = near["scores"][i].tolist()
    return {
        "text": text,
        "label": as_text([votes["label"][i]])[0],
        "votes": float(votes["votes"][i]),
        "confidence": float(votes["confidence"][i]),
        "neighbors": [
            {"id": id, "label": label, "score": score} for id, label, score in zip(ids, labels, scores, strict=True)
        ],
    }
