"""One call that measures a model on a data set."""

import numpy as np

from zoo.metrics.decisions import classification
from zoo.metrics.labels import codes, pair
from zoo.metrics.ranking import check_length, retrieval
from zoo.metrics.two_sides import cross_modal
from zoo.neighbors.exact import check_rows, knn
from zoo.neighbors.voting import vote


def evaluate(model, data, gallery=None, k=None, neighbors=None, distance=None, folds=1):
    """Embed a data set and measure retrieval, and with a gallery also classification by its nearest rows.

    Without a gallery each item looks for its class among the other items of `data`, its own row left out by index.
    With one it looks in the gallery, and the majority of its `neighbors` nearest rows there predicts its label.
    A class that occurs only in `data` cannot be predicted: its items are misses and wrong answers.

    A model of two towers is measured in both directions, as `cross_modal` does, on ((items, items), matches).

    Args:
        model: has `predict(items)` and `distance`; None when the items are embeddings [N, D] already.
        data: (items, labels), or an object with these two attributes; for two towers ((items, items), matches).
        gallery: the same kind, to search in; or None.
        k: numbers of neighbors for recall@k; by default 1, 2, 4 and 8, as far as there are so many rows.
        neighbors: how many vote; by default 5, or all rows if there are fewer.
        distance: how embeddings are compared; `model.distance` if None (cosine without a model).
        folds: parts in which images are searched, for two towers; see `cross_modal`.

    Returns:
        `Report`: recall@k, recall@k_all, map@r, r_precision (see `retrieval`), with a gallery knn_accuracy and
        knn_macro_f1; `str()` is a table with an interval beside every figure, `info` holds the counts.

    Example:

    >>> report = evaluate(None, ([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]], ["a", "a", "b"]), k=(1, 2))
    >>> report.info["singletons"]
    1
    """
    distance = distance or getattr(model, "distance", "cosine")
    if hasattr(model, "towers"):
        if gallery is not None or neighbors is not None:
            raise ValueError("gallery and neighbors are for one tower; of two, each side is searched by the other")
        return _two_sides(model, data, k, distance, folds)
    queries, labels = _embed(model, data, "data")
    rows, row_labels = (queries, labels) if gallery is None else _embed(model, gallery, "gallery")
    found = len(rows) - (gallery is None)
    k = tuple(n for n in (1, 2, 4, 8) if n <= max(found, 1)) if k is None else k
    if gallery is None:
        return retrieval(queries, labels, k=k, distance=distance)
    neighbors = min(5, found) if neighbors is None else neighbors
    if not 1 <= neighbors <= len(rows):
        raise ValueError(f"neighbors={neighbors} but gallery has {len(rows)} rows; give 1 to that number.")
    report = retrieval(queries, labels, rows, row_labels, k=k, distance=distance)
    (truth, held), _ = codes(labels=labels, gallery_labels=row_labels)
    nearest, similarity = knn(queries, rows, neighbors, distance)
    predicted, _ = vote(held[nearest], similarity)
    answers = classification(truth, predicted)
    report["knn_accuracy"], report["knn_macro_f1"] = answers["accuracy"], answers["macro_f1"]
    report.info["neighbors"] = neighbors
    return report


def _two_sides(model, data, k, distance, folds):
    """The report of a model of two towers."""
    parts = data if isinstance(data, (tuple, list)) else (getattr(data, "items", None), getattr(data, "labels", None))
    if len(parts) != 2 or not isinstance(parts[0], (tuple, list)) or len(parts[0]) != 2:
        raise ValueError(f"data: expected ((items of {' and of '.join(model.towers)}), matches), got {type(data).__name__}")
    (first, second), matches = parts
    settings = {"k": k, "folds": folds, "names": tuple(model.towers), "distance": distance}
    if model.matchmap in ("misa", "sima"):  # no distance of one vector to another
        return cross_modal(None, None, matches, similarity=model.similarity(first, second), **settings)
    return cross_modal(*model.predict((first, second)), matches, **settings)


def _embed(model, data, name):
    """Embeddings [N, D] and labels [N] of a pair of items and labels."""
    items, labels = pair(data, name)
    if model is None:
        rows = np.asarray(items)
        if rows.ndim != 2 or rows.dtype.kind != "f":
            raise ValueError(
                f"without a model the items of {name} must be embeddings, floats of shape (N, D); "
                f"got {rows.dtype} of shape {rows.shape}. Give the model that embeds them."
            )
    else:
        rows = model.predict(items, verbose=0)
    rows = check_rows(rows, f"embeddings of {name}")
    check_length(items, f"items of {name}", rows, f"what the model predicts for {name}")
    check_length(labels, f"labels of {name}", rows, f"items of {name}")
    return rows, labels
