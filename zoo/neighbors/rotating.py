"""The rotation of embeddings by their singular vectors."""

from typing import NamedTuple

import numpy as np

from zoo.neighbors.exact import check_rows


class Rotation(NamedTuple):
    """An orthogonal map (x - mean) @ axes that orders coordinates by how much of the embeddings they hold.

    Attributes:
        mean: what is subtracted first, float64 [D]; zeros where the rotation is not centered.
        axes: orthogonal, float64 [D, D]; a column's entry of largest magnitude is positive.
        values: singular values, falling, float64 [D].
    """

    mean: np.ndarray
    axes: np.ndarray
    values: np.ndarray

    @property
    def energy(self):
        """Each direction's share of the sum of squared singular values, float64 [D]; zeros where all are zero."""
        squares = np.square(self.values / (self.values[0] or 1.0))
        return squares / (squares.sum() or 1.0)

    def apply(self, embeddings, dims=None):
        """Return the first `dims` rotated coordinates of embeddings [M, D], all of them if left out, float64."""
        rows = check_rows(embeddings, "embeddings")
        if rows.shape[1] != len(self.mean):
            raise ValueError(f"embeddings: expected {len(self.mean)} dimensions as the rotation has, got {rows.shape[1]}")
        return (rows.astype(np.float64) - self.mean) @ self.axes[:, :dims]


def rotation(embeddings, center=False):
    """Return the rotation to the right singular vectors V of A = U S V^T, the training embeddings.

    Without centering, A V has the dot products and the distances of A, so neighbors stay what they are. With it the
    mean is taken off first: distances stay, dot products and cosines do not.

    Args:
        embeddings: real numbers [N, D].
        center: whether to subtract the mean.

    Returns:
        `Rotation`.

    Raises:
        ValueError: no row, or values that are not finite.

    Example:

    >>> found = rotation([[0.0, 2.0], [0.0, -1.0], [1.0, 0.0]])
    >>> found.values.round(3), found.apply([[3.0, 5.0]]).round(3)
    (array([2.236, 1.   ]), array([[5., 3.]]))
    """
    rows = check_rows(embeddings, "embeddings").astype(np.float64)
    if not len(rows):
        raise ValueError("embeddings has no rows; give the training embeddings.")
    # Squares of very large or very small values leave the range of floats: scale by a power of two, which is exact.
    scale = np.ldexp(1.0, min(int(np.frexp(np.abs(rows).max())[1]), 1000))
    rows = rows / scale
    mean = rows.mean(axis=0) if center else np.zeros(rows.shape[1])
    triangle = np.linalg.qr(rows - mean, mode="r")  # [min(N, D), D]: the same V and S, without an (N, N) matrix
    _, values, transposed = np.linalg.svd(triangle, full_matrices=True)
    values = np.pad(values, (0, rows.shape[1] - len(values)))
    # What lies below the rounding of the rows is no direction; equal rows leave such a rest of their mean.
    values[values <= np.finfo(np.float64).eps * max(rows.shape) * np.linalg.norm(rows)] = 0.0
    axes = transposed.T
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0)
    return Rotation(mean * scale, axes * np.where(largest < 0, -1.0, 1.0), values * scale)
