"""Hinge losses on raw class scores, with any margin."""

import keras
from keras import ops

from zoo import errors
from zoo.losses.base import Loss, Terms, check_label_values


@keras.saving.register_keras_serializable(package="zoo")
class MulticlassHinge(Loss):
    """Asks the true class to score higher than the others by a margin.

    With scores s and true class y, `form="max"` (Crammer-Singer) is max(0, max_j s_j - s_y + margin) over the other
    classes j; `form="sum"` (Weston-Watkins) sums max(0, s_j - s_y + margin) over them. Scores are raw: unbounded,
    before any softmax. `keras.losses.CategoricalHinge` has no margin and lets the true class take part in the
    maximum as a 0, which is wrong for negative scores.

    Needs class ids 0..C-1 as labels; any batch will do.

    Args:
        margin: number; only its size relative to the scores matters unless the weights are regularized.
        form: `"max"` or `"sum"`.
        squared: square each hinge.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: an unknown form, a margin that is no number, labels outside 0..C-1.

    Example:

    >>> import zoo
    >>> round(float(zoo.losses.MulticlassHinge(margin=1.0)([0, 1], [[2.0, 1.5, -1.0], [-3.0, -2.0, 0.5]])), 4)
    2.0

    Related: `zoo.losses.SoftmaxLoss`; `zoo.losses.TripletLoss` puts the margin between samples.

    References: Weston and Watkins 1999; Crammer and Singer 2001.
    """

    takes = "scores"

    def __init__(self, margin=1.0, form="max", squared=False, reduction="mean", name="hinge", dtype=None):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        if form not in ("max", "sum"):
            raise ValueError(errors.unknown("form", form, ("max", "sum")))
        self.margin, self.form = errors.number("margin", margin), form
        self.squared = errors.flag("squared", squared)

    def terms(self, labels, scores):
        target = ops.one_hot(ops.cast(labels, "int32"), ops.shape(scores)[-1], dtype=scores.dtype)  # (N, C)
        own = ops.sum(target * scores, axis=1, keepdims=True)
        others = 1.0 - target
        if self.form == "max" and scores.shape[-1] > 1:
            rival = ops.argmax(ops.where(target > 0, -float("inf"), scores), axis=1)  # the first of a tie
            others = ops.one_hot(rival, ops.shape(scores)[-1], dtype=scores.dtype)
        cost = ops.relu(scores - own + self.margin) * others
        values = ops.sum(ops.square(cost) if self.squared else cost, axis=1)
        return Terms(values, ops.ones_like(values), score_health(values))

    def get_config(self):
        return {**super().get_config(), "margin": self.margin, "form": self.form, "squared": self.squared}


@keras.saving.register_keras_serializable(package="zoo")
class BinaryHinge(Loss):
    """Asks the score of a positive to be at least the margin, and that of a negative at most its opposite.

    max(0, margin - t s) with t = 1 for label 1 and -1 for label 0, and one raw score s an item. `keras.losses.Hinge` has
    no margin other than 1.

    Needs labels 0 and 1; any batch will do.

    Args:
        margin: number; only its size relative to the scores matters unless the weights are regularized.
        squared: square the hinge.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: a margin that is no number, labels other than 0 and 1, more than one score an item.

    Example:

    >>> import zoo
    >>> float(zoo.losses.BinaryHinge(margin=2.0)([1, 0], [[1.5], [-3.0]]))
    0.25

    Related: `zoo.losses.MulticlassHinge`, of which this is the case of two classes with scores s / 2 and -s / 2.

    Reference: Cortes and Vapnik 1995.
    """

    takes = "scores"

    def __init__(self, margin=1.0, squared=False, reduction="mean", name="binary_hinge", dtype=None):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.margin, self.squared = errors.number("margin", margin), errors.flag("squared", squared)

    def check_labels(self, values, classes=None):
        return check_label_values(values, 2)

    def checked_terms(self, y_true, y_pred):
        y_pred = ops.convert_to_tensor(y_pred)
        labels, scores = self.check(y_true, y_pred[:, None] if len(y_pred.shape) == 1 else y_pred, 2)
        if scores.shape[1] != 1:
            raise ValueError(f"scores must have shape (N,) or (N, 1), not {tuple(scores.shape)}")
        return self.terms(labels, scores)

    def terms(self, labels, scores):
        sign = 2.0 * ops.cast(labels, scores.dtype) - 1.0
        cost = ops.relu(self.margin - sign * scores[:, 0])
        values = ops.square(cost) if self.squared else cost
        return Terms(values, ops.ones_like(values), score_health(values))

    def get_config(self):
        return {**super().get_config(), "margin": self.margin, "squared": self.squared}


def score_health(values):
    """Batch health of a loss on class scores: every row is an anchor; active rows cost more than 0."""
    return {
        "valid_anchors": ops.sum(ops.ones_like(values)),
        "active_fraction": ops.mean(ops.cast(values > 0, values.dtype)),
    }
