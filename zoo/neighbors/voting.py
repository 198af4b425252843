"""The label that the neighbors of a query agree on."""

import numpy as np


def vote(neighbor_labels, similarity):
    """Return the most frequent label among the neighbors of each query, and its share of the votes.

    Ties go to the label with the higher summed similarity, then to the lower label (in sorted order).

    Args:
        neighbor_labels: integers or strings [N, k].
        similarity: real numbers [N, k], as `knn` returns them.

    Returns:
        Labels [N] of the dtype given, and their share of the k votes, float64 [N].

    Raises:
        ValueError: the shapes differ or k is 0.

    Example:

    >>> vote([[2, 1, 1]], [[0.9, 0.8, 0.7]])
    (array([1]), array([0.66666667]))
    """
    labels, similarity = np.asarray(neighbor_labels), np.asarray(similarity, dtype=np.float64)
    if labels.ndim != 2 or labels.shape != similarity.shape or labels.shape[1] == 0:
        raise ValueError(
            f"neighbor_labels and similarity must both have shape (queries, k), k at least 1; "
            f"got {labels.shape} and {similarity.shape}."
        )
    count, k = labels.shape
    classes, codes = np.unique(labels, return_inverse=True)
    ballots = (np.arange(count)[:, None] * max(len(classes), 1) + codes.reshape(labels.shape)).reshape(-1)
    ballot, place, votes = np.unique(ballots, return_inverse=True, return_counts=True)  # one for (query, class)
    support = np.bincount(place.reshape(-1), weights=similarity.reshape(-1), minlength=len(ballot))
    query, code = np.divmod(ballot, max(len(classes), 1))
    order = np.lexsort((code, -support, -votes, query))
    winner = order[np.searchsorted(query[order], np.arange(count))]
    return classes[code[winner]], votes[winner] / k
