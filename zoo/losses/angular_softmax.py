"""Softmax cross-entropy in which the angle to the own class counts several times (L-Softmax, SphereFace)."""

import keras
from keras import ops

from zoo import errors
from zoo.losses.base import Loss, Terms
from zoo.losses.hinge import score_health
from zoo.losses.scores import cross_entropy, own_scores

LENGTHS = ("features", "both")


@keras.saving.register_keras_serializable(package="zoo")
class AngularSoftmax(Loss):
    """Cross-entropy of class scores, where the angle to the own class is multiplied.

    Scores are r_j cos(theta_j) for the other classes and r_y psi(theta_y) for the own class y, with
    psi(theta) = (-1)^k cos(m theta) - 2k for theta from k pi / m to (k + 1) pi / m, which falls from 1 to 1 - 2m. r_j is
    |x| |w_j| for L-Softmax (`lengths="both"`), and |x| for SphereFace (`lengths="features"`). Annealing eases the
    beginning: the own class scores r_y (annealing cos(theta_y) + psi(theta_y)) / (1 + annealing).

    Needs class ids 0..C-1 as labels; any batch will do. A `zoo.layers.LossLayer` owns the class weights and computes
    the cosines and lengths; without one give [N, C, 2], cosines and lengths r, or cosines [N, C], whose r is 1.
    With m of 3 or 4 training from scratch needs a large annealing that falls: see `zoo.losses.AnnealingDecay`.

    Args:
        multiple: m, a whole number from 1 (plain softmax) to 4.
        lengths: `"features"` or `"both"`; embeddings must not be scaled to unit length.
        annealing: number of at least 0; in a model or a `LossLayer` also a schedule.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: a multiple outside 1..4, unknown lengths, labels outside 0..C-1.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.AngularSoftmax(multiple=4, annealing=0.0)
    >>> round(float(loss([0], [[[0.8, 3.0], [0.3, 3.0], [-0.2, 3.0]]])), 4)
    3.6572

    Related: `zoo.losses.MarginSoftmax` adds to the angle or the cosine, and is easier to train.

    References: Liu et al. 2016 (L-Softmax); Liu et al. 2017 (SphereFace).
    """

    takes = "cosines"
    adjustable = ("annealing",)

    def __init__(
        self, multiple=4, lengths="features", annealing=5.0, reduction="mean", name="angular_softmax", dtype=None
    ):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.multiple = errors.whole("multiple", multiple)
        if self.multiple > 4:
            raise ValueError(f"multiple must be 1, 2, 3 or 4, not {multiple!r}")
        if lengths not in LENGTHS:
            raise ValueError(errors.unknown("lengths", lengths, LENGTHS))
        self.lengths, self.annealing = lengths, errors.number("annealing", annealing, 0.0)

    def checked_terms(self, y_true, y_pred):
        y_pred = ops.convert_to_tensor(y_pred)
        if len(y_pred.shape) != 3 or y_pred.shape[-1] != 2:
            return super().checked_terms(y_true, y_pred)
        classes = y_pred.shape[1]
        labels, flat = self.check(y_true, ops.reshape(y_pred, (-1, 2 * classes)), classes)
        return self.terms(labels, ops.reshape(flat, (-1, classes, 2)))

    def terms(self, labels, cosines):
        scores, length = cosines, 1.0
        if len(cosines.shape) == 3:
            cosines, lengths = cosines[:, :, 0], cosines[:, :, 1]  # (N, C) each
            scores, length = cosines * lengths, own_scores(lengths, labels)
        own = own_scores(cosines, labels)
        own = (self.annealing * own + multiply_angle(own, self.multiple)) / (1.0 + self.annealing)
        values = cross_entropy(scores, labels, own * length)
        return Terms(values, ops.ones_like(values), score_health(values))

    def get_config(self):
        settings = {key: getattr(self, key) for key in ("multiple", "lengths", "annealing")}
        return {**super().get_config(), **settings}


def multiply_angle(c, multiple):
    """psi(theta) of c = cos(theta) (...) without the angle itself: its gradient is finite at 1 and -1.

    cos(m theta) is a polynomial of c, and k the number of roots of its derivative above c, so that signs suffice.

    Example:

    >>> [round(float(multiply_angle(0.5, m)), 4) for m in (1, 2, 3, 4)]
    [0.5, -0.5, -1.0, -1.5]
    """
    c = ops.clip(ops.convert_to_tensor(c), -1.0, 1.0)  # beyond there is no angle, and the fourth power overflows
    square = c * c
    side = _sign(c)
    if multiple == 1:
        return c
    if multiple == 2:
        return 2.0 * side * square - 1.0
    if multiple == 3:
        outer = _sign(ops.abs(c) - 0.5)
        return outer * c * (4.0 * square - 3.0) + side * (1.0 + outer) - 2.0
    outer = side * _sign(2.0 * square - 1.0)
    return outer * (8.0 * square * (square - 1.0) + 1.0) + 2.0 * side + outer - 3.0


def _sign(x):
    """1 where x is at least 0, else -1; a constant for the gradient."""
    return ops.where(x >= 0, ops.ones_like(x), -ops.ones_like(x))


@keras.saving.register_keras_serializable(package="zoo")
class AnnealingDecay(keras.optimizers.schedules.LearningRateSchedule):
    """The annealing of L-Softmax and SphereFace: max(minimum, base (1 + rate t)^-power) at training step t.

    The defaults are SphereFace's. L-Softmax's authors took base 1000, power 35, rate 2.5e-5 and minimum 0 for MNIST with
    m = 4, power 45 and rate 2e-5 for CIFAR-10 with m = 2; a minimum of 5 to 10 helps on hard data.

    Args:
        base: the annealing at step 0.
        rate: number of at least 0.
        power: number of at least 0.
        minimum: number of at least 0.

    Example:

    >>> import zoo
    >>> schedule = zoo.losses.AnnealingDecay(base=1000.0, rate=0.12, power=1.0, minimum=5.0)
    >>> [round(float(schedule(step))) for step in (0, 100, 10_000)]
    [1000, 77, 5]
    >>> model = zoo.build("bilstm_sphereface", classes=3, annealing=schedule)

    Related: `zoo.losses.AngularSoftmax`.

    References: Liu et al. 2016; Liu et al. 2017.
    """

    def __init__(self, base=1000.0, rate=0.12, power=1.0, minimum=5.0):
        super().__init__()
        given = {"base": base, "rate": rate, "power": power, "minimum": minimum}
        self.settings = {key: errors.number(key, value, 0.0) for key, value in given.items()}

    def __call__(self, step):
        base, rate, power, minimum = self.settings.values()
        decay = ops.exp(-power * ops.log1p(rate * ops.cast(step, "float32")))
        return ops.maximum(base * decay, minimum)

    def get_config(self):
        return dict(self.settings)
