"""Scores of all pairs of one set of rows by half the product: a tile of it serves the rows at both of its sides.

The positives of a query are few here, so they are scored first, and in the tiles they are left out. Their best and worst
give the thresholds; the first block, a random sample of the rows, gives a better one. What a tile holds for a query is
a number of rows above its best positive, and a few pairs.
"""

import threading
from typing import NamedTuple

import numpy as np

from zoo.neighbors.blocks import FEW, count, count_rows, packed, unpacked

TILE = 672  # rows at a side of a tile; a multiple of GROUP
SAMPLE = 4096  # most rows at the side of the first tile
GROUP = 16  # scores of which one maximum is kept, a power of 2
SAMPLED = 4  # the same for the sample, smaller because as many maxima as a query has positives must lie high
PAIRS = 64  # positives of a query; above, in the mean over all, the general way is taken
MANY = 128  # positives of one query; candidates in a tile, and half the candidates kept
CROWDED = 64  # rows in doubt a query
_PAIR_NUMBERS = 1 << 18  # float32 numbers of a temporary of pairs, 1 MiB


class Found(NamedTuple):
    """What the tiles held; a pair is a query, a row and its score.

    Attributes:
        nearer: number of rows that are surely nearer than the best positive [N].
        doubt: pairs that may be nearer or not, positives among them.
        near: pairs among which are the R nearest rows of each query.
        lost: queries [n] for which this was not found, because too many rows were alike.
    """

    nearer: np.ndarray
    doubt: tuple
    near: tuple
    lost: np.ndarray


def fits(classes):
    """Whether half the product is worth taking for rows of these classes [N]."""
    counts = np.bincount(classes).astype(np.float64)
    return len(classes) >= 4 * TILE and (counts * (counts - 1)).sum() <= PAIRS * len(classes)


