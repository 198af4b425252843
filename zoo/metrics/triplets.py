"""Each item's nearest of its own class and nearest of another class: the dots of the triplet scatter."""

from typing import NamedTuple

import numpy as np

from zoo import errors
from zoo.metrics.intervals import wilson
from zoo.metrics.labels import codes
from zoo.metrics.ranking import check_length
from zoo.neighbors.exact import Gallery, check_rows


class TripletPoints(NamedTuple):
    """One point for each item that has a positive: its similarities to the nearest of its class and of the others.

    Attributes:
        own: cosine to the nearest item of the same class, float64 [n].
        other: cosine to the nearest item of another class, float64 [n].
        right: whether the nearest item of all is of the same class, bool [n].
        rows: the item's row, int64 [n].
        positives: gallery row of the nearest item of the same class, int64 [n].
        negatives: gallery row of the nearest item of another class, int64 [n].
        singletons: how many items have no other item of their class, and no point.
    """

    own: np.ndarray
    other: np.ndarray
    right: np.ndarray
    rows: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray
    singletons: int

    @property
    def recall(self):
        """Recall@1 of the items that have a point, a `Score`; the same as `zoo.metrics.retrieval` gives."""
        return wilson(int(self.right.sum()), len(self.right))

    @property
    def distance(self):
        """Distance of each point to the goal (1, 0), from 0 to the root of 5, float64 [n]."""
        return np.hypot(1 - self.own, self.other)


class SimilarityCounts(NamedTuple):
    """Histograms of cosines over equal bins on [-1, 1].

    Attributes:
        edges: the bins' edges, float64 [bins + 1].
        same: pairs of one class in each bin, int64 [bins]; a pair counts once.
        other: pairs of two classes.
        nearest_same: items by their similarity to the nearest of the same class.
        nearest_other: items by their similarity to the nearest of another class.
    """

    edges: np.ndarray
    same: np.ndarray
    other: np.ndarray
    nearest_same: np.ndarray
    nearest_other: np.ndarray


def triplet_points(embeddings, labels, gallery=None, gallery_labels=None, chunk=4096):
    """Find for each item the nearest of its own class and the nearest of another class, by cosine.

    Without a gallery an item is compared with all others; its own row is left out by index, so a duplicate counts
    as any other item. Items without another one of their class are left out and counted. Of equal products the lower
    row is taken. Memory: unit rows in float64, and blocks of chunk by chunk / 8 products.

    Args:
        embeddings: real numbers [N, D]; any length, a zero row has cosine 0 to everything.
        labels: integers or strings [N].
        gallery: rows to compare with [M, D], or None for the items themselves.
        gallery_labels: their classes [M].
        chunk: gallery rows in one block of products.

    Returns:
        `TripletPoints`.

    Raises:
        ValueError: lengths that differ, values that are not finite, one class only, or no item with a positive.

    Example:

    >>> points = triplet_points([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, -0.8]], ["a", "a", "b", "c"])
    >>> points.own.round(3), points.other.round(3), points.singletons
    (array([0.8, 0.8]), array([0.6, 0.6]), 2)

    Reference: Liu, Xuan, Zhang, Stylianou, Pless 2019, "Visualizing How Embeddings Generalize" (arXiv 1909.07464).
    """
    given = _Given(embeddings, labels, gallery, gallery_labels, chunk)
    count = len(given.queries)
    best = np.full((2, count), -np.inf)  # own class, another class
    found = np.zeros((2, count), np.int64)
    for rows, columns, block in given.blocks():
        same = given.query_class[rows, None] == given.gallery_class[columns]
        if given.alone:
            own = np.arange(max(rows.start, columns.start), min(rows.stop, columns.stop))
            block[own - rows.start, own - columns.start] = -np.inf
        for i, allowed in enumerate((same, ~same)):
            masked = np.where(allowed, block, -np.inf)
            place = masked.argmax(axis=1)
            value = np.take_along_axis(masked, place[:, None], axis=1)[:, 0]
            better = value > best[i, rows]
            best[i, rows] = np.where(better, value, best[i, rows])
            found[i, rows] = np.where(better, place + columns.start, found[i, rows])
    kept = np.flatnonzero(np.isfinite(best[0]))
    if not len(kept):
        raise ValueError(f"labels: none of the {count} items has another one of its class; there is nothing to compare")
    own, other = np.clip(best[:, kept], -1.0, 1.0)
    right = _right(given, kept, best[0, kept], best[1, kept])
    return TripletPoints(own, other, right, kept, found[0, kept], found[1, kept], count - len(kept))


