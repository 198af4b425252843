"""Circle loss: every pair at its own pace, faster the farther it is from where it should be."""

import keras
from keras import ops

from zoo import errors
from zoo.losses.row_loss import exponentials
from zoo.losses.sides import SideLoss


@keras.saving.register_keras_serializable(package="zoo")
class CircleLoss(SideLoss):
    """Weighs each similarity by its distance to its optimum, so that the decision boundary is a circle.

    With cosines s, the positives' weight w_p = max(0, 1 + margin - s_ap) and the negatives' w_n = max(0, s_an + margin),
    z_p = gamma w_p (1 - margin - s_ap) and z_n = gamma w_n (s_an - margin):

    - `form="joint"` (the paper): log(1 + sum_p exp z_p sum_n exp z_n), no gradient through the weights.
    - `form="separate"` (tensorflow-similarity): log(1 + sum_p exp z_p) + log(1 + sum_n exp z_n), with that gradient.

    Needs batches with several samples of several classes: `zoo.data.pk_batches`. Anchors without a positive or
    without a negative are left out.

    Args:
        margin: radius of the circle's relaxation: a larger one asks for less. 0.4 and gamma 80 are the paper's for image
            retrieval, 0.25 and 256 for faces.
        gamma: scale.
        form: `"joint"` or `"separate"`.
        distance: `"cosine"`, or `"dot"` for rows that are of unit length already.
        denominator: the sum over anchors is divided by the number of valid `"anchors"`, of `"active"` ones (cost above 0),
            of all `"rows"` of the batch, or by nothing (`"sum"`, with the reduction `"mean"`).
        anchor_chunk: rows computed at a time, for memory of O(N x chunk); None takes all at once.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: an unknown word, a margin that is no number, gamma not above 0.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.CircleLoss(margin=0.25, gamma=1.0)
    >>> round(float(loss([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])), 4)
    0.6326

    Related: `zoo.losses.MultiSimilarityLoss`.

    References: Sun et al. 2020, Circle loss: a unified perspective of pair similarity optimization.
    """

    settings = ("margin", "gamma", "form")

    def __init__(
        self,
        margin=0.4,
        gamma=80.0,
        form="joint",
        distance="cosine",
        denominator="anchors",
        anchor_chunk=None,
        reduction="mean",
        name="circle",
        dtype=None,
    ):
        super().__init__(distance, None, denominator, anchor_chunk, reduction, name, dtype)
        if form not in ("joint", "separate"):
            raise ValueError(errors.unknown("form", form, ("joint", "separate")))
        if distance not in ("cosine", "dot"):
            raise ValueError(f"distance must be 'cosine' or 'dot', not {distance!r}: the circle is drawn in similarities")
        self.margin, self.gamma, self.form = errors.number("margin", margin), errors.number("gamma", gamma, 1e-6), form

    def sides(self, near, far):
        # With u = 1 - s for positives and s for the others, both scores are gamma max(0, u + margin) (u - margin).
        pulled, near_slope = self._scores(1.0 - near.similarity)
        pushed, far_slope = self._scores(far.similarity)
        pull, near, near_total, has_positive = exponentials(near.only(pulled))
        push, far, far_total, has_negative = exponentials(far.only(pushed))
        anchor = ops.cast(ops.logical_and(has_positive, has_negative), push.dtype)  # (C, 1)
        if self.form == "joint":
            value, lost = ops.softplus(pull + push), (ops.sigmoid(pull + push),) * 2
        else:
            value, lost = ops.softplus(pull) + ops.softplus(push), (ops.sigmoid(pull), ops.sigmoid(push))
        value, scale = (anchor * value)[:, 0], anchor * self.gamma
        by_near = (-scale * lost[0] / near_total) * (near_slope * near)
        by_far = (scale * lost[1] / far_total) * (far_slope * far)
        return value, anchor[:, 0], value > 0, by_near, by_far

    def _scores(self, away):
        """Scores [C, W] and what their derivative is taken to be, over gamma: the joint form keeps the weight fixed."""
        weight = ops.relu(away + self.margin)
        slope = weight if self.form == "joint" else 2.0 * away * ops.cast(weight > 0, weight.dtype)
        return weight * (self.gamma * away - self.gamma * self.margin), slope

    def get_config(self):
        config = super().get_config()
        del config["normalize"]
        return config
