"""Ranks of the best of several relevant rows, where a matrix says which rows are relevant to a query."""

import numpy as np

from zoo.neighbors.exact import Gallery

BLOCK = 1 << 25  # bytes of one block of scores


def best_places(queries, gallery, relevant, distance="cosine"):
    """Return how many rows stand before the best relevant row of each query, exactly, in bounded memory.

    A block of products in float64 decides all but what lies within its rounding error; those pairs are scored again by
    themselves, so that equal rows have equal scores.

    Args:
        queries: real numbers [N, D].
        gallery: real numbers [M, D].
        relevant: booleans [N, M].
        distance: `"cosine"`, `"dot"`, `"euclidean"` or `"squared_euclidean"`.

    Returns:
        fewest and most, int64 [N] each: with equal scores of other rows behind it, and before it. -1 where no row is
        relevant.

    Example:

    >>> best_places(np.eye(2), np.eye(2), np.array([[True, False], [True, False]]))[0].tolist()
    [0, 1]
    """
    index = Gallery(gallery, distance)
    fewest, most = np.full(len(queries), -1), np.full(len(queries), -1)
    step = max(1, BLOCK // (8 * len(index.rows)))
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        block = index._prepare(queries[part], "queries")
        columns = (slice(at, at + index.chunk) for at in range(0, len(index.rows), index.chunk))
        scores = np.concatenate([index._products(block, some, None) for some in columns], axis=1)
        doubt = 2 * index._error(block)[:, None]
        mine = np.asarray(relevant[part])
        best = np.where(mine, scores, -np.inf).max(axis=1, keepdims=True)
        above = scores > best + doubt
        near = (scores >= best - doubt) & ~above
        near[np.isneginf(best[:, 0])] = False
        row, column = np.nonzero(near)
        exact = np.full(scores.shape, -np.inf)
        exact[row, column] = index._score_pairs(block, row, column)
        fewest[part], most[part] = places_of_scores(exact, mine)
        fewest[part], most[part] = (np.where(x >= 0, x + above.sum(axis=1), -1) for x in (fewest[part], most[part]))
    return fewest, most


def places_of_scores(scores, relevant):
    """Return fewest and most as `best_places`, int64 [N] each, of scores [N, M] as they are, larger ones nearer."""
    best = np.where(relevant, scores, -np.inf).max(axis=1, keepdims=True, initial=-np.inf)
    fewest = np.count_nonzero(scores > best, axis=1)
    most = fewest + np.count_nonzero((scores == best) & ~relevant, axis=1)
    found = relevant.any(axis=1)
    return np.where(found, fewest, -1), np.where(found, most, -1)
