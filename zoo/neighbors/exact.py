"""Exact k nearest neighbors by blocks of matrix products, with an order that does not depend on the blocks.

A matrix product is fast but rounds differently with the block it is part of, and for euclidean distances
|q|^2 + |g|^2 - 2 q.g cancels between near-duplicates. So the products only select. They are taken in float64 and
carry a bound on their error; where two candidates are closer than that bound, the pair is scored again
by itself, in float64, with the sum of products or of squared differences in one fixed order. What is
returned is the order of these pair scores, ties to the lower gallery index, whatever the block size.
"""

import functools

import numpy as np

from zoo.errors import unknown

DISTANCES = ("cosine", "dot", "euclidean", "squared_euclidean")
_SLACK = 8  # candidates kept beyond k, so that a few equal scores at the border need no second look
_PAIR_NUMBERS = 1 << 20  # float64 numbers of a temporary of pairs, 8 MiB


def knn(queries, gallery, k, distance="cosine", chunk=4096, exclude=None):
    """Find the k nearest gallery rows of every query, exactly and in bounded memory.

    Memory: the gallery in float64, blocks of chunk by chunk / 8 products, and the (N, k) answer.
    Ties go to the lower gallery index. A zero row has cosine 0 to everything.

    Args:
        queries: real numbers [N, D].
        gallery: real numbers [M, D].
        k: neighbors to return, at most M (M - 1 with `exclude`).
        distance: `"cosine"`, `"dot"`, `"euclidean"` or `"squared_euclidean"`.
        chunk: gallery rows in one block of products.
        exclude: integers [N], the gallery row that each query leaves out (its own row), or None.

    Returns:
        Gallery indices, int64 [N, k], nearest first, and their similarity, float32 [N, k]: the cosine, the dot
        product, or the distance with a minus sign.

    Raises:
        ValueError: k beyond the gallery, rows of different length, a row that is not finite, an unknown distance.

    Example:

    >>> knn([[1.0, 0.0]], [[0.0, 1.0], [2.0, 0.0]], k=1)
    (array([[1]]), array([[1.]], dtype=float32))
    """
    index = Gallery(gallery, distance, chunk)
    nearest = index.nearest(queries, k, exclude)
    return nearest, index.similarity(queries, nearest)


def check_rows(rows, name):
    """Return `rows` as an array [N, D] of finite real numbers, or raise a ValueError that names it."""
    rows = np.asarray(rows)
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise ValueError(f"{name} must have shape (rows, dimensions), got {rows.shape}; give one row for each item.")
    if rows.dtype.kind not in "biuf" and rows.dtype.name != "bfloat16":
        raise ValueError(f"{name} must hold real numbers, got {rows.dtype}; give embeddings, not raw items.")
    finite = np.empty(len(rows), bool)
    for start in range(0, len(rows), 1024):  # a mask of all numbers would be a quarter of the rows
        finite[start : start + 1024] = np.isfinite(rows[start : start + 1024]).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"{name} has a value that is not finite, first in row {finite.argmin()} "
            f"({np.count_nonzero(~finite)} of {len(rows)} rows); leave these rows out or mend the model."
        )
    return rows


