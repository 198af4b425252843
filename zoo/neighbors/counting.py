"""Ranks by counting: how many rows are nearer than a query's best positive, and what its R nearest rows hold.

A list of the 1,000 nearest rows is much more than recall@1000 needs: the number of rows nearer than the best positive
answers every k at once. So one product of float32 a block is compared with two thresholds, and what lies between them,
within the error of the product, is scored again in float64, pair by pair. The R nearest rows come from the maxima of
small groups of rows: only groups with a maximum among the R largest can hold one of them.
Where the queries are the gallery, half the product holds all scores: see `zoo.neighbors.symmetric`.
"""

import concurrent.futures
import functools
import os
import threading
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from zoo.neighbors import blocks, symmetric
from zoo.neighbors.exact import Gallery
from zoo.neighbors.scaled import Scaled, lengths

BLOCK = 1 << 25  # bytes of one block of products
NEAREST = 1 << 18  # positives of the queries of one block
GROUP = 64  # gallery rows of which one maximum is kept
FINISH = 1 << 10  # queries of half the product that are finished at once
CROWDED = 64  # rows in doubt a query; above, a block is computed again in float64


class Ranks(NamedTuple):
    """Where the positives of each query stand; all arrays are [N]. A query without positives has -1 and nan.

    Attributes:
        first: rows before the first positive; equal scores are ordered by gallery index, lower first.
        fewest: the same with equal scores behind the positive.
        most: the same with equal scores of other classes before it.
        precision: share of positives among the R nearest.
        average: (1/R) sum over i <= R of [row i is positive] (positives up to i) / i.
    """

    first: np.ndarray
    fewest: np.ndarray
    most: np.ndarray
    precision: np.ndarray
    average: np.ndarray