class Tiles:
    """The half product and what is known of every query, all in a random order of the rows.

    Args:
        scaled: the rows as the products take them, `Scaled` [N, D].
        error: largest error of a product with each row [N].
        classes: integers from 0 [N].
        pool: computes.
    """

    def __init__(self, scaled, error, classes, pool):
        count = len(classes)
        padded = -(-count // GROUP) * GROUP
        self.edges = [*range(0, padded, TILE), padded]
        self.first = max(1, min(count // 16, SAMPLE) // TILE)  # blocks of the sample
        self.count, self.classes, self.scaled = count, classes, scaled
        self.order = np.random.default_rng(0).permutation(count)
        self.error = np.zeros(padded)
        self.error[:count] = error[self.order]
        self.wanted = (np.bincount(classes)[classes] - 1)[self.order]
        self.high, self.low, self.limit = (np.full(padded, np.inf, np.float32) for _ in range(3))
        self.nearer = np.zeros(padded, np.int64)
        self.lost = np.zeros(padded, bool)
        self.lost[:count] = self.wanted > MANY
        self.own = threading.local()
        self.positives = self._positives(pool)
        self._sort_positives()
        self.near = [(packed(self.positives[0], self.positives[2]), self.positives[1])]
        self.stored = self.kept = 0

    def search(self, pool):
        """Return what is `Found`, or None where too many queries are lost on the way; the pool computes the tiles."""
        blocks = range(len(self.edges) - 1)
        doubt = [tuple(part[self.positives[2] >= self.low[self.positives[0]]] for part in self.positives)]
        del self.positives
        own = np.bincount(doubt[0][0], minlength=len(self.lost))
        doubts = own.copy()
        sample, others = blocks[: self.first], blocks[self.first :]
        # The sample gives its rows' thresholds, its tiles with all others theirs.
        for tiles in ([(0, j) for j in sample], [(0, j) for j in others], [(i, j) for i in others for j in others if i <= j]):
            if self._hopeless(own, doubts - own):
                return None
            results = pool.map(self._tile, tiles)
            if tiles[0][0]:  # most of them
                self._prune()  # what the tiles before held, while these are computed
            for parts in results:
                for queries, nearer, doubtful, (query, row, score), lost in parts:
                    self.nearer[queries] += nearer
                    doubt.append(doubtful)
                    self.near.append((packed(query, score), row))
                    self.stored += len(row)
                    doubts[queries] += np.bincount(doubtful[0] - queries.start, minlength=len(nearer))
                    self._lose(lost)
                    self._lose(np.flatnonzero(doubts[queries] > 2 * CROWDED) + queries.start)
                if self.stored > 2 * self.kept + self.count:
                    self._prune()
                if np.count_nonzero(self.lost) > 3 * self.count // 4:
                    return None
        del self.own  # the memory of the tiles
        self._prune()
        doubt = [np.concatenate(part) for part in zip(*doubt, strict=True)]
        nearer = np.zeros(self.count, np.int64)
        nearer[self.order] = self.nearer[: self.count]
        key, row = self.near[0]
        query, score = unpacked(key)
        return Found(nearer, self._outside(doubt), self._outside((query, row, score)), self.order[self.lost[: self.count]])

    def _hopeless(self, own, others):
        """Whether a quarter of the queries is lost, or will be, by rows in doubt: positives, and others in the sample's tiles."""
        expected = own + others * (self.count / self.edges[self.first])
        return np.count_nonzero(self.lost | (expected > 2 * CROWDED)) > self.count // 4

    def _outside(self, pairs):
        """Pairs of queries that are not lost, in the numbers of the caller."""
        kept = ~self.lost[pairs[0]]
        return self.order[pairs[0][kept]], self.order[pairs[1][kept]], pairs[2][kept]

    def _lose(self, queries):
        if not len(queries):
            return
        self.lost[queries] = True
        for threshold in (self.high, self.low, self.limit):
            threshold[queries] = np.inf

    def _positives(self, pool):
        """All pairs of one class in both orders; sets the thresholds of their queries."""
        members = np.argsort(self.classes[self.order], kind="stable").astype(np.int32)
        counts = np.bincount(self.classes)
        starts = np.cumsum(counts) - counts
        parts = []
        for size in np.unique(counts[(counts > 1) & (counts <= MANY + 1)]):
            kinds = starts[counts == size]
            step = max(1, _PAIR_NUMBERS // (size * (size + self.scaled.rows.shape[1])))
            parts += [members[kinds[i : i + step, None] + np.arange(size)] for i in range(0, len(kinds), step)]
        found = [(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32)), *pool.map(self._alike, parts)]
        return tuple(np.concatenate(part) for part in zip(*found, strict=True))

    def _alike(self, places):
        """Pairs of rows of one class; `places` are classes of one size (classes, size)."""
        size, queries = places.shape[1], places.reshape(-1)
        rows = self.scaled.take(self.order[queries]).reshape(*places.shape, -1)
        others = ~np.eye(size, dtype=bool)
        scores = (rows @ rows.transpose(0, 2, 1))[:, others].reshape(-1, size - 1)
        doubt = 2 * self.error[queries]
        best = scores.max(axis=1)
        self.high[queries] = np.nextafter((best + doubt).astype(np.float32), np.float32(np.inf))
        self.low[queries] = np.nextafter((best - doubt).astype(np.float32), np.float32(-np.inf))
        self._raise(self.limit, queries, scores.min(axis=1), new=True)
        row = np.broadcast_to(places[:, None, :], (len(places), size, size))[:, others]
        return np.repeat(queries, size - 1), row.reshape(-1), scores.reshape(-1)

    def _raise(self, limit, queries, scores, new=False):
        """Let `scores` [n], which as many rows reach as a query has positives, be its limit where that is higher."""
        scores = np.nextafter((scores - 2 * self.error[queries]).astype(np.float32), np.float32(-np.inf))
        limit[queries] = scores if new else np.maximum(limit[queries], scores)

    def _sort_positives(self):
        """Places of the positives in each tile, to leave them out there."""
        left, right = (np.searchsorted(self.edges, part, side="right") - 1 for part in self.positives[:2])
        left[left < self.first] = 0  # the sample is at the side of its tiles as a whole
        kept = np.flatnonzero(left <= right)
        tile = left[kept] * len(self.edges) + right[kept]
        order = kept[np.argsort(tile, kind="stable")]
        self.masked = self.positives[0][order], self.positives[1][order]
        self.masks = np.searchsorted(np.sort(tile), np.arange(len(self.edges) ** 2 + 1))

    def _tile(self, tile):
        """What the product of two blocks holds for the queries of the second, and for those of the first."""
        i, j = tile
        sampled = i == 0
        left = slice(self.edges[i], self.edges[self.first if sampled else i + 1])
        right = slice(*self.edges[j : j + 2])
        scores = self._product(left, right)
        at = i * len(self.edges) + j
        mask = slice(self.masks[at], self.masks[at + 1])
        scores[self.masked[0][mask] - left.start, self.masked[1][mask] - right.start] = -np.inf
        scores[:, max(0, self.count - right.start) :] = -np.inf
        scores[max(0, self.count - left.start) :] = -np.inf
        within = right.start < left.stop  # of the second block's rows all scores are in this tile or in others like it
        if within:
            np.fill_diagonal(scores[right.start - left.start :], -np.inf)
        return [self._look(scores, left, right, sampled, 0)] + ([] if within else [self._look(scores, right, left, False, 1)])

    def _product(self, left, right):
        """Scores of two blocks, in memory that a thread keeps: new memory takes the system longer than comparing."""
        own, dims = self.own, self.scaled.rows.shape[1]
        if not hasattr(own, "at"):
            most = max(self.edges[self.first], TILE)
            own.left, own.right = (np.empty((rows, dims), np.float32) for rows in (most, TILE))
            own.scores, own.at = np.empty(most * TILE, np.float32), None
        if own.at != left:
            own.rows, own.at = self._take(left, own.left), left
        first = own.rows
        second = first if left == right else self._take(right, own.right)
        return np.matmul(first, second.T, out=own.scores[: len(first) * len(second)].reshape(len(first), -1))

    def _take(self, part, out):
        """Rows of a block, in `out`, zeros for those that only fill the last one up."""
        out, places = out[: part.stop - part.start], self.order[part]
        self.scaled.take(places, out[: len(places)])
        out[len(places) :] = 0
        return out

    def _look(self, scores, rows, queries, sample, axis):
        """What a tile holds for `queries`, which lie along its second axis, or along its first for `axis` 1."""
        maxima = _maxima(scores, SAMPLED, axis)
        if sample:
            self._sampled(maxima, queries)
        maxima = _maxima(maxima, GROUP // SAMPLED, axis)
        high, low, limit = (x[queries].copy() for x in (self.high, self.low, self.limit))
        along = (slice(None), None) if axis else (None, slice(None))
        groups = maxima >= np.minimum(low, limit)[along]
        few = np.count_nonzero(groups) * GROUP * FEW < scores.size  # most lie below all thresholds: look into the others only
        if not few:
            groups = maxima >= limit[along]
        flat = _entries(groups, scores.shape, axis)
        held = scores.reshape(-1)[flat]
        query = np.divmod(flat, scores.shape[1])[1 - axis]
        near = flat[(held >= limit[query]) & (held > -np.inf)]
        if few:
            above = held > high[query]
            nearer = np.bincount(query[above], minlength=len(high))
            doubtful = flat[(held >= low[query]) & ~above]
        else:
            above = scores > high[along]
            nearer = (count_rows if axis else count)(above)
            above ^= scores >= low[along]
            doubtful = np.flatnonzero(above)
        pairs, lost = [], []
        for flat, most in ((doubtful, CROWDED), (near, MANY)):
            place = np.divmod(flat, scores.shape[1])
            query, row = place[1 - axis], place[axis]
            crowded = np.bincount(query, minlength=len(high)) > most
            if crowded.any():
                kept = ~crowded[query]
                flat, query, row = flat[kept], query[kept], row[kept]
            lost.append(np.flatnonzero(crowded) + queries.start)
            query, row = (query + queries.start).astype(np.int32), (row + rows.start).astype(np.int32)
            pairs.append((query, row, scores.reshape(-1)[flat]))
        return queries, nearer, *pairs, np.concatenate(lost)

    def _sampled(self, maxima, queries):
        """Limits of queries [n] from maxima (groups, n) of some rows: the R-th largest."""
        queries = np.arange(queries.start, min(queries.stop, self.count))
        wanted = self.wanted[queries]
        some = (wanted > 0) & (wanted <= len(maxima)) & ~self.lost[queries]
        ordered = np.sort(maxima.T[: len(queries)][some], axis=1)
        self._raise(self.limit, queries[some], ordered[np.arange(len(ordered)), -wanted[some]])

    def _prune(self):
        """Sort the candidates, raise the limits to what is now the R-th largest score, and drop what lies below."""
        key, row = (np.concatenate(part) for part in zip(*self.near, strict=True))
        self.near = []
        order = np.argsort(key, kind="stable")  # the quickest: what is kept from before is sorted
        key, row = key[order], row[order]
        del order
        counts = np.bincount(key >> 32, minlength=self.count)
        full = np.flatnonzero((self.wanted > 0) & (counts[: self.count] >= self.wanted))
        last = (np.cumsum(counts) - counts)[full] + self.wanted[full] - 1
        self._raise(self.limit, full, unpacked(key[last])[1])
        query, score = unpacked(key)
        kept = score >= self.limit[query]
        key, row = key[kept], row[kept]
        self._lose(np.flatnonzero(np.bincount(query[kept], minlength=len(self.limit)) > 2 * MANY))
        self.near = [(key, row)]
        self.stored = self.kept = len(key)


def _maxima(scores, size, axis):
    """Maxima of `size` scores each along an axis; those of a group lie evenly far apart."""
    parts = scores.reshape((size, -1, scores.shape[1]) if axis == 0 else (len(scores), size, -1)).swapaxes(0, axis)
    made = np.maximum(parts[0], parts[1])
    for part in parts[2:]:
        np.maximum(made, part, out=made)
    return made


def _entries(groups, shape, axis):
    """Flat places, in scores of a shape, of all entries of groups, a mask of maxima along an axis."""
    # A group is every so many-th row, because maxima of halves are the quickest.
    far = shape[axis] // GROUP * (1 if axis else shape[1])
    group = np.flatnonzero(groups)
    if axis:
        place, group = np.divmod(group, groups.shape[1])
        group += place * shape[1]
    return (group[:, None] + far * np.arange(GROUP)).reshape(-1)
