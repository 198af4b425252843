"""What matches what, between items of two sides: ids, a pair of ids, or a boolean matrix."""

import numpy as np

from zoo.data.checks import as_labels


class Matches:
    """Which of N items of one side match which of M items of the other.

    Args:
        matches: None, when row i matches row i; ids [N], equal where items match, when both sides have the same; a pair
            of ids [N] and ids [M], integers or strings: five captions of image j carry j; or a boolean matrix [N, M].
        n, m: N and M.

    Attributes:
        first, second: int64 [N] and [M], equal where items match; None for a matrix.
        matrix: booleans [N, M], or None.

    Raises:
        ValueError: lengths that do not fit, ids of two kinds.

    Example:

    >>> Matches((["cat", "dog", "cat"], ["dog", "cat"]), 3, 2).between([0, 1], [0, 1]).tolist()
    [[False, True], [True, False]]
    """

    def __init__(self, matches, n, m):
        self.first = self.second = self.matrix = None
        dtype = str(getattr(getattr(matches, "dtype", None), "name", ""))
        if dtype == "bool" and np.ndim(matches) == 2:
            self.matrix = np.asarray(matches)
            if self.matrix.shape != (n, m):
                raise ValueError(f"matches: expected booleans [{n}, {m}], a row for each item, got {self.matrix.shape}")
            return
        pair = isinstance(matches, tuple) and len(matches) == 2 and all(map(np.ndim, matches))
        if not pair and n != m:
            raise ValueError(f"matches: sides of {n} and {m} items need a pair of ids, (ids of the first, ids of the second)")
        ids = matches if pair else (np.arange(n), np.arange(m)) if matches is None else (matches, matches)
        ids = [as_labels(part) for part in ids]
        for part, size, side in zip(ids, (n, m), ("first", "second"), strict=True):
            if len(part) != size:
                raise ValueError(f"matches: expected {size} ids for the {side} side, one for each item, got {len(part)}")
        if {part.dtype == object for part in ids} == {True, False}:
            raise ValueError("matches: ids must be integers on both sides or strings on both, not one of each")
        _, codes = np.unique(np.concatenate(ids), return_inverse=True)
        self.first, self.second = np.split(codes.reshape(-1).astype(np.int64), [n])

    def between(self, rows, columns):
        """Return booleans [n, m]: which of the first side's `rows` match which of the second side's `columns`."""
        if self.matrix is not None:
            return self.matrix[np.ix_(rows, columns)]
        return self.first[rows][:, None] == self.second[columns][None, :]

    def partners(self):
        """Return the second side's rows that match each row of the first, as flat rows and where each begins [N + 1]."""
        if self.matrix is not None:
            row, column = np.nonzero(self.matrix)
            counts = np.bincount(row, minlength=len(self.matrix))
            return column, np.concatenate([[0], np.cumsum(counts)])
        order = np.argsort(self.second, kind="stable")
        ranked = self.second[order]
        low, high = np.searchsorted(ranked, self.first), np.searchsorted(ranked, self.first, "right")
        ends = np.concatenate([[0], np.cumsum(high - low)])
        place = np.arange(ends[-1]) - np.repeat(ends[:-1] - low, high - low)
        return order[place], ends
