"""Losses of two towers over all pairs at once: similarity should say whether a pair matches, many to many."""

import math
import warnings

import keras
from keras import ops

from zoo import errors
from zoo.losses.base import Terms, divide
from zoo.losses.row_loss import mask_means
from zoo.losses.towers import Draws, TowerLoss

FORMS = ("balanced", "plain")
SIMILARITIES = ("relu_cosine", "half_cosine", "sigmoid", "dot")


@keras.saving.register_keras_serializable(package="zoo")
class ManyToManyLoss(TowerLoss):
    """Compares the similarity of every pair of two towers with its matchness, 1 or 0.

    With M_ij = 1 where row i of x matches row j of y, else 0, and S_ij their similarity, `form="balanced"` is half the
    mean of |1 - S| over matches and half the mean of |S| over all others; `form="plain"` is the mean of |M - S| over
    all pairs. The plain form collapses: the best constant answer under |M - S| is the median of M, and that is 0 where
    less than half of the pairs match. It is kept to show this; its loss then rests at the share of matches.

    Any batch will do; a half without pairs is left out.

    Args:
        form: `"balanced"` or `"plain"`.
        similarity: `"relu_cosine"`, max(0, cos); `"half_cosine"`, (1 + cos) / 2; `"sigmoid"`, s(exp(log_scale) cos + bias);
            or `"dot"`.
        negative_ratio: None, or how many pairs that do not match are drawn for each that does; at most 1 keeps the
            plain form from collapsing.
        gap_penalty: weight of max(0, gap - (mean similarity of matches - mean similarity of others)).
        gap: how far apart the two means should be.
        log_scale, bias: of `"sigmoid"`, learnt by a `LossLayer`; None starts at log 10 and -5.
        seed: of the draws, see `zoo.losses.RankingLoss`.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: an unknown word, a ratio or penalty below 0, a scale without the sigmoid.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.ManyToManyLoss()
    >>> round(float(loss([7, 8], ([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]))), 4)
    0.5

    Related: `zoo.losses.PairwiseSigmoid`, the better choice for pairs that match many to many.

    References: none known for the L1 form; the sigmoid of pairs is Zhai et al. 2023.
    """

    adjustable = ("gap_penalty", "gap")
    learns = ("log_scale", "bias")

    def __init__(
        self,
        form="balanced",
        similarity="relu_cosine",
        negative_ratio=None,
        gap_penalty=0.0,
        gap=0.5,
        log_scale=None,
        bias=None,
        seed=None,
        reduction="mean",
        name="manytomany",
        dtype=None,
    ):
        super().__init__(normalize=similarity != "dot", reduction=reduction, name=name, dtype=dtype)
        for kind, value, valid in (("form", form, FORMS), ("similarity", similarity, SIMILARITIES)):
            if value not in valid:
                raise ValueError(errors.unknown(kind, value, valid))
        if similarity != "sigmoid" and (log_scale, bias) != (None, None):
            raise ValueError(f"log_scale={log_scale!r}, bias={bias!r}: not of similarity={similarity!r}, but of 'sigmoid'")
        if similarity == "sigmoid":
            log_scale = errors.number("log_scale", math.log(10) if log_scale is None else log_scale)
            bias = errors.number("bias", -5.0 if bias is None else bias)
        self.form, self.similarity, self.log_scale, self.bias = form, similarity, log_scale, bias
        self.gap_penalty, self.gap = errors.number("gap_penalty", gap_penalty, 0), errors.number("gap", gap)
        self.negative_ratio = None if negative_ratio is None else errors.number("negative_ratio", negative_ratio, 0)
        if form == "plain" and negative_ratio is not None and negative_ratio > 1:
            warnings.warn(
                f"negative_ratio={negative_ratio}: with more zeros than ones the median of matchness is 0, so answering 0 "
                "to every pair is the best constant and the towers may collapse to it; 1 or less is safe",
                stacklevel=2,
            )
        self.draws = None if negative_ratio is None else Draws(seed)
        self.seed = seed if self.draws is None else self.draws.seed

    def pairs(self, similarity, positives, negatives):
        s = self._similarity(similarity)
        matches, others = ops.cast(positives, s.dtype), ops.cast(negatives, s.dtype)
        if self.draws is not None:
            keep = self.negative_ratio * divide(ops.sum(matches), ops.sum(others))
            others = others * ops.cast(ops.cast(self.draws(ops.shape(s)), s.dtype) < keep, s.dtype)
        count, rivals = ops.sum(matches), ops.sum(others)
        cost = matches * ops.abs(1.0 - s), others * ops.abs(s)
        if self.form == "balanced":
            values = ops.sum(0.5 * divide(cost[0], count) + 0.5 * divide(cost[1], rivals), axis=1)
        else:
            values = ops.sum(divide(cost[0] + cost[1], count + rivals), axis=1)
        means = divide(ops.sum(matches * s), count), divide(ops.sum(others * s), rivals)
        both = ops.logical_and(count > 0, rivals > 0)
        penalty = ops.where(both, ops.relu(self.gap - (means[0] - means[1])), 0.0)
        rows = ops.sum(ops.ones_like(values))
        health = {
            "valid_anchors": rows,
            "active_fraction": divide(ops.sum(ops.cast(cost[0] + cost[1] > 0, s.dtype)), count + rivals),
            **mask_means(s, positives, negatives),
        }
        return Terms(rows * values + self.gap_penalty * penalty, ops.ones_like(values), health)

    def _similarity(self, cosine):
        if self.similarity == "relu_cosine":
            return ops.relu(cosine)
        if self.similarity == "half_cosine":
            return 0.5 + 0.5 * cosine
        if self.similarity == "sigmoid":
            return ops.sigmoid(_logits(cosine, self.log_scale, self.bias))
        return cosine

    def get_config(self):
        settings = ("form", "similarity", "negative_ratio", "gap_penalty", "gap", "log_scale", "bias", "seed")
        config = {**super().get_config(), **{key: getattr(self, key) for key in settings}}
        del config["normalize"]  # follows from the similarity
        return config


