"""How well clusters of embeddings agree with classes."""

import numpy as np

from zoo.metrics.intervals import bootstrap
from zoo.metrics.labels import codes
from zoo.metrics.ranking import check_length
from zoo.neighbors.exact import check_rows


def nmi(embeddings, labels, seed=0):
    """Cluster embeddings by k-means, as many clusters as classes, and return the mutual information with the classes.

    NMI = I(clusters; classes) / ((H(clusters) + H(classes)) / 2), from 0 to 1. The interval resamples items and keeps the
    clusters; resampling by itself raises NMI where classes are small, so it is taken around the value.

    Args:
        embeddings: real numbers [N, D]; compared by euclidean distance, so scale them to unit length for cosines.
        labels: integers or strings [N].
        seed: of k-means, which starts once.

    Returns:
        `Score`.

    Raises:
        ValueError: lengths that differ, values that are not finite.

    Example:

    >>> nmi([[0.0], [0.1], [5.0], [5.1]], ["a", "a", "b", "b"]).value
    1.0

    Reference: Manning, Raghavan and Schütze 2008, Introduction to information retrieval, section 16.3.
    """
    from sklearn.cluster import KMeans

    rows = check_rows(embeddings, "embeddings")
    (classes,), names = codes(labels=labels)
    check_length(classes, "labels", rows, "embeddings")
    clusters = KMeans(min(len(names), len(rows)), n_init=1, random_state=seed).fit_predict(rows)
    pairs = np.unique(np.stack([clusters, classes]), axis=1, return_inverse=True)[1].reshape(-1)
    score = bootstrap(_nmi, clusters, classes, pairs, resamples=200)
    return _around(score)


def _nmi(weights, clusters, classes, pairs):
    """NMI of each row of weights [B, N]."""
    cluster, label, pair = (_entropy(weights, group) for group in (clusters, classes, pairs))
    mean = (cluster + label) / 2
    return np.where(mean > 0, (cluster + label - pair) / np.where(mean > 0, mean, 1.0), 1.0)


def _entropy(weights, group):
    """Entropy of the shares that the groups of items have of each row of weights [B, N]."""
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    shares = np.add.reduceat(weights[:, order], starts, axis=1) / weights.sum(axis=1, keepdims=True)
    return -(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=1)


def _around(score):
    """The interval moved so that its middle is the value, within [0, 1]."""
    half = (score.high - score.low) / 2
    return score._replace(low=max(0.0, score.value - half), high=min(1.0, score.value + half))
