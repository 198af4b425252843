"""Distances between the rows of a batch as tensorflow-addons names them."""

import keras
from keras import ops

from zoo import errors, geometry

METRICS = ("L2", "squared-L2", "angular")
EUCLIDEAN = {"L2": "euclidean", "squared-L2": "squared_euclidean"}


def pairwise_distance(feature, squared=False):
    """Return the euclidean distance |x_i - x_j| of every two rows, or its square.

    Computed in float64 on TensorFlow and torch: a product of float32 rows forgets distances below a thousandth of their
    length, which is what collapsing clusters have.

    Args:
        feature: floats [N, D].
        squared: give squares.

    Returns:
        float32 or float64 [N, N], exactly 0 on the diagonal; the gradient at distance 0 is 0.

    Example:

    >>> pairwise_distance([[0.0, 0.0], [3.0, 4.0]]).numpy().tolist()
    [[0.0, 5.0], [5.0, 0.0]]

    Related: `angular_distance`.
    """
    x = _exact(feature)
    squares = -geometry.similarity_matrix(x, "squared_euclidean")
    length = ops.sum(ops.square(x - x[:1]), axis=1)
    squares = _resolved(squares, length[:, None] + length[None, :])
    return ops.cast(squares if squared else geometry.safe_sqrt(squares), ops.dtype(geometry.widen(feature)))


def _exact(x):
    """Floats in float64 where there is one: JAX has none unless told so, Apple's GPUs none at all."""
    x = geometry.widen(x)
    return x if keras.backend.backend() == "jax" or "mps" in str(getattr(x, "device", "")) else ops.cast(x, "float64")


def _resolved(squares, size):
    """`squares` with exact zeros where a float64 product of this `size` cannot tell them from 0, as between copies."""
    return ops.where(squares > 1e-15 * size, squares, 0.0) if ops.dtype(squares) == "float64" else squares


def angular_distance(feature):
    """Return max(0, 1 - cosine) of every two rows.

    A row is divided by max(its length, 1e-6), so a zero row is at distance 1 from all, itself included; its gradient
    is scaled by 1e4.

    Args:
        feature: floats [N, D].

    Returns:
        float32 or float64 [N, N].

    Example:

    >>> angular_distance([[1.0, 0.0], [0.0, 2.0]]).numpy().tolist()
    [[0.0, 1.0], [1.0, 0.0]]

    Related: `pairwise_distance`.
    """
    x = _unit(feature)
    distance = _resolved(ops.relu(1.0 - ops.matmul(x, ops.transpose(x))), 1.0)
    return ops.cast(distance, ops.dtype(geometry.widen(feature)))


def _unit(x):
    x = _exact(x)
    squares = ops.sum(x * x, axis=-1, keepdims=True)
    zero = ops.equal(squares, 0.0)
    scale = ops.rsqrt(ops.where(zero, 1.0, ops.maximum(squares, 1e-12)))
    # A zero row stays zero under any scale, which is then that of its gradient: 1e6 would overflow float16.
    return x * ops.where(zero, 1e4, scale)


def check_metric(distance_metric):
    """Return `distance_metric`, or raise `ValueError` when it is neither one of `METRICS` nor a function."""
    if not callable(distance_metric) and distance_metric not in METRICS:
        raise ValueError(errors.unknown("distance_metric", distance_metric, METRICS))
    return distance_metric


def distance_matrix(x, distance_metric):
    """Return the distances [N, N] of rows [N, D] under one of `METRICS`, or a function from rows to such a matrix.

    Raises:
        ValueError: an unknown word, or a function that returns another shape.
    """
    if not callable(check_metric(distance_metric)):
        return angular_distance(x) if distance_metric == "angular" else pairwise_distance(x, distance_metric != "L2")
    matrix = geometry.widen(distance_metric(x))
    rows = x.shape[0]
    if len(matrix.shape) != 2 or (rows is not None and tuple(matrix.shape) != (rows, rows)):
        raise ValueError(f"distance_metric must return a matrix ({rows}, {rows}), not {tuple(matrix.shape)}")
    return matrix


def distance_to(x, index, distance_metric, matrix):
    """Distance [N] of row i of `x` to row `index[i]`: from the rows themselves, which no cancellation hurts.

    Args:
        x: floats [N, D].
        index: integers [N].
        distance_metric: one of `METRICS`, or a function; for a function the entry of `matrix` is taken.
        matrix: distances [N, N].
    """
    if callable(distance_metric):
        return ops.take_along_axis(matrix, index[:, None], axis=1)[:, 0]
    if distance_metric == "angular":
        unit = _unit(x)
        return ops.cast(ops.relu(1.0 - ops.sum(unit * ops.take(unit, index, axis=0), axis=-1)), ops.dtype(x))
    return -geometry.paired_similarity(x, ops.take(x, index, axis=0), EUCLIDEAN[distance_metric])
