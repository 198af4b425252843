"""Triplet losses with semi-hard and with hardest negatives, as tensorflow-addons defines them."""

import keras
from keras import ops

from zoo import errors, mining
from zoo.addons import metric_learning
from zoo.addons.base import AddonsLoss, fixed, scalar
from zoo.losses import sorting
from zoo.losses.base import check_batch, divide


@keras.saving.register_keras_serializable(package="Addons")
def triplet_semihard_loss(y_true, y_pred, margin=1.0, distance_metric="L2"):
    """Compare every positive pair with the nearest negative that is farther than the positive.

    The mean over ordered pairs (a, p) of one class of max(0, margin + d(a, p) - d(a, n)), where n is the nearest row of
    another class with d(a, n) > d(a, p), else the farthest row of another class. Without any other class d(a, n) is
    the smallest distance of the row; without a pair the loss is 0.

    Needs batches with several samples of several classes.

    Args:
        y_true: class ids [N] or [N, 1].
        y_pred: embeddings [N, D], usually of unit length.
        margin: number in units of the distance.
        distance_metric: `"L2"`, `"squared-L2"`, `"angular"` (1 - cosine), or a function from [N, D] to [N, N].

    Returns:
        A scalar.

    Raises:
        ValueError: bad shapes, labels with fractions, an unknown distance.

    Example:

    >>> float(triplet_semihard_loss([0, 0, 1], [[0.0], [1.0], [1.5]]))
    1.0

    Related: `triplet_hard_loss`; `zoo.losses.get("semihard")` leaves anchors without a negative out.

    Reference: Schroff et al. 2015.
    """
    labels, x = check_batch(y_true, y_pred)
    distance = metric_learning.distance_matrix(x, distance_metric)
    positives, negatives = mining.positive_mask(labels), mining.negative_mask(labels)
    mates = mining.classmates(labels)
    index = sorting.semi_hard(-ops.stop_gradient(distance), mates.order, mates.place, "farthest")
    d_an = ops.take_along_axis(distance, ops.maximum(index, 0), axis=1)  # (N, N): the negative of pair (a, p)
    alone = ops.logical_not(ops.any(negatives, axis=1, keepdims=True))
    d_an = ops.where(alone, ops.min(distance, axis=1, keepdims=True), d_an)
    pair = ops.cast(positives, distance.dtype)
    cost = ops.relu(scalar("margin", margin, x.dtype) + distance - d_an) * pair
    return divide(ops.sum(cost), ops.sum(pair))


@keras.saving.register_keras_serializable(package="Addons")
def triplet_hard_loss(y_true, y_pred, margin=1.0, soft=False, distance_metric="L2"):
    """Compare the farthest positive of every row with its nearest negative.

    The mean over all rows of max(0, margin + d(a, p) - d(a, n)), or of log(1 + exp(d(a, p) - d(a, n))) when `soft`.
    A row without a positive takes the smallest distance of its row for d(a, p), which is 0, and a row without a
    negative the largest for d(a, n): such rows count.

    Needs batches with several samples of several classes.

    Args:
        y_true: class ids [N] or [N, 1].
        y_pred: embeddings [N, D], usually of unit length.
        margin: number in units of the distance; unused when `soft`.
        soft: use the soft margin.
        distance_metric: `"L2"`, `"squared-L2"`, `"angular"` (1 - cosine), or a function from [N, D] to [N, N].

    Returns:
        A scalar.

    Raises:
        ValueError: bad shapes, labels with fractions, an unknown distance.

    Example:

    >>> round(float(triplet_hard_loss([0, 0, 1], [[0.0], [1.0], [1.5]])), 4)
    0.8333

    Related: `triplet_semihard_loss`; `zoo.losses.get("batchhard")` leaves rows without a positive out.

    Reference: Hermans et al. 2017.
    """
    labels, x = check_batch(y_true, y_pred)
    distance = metric_learning.distance_matrix(x, distance_metric)
    detached = ops.stop_gradient(distance)
    p, has_p = mining.farthest(-detached, mining.positive_mask(labels))
    n, has_n = mining.nearest(-detached, mining.negative_mask(labels))
    p = ops.where(has_p, p, ops.argmin(detached, axis=1))
    n = ops.where(has_n, n, ops.argmax(detached, axis=1))
    gap = metric_learning.distance_to(x, p, distance_metric, distance)
    gap = gap - metric_learning.distance_to(x, n, distance_metric, distance)
    return ops.mean(ops.softplus(gap) if soft else ops.relu(scalar("margin", margin, x.dtype) + gap))


class _Triplet(AddonsLoss):
    def __init__(self, margin, distance_metric, name, **kwargs):
        super().__init__(name=name, **kwargs)
        self.margin = fixed("margin", margin)
        self.distance_metric = metric_learning.check_metric(distance_metric)

    def get_config(self):
        metric = self.distance_metric
        metric = keras.saving.serialize_keras_object(metric) if callable(metric) else metric
        return {**super().get_config(), "margin": self.margin, "distance_metric": metric}

    @classmethod
    def from_config(cls, config):
        metric = config.get("distance_metric", "L2")
        return cls(**{**config, "distance_metric": keras.saving.deserialize_keras_object(metric)})


@keras.saving.register_keras_serializable(package="Addons")
class TripletSemiHardLoss(_Triplet):
    """`triplet_semihard_loss` as a loss for `compile`.

    Args:
        margin: number in units of the distance.
        distance_metric: `"L2"`, `"squared-L2"`, `"angular"`, or a registered function from [N, D] to [N, N].
        name: name of the loss.
        **kwargs: `reduction` and `dtype`, see `zoo.addons.base.AddonsLoss`.

    Raises:
        ValueError: a margin that is no number, an unknown distance.

    Example:

    >>> float(TripletSemiHardLoss(margin=0.75)([0, 0, 1], [[0.0], [1.0], [1.5]]))
    0.75

    Related: `TripletHardLoss`, `zoo.losses.TripletLoss`.
    """

    def __init__(self, margin=1.0, distance_metric="L2", name=None, **kwargs):
        super().__init__(margin, distance_metric, name, **kwargs)

    def call(self, y_true, y_pred):
        return triplet_semihard_loss(y_true, y_pred, self.margin, self.distance_metric)


@keras.saving.register_keras_serializable(package="Addons")
class TripletHardLoss(_Triplet):
    """`triplet_hard_loss` as a loss for `compile`.

    Args:
        margin: number in units of the distance.
        soft: use the soft margin.
        distance_metric: `"L2"`, `"squared-L2"`, `"angular"`, or a registered function from [N, D] to [N, N].
        name: name of the loss.
        **kwargs: `reduction` and `dtype`, see `zoo.addons.base.AddonsLoss`.

    Raises:
        ValueError: a margin that is no number, an unknown distance.

    Example:

    >>> round(float(TripletHardLoss(soft=True)([0, 0, 1], [[0.0], [1.0], [1.5]])), 4)
    0.6407

    Related: `TripletSemiHardLoss`, `zoo.losses.TripletLoss`.
    """

    def __init__(self, margin=1.0, soft=False, distance_metric="L2", name=None, **kwargs):
        super().__init__(margin, distance_metric, name, **kwargs)
        self.soft = errors.flag("soft", soft)

    def call(self, y_true, y_pred):
        return triplet_hard_loss(y_true, y_pred, self.margin, self.soft, self.distance_metric)

    def get_config(self):
        return {**super().get_config(), "soft": self.soft}