@keras.saving.register_keras_serializable(package="zoo")
class PairwiseSigmoid(TowerLoss):
    """Asks of every pair of two towers, alone, whether it matches: logistic regression on the similarity.

    With t = exp(log_scale), b the bias and s_ij the similarity of row i of x and row j of y, a pair costs
    -log sigmoid(t s_ij + b) when it matches and -log sigmoid(-(t s_ij + b)) when it does not. The loss is the mean
    over all pairs. A `LossLayer` learns log_scale and bias; a bare loss keeps them.

    Any batch will do. Pairs may match many to many, and no pair is weighed against another.

    Args:
        log_scale: number; its exponential t stays positive while it is learnt.
        bias: number; log(r / (1 - r)), with r the share of pairs that match, starts at the base rate: -5 for a batch
            of 128 that matches one to one. The paper starts at -10, for large batches.
        normalize: cosine similarity, True, or dot product, False; `"first"` or `"second"` scales one tower only.
        denominator: the sum over pairs is divided by the number of `"pairs"`, or by that of rows, `"batch"`, as in the
            paper.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: an unknown word, a scale or bias that is no number.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.PairwiseSigmoid(log_scale=0.0, bias=0.0)
    >>> round(float(loss([7, 8], ([[0.0], [0.0]], [[1.0], [1.0]]))), 4)
    0.6931

    Related: `zoo.losses.ManyToManyLoss`; `zoo.losses.MaskedMarginSoftmax` compares pairs with each other.

    Reference: Zhai, Mustafa, Kolesnikov and Beyer 2023, Sigmoid loss for language image pre-training.
    """

    adjustable = ()
    learns = ("log_scale", "bias")

    def __init__(
        self,
        log_scale=2.302585092994046,
        bias=-10.0,
        normalize=True,
        denominator="pairs",
        reduction="mean",
        name="sigmoid",
        dtype=None,
    ):
        super().__init__(normalize=normalize, reduction=reduction, name=name, dtype=dtype)
        if denominator not in ("pairs", "batch"):
            raise ValueError(errors.unknown("denominator", denominator, ("pairs", "batch")))
        self.log_scale, self.bias = errors.number("log_scale", log_scale), errors.number("bias", bias)
        self.denominator = denominator

    def pairs(self, similarity, positives, negatives):
        logits = _logits(similarity, self.log_scale, self.bias)
        cost = ops.softplus(ops.where(positives, -logits, logits))  # (N, M)
        values = ops.mean(cost, axis=1) if self.denominator == "pairs" else ops.sum(cost, axis=1)
        health = {
            "valid_anchors": ops.sum(ops.ones_like(values)),
            "active_fraction": ops.mean(ops.cast(cost > 0, cost.dtype)),
            **mask_means(similarity, positives, negatives),
        }
        return Terms(values, ops.ones_like(values), health)

    def get_config(self):
        settings = ("log_scale", "bias", "denominator")
        return {**super().get_config(), **{key: getattr(self, key) for key in settings}}


def _logits(similarity, log_scale, bias):
    return ops.exp(ops.convert_to_tensor(log_scale, dtype=similarity.dtype)) * similarity + bias
