"""Losses between samples and one learnt proxy a class: cosines [N, C], no pairs to choose."""

import keras
from keras import ops

from zoo import errors
from zoo.losses.base import Loss, Terms
from zoo.losses.hinge import score_health
from zoo.losses.scores import cross_entropy, own_places, own_scores


@keras.saving.register_keras_serializable(package="zoo")
class ProxyNCALoss(Loss):
    """Draws each sample to the proxy of its class, as seen against all proxies.

    -log (exp(-scale d_y) / sum_j exp(-scale d_j)) with d_j the squared distance of the unit embedding to the unit proxy of
    class j, which is 2 - 2 c_j for the cosine c_j. The paper leaves the own class out of the sum
    (`include_own=False`), so that its loss falls below 0; later practice takes it in.

    Needs class ids 0..C-1 as labels; any batch will do. A `zoo.layers.LossLayer` owns the proxies and computes the
    cosines; without one give the cosines [N, C] yourself.

    Args:
        scale: number above 0, the inverse of a temperature.
        include_own: whether the own class takes part in the sum.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: a scale that is no positive number, labels outside 0..C-1.

    Example:

    >>> import zoo
    >>> round(float(zoo.losses.ProxyNCALoss(scale=1.0)([0], [[1.0, 0.0]])), 4)
    0.1269

    Related: `zoo.losses.MarginSoftmax` with margin 0 and twice the scale is the same; `zoo.losses.ProxyAnchorLoss`.

    Reference: Movshovitz-Attias et al. 2017.
    """

    takes = "cosines"
    adjustable = ("scale",)

    def __init__(self, scale=1.0, include_own=True, reduction="mean", name="proxy_nca", dtype=None):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.scale = errors.number("scale", scale, 1e-6)
        self.include_own = errors.flag("include_own", include_own)

    def terms(self, labels, cosines):
        scores = 2.0 * self.scale * cosines  # -scale d_j, up to the same constant for all classes
        if self.include_own:
            values = cross_entropy(scores, labels)
        elif cosines.shape[1] == 1:
            values = 0.0 * scores[:, 0]  # no other class to compare with
        else:
            blank = ops.full_like(scores[:, 0], -float("inf"))
            others = ops.scatter_update(scores, own_places(scores, labels), blank)
            values = ops.logsumexp(others, axis=1) - own_scores(scores, labels)
        return Terms(values, ops.ones_like(values), score_health(values))

    def get_config(self):
        return {**super().get_config(), "scale": self.scale, "include_own": self.include_own}


@keras.saving.register_keras_serializable(package="zoo")
class ProxyAnchorLoss(Loss):
    """Lets the proxy of each class draw all its samples of the batch and push all others away.

    mean over the classes p of the batch of log(1 + sum exp(-alpha (c_ip - margin))) over the samples i of class p, plus
    mean over all classes p of log(1 + sum exp(alpha (c_ip + margin))) over the samples i of other classes; c_ip are
    cosines. The first term of a class is shared evenly by its samples, the second mean by all samples, so that sample
    weights and `reduction=None` have a meaning.

    Needs class ids 0..C-1 as labels; classes may be missing from a batch. A `zoo.layers.LossLayer` owns the proxies and
    computes the cosines; without one give the cosines [N, C] yourself.

    Args:
        margin: number of at least 0, of cosine.
        alpha: number above 0.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: a margin or an alpha out of range, labels outside 0..C-1.

    Example:

    >>> import zoo
    >>> round(float(zoo.losses.ProxyAnchorLoss(margin=0.1, alpha=4.0)([0, 1], [[0.9, 0.1], [-0.2, 0.7]])), 4)
    0.9055

    Related: `zoo.losses.ProxyNCALoss` compares each sample with the proxies by itself.

    Reference: Kim et al. 2020.
    """

    takes = "cosines"
    adjustable = ("margin", "alpha")

    def __init__(self, margin=0.1, alpha=32.0, reduction="mean", name="proxy_anchor", dtype=None):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.margin, self.alpha = errors.number("margin", margin, 0.0), errors.number("alpha", alpha, 1e-6)

    def terms(self, labels, cosines):
        rows, classes = ops.shape(cosines)[0], cosines.shape[1]
        labels = ops.cast(labels, "int32")
        drawn = self.alpha * (self.margin - own_scores(cosines, labels))  # (N,)
        top = ops.relu(ops.segment_max(ops.stop_gradient(drawn), labels, num_segments=classes))  # (C,)
        total = ops.segment_sum(ops.exp(drawn - ops.take(top, labels)), labels, num_segments=classes)
        drawn = top + ops.log(ops.exp(-top) + total)  # (C,), 0 for a class that is missing
        count = ops.segment_sum(ops.ones_like(cosines[:, 0]), labels, num_segments=classes)
        share = ops.cast(rows, cosines.dtype) / ops.sum(ops.cast(count > 0, cosines.dtype))
        drawn = share * ops.take(drawn / ops.maximum(count, 1.0), labels)  # (N,)
        values = drawn + ops.mean(_pushed(self.alpha * (cosines + self.margin), labels))
        return Terms(values, ops.ones_like(values), score_health(values))

    def get_config(self):
        return {**super().get_config(), "margin": self.margin, "alpha": self.alpha}


def _pushed(scores, labels):
    """log(1 + sum exp(s_ip)) over the rows i of other classes than p [C], with its gradient in closed form."""
    places = own_places(scores, labels)

    @ops.custom_gradient
    def through(scores):
        others = ops.scatter_update(scores, places, ops.full_like(scores[:, 0], -float("inf")))
        top = ops.relu(ops.max(others, axis=0, keepdims=True))  # (1, C)
        parts = ops.exp(others - top)
        total = ops.exp(-top) + ops.sum(parts, axis=0, keepdims=True)

        def gradient(*args, upstream=None):
            upstream = args[-1] if upstream is None else upstream
            return parts * (upstream[None, :] / total)

        return (top + ops.log(total))[0], gradient

    return through(scores)
