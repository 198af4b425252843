"""Ranking losses of two towers: each match must beat what does not match, by a margin, in both directions."""

import keras
from keras import ops

from zoo import errors
from zoo.losses.base import divide
from zoo.losses.towers import Draws, TowerLoss, anchor_terms, both_ways

NEGATIVES = ("all", "hard", "random")
DENOMINATORS = ("batch", "sum")


@keras.saving.register_keras_serializable(package="zoo")
class RankingLoss(TowerLoss):
    """Asks every matched pair of two towers to be closer than its rivals by a margin, in both directions.

    With s_ij the similarity of row i of x and row j of y, a matched pair (i, j) costs the hinges
    max(0, margin - s_ij + s_ik) over rows k of y that do not match i, and max(0, margin - s_ij + s_kj) over rows k of
    x that do not match j. `negative="all"` sums them, `"hard"` takes the largest of each direction, `"random"` one
    drawn evenly for each anchor. The loss is the mean over matched pairs.

    Needs matched pairs of at least two ids. The hardest negative of a batch collapses easily at the start:
    `hardness=a` costs (1 - a) x mean + a x largest hinge; a schedule of a `LossLayer` from 0 to 1 warms it up.

    `"random"` too compares all pairs, also by a matchmap: how many match is known from the labels alone, at run time, and the
    batch health speaks of all of them.

    | name in the zoo | negative | margin | similarity  |
    | --------------- | -------- | ------ | ----------- |
    | `ranking`       | all      | 0.2    | cosine      |
    | `maxranking`    | hard     | 0.2    | cosine      |
    | `maxmargin`     | random   | 1.0    | dot product |

    Args:
        margin: number, in units of the similarity.
        negative: `"all"`, `"hard"` (nearest) or `"random"`.
        hardness: None, or a number from 0 to 1, for `negative="hard"` only.
        normalize: cosine similarity, True, or dot product, False; `"first"` or `"second"` scales one tower only.
        denominator: the sum is divided by the number of matched pairs, `"batch"`, or by nothing, `"sum"` (with the
            reduction `"mean"`).
        seed: of the draws of `"random"`. Every call draws anew; the same seed gives the same sequence of draws. In a
            `LossLayer` the place in the sequence is saved and resumed; a bare loss on JAX repeats one draw in `fit`.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: an unknown word, a hardness outside 0..1 or without the hardest negative.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.RankingLoss(margin=0.2)
    >>> round(float(loss([7, 8], ([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]))), 4)
    0.8

    Related: `zoo.losses.MaskedMarginSoftmax` weighs all rivals by how near they are.

    References: Kiros et al. 2014 (sum); Faghri et al. 2018, VSE++ (largest); Harwath et al. 2016 (drawn).
    """

    adjustable = ("margin", "hardness")

    def __init__(
        self,
        margin=0.2,
        negative="all",
        hardness=None,
        normalize=True,
        denominator="batch",
        seed=None,
        reduction="mean",
        name="ranking",
        dtype=None,
    ):
        super().__init__(normalize=normalize, reduction=reduction, name=name, dtype=dtype)
        for kind, value, valid in (("negative", negative, NEGATIVES), ("denominator", denominator, DENOMINATORS)):
            if value not in valid:
                raise ValueError(errors.unknown(kind, value, valid))
        if hardness is not None:
            hardness = errors.number("hardness", hardness, 0, 1)
            if negative != "hard":
                raise ValueError(f"hardness={hardness!r} blends towards the hardest negative; it needs negative='hard'")
        self.margin, self.negative, self.hardness = errors.number("margin", margin), negative, hardness
        self.denominator = denominator
        self.draws = Draws(seed) if negative == "random" else None
        self.seed = seed if self.draws is None else self.draws.seed

    def pairs(self, similarity, positives, negatives):
        noise = None if self.draws is None else [self.draws(ops.shape(similarity)), self.draws(ops.shape(similarity)[::-1])]

        def function(s, positives, negatives, way):
            if self.negative == "random":
                return _one_rival(s, positives, negatives, noise[way], self.margin)
            if self.negative == "hard" and self.hardness is None:
                return _one_rival(s, positives, negatives, s, self.margin)
            every, by_every = _all_rivals(s, positives, negatives, self.margin)
            if self.negative == "all":
                return every, by_every
            hard, by_hard = _one_rival(s, positives, negatives, s, self.margin)
            rivals = ops.sum(ops.cast(negatives, s.dtype), axis=1, keepdims=True)
            share = divide(1.0 - self.hardness, rivals)  # (N, 1)
            cost = share * every[:, :1] + self.hardness * hard[:, :1]
            return ops.concatenate([cost, every[:, 1:]], axis=1), share * by_every + self.hardness * by_hard

        rows, columns = both_ways(function, similarity, positives, negatives)
        return anchor_terms(rows, columns, similarity, positives, negatives, self.denominator)

    def get_config(self):
        settings = ("margin", "negative", "hardness", "denominator", "seed")
        return {**super().get_config(), **{key: getattr(self, key) for key in settings}}


