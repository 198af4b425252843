"""Softmax cross-entropy on class scores."""

import keras
from keras import ops

from zoo.losses.base import Loss, Terms
from zoo.losses.hinge import score_health


@keras.saving.register_keras_serializable(package="zoo")
class SoftmaxLoss(Loss):
    """Cross-entropy of the softmax over raw class scores: log sum_j exp(s_j) - s_y.

    Needs class ids 0..C-1 as labels; any batch will do.

    Args:
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: labels outside 0..C-1.

    Example:

    >>> import zoo
    >>> round(float(zoo.losses.SoftmaxLoss()([0], [[0.0, 0.0]])), 4)
    0.6931

    Related: `zoo.losses.MulticlassHinge` stops at a margin, cross-entropy never does.

    Reference: Bridle 1990.
    """

    takes = "scores"

    def __init__(self, reduction="mean", name="softmax", dtype=None):
        super().__init__(reduction=reduction, name=name, dtype=dtype)

    def terms(self, labels, scores):
        target = ops.one_hot(ops.cast(labels, "int32"), ops.shape(scores)[-1], dtype=scores.dtype)  # (N, C)
        values = ops.logsumexp(scores, axis=1) - ops.sum(target * scores, axis=1)
        return Terms(values, ops.ones_like(values), score_health(values))
