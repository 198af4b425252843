"""Ask an exported bundle, with TensorFlow alone."""

import pathlib

from zoo.backends import tensorflow
from zoo.errors import unknown
from zoo.export.strings import as_bytes, as_text


def query(path, items):
    """Return what the bundle in `path` answers to texts, images or speech.

    Args:
        path: `saved_models/<name>`, of which the highest version answers, or `saved_models/<name>/<version>`.
        items: the queries, a list of texts (`str` or `bytes`), or of images or WAV files: paths (`str`) or their content
            (`bytes`) [N]; a single one is a list of one.

    Returns:
        A list of N dicts. Without a gallery: `text`, `image` or `audio` (the query, a path or the number of the item),
        `embedding` (list of D floats), for images and audio `ok` (whether it could be read). With one: the query, `label`,
        `votes`, `confidence` and `neighbors`, a list of dicts with `id`, `label` and `score`, the nearest first. Of a model
        of words also `words`, a list of dicts with `word` and `score`, the most probable first.

    Raises:
        ValueError: `path` is no bundle; the message names those nearby.

    Example:

    >>> zoo.export.query("saved_models/intent", ["导航去火车站"])[0]["label"]
    'navigation'
    """
    folder = find(path)
    items = [items] if isinstance(items, (str, bytes)) else list(items)
    if not items:
        return []
    tf = tensorflow("querying a bundle")
    signatures = tf.saved_model.load(str(folder)).signatures
    (kind,) = signatures["serving_default"].structured_input_signature[1]
    shown = as_text(items) if kind == "text" else [x if isinstance(x, str) else str(i) for i, x in enumerate(items)]
    batch = tf.constant(as_bytes(items) if kind == "text" else [_content(item) for item in items])
    answers = {name: value.numpy() for name, value in signatures["serving_default"](batch).items()}
    read = [{kind: query} for query in shown]
    if "ok" in answers:
        read = [{**row, "ok": bool(ok)} for row, ok in zip(read, answers["ok"], strict=True)]
    if "words" in signatures:
        heard = {name: value.numpy() for name, value in signatures["words"](batch).items()}
        read = [{**row, "words": _heard(*found)} for row, *found in zip(read, heard["words"], heard["scores"], strict=True)]
    if "search" not in signatures:
        return [{**row, "embedding": vector.tolist()} for row, vector in zip(read, answers["embedding"], strict=True)]
    near = {name: value.numpy() for name, value in signatures["search"](batch).items()}
    votes = {name: value.numpy() for name, value in signatures["classify"](batch).items()}
    return [{**row, **_answer(near, votes, i)} for i, row in enumerate(read)]


def _heard(words, scores):
    return [{"word": word, "score": score} for word, score in zip(as_text(words), scores.tolist(), strict=True)]


def _content(item):
    return item if isinstance(item, bytes) else pathlib.Path(item).read_bytes()


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


def _answer(near, votes, i):
    ids, labels = as_text(near["ids"][i]), as_text(near["labels"][i])
    scores = near["scores"][i].tolist()
    return {
        "label": as_text([votes["label"][i]])[0],
        "votes": float(votes["votes"][i]),
        "confidence": float(votes["confidence"][i]),
        "neighbors": [
            {"id": id, "label": label, "score": score} for id, label, score in zip(ids, labels, scores, strict=True)
        ],
    }