class Gallery:
    """Rows that are checked and scaled once, and searched as often as wanted.

    Args:
        rows: real numbers [M, D].
        distance: `"cosine"`, `"dot"`, `"euclidean"` or `"squared_euclidean"`.
        chunk: gallery rows in one block of products.
        name: what errors call the rows.
    """

    def __init__(self, rows, distance="cosine", chunk=4096, name="gallery"):
        if distance not in DISTANCES:
            raise ValueError(unknown("distance", distance, DISTANCES))
        if chunk < 1:
            raise ValueError(f"chunk must be at least 1, got {chunk}.")
        self.distance, self.chunk, self.name = distance, int(chunk), name
        self.rows = self._prepare(rows, name)
        self.squares = np.square(self.rows).sum(axis=1)  # [M]
        self.longest = np.sqrt(self.squares.max(initial=0.0))

    def nearest(self, queries, k, exclude=None, name="queries"):
        """Return the indices, int64 [N, k], of the k nearest rows of every query; arguments as in `knn`."""
        queries = check_rows(queries, name)
        self._check_width(queries, name)
        exclude = None if exclude is None else self._check_exclude(exclude, len(queries))
        available = len(self.rows) - (exclude is not None)
        if not 1 <= k <= available:
            own = " without the query's own row" if exclude is not None else ""
            raise ValueError(f"k={k} but {self.name} has {available} rows{own}; k must lie between 1 and that number.")
        nearest = np.empty((len(queries), k), np.int64)
        step = max(1, self.chunk // 8)  # a block of products stays near the processor's cache
        for start in range(0, len(queries), step):
            part = slice(start, start + step)
            own = None if exclude is None else exclude[part]
            nearest[part] = self._search(self._prepare(queries[part], name), k, min(k + _SLACK, available), own)
        return nearest

    def similarity(self, queries, nearest):
        """Return the similarity, float32 [N, k], of every query to the rows `nearest` [N, k], pair by pair."""
        queries = np.asarray(queries)
        similarity = np.empty(nearest.shape, np.float32)
        step = max(1, _PAIR_NUMBERS // (nearest.shape[1] * self.rows.shape[1]))
        for start in range(0, len(queries), step):
            part = slice(start, start + step)
            scores = self._score(self._prepare(queries[part], "queries")[:, None], self.rows[nearest[part]])
            with np.errstate(over="ignore"):  # a dot product may leave float32's range: infinity
                similarity[part] = -np.sqrt(-scores) if self.distance == "euclidean" else scores
        return similarity

    def _prepare(self, rows, name):
        """float64 rows; of length 1 for the cosine, zero rows left at zero."""
        rows = np.ascontiguousarray(check_rows(rows, name), dtype=np.float64)
        if self.distance == "cosine":
            # An exact scaling by a power of two first: squares of very long or very short rows stay in range.
            _, exponent = np.frexp(np.abs(rows).max(axis=1, keepdims=True, initial=0.0))
            rows = np.ldexp(rows, -exponent)
            length = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
            return rows / np.where(length > 0, length, 1.0)
        if np.abs(rows).max(initial=0.0) > 1e150:
            raise ValueError(f"{name} has values above 1e150, whose squares overflow; scale the rows down.")
        return rows

    def _check_width(self, queries, name):
        if queries.shape[1] != self.rows.shape[1]:
            raise ValueError(
                f"{name} have {queries.shape[1]} dimensions but {self.name} has {self.rows.shape[1]}; "
                "both must come from the same model."
            )

    def _check_exclude(self, exclude, count):
        exclude = np.asarray(exclude)
        if exclude.shape != (count,) or (exclude.dtype.kind not in "iu" and count):
            raise ValueError(
                f"exclude must be {count} integers, one row of {self.name} for each query; "
                f"got {exclude.dtype} of shape {exclude.shape}."
            )
        if count and not 0 <= exclude.min() <= exclude.max() < len(self.rows):
            raise ValueError(
                f"exclude must lie between 0 and {len(self.rows) - 1}, got {exclude.min()} to {exclude.max()}."
            )
        return exclude.astype(np.int64)

    def _score(self, left, right):
        """Scores of pairs [..., D], larger is nearer; one fixed order of summation for each pair."""
        if self.distance in ("cosine", "dot"):
            return (left * right).sum(axis=-1)
        return -np.square(left - right).sum(axis=-1)

    def _search(self, queries, k, width, exclude):
        """Indices [n, k] for one block of prepared queries [n, D]; `width` candidates are kept on the way."""
        score, index = self._candidates(queries, width, exclude)
        order = np.argsort(-score, axis=1)
        score, index = np.take_along_axis(score, order, 1), np.take_along_axis(index, order, 1)
        doubt = 2 * self._error(queries)
        nearest = self._settle(queries, score, index, doubt)[:, :k]
        if width < len(self.rows) - (exclude is not None):
            # A row that was not kept may belong to the k when the last one kept is no clear loser.
            for row in np.flatnonzero(score[:, k - 1] - score[:, -1] <= doubt):
                nearest[row] = self._exhaust(queries[row], k, None if exclude is None else exclude[row])
        return nearest

    def _error(self, queries):
        """Largest difference [n] between the product and the pair score: sums of D terms, in two orders."""
        length = np.sqrt(np.square(queries).sum(axis=1))
        unit = (queries.shape[1] + 8) * np.finfo(np.float64).eps
        if self.distance in ("cosine", "dot"):
            return unit * length * self.longest
        return 2 * unit * np.square(length + self.longest)

    def _products(self, queries, rows, exclude):
        """Approximate scores [n, m] of the gallery rows in the slice `rows`; the own row is at -inf."""
        block = queries @ self.rows[rows].T
        if self.distance not in ("cosine", "dot"):
            block *= 2
            block -= self.squares[rows]  # |q|^2 - d^2: the same order as -d^2
        if exclude is not None:
            inside = np.flatnonzero((exclude >= rows.start) & (exclude < rows.stop))
            block[inside, exclude[inside] - rows.start] = -np.inf
        return block

    def _candidates(self, queries, width, exclude):
        """The `width` best approximate scores [n, width] and their indices, in no order."""
        score = index = None
        for start in range(0, len(self.rows), self.chunk):
            rows = slice(start, min(start + self.chunk, len(self.rows)))
            block = self._products(queries, rows, exclude)
            if score is None:
                score, index = block, np.broadcast_to(np.arange(rows.stop), block.shape)
            else:
                # Few entries of a later block beat the worst one kept; only they are sorted in.
                worst = score.min(axis=1) if score.shape[1] == width else np.full(len(queries), -np.inf)
                found, place = _pack(block, block > worst[:, None])
                score, index = np.hstack([score, found]), np.hstack([index, place + start])
            if score.shape[1] > width:
                kept = np.argpartition(score, -width, axis=1)[:, -width:]
                score, index = np.take_along_axis(score, kept, 1), np.take_along_axis(index, kept, 1)
        return score, index

    def _settle(self, queries, score, index, doubt):
        """Order candidates [n, width], sorted by approximate score, by pair score and index where they are close."""
        close = score[:, :-1] - score[:, 1:] <= doubt[:, None]
        index = np.array(index)
        touched = np.flatnonzero(close.any(axis=1))
        step = max(1, _PAIR_NUMBERS // score.shape[1])
        for start in range(0, len(touched), step):
            rows = touched[start : start + step]
            first = np.pad(~close[rows], ((0, 0), (1, 0)), constant_values=True)  # [n, width] a run begins here
            run = first.cumsum(axis=1)
            member = ~(first & np.pad(first[:, 1:], ((0, 0), (0, 1)), constant_values=True))
            exact = np.zeros(member.shape)
            exact[member] = self._score_pairs(queries, rows[np.nonzero(member)[0]], index[rows][member])
            order = np.lexsort((index[rows], -exact, run), axis=1)
            index[rows] = np.take_along_axis(index[rows], order, 1)
        return index

    def _score_pairs(self, queries, left, right):
        """Pair scores [p] of queries[left] and gallery rows `right`, a bounded number at a time."""
        scores = np.empty(len(left))
        step = max(1, _PAIR_NUMBERS // queries.shape[1])
        for start in range(0, len(left), step):
            part = slice(start, start + step)
            scores[part] = self._score(queries[left[part]], self.rows[right[part]])
        return scores

    def _exhaust(self, query, k, exclude):
        """Indices [k] for one query by pair scores alone; equal gallery rows are scored once."""
        first, inverse = self._distinct
        scores = np.empty(len(first))
        step = max(1, _PAIR_NUMBERS // len(query))
        for start in range(0, len(first), step):
            part = slice(start, start + step)
            scores[part] = self._score(query, self.rows[first[part]])
        scores = scores[inverse]  # [M]
        if exclude is not None:
            scores[exclude] = -np.inf
        return np.argsort(-scores, kind="stable")[:k]

    @functools.cached_property
    def _distinct(self):
        """One index for each different row, and for each row [M] the place of its own in that list."""
        rows = self.rows + 0.0  # -0.0 and 0.0 are the same number but not the same bytes
        rows = rows.view(np.dtype((np.void, rows.shape[1] * rows.itemsize))).reshape(-1)
        _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
        return first, inverse.reshape(-1)


def _pack(block, chosen):
    """Move the chosen entries of each row to the left: scores, filled with -inf, and their columns [n, most]."""
    row, column = np.nonzero(chosen)
    count = np.bincount(row, minlength=len(block))
    place = np.arange(len(row)) - np.repeat(count.cumsum() - count, count)
    scores = np.full((len(block), count.max(initial=0)), -np.inf)
    columns = np.zeros(scores.shape, np.int64)
    scores[row, place], columns[row, place] = block[row, column], column
    return scores, columns
