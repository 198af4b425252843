"""Margin loss: every pair of the batch against one boundary distance."""

import keras
from keras import ops

from zoo import errors
from zoo.losses.row_loss import RowLoss


@keras.saving.register_keras_serializable(package="zoo")
class MarginLoss(RowLoss):
    """Keeps positives below a boundary distance beta and negatives above it, each by a margin.

    Over all triplets (a, p, n): max(0, d_ap - beta + margin) + max(0, beta - d_an + margin), divided by the number of these
    terms that are above 0. Sums over triplets need sums over pairs only, so this takes O(N^2).

    Needs batches with several samples of several classes: `zoo.data.pk_batches`. Anchors without a positive or
    without a negative are left out.

    Args:
        margin: number in units of the distance.
        beta: the boundary; a `zoo.layers.LossLayer` keeps it as a weight, so that it can follow a schedule.
        distance: `"euclidean"`, `"squared_euclidean"` or `"cosine"`, which is 1 - s here.
        normalize: scale rows to unit length first, as the paper does; False takes them as they are.
        denominator: the sum over triplets is divided by the number of `"active"` terms (above 0), of `"valid"` ones (two a
            triplet), of valid `"anchors"`, or by nothing (`"sum"`, with the reduction `"mean"`).
        anchor_chunk: rows computed at a time, for memory of O(N x chunk); None takes all at once.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: an unknown word, a setting that is no number, the distance `"dot"`, which has no zero.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.MarginLoss()
    >>> round(float(loss([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.8, 0.6]])), 4)
    0.7675

    Related: `zoo.losses.ContrastiveLoss` weighs pairs without regard to the triplets they are in.

    References: Wu et al. 2017, Sampling matters in deep embedding learning (margin 0.2, beta 1.2; without its sampling and
    its learnt boundaries).
    """

    adjustable = ("margin", "beta")
    denominators = ("active", "valid", "anchors", "sum")
    settings = ("margin", "beta")

    def __init__(
        self,
        margin=0.2,
        beta=1.2,
        distance="euclidean",
        normalize=True,
        denominator="active",
        anchor_chunk=None,
        reduction="mean",
        name="margin",
        dtype=None,
    ):
        super().__init__(distance, normalize, denominator, anchor_chunk, reduction, name, dtype)
        if distance == "dot":
            raise ValueError("distance='dot' has no zero from which to measure a boundary; use 'cosine' or 'euclidean'")
        self.margin, self.beta = errors.number("margin", margin), errors.number("beta", beta)

    def row(self, similarity, positives, negatives):
        distance = 1.0 - similarity if self.distance == "cosine" else -similarity
        near, far = ops.cast(positives, similarity.dtype), ops.cast(negatives, similarity.dtype)
        pairs, rivals = ops.sum(near, axis=1, keepdims=True), ops.sum(far, axis=1, keepdims=True)
        # Each positive pair stands in as many triplets as there are negatives, and the other way round.
        near, far = rivals * near, pairs * far
        pull, push = ops.relu(distance - self.beta + self.margin), ops.relu(self.beta - distance + self.margin)
        near, far = near * ops.cast(pull > 0, near.dtype), far * ops.cast(push > 0, far.dtype)
        value, active = ops.sum(near * pull + far * push, axis=1), ops.sum(near + far, axis=1)
        return value, 2.0 * (pairs * rivals)[:, 0], active, lambda upstream: upstream * (far - near)
