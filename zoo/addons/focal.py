"""Sigmoid focal cross-entropy, as tensorflow-addons defines it."""

import keras
from keras import ops

from zoo import geometry
from zoo.addons.base import AddonsLoss, fixed, same_shape, scalar


@keras.saving.register_keras_serializable(package="Addons")
def sigmoid_focal_crossentropy(y_true, y_pred, alpha=0.25, gamma=2.0, from_logits=False):
    """Binary cross-entropy that turns away from what is classified well, summed over the last axis.

    With p the probability of target y, and p_t = y p + (1 - y)(1 - p), the term of one entry is
    (y alpha + (1 - y)(1 - alpha)) (1 - p_t)^gamma times the binary cross-entropy of y and p. `alpha=None` (or 0)
    leaves its factor out, `gamma=None` (or 0) the power.

    Args:
        y_true: targets in 0..1 [..., C].
        y_pred: probabilities, or logits when `from_logits` [..., C].
        alpha: weight of the targets 1; those of 0 get 1 - alpha.
        gamma: power, at least 0.
        from_logits: `y_pred` holds logits.

    Returns:
        float32 or float64 [...]: one value a row.

    Raises:
        ValueError: a negative gamma, shapes that do not fit.

    Example:

    >>> [round(float(v), 4) for v in sigmoid_focal_crossentropy([[1.0], [0.0]], [[0.9], [0.9]])]
    [0.0003, 1.3988]

    Related: `keras.losses.BinaryFocalCrossentropy` averages over the last axis.

    Reference: Lin et al. 2017.
    """
    y_pred = geometry.widen(y_pred)
    y_true = same_shape(y_true, y_pred)
    if from_logits:
        p, q = ops.sigmoid(y_pred), ops.sigmoid(-y_pred)
        loss = y_true * ops.softplus(-y_pred) + (1.0 - y_true) * ops.softplus(y_pred)
    else:
        p, q, tiny = y_pred, 1.0 - y_pred, keras.config.epsilon()
        inside = ops.clip(p, tiny, 1.0 - tiny)
        loss = -y_true * ops.log(inside + tiny) - (1.0 - y_true) * ops.log(1.0 - inside + tiny)
    if not _left_out(alpha):
        alpha = scalar("alpha", alpha, y_pred.dtype)
        loss = loss * (y_true * alpha + (1.0 - y_true) * (1.0 - alpha))
    if not _left_out(gamma):
        loss = loss * _power(y_true * q + (1.0 - y_true) * p, check_gamma(scalar("gamma", gamma, y_pred.dtype)))
    return ops.sum(loss, axis=-1)


def _left_out(setting):
    return setting is None or (isinstance(setting, (int, float)) and not setting)


def check_gamma(gamma):
    """Return `gamma`, or raise `ValueError` when it is a number below 0."""
    if isinstance(gamma, float) and gamma < 0:
        raise ValueError(f"gamma must be at least 0, not {gamma!r}")
    return gamma


def _power(base, gamma):
    """base^gamma; at base 0 the answer and its gradient are 0, where a gamma below 1 would have none."""
    zero = ops.equal(base, 0.0)
    return ops.where(zero, 0.0, ops.power(ops.where(zero, 1.0, base), gamma))


@keras.saving.register_keras_serializable(package="Addons")
class SigmoidFocalCrossEntropy(AddonsLoss):
    """`sigmoid_focal_crossentropy` as a loss for `compile`; without a reduction it returns one value a row.

    Args:
        from_logits: predictions are logits.
        alpha: weight of the targets 1, or None.
        gamma: power, at least 0, or None.
        reduction: see `zoo.addons.base.AddonsLoss`; none by default.
        name: name of the loss.

    Raises:
        ValueError: a negative gamma, an unknown reduction.

    Example:

    >>> [round(float(v), 4) for v in SigmoidFocalCrossEntropy()([[1.0], [0.0]], [[0.9], [0.9]])]
    [0.0003, 1.3988]

    Related: `keras.losses.BinaryFocalCrossentropy`.
    """

    def __init__(self, from_logits=False, alpha=0.25, gamma=2.0, reduction="none", name="sigmoid_focal_crossentropy"):
        super().__init__(reduction=reduction, name=name)
        self.from_logits = from_logits
        self.alpha = None if alpha is None else fixed("alpha", alpha)
        self.gamma = None if gamma is None else check_gamma(fixed("gamma", gamma))

    def call(self, y_true, y_pred):
        return sigmoid_focal_crossentropy(y_true, y_pred, self.alpha, self.gamma, self.from_logits)

    def get_config(self):
        settings = {key: getattr(self, key) for key in ("from_logits", "alpha", "gamma")}
        return {**super().get_config(), **settings}
