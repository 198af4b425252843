"""What a block of scores holds: counts, groups that reach a threshold, pairs by query."""

import numpy as np

FEW = 16  # groups are looked into one by one where they hold less than this part of all scores


class Pairs:
    """Pairs of query, row and score, to be taken by query."""

    def __init__(self, query, row, score):
        order = np.argsort(query, kind="stable")
        self.query, self.row, self.score = query[order], row[order], score[order]

    def of(self, rows):
        """Pairs of the queries `rows`, which rise and leave out none that has pairs: the query's place among them first."""
        part = slice(*np.searchsorted(self.query, [rows[0], rows[-1] + 1]))
        return np.searchsorted(rows, self.query[part]), self.row[part], self.score[part]


def of_groups(scores, chosen, size):
    """Row, query and score of all entries in the chosen groups, a mask (groups, n)."""
    group, column = np.nonzero(chosen)
    row = (group[:, None] * size + np.arange(size)).reshape(-1)
    column = np.repeat(column, size)
    kept = row < len(scores)
    row, column = row[kept], column[kept]
    return row, column, scores[row, column]


def between(scores, maxima, size, low, high):
    """How many scores of each query [n] are above `high`, and row and query of those from `low` to `high`."""
    near = maxima >= low
    if np.count_nonzero(near) * size * FEW < scores.size:  # most groups lie below: look into the others only
        row, column, score = of_groups(scores, near, size)
        above = score > high[column]
        doubt = (score >= low[column]) & ~above
        return np.bincount(column[above], minlength=len(high)), row[doubt], column[doubt]
    above = scores > high
    doubt = scores >= low
    doubt ^= above
    return count(above), *np.divmod(np.flatnonzero(doubt), scores.shape[1])


def count(mask):
    """Number of true entries in each column of a mask [M, n]; bytes are added row by row, which is quickest."""
    total = np.zeros(mask.shape[1], np.int64)
    for start in range(0, len(mask), 255):
        total += np.add.reduce(mask[start : start + 255].view(np.uint8), axis=0, dtype=np.uint8)
    return total


def count_rows(mask):
    """Number of true entries in each row of a mask (n, m), m a multiple of 8 below 2,048: eight bytes are added at once."""
    return mask.view(np.uint64).sum(axis=1).view(np.uint8).reshape(len(mask), 8).sum(axis=1, dtype=np.int64)


def packed(query, score):
    """Numbers of 64 bits [n] that are ordered by query, and by falling score where that is equal."""
    bits = score.view(np.int32)
    falling = ~(bits ^ ((bits >> 31) & 0x7FFFFFFF))
    key = query.astype(np.int64)
    key <<= 32
    key += falling
    key += 1 << 31
    return key


def unpacked(key):
    """Query and float32 score of such numbers."""
    rising = ~((key & 0xFFFFFFFF) - (1 << 31)).astype(np.int32)
    return key >> 32, (rising ^ ((rising >> 31) & 0x7FFFFFFF)).view(np.float32)
