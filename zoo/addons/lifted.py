"""Lifted structure, as tensorflow-addons defines it, without its N x N x N tensor."""

import keras
from keras import ops

from zoo import mining
from zoo.addons import metric_learning
from zoo.addons.base import AddonsLoss, fixed, scalar
from zoo.losses.base import check_batch, divide


@keras.saving.register_keras_serializable(package="Addons")
def lifted_struct_loss(labels, embeddings, margin=1.0):
    """Push away all negatives of both ends of every positive pair at once.

    With L_i = log sum exp(margin - d(i, n)) over rows n of other classes, J_ij = log(exp(L_i) + exp(L_j)) + d(i, j),
    the mean over pairs (i, j) of one class of max(0, J_ij)^2 / 2. d is the euclidean distance. Without a pair, and with
    one class only, the loss is 0.

    Needs batches with several samples of several classes.

    Args:
        labels: class ids [N] or [N, 1].
        embeddings: floats [N, D], not normalized.
        margin: number.

    Returns:
        A scalar.

    Raises:
        ValueError: bad shapes, labels with fractions.

    Example:

    >>> round(float(lifted_struct_loss([0, 0, 1], [[0.0], [1.0], [1.5]])), 4)
    1.644

    Related: `triplet_semihard_loss`.

    Reference: Song et al. 2016.
    """
    labels, x = check_batch(labels, embeddings)
    distance = metric_learning.pairwise_distance(x)
    positives, negatives = mining.positive_mask(labels), mining.negative_mask(labels)
    # A row without a negative means that there is one class only: nothing is pushed, no pair counts.
    pushed = ops.any(negatives, axis=1, keepdims=True)  # (N, 1)
    push = ops.where(negatives, scalar("margin", margin, x.dtype) - distance, -float("inf"))
    push = ops.logsumexp(ops.where(pushed, push, 0.0), axis=1, keepdims=True)  # (N, 1)
    both = push + ops.softplus(ops.transpose(push) - push)  # (N, N): log(exp(L_i) + exp(L_j)), no overflow
    pair = ops.cast(ops.logical_and(positives, pushed), distance.dtype)
    return divide(ops.sum(ops.square(ops.relu(both + distance)) * pair), 2.0 * ops.sum(pair))


@keras.saving.register_keras_serializable(package="Addons")
class LiftedStructLoss(AddonsLoss):
    """`lifted_struct_loss` as a loss for `compile`.

    Args:
        margin: number.
        name: name of the loss.
        **kwargs: `reduction` and `dtype`, see `zoo.addons.base.AddonsLoss`.

    Raises:
        ValueError: a margin that is no number.

    Example:

    >>> round(float(LiftedStructLoss(margin=0.0)([0, 0, 1], [[0.0], [1.0], [1.5]])), 4)
    0.3307

    Related: `TripletSemiHardLoss`.
    """

    def __init__(self, margin=1.0, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.margin = fixed("margin", margin)

    def call(self, y_true, y_pred):
        return lifted_struct_loss(y_true, y_pred, self.margin)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}
