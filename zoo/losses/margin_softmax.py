"""Softmax cross-entropy on class scores, and on cosines with a margin for the own class."""

import math

import keras
from keras import ops

from zoo import errors
from zoo.losses.base import Loss, Terms
from zoo.losses.hinge import score_health
from zoo.losses.scores import cross_entropy, own_scores

KINDS = ("cosface", "arcface")


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

    Related: `zoo.losses.MulticlassHinge` stops at a margin, cross-entropy never does; `zoo.losses.MarginSoftmax`
    compares directions only.

    Reference: Bridle 1990.
    """

    takes = "scores"

    def __init__(self, reduction="mean", name="softmax", dtype=None):
        super().__init__(reduction=reduction, name=name, dtype=dtype)

    def terms(self, labels, scores):
        values = cross_entropy(scores, labels)
        return Terms(values, ops.ones_like(values), score_health(values))


@keras.saving.register_keras_serializable(package="zoo")
class MarginSoftmax(Loss):
    """Cross-entropy of scaled cosines to class weights, where the own class must win by a margin.

    With cosines c_j = cos(theta_j), scores are scale c_j for the other classes, and for the own class y
    scale (c_y - margin) (`kind="cosface"`) or scale cos(theta_y + margin) (`kind="arcface"`; beyond
    theta_y = pi - margin, where that would rise again, scale (c_y - margin sin(margin))). Margin 0 is the normalized
    softmax with the temperature 1 / scale.

    The papers' scale of 64 is for many thousands of classes. For 2 to 150 classes begin with scale 16 to 30 and margin
    0.2, and choose the scale before the margin: scores must be able to reach a probability p, for which C classes need a
    scale of at least (C - 1) / C log((C - 1) p / (1 - p)).

    Needs class ids 0..C-1 as labels; any batch will do. A `zoo.layers.LossLayer` owns the class weights and computes
    the cosines; without one give the cosines [N, C] yourself.

    Args:
        kind: `"cosface"` or `"arcface"`.
        margin: number of at least 0: of cosine for cosface, of radians up to pi / 2 for arcface.
        scale: number above 0.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: an unknown kind, a margin or a scale out of range, labels outside 0..C-1.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.MarginSoftmax(margin=0.35, scale=16.0)
    >>> round(float(loss([0], [[0.8, 0.3, -0.2]])), 5)
    0.08686

    Related: `zoo.losses.AngularSoftmax` multiplies the angle instead; `zoo.losses.ProxyAnchorLoss` compares classes
    with the samples of the batch.

    References: Wang et al. 2018 (CosFace); Deng et al. 2019 (ArcFace).
    """

    takes = "cosines"
    adjustable = ("margin", "scale")

    def __init__(self, kind="cosface", margin=0.35, scale=64.0, reduction="mean", name="margin_softmax", dtype=None):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        if kind not in KINDS:
            raise ValueError(errors.unknown("kind", kind, KINDS))
        self.kind, self.scale = kind, errors.number("scale", scale, 1e-6)
        self.margin = errors.number("margin", margin, 0.0, math.pi / 2 if kind == "arcface" else math.inf)

    def terms(self, labels, cosines):
        margin = ops.convert_to_tensor(self.margin, dtype=cosines.dtype)
        own = own_scores(cosines, labels)
        own = own - margin if self.kind == "cosface" else _add_angle(own, margin)
        values = cross_entropy(cosines * self.scale, labels, own * self.scale)
        return Terms(values, ops.ones_like(values), score_health(values))

    def get_config(self):
        return {**super().get_config(), "kind": self.kind, "margin": self.margin, "scale": self.scale}


def _add_angle(c, margin):
    """cos(theta + margin) of c = cos(theta) [N], falling over the whole range, with a finite slope."""
    squares = ops.relu((1.0 - c) * (1.0 + c))  # of sin(theta)
    sine = ops.sqrt(ops.maximum(squares, 1e-6))  # its slope by c is infinite at 1 and -1 ...
    sine = sine - ops.stop_gradient(sine - ops.sqrt(squares))  # ... but its value is right there too
    turned = c * ops.cos(margin) - sine * ops.sin(margin)
    return ops.where(c > -ops.cos(margin), turned, c - margin * ops.sin(margin))
