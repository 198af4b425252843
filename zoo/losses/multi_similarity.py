"""Multi-similarity: every pair weighed by its own similarity and by those of the other pairs of its anchor."""

import keras
from keras import ops

from zoo import errors
from zoo.losses.row_loss import highest
from zoo.losses.sides import SideLoss
from zoo.mining import FAR


@keras.saving.register_keras_serializable(package="zoo")
class MultiSimilarityLoss(SideLoss):
    """Weighs pairs by how far they are from a base similarity, after leaving out those that are easy for the anchor.

    log(1 + sum over positives p of exp(alpha (base - s_ap))) / alpha
    + log(1 + sum over negatives n of exp(beta (s_an - base))) / beta, mean over anchors. The miner keeps the positives with
    s_ap - epsilon below the nearest negative and the negatives with s_an + epsilon above the farthest positive.

    Needs batches with several samples of several classes: `zoo.data.pk_batches`. With the miner, anchors without a
    positive or without a negative are left out; without it each of the two sums stands alone.

    Args:
        alpha: how sharply far positives outweigh near ones.
        beta: how sharply near negatives outweigh far ones.
        base: similarity at which a pair starts to matter.
        epsilon: slack of the miner; None keeps all pairs.
        distance: `"cosine"`, `"dot"`, `"euclidean"` or `"squared_euclidean"`; a distance enters with its sign turned.
        normalize: scale rows to unit length first; None does so for the cosine only.
        denominator: the sum over anchors is divided by the number of valid `"anchors"`, of `"active"` ones (with a pair that
            the miner kept), of all `"rows"` of the batch as other libraries do, or by nothing (`"sum"`).
        anchor_chunk: rows computed at a time, for memory of O(N x chunk); None takes all at once.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: an unknown word, a setting that is no number, alpha or beta not above 0.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.MultiSimilarityLoss()
    >>> round(float(loss([0, 0, 1], [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])), 4)
    0.8637

    Related: `zoo.losses.CircleLoss`; `zoo.losses.LiftedStructureLoss`.

    References: Wang et al. 2019, Multi-similarity loss with general pair weighting for deep metric learning (alpha 2,
    beta 50, epsilon 0.1).
    """

    adjustable = ("base", "epsilon")
    settings = ("alpha", "beta", "base", "epsilon")

    def __init__(
        self,
        alpha=2.0,
        beta=50.0,
        base=0.5,
        epsilon=0.1,
        distance="cosine",
        normalize=None,
        denominator="anchors",
        anchor_chunk=None,
        reduction="mean",
        name="multisimilarity",
        dtype=None,
    ):
        super().__init__(distance, normalize, denominator, anchor_chunk, reduction, name, dtype)
        self.alpha, self.beta = errors.number("alpha", alpha, 1e-6), errors.number("beta", beta, 1e-6)
        self.base = errors.number("base", base)
        self.epsilon = epsilon if epsilon is None else errors.number("epsilon", epsilon)

    def sides(self, near, far):
        pulled, pushed = near.only(-near.similarity), far.only(far.similarity)
        (farthest, has_positive), (nearest, has_negative) = highest(pulled), highest(pushed)
        if self.epsilon is None:
            anchor = active = ops.logical_or(has_positive, has_negative)
            kept = 1.0, 1.0
        else:
            anchor = ops.logical_and(has_positive, has_negative)
            active = ops.logical_and(anchor, -farthest - self.epsilon < nearest)
            near, far = ops.where(anchor, nearest, -FAR), ops.where(anchor, farthest, -FAR)
            kept = pulled > -near - self.epsilon, pushed > -far - self.epsilon
            kept = [ops.cast(side, nearest.dtype) for side in kept]
        pull, by_near = soft_hinge(pulled, farthest, kept[0], self.alpha, -self.base)
        push, by_far = soft_hinge(pushed, nearest, kept[1], self.beta, self.base)
        return (pull + push)[:, 0], anchor[:, 0], active[:, 0], -by_near, by_far


def soft_hinge(scores, top, kept, sharpness, base):
    """log(1 + sum exp(k (z - base))) / k over the kept columns [C, 1], and its derivative by z [C, W].

    `top` is the largest z of a row [C, 1].
    """
    shift = ops.relu(sharpness * (top - base))
    powers = ops.exp(sharpness * scores - (sharpness * base + shift)) * kept
    total = ops.sum(powers, axis=1, keepdims=True) + ops.exp(-shift)
    return (shift + ops.log(total)) / sharpness, powers / total