@keras.saving.register_keras_serializable(package="zoo")
class MaskedMarginSoftmax(TowerLoss):
    """Asks every matched pair of two towers to outweigh all rivals in a softmax, in both directions.

    With s_ij the similarity of row i of x and row j of y, and m the margin, a matched pair (i, j) costs
    -log(e / (e + sum_k exp(s_ik / T))) with e = exp((s_ij - m) / T) and k over the rows of y that do not match i, and
    the same over rows of x that do not match j. Other matches are masked: they are neither rivals nor reward. The
    loss is the mean over matched pairs.

    Needs matched pairs of at least two ids. The paper compares by the dot product and lets the margin grow while
    training, which is a schedule of a `LossLayer`. Unit vectors need a temperature of about 0.1.

    Args:
        margin: number m, in units of the similarity.
        temperature: number T.
        normalize: cosine similarity, True, or dot product, False; `"first"` or `"second"` scales one tower only.
        denominator: the sum is divided by the number of matched pairs, `"batch"`, or by nothing, `"sum"` (with the
            reduction `"mean"`).
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: an unknown word, a temperature that is not positive.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.MaskedMarginSoftmax(margin=0.0)
    >>> round(float(loss([7, 8], ([[0.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]))), 4)
    1.3863

    Related: `zoo.losses.RankingLoss` stops at a margin.

    Reference: Ilharco et al. 2019, Large-scale representation learning from visually grounded untranscribed speech.
    """

    adjustable = ("margin", "temperature")

    def __init__(
        self,
        margin=0.001,
        temperature=1.0,
        normalize=False,
        denominator="batch",
        reduction="mean",
        name="mms",
        dtype=None,
    ):
        super().__init__(normalize=normalize, reduction=reduction, name=name, dtype=dtype)
        if denominator not in DENOMINATORS:
            raise ValueError(errors.unknown("denominator", denominator, DENOMINATORS))
        self.margin, self.denominator = errors.number("margin", margin), denominator
        self.temperature = errors.number("temperature", temperature, 1e-6)

    def pairs(self, similarity, positives, negatives):
        def function(s, positives, negatives, way):
            return _softmax_of_rivals(s, positives, negatives, self.margin, self.temperature)

        rows, columns = both_ways(function, similarity, positives, negatives)
        return anchor_terms(rows, columns, similarity, positives, negatives, self.denominator)

    def get_config(self):
        settings = ("margin", "temperature", "denominator")
        return {**super().get_config(), **{key: getattr(self, key) for key in settings}}


def _all_rivals(s, positives, negatives, margin):
    """Hinges of every match against every rival: cost, active and all terms [N, 3], derivative of the cost [N, M]."""
    matches, rivals = ops.cast(positives, s.dtype), ops.cast(negatives, s.dtype)

    def single():
        own = ops.sum(ops.where(positives, s, 0.0), axis=1, keepdims=True)
        active = ops.where(s - own + margin > 0, rivals, 0.0) * ops.sum(matches, axis=1, keepdims=True)
        return active - matches * ops.sum(active, axis=1, keepdims=True), ops.sum(active, axis=1)

    def several():  # by sorting
        return _triplet_weights(s, positives, negatives, margin)

    most = ops.max(ops.sum(matches, axis=1))
    weights, active = ops.cond(most > 1, several, single)
    terms = ops.sum(matches, axis=1) * ops.sum(rivals, axis=1)
    cost = margin * active + ops.sum(weights * s, axis=1)
    return ops.stack([cost, active, terms], axis=1), weights


def _triplet_weights(s, positives, negatives, margin):
    """Derivative of the hinges summed over all (positive, negative) of a row [N, M], and how many are active [N].

    The sum is piecewise linear, so rank counts give its derivative: one sort a row, see `zoo.losses.batch_all`.
    """
    key = ops.where(positives, margin - s, ops.where(negatives, -s, float("inf")))
    tie = ops.argsort(ops.where(positives, 0, 1), axis=1)  # positives first inside a tie, which is not active
    order = ops.take_along_axis(tie, ops.argsort(ops.take_along_axis(key, tie, axis=1), axis=1), axis=1)
    positive = ops.cast(ops.take_along_axis(positives, order, axis=1), s.dtype)
    negative = ops.cast(ops.take_along_axis(negatives, order, axis=1), s.dtype)
    before = ops.cumsum(negative, axis=1)
    after = ops.sum(positive, axis=1, keepdims=True) - ops.cumsum(positive, axis=1)
    weights = negative * after - positive * before
    return ops.take_along_axis(weights, ops.argsort(order, axis=1), axis=1), ops.sum(positive * before, axis=1)


def _one_rival(s, positives, negatives, key, margin):
    """Hinges of every match against the rival of the largest key [N, M]; returns as `_all_rivals`."""
    found = ops.any(negatives, axis=1, keepdims=True)
    rival = ops.argmax(ops.where(negatives, key, -float("inf")), axis=1)[:, None]  # (N, 1)
    hinges = ops.relu(ops.take_along_axis(s, rival, axis=1) - s + margin)
    matches = ops.cast(ops.logical_and(positives, found), s.dtype)
    hinges = hinges * matches
    active = ops.cast(hinges > 0, s.dtype)
    count = ops.sum(active, axis=1, keepdims=True)
    columns = ops.arange(ops.shape(s)[1], dtype=rival.dtype)[None, :]
    outputs = ops.stack([ops.sum(hinges, axis=1), count[:, 0], ops.sum(matches, axis=1)], axis=1)
    return outputs, ops.where(columns == rival, count, 0.0) - active


def _softmax_of_rivals(s, positives, negatives, margin, temperature):
    """Cross-entropy of every match against all rivals; returns as `_all_rivals`."""
    found = ops.any(negatives, axis=1, keepdims=True)
    logits = ops.where(negatives, s / temperature, -1e30)  # finite, so that a row without rivals is no NaN
    matches = ops.cast(ops.logical_and(positives, found), s.dtype)
    whole = ops.logsumexp(logits, axis=1, keepdims=True)
    excess = ops.where(found, whole, 0.0) - (s - margin) / temperature
    cost = ops.softplus(excess) * matches
    slope = ops.sigmoid(excess) * matches / temperature
    weights = ops.exp(logits - whole) * ops.sum(slope, axis=1, keepdims=True) - slope
    active = ops.cast(cost > 0, s.dtype)
    return ops.stack([ops.sum(part, axis=1) for part in (cost, active, matches)], axis=1), weights
