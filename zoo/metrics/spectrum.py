"""The directions that embeddings fill: their rotation by singular vectors, and what retrieval needs of it."""

from typing import NamedTuple

import numpy as np

from zoo import errors
from zoo.metrics.intervals import wilson
from zoo.metrics.labels import codes
from zoo.metrics.ranking import check_length
from zoo.neighbors.exact import Gallery, check_rows
from zoo.neighbors.rotating import Rotation, rotation  # noqa: F401

_EVERY = 64  # up to here each number of dimensions is measured


class RecallByDims(NamedTuple):
    """Recall@1 against the number of rotated coordinates that are kept.

    Attributes:
        dims: numbers of coordinates, int64 [K], rising.
        recall: Recall@1, float64 [K].
        low, high: bounds of Wilson's 95 % interval, float64 [K].
    """

    dims: np.ndarray
    recall: np.ndarray
    low: np.ndarray
    high: np.ndarray


def effective_rank(embeddings, center=False):
    """Return how many directions embeddings fill: exp of the entropy of their shares of squared singular values.

    From 1 (one direction) to D (all alike), and 0 where nothing is left; a fall over training is a collapse of
    dimensions.

    Args:
        embeddings: real numbers [N, D].
        center: whether to subtract the mean.

    Returns:
        `float`.

    Example:

    >>> round(effective_rank(np.eye(4)), 6), round(effective_rank([[1.0, 1.0], [2.0, 2.0]]), 6)
    (4.0, 1.0)

    Reference: Roy, Vetterli 2007, "The effective rank: a measure of effective dimensionality".
    """
    shares = rotation(embeddings, center).energy
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum())) if len(shares) else 0.0


def recall_by_dims(train, test, labels, dims=None, renormalize=True, center=False):
    """Measure Recall@1 of test embeddings that keep the first k coordinates of the training embeddings' rotation.

    Args:
        train: real numbers [N, D], what the rotation is taken from.
        test: real numbers [M, D], queries to each other.
        labels: classes of `test`, integers or strings [M].
        dims: numbers of coordinates to keep, each 1 to D; if left out every number up to D = 64, and of more some
            hundred, closer together where few are kept.
        renormalize: scale what is kept to length 1, which is the cosine. Otherwise neighbors are those by dot product,
            or by euclidean distance where the rotation is centered.
        center: whether the rotation is centered.

    Returns:
        `RecallByDims`. Items without another one of their class are no queries.

    Raises:
        ValueError: lengths that differ, dims outside 1 to D, or no item with another one of its class.

    Example:

    >>> found = recall_by_dims(np.eye(3), [[9.0, 1.0, 0.0], [9.0, 1.0, 0.1], [9.0, -1.0, 0.0]], [0, 0, 1])
    >>> found.dims, found.recall
    (array([1, 2, 3]), array([1., 1., 1.]))
    """
    found = rotation(train, center)
    rotated = found.apply(check_rows(test, "test"))
    (classes,), _ = codes(labels=labels)
    check_length(classes, "labels", rotated, "test")
    dims = _checked_dims(dims, rotated.shape[1])
    queries = np.flatnonzero(np.bincount(classes)[classes] > 1)
    if not len(queries):
        raise ValueError(f"labels: none of the {len(classes)} items has another one of its class; nothing can be found")
    distance = "cosine" if renormalize else "euclidean" if center else "dot"
    scores = []
    for k in dims:
        kept = rotated[:, :k]
        nearest = Gallery(kept, distance, name="test").nearest(kept[queries], 1, queries)[:, 0]
        scores.append(wilson(int((classes[nearest] == classes[queries]).sum()), len(queries)))
    return RecallByDims(dims, *np.array(scores)[:, :3].T)


def smallest_dims(dims, recall, keep=0.995):
    """Return the smallest number of dimensions whose recall is at least `keep` of that of the largest number.

    Args:
        dims: numbers of dimensions [K], in any order.
        recall: Recall@1 of each, [K].
        keep: share of the recall that must be left.

    Returns:
        `int`, one of `dims`.

    Raises:
        ValueError: lengths that differ, or none.

    Example:

    >>> smallest_dims([1, 2, 4, 8], [0.3, 0.7, 0.8, 0.8])
    4
    """
    dims, recall = np.asarray(dims), np.asarray(recall, np.float64)
    if dims.ndim != 1 or dims.shape != recall.shape or not len(dims):
        raise ValueError(f"dims and recall: expected two lists of one length, got shapes {dims.shape} and {recall.shape}")
    keep = errors.number("keep", keep, 0.0, 1.0)
    enough = recall >= keep * recall[dims.argmax()]
    return int(dims[enough].min())


def _checked_dims(dims, width):
    if dims is None:
        dims = range(1, width + 1) if width <= _EVERY else np.geomspace(1, width, 2 * _EVERY).round()
    dims = np.unique(np.atleast_1d(np.asarray(dims)).astype(np.int64))
    if not len(dims) or dims[0] < 1 or dims[-1] > width:
        raise ValueError(f"dims: expected numbers from 1 to {width}, got {dims.tolist()}")
    return dims
