"""Rows as products of float32 take them, made as they are needed: a copy of all would be the largest thing in memory."""

import numpy as np

_STEP = 128  # float64 rows that stay in the processor's cache


class Scaled:
    """Rows of the length that a score asks for, by their numbers.

    Rows of float32 are multiplied by the inverse of their length. That rounds twice, not once: the bound on a product's
    error has room for it, (D + 8) eps where (D + 4) eps / 2 are due. Rows that a model has scaled already are taken as they
    are: the room is for lengths off by D eps / 8 too. A set of another type, or with a row too long or too short, is kept as
    a float32 copy.

    Args:
        rows: real numbers [N, D].
        scorer: `zoo.neighbors.exact.Gallery` whose exact scores are wanted; for its cosine rows are of length 1.
        pool: its threads share the work.

    Attributes:
        length: of the rows as they are taken, float64 [N].
    """

    def __init__(self, rows, scorer, pool):
        parts = [slice(start, start + _STEP) for start in range(0, len(rows), _STEP)]
        self.rows, self.scale = rows, None
        self.length = np.empty(len(rows))

        def measure(part):
            self.length[part] = lengths(self.rows[part])

        def copy(part):
            self.rows[part] = scorer._prepare(rows[part], "rows")
            measure(part)

        if rows.dtype == np.float32:
            list(pool.map(measure, parts))
            if scorer.distance != "cosine":
                return
            if (np.abs(self.length - 1) < rows.shape[1] * np.finfo(np.float32).eps / 8).all():
                self.length[:] = 1
                return
            full = self.length > 0
            if (np.abs(np.log10(self.length[full])) < 15).all():
                self.scale = np.zeros(len(rows), np.float32)  # a zero row stays one
                self.scale[full] = 1 / self.length[full]
                self.length = full.astype(np.float64)
                return
        self.rows = np.empty(rows.shape, np.float32)
        list(pool.map(copy, parts))

    def take(self, places, out=None):
        """Return the rows of the numbers `places` [n], float32 [n, D], in `out` if given."""
        made = np.take(self.rows, places, axis=0, out=out, mode="clip")  # for another mode numpy fills a copy of `out`
        if self.scale is not None:
            made *= self.scale[places, None]
        return made


def lengths(rows):
    """Lengths of rows [n, D], float64 [n]."""
    rows = rows.astype(np.float64)
    return np.sqrt(np.einsum("nd,nd->n", rows, rows))
