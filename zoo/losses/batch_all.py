"""All triplets of a batch by sorting: O(N^2 log N) time, O(N^2) memory, never an (N, N, N) tensor.

The sum of max(0, d_ap - d_an + m) over positives p and negatives n of one anchor is piecewise linear in the
distances, so it equals <W, D> + m * active with the integer weights

    W[a, p] = number of negatives closer than d_ap + m,    W[a, n] = -number of positives p with d_ap + m > d_an

and W is also its gradient. Two rank counts a row are all that is needed, and no gradient passes through the sort.
"""

from keras import ops

from zoo import mining


def triplet_weights(similarity, positives, negatives, margin):
    """Return W [N, N] (float) and the number of active triplets of each anchor [N] (float).

    Args:
        similarity: detached similarities [N, N].
        positives: True for positives [N, N].
        negatives: True for negatives [N, N].
        margin: number.
    """
    key = ops.where(positives, margin - similarity, ops.where(negatives, -similarity, float("inf")))
    order = mining.stable_argsort(key, first=positives)  # a tie is not active
    is_positive = ops.cast(ops.take_along_axis(positives, order, axis=1), similarity.dtype)
    is_negative = ops.cast(ops.take_along_axis(negatives, order, axis=1), similarity.dtype)
    negatives_before = ops.cumsum(is_negative, axis=1)
    positives_after = ops.sum(is_positive, axis=1, keepdims=True) - ops.cumsum(is_positive, axis=1)
    weights = is_positive * negatives_before - is_negative * positives_after
    active = ops.sum(is_positive * negatives_before, axis=1)
    return ops.take_along_axis(weights, ops.argsort(order, axis=1), axis=1), active


def batch_all(similarity, positives, negatives, margin):
    """Return the hinge summed over all triplets of each anchor [N], and its number of active triplets [N].

    Args:
        similarity: similarities [N, N], with gradient.
        positives: True for positives [N, N].
        negatives: True for negatives [N, N].
        margin: number.

    Reference: Hermans, Beyer, Leibe 2017 (batch-all); the form by rank counts is this library's.
    """
    weights, active = triplet_weights(ops.stop_gradient(similarity), positives, negatives, margin)
    weights, active = ops.stop_gradient(weights), ops.stop_gradient(active)
    return margin * active - ops.sum(weights * similarity, axis=1), active