class _Given:
    """Checked arguments: unit rows and classes of queries and gallery."""

    def __init__(self, embeddings, labels, gallery, gallery_labels, chunk):
        if (gallery is None) != (gallery_labels is None):
            raise ValueError("gallery and gallery_labels belong together; give both or neither.")
        self.alone = gallery is None
        self.raw = check_rows(embeddings, "embeddings")
        if not len(self.raw):
            raise ValueError("embeddings has no rows; give at least two items.")
        self.index = Gallery(self.raw if self.alone else gallery, "cosine", chunk, "embeddings" if self.alone else "gallery")
        self.gallery = self.index.rows
        self.queries = self.gallery if self.alone else Gallery(self.raw, "cosine", name="embeddings").rows
        if self.queries.shape[1] != self.gallery.shape[1]:
            raise ValueError(
                f"embeddings have {self.queries.shape[1]} dimensions but gallery has {self.gallery.shape[1]}; "
                "both must come from the same model."
            )
        if self.alone:
            (self.query_class,), _ = codes(labels=labels)
            self.gallery_class = self.query_class
        else:
            (self.query_class, self.gallery_class), _ = codes(labels=labels, gallery_labels=gallery_labels)
            check_length(self.gallery_class, "gallery_labels", self.gallery, "gallery")
        check_length(self.query_class, "labels", self.raw, "embeddings")
        if (self.gallery_class == self.gallery_class[0]).all():
            raise ValueError("labels: expected items of two classes or more to compare with, got one class")
        self.chunk = int(chunk)

    def blocks(self):
        """Yield (rows, columns, cosines [rows, columns]) over all pairs; the block may be written to."""
        step = max(1, self.chunk // 8)
        for start in range(0, len(self.queries), step):
            rows = slice(start, min(start + step, len(self.queries)))
            for first in range(0, len(self.gallery), self.chunk):
                columns = slice(first, min(first + self.chunk, len(self.gallery)))
                yield rows, columns, self.queries[rows] @ self.gallery[columns].T


def _right(given, rows, own, other):
    """Whether the nearest of all is of the same class; where the two are too close for products, by exact search."""
    right = own > other
    doubt = np.flatnonzero(np.abs(own - other) <= 4 * (given.queries.shape[1] + 8) * np.finfo(np.float64).eps)
    if len(doubt):
        close = rows[doubt]
        nearest = given.index.nearest(given.raw[close], 1, close if given.alone else None)[:, 0]
        right[doubt] = given.gallery_class[nearest] == given.query_class[close]
    return right


def follow_triplets(history, labels, items, gallery_history=None, gallery_labels=None):
    """Follow triplets over the epochs: positive and negative are the nearest ones after training, and stay the same.

    Args:
        history: list over epochs of embeddings [N, D], the untrained state first; the last one chooses the triplets.
        labels: integers or strings [N].
        items: rows of the anchors, integers [n].
        gallery_history: list over the same epochs of the rows to compare with [M, D]; None for the items themselves.
        gallery_labels: their classes [M].

    Returns:
        Cosines to the positive and to the negative, float64 [epochs, n, 2].

    Raises:
        ValueError: no epoch, other numbers of rows, rows that do not exist, or anchors without a positive.

    Example:

    >>> start, end = [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]], [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]
    >>> follow_triplets([start, end], ["a", "a", "b"], [0]).round(3)
    array([[[0.6, 0.8]],
    <BLANKLINE>
           [[0.8, 0. ]]])
    """
    history, items = list(history), np.asarray(items)
    if not history:
        raise ValueError("history: expected at least one epoch, got none; give the untrained state first")
    if items.ndim != 1 or not len(items) or items.dtype.kind not in "iu":
        raise ValueError(f"items: expected integers [n], at least one, got {items.dtype} of shape {items.shape}")
    others = history if gallery_history is None else list(gallery_history)
    if len(others) != len(history):
        raise ValueError(f"gallery_history: expected {len(history)} epochs as in history, got {len(others)}")
    last = triplet_points(history[-1], labels, None if gallery_history is None else others[-1], gallery_labels)
    count = len(np.asarray(history[-1]))
    place = np.minimum(np.searchsorted(last.rows, items), len(last.rows) - 1)
    missing = items[last.rows[place] != items]
    if len(missing):
        why = "is the only one of its class" if 0 <= missing[0] < count else f"is not one of the {count} rows"
        raise ValueError(f"items: row {missing[0]} {why}; choose among the rows of `triplet_points`")
    paths = np.empty((len(history), len(items), 2))
    sizes = count, len(np.asarray(others[-1]))
    for epoch, found in enumerate(zip(history, others, strict=True)):
        rows, gallery = (check_rows(part, f"history[{epoch}]") for part in found)
        if (len(rows), len(gallery)) != sizes:
            raise ValueError(f"history: expected the same {count} items in every epoch, got {len(rows)} in epoch {epoch}")
        anchors = Gallery(rows[items], "cosine").rows
        for side, partners in enumerate((last.positives[place], last.negatives[place])):
            paths[epoch, :, side] = (anchors * Gallery(gallery[partners], "cosine").rows).sum(axis=1)
    return np.clip(paths, -1.0, 1.0)


def similarity_counts(embeddings, labels, gallery=None, gallery_labels=None, bins=111, chunk=4096):
    """Count cosines of all pairs of one class, of all pairs of two classes, and of each item's nearest of both.

    Without a gallery each pair counts once, and no item is paired with itself. The last bin holds 1.

    Args:
        embeddings, labels, gallery, gallery_labels, chunk: as in `triplet_points`.
        bins: equal bins on [-1, 1].

    Returns:
        `SimilarityCounts`.

    Raises:
        ValueError: as in `triplet_points`.

    Example:

    >>> counts = similarity_counts([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], ["a", "a", "b"], bins=2)
    >>> counts.same, counts.other, counts.nearest_same
    (array([0, 1]), array([0, 2]), array([0, 2]))
    """
    bins = errors.whole("bins", bins)
    points = triplet_points(embeddings, labels, gallery, gallery_labels, chunk)
    given = _Given(embeddings, labels, gallery, gallery_labels, chunk)
    pairs = np.zeros(2 * bins, np.int64)  # of two classes, then of one
    for rows, columns, block in given.blocks():
        cells = _cells(block, bins) + bins * (given.query_class[rows, None] == given.gallery_class[columns])
        if given.alone:
            cells = cells[np.arange(rows.start, rows.stop)[:, None] < np.arange(columns.start, columns.stop)]
        pairs += np.bincount(cells.ravel(), minlength=2 * bins)
    nearest = [np.bincount(_cells(values, bins), minlength=bins) for values in (points.own, points.other)]
    return SimilarityCounts(np.linspace(-1, 1, bins + 1), pairs[bins:], pairs[:bins], *nearest)


def _cells(similarities, bins):
    """The bin of each similarity; 1 is in the last one."""
    return np.clip(((similarities + 1) * (bins / 2)).astype(np.int64), 0, bins - 1)