def ranks(queries, gallery, query_class, gallery_class, own=None, distance="cosine", threads=None):
    """Return the `Ranks` of queries among gallery rows, exactly, in bounded memory.

    Where the queries are the gallery, its classes are small and no distance is asked, half the product is computed.
    Memory: the gallery in float32, and 50 MiB a thread; with half the product a few hundred bytes a query, and a thread
    takes some blocks of rows instead of a copy of them all, if they are float32.

    Args:
        queries: real numbers [N, D].
        gallery: real numbers [M, D].
        query_class: integers from 0 [N].
        gallery_class: integers from 0 [M].
        own: the gallery row that each query leaves out [N], or None.
        distance: `"cosine"`, `"dot"`, `"euclidean"` or `"squared_euclidean"`.
        threads: blocks at once; by default one for each processor.

    Example:

    >>> rows = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
    >>> ranks(rows, rows, np.array([0, 1, 0, 1]), np.array([0, 1, 0, 1]), np.arange(4)).first.tolist()
    [2, 1, 2, 1]
    """
    search = _Search(queries, gallery, query_class, gallery_class, own, distance)
    found = Ranks(*(np.full(len(queries), -1) for _ in range(3)), *(np.full(len(queries), np.nan) for _ in range(2)))
    # Blocks beside each other instead of threads inside the product: comparing then takes no core from it.
    with threadpool_limits(1), concurrent.futures.ThreadPoolExecutor(threads or _processors()) as pool:
        left = np.flatnonzero(search.positives)
        if search.symmetric:
            left = search.halved(found, pool)
        parts, start = [], 0
        left = left[np.argsort(-search.positives[left], kind="stable")]  # queries of like R share a block
        while start < len(left):
            step = max(1, min(BLOCK // (4 * len(gallery)), NEAREST // search.positives[left[start]]))
            parts.append(left[start : start + step])
            start += step
        for rows, fields in zip(parts, pool.map(search.block, parts), strict=True):
            _fill(found, rows, fields)
    return found


def _fill(found, rows, parts):
    for whole, part in zip(found, parts, strict=True):
        whole[rows] = part


def _processors():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Search:
    """What all blocks share: rows for the products, classes, and the exact scores of pairs."""

    def __init__(self, queries, gallery, query_class, gallery_class, own, distance):
        self.queries, self.gallery, self.own, self.same = queries, gallery, own, queries is gallery
        self.scorer = Gallery(np.zeros((0, gallery.shape[1])), distance)
        self.query_class, self.gallery_class = query_class, gallery_class
        counts = np.bincount(gallery_class, minlength=query_class.max(initial=0) + 1)
        self.positives = counts[query_class] - (own is not None)  # R
        self.members = np.argsort(gallery_class, kind="stable")
        self.starts = np.concatenate([[0], np.cumsum(counts)])
        self.center = gallery.mean(axis=0, dtype=np.float64) if "euclidean" in distance else None
        self.longest = self._longest()
        self.narrow = self.longest < 1e15  # squares of longer rows leave float32
        alone = self.same and own is not None and np.array_equal(own, np.arange(len(gallery)))
        alone = alone and np.array_equal(query_class, gallery_class)
        self.symmetric = alone and self.narrow and self.center is None and symmetric.fits(gallery_class)
        self.scaled, self.lock = None, threading.Lock()

    @functools.cached_property
    def _columns(self):
        return self._prepared(self.gallery, np.float32)

    def halved(self, found, pool):
        """Fill in what half the product gives; return the queries [n] that are left."""
        scaled = Scaled(self.gallery, self.scorer, pool)
        error = self._error(scaled.length, np.float32)
        seen = symmetric.Tiles(scaled, error, self.gallery_class, pool).search(pool)
        if seen is None:
            return np.flatnonzero(self.positives)
        self.scaled = scaled
        done = self.positives > 0
        done[seen.lost] = False
        done = np.flatnonzero(done)
        doubt, near = blocks.Pairs(*seen.doubt), blocks.Pairs(*seen.near)
        parts = [done[start : start + FINISH] for start in range(0, len(done), FINISH)]

        def finish(rows):
            column, row, _ = doubt.of(rows)
            first = self._decided(rows, seen.nearer[rows], row, column)
            column, row, score = near.of(rows)
            return *first, *self._nearest(rows, row, column, score, error[rows])

        for rows, results in zip(parts, pool.map(finish, parts), strict=True):
            _fill(found, rows, results)
        return np.sort(seen.lost[self.positives[seen.lost] > 0])

    def _prepared(self, rows, dtype, step=4096):
        """Rows as the products take them [n, D], and half their squared lengths [n] for distances."""
        made = np.empty(rows.shape, dtype)
        halves = None if self.center is None else np.empty(len(rows))
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            exact = self.scorer._prepare(rows[part], "rows")
            if self.center is not None:  # distances do not change with the origin, but products far from it lose them
                exact = exact - self.center
                halves[part] = np.square(exact).sum(axis=1) / 2
            made[part] = exact
        return made, halves

    def _longest(self):
        """Length of the longest row, of queries and gallery, as the products take them."""
        if self.scorer.distance == "cosine":
            return 1.0
        parts = (rows[i : i + 4096] for rows in (self.queries, self.gallery) for i in range(0, len(rows), 4096))
        center = 0.0 if self.center is None else self.center
        return max(np.sqrt(np.square(np.asarray(part, np.float64) - center).sum(axis=1).max(initial=0.0)) for part in parts)

    def block(self, rows):
        """The fields of `Ranks` for the queries `rows` [n]."""
        result = self._block(rows, np.float32) if self.narrow else None
        return self._block(rows, np.float64) if result is None else result

    def _block(self, rows, dtype):
        queries, _ = self._prepared(self.queries[rows], dtype)
        scores = np.empty((len(self.gallery), len(rows)), dtype)  # thresholds lie along the rows: comparing is one quick pass
        for start in range(0, len(scores), 4096):
            part = slice(start, min(start + 4096, len(scores)))
            np.matmul(self._part(part, dtype), queries.T, out=scores[part])
        if self.center is not None:
            halves = self._columns[1] if dtype is np.float32 else self._prepared(self.gallery, dtype)[1]
            scores -= halves[:, None].astype(dtype)
        here = np.arange(len(rows))
        if self.own is not None:
            scores[self.own[rows], here] = -np.inf
        error = self._error(lengths(queries), dtype)
        maxima, size = self._maxima(rows, scores)
        first = self._first(rows, scores, maxima, size, error, dtype)
        if first is None:
            return None
        return *first, *self._within(rows, scores, maxima, size, error)

    def _part(self, part, dtype):
        """Gallery rows of a slice as the products take them."""
        if dtype is np.float64:
            return self._prepared(self.gallery[part], dtype)[0]
        if self.scaled is not None:  # half the product left few queries: no copy of all rows for them
            return self.scaled.take(np.arange(part.start, part.stop))
        with self.lock:  # made once, by the first block
            return self._columns[0][part]

    def _error(self, length, dtype):
        """Largest error [n] of one product for rows of a length [n], in any order of its sum.

        The last term is for numbers too small for the type.
        """
        spread = length * self.longest if self.center is None else (length + self.longest) ** 2
        return (self.queries.shape[1] + 8) * (np.finfo(dtype).eps * spread + np.finfo(dtype).tiny)

    def _maxima(self, rows, scores):
        """Largest score of every group of gallery rows, (groups, n), and the size of a group; the last may be smaller."""
        size = max(1, min(GROUP, len(scores) // (8 * int(self.positives[rows].max()))))
        whole = len(scores) // size * size
        maxima = scores[:whole].reshape(-1, size, len(rows)).max(axis=1)
        if whole < len(scores):
            maxima = np.concatenate([maxima, scores[whole:].max(axis=0, keepdims=True)])
        return maxima, size

    def _first(self, rows, scores, maxima, size, error, dtype):
        """Rows nearer than the best positive: by index, at least, at most; None where too many are in doubt."""
        place, column = self._positives(rows)
        held = scores[place, column]
        starts = np.flatnonzero(np.diff(column, prepend=-1))
        best = np.maximum.reduceat(held, starts)
        high, low = (best + 2 * error).astype(dtype), (best - 2 * error).astype(dtype)
        high, low = np.nextafter(high, np.inf, dtype=dtype), np.nextafter(low, -np.inf, dtype=dtype)
        nearer, row, column = blocks.between(scores, maxima, size, low, high)
        if dtype is np.float32 and len(row) > CROWDED * len(rows):
            return None
        return self._decided(rows, nearer, row, column)

    def _decided(self, rows, nearer, row, column):
        """The same from the rows that are surely nearer [n] and the pairs in doubt, best positives among them."""
        mine = self.gallery_class[row] == self.query_class[rows[column]]
        open_ = (np.bincount(column[~mine], minlength=len(rows)) > 0)[column]  # elsewhere only positives are in doubt
        row, column, mine = row[open_], column[open_], mine[open_]
        exact = self._pairs(rows[column], row)
        top = np.full(len(rows), -np.inf)
        np.maximum.at(top, column[mine], exact[mine])
        leader = np.full(len(rows), len(self.gallery))  # the lowest index among the best positives
        chosen = mine & (exact == top[column])
        np.minimum.at(leader, column[chosen], row[chosen])
        beyond, equal = exact > top[column], (exact == top[column]) & ~mine
        fewest = nearer + np.bincount(column[beyond], minlength=len(rows))
        most = fewest + np.bincount(column[equal], minlength=len(rows))
        earlier = equal & (row < leader[column])
        return fewest + np.bincount(column[earlier], minlength=len(rows)), fewest, most

    def _positives(self, rows):
        """Gallery rows of each query's class but its own, and the query's place in the block, flat."""
        kinds = self.query_class[rows]
        counts = self.starts[kinds + 1] - self.starts[kinds]
        column = np.repeat(np.arange(len(rows)), counts)
        offset = np.arange(len(column)) - np.repeat(np.cumsum(counts) - counts, counts)
        place = self.members[np.repeat(self.starts[kinds], counts) + offset]
        if self.own is not None:
            kept = place != self.own[rows][column]
            place, column = place[kept], column[kept]
        return place, column

    def _within(self, rows, scores, maxima, size, error):
        """Precision and average precision among the R nearest rows of each query."""
        wanted = self.positives[rows]
        most = min(int(wanted.max()), len(maxima))
        largest = -np.sort(np.partition(-maxima, most - 1, axis=0)[:most], axis=0)
        limit = largest[np.minimum(wanted, most) - 1, np.arange(len(rows))]
        limit = np.where(wanted <= len(maxima), limit, -np.inf) - 2 * error  # the R-th largest score is not below
        row, column, score = blocks.of_groups(scores, maxima >= limit, size)
        kept = np.flatnonzero((score >= limit[column]) & (score > -np.inf))
        kept = kept[np.lexsort((-score[kept], column[kept]))]
        return self._nearest(rows, row[kept], column[kept], score[kept], error)

    def _nearest(self, rows, row, column, score, error):
        """The same from pairs among which are the R nearest rows of each query, sorted by query and falling score."""
        wanted = self.positives[rows]
        row, column, score = self._settled(rows, row, column, score.astype(np.float64), 2 * error)
        starts = np.searchsorted(column, np.arange(len(rows)))
        rank = np.arange(len(column)) - starts[column]  # from 0
        kept = rank < wanted[column]
        row, column, rank = row[kept], column[kept], rank[kept]
        hit = self.gallery_class[row] == self.query_class[rows[column]]
        hits = np.cumsum(hit) - np.concatenate([[0], np.cumsum(hit)])[np.searchsorted(column, column)]
        precision = np.bincount(column, hit, len(rows)) / wanted
        return precision, np.bincount(column, hit * hits / (rank + 1), len(rows)) / wanted

    def _settled(self, rows, row, column, score, doubt):
        """Candidates sorted by query and product, in the order of their exact scores, equal ones by index."""
        fresh = np.ones(len(row), bool)
        fresh[1:] = (column[1:] != column[:-1]) | (score[:-1] - score[1:] > doubt[column[1:]])
        run = np.cumsum(fresh)
        alone = fresh & np.append(fresh[1:], True)
        exact = np.zeros(len(row))
        exact[~alone] = self._pairs(rows[column[~alone]], row[~alone])
        order = np.lexsort((row, -exact, run))
        return row[order], column[order], score[order]

    def _pairs(self, left, right, step=1 << 8):
        """Exact scores [p] of queries `left` and gallery rows `right`."""
        scores = np.empty(len(left))
        for start in range(0, len(left), step):
            part = slice(start, start + step)
            a = self.scorer._prepare(self.queries[left[part]], "queries")
            scores[part] = self.scorer._score(a, self.scorer._prepare(self.gallery[right[part]], "gallery"))
        return scores
