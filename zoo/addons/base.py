"""What the losses of tensorflow-addons share: labels that stay integers, weights, and a reduction that may be none."""

import numbers

import keras
from keras import ops

from zoo import errors

REDUCTIONS = ("none", "sum", "sum_over_batch_size", "auto")  # the words of Keras 2


class _Reduced(keras.losses.Loss):
    """Lets Keras reduce values that are computed already, its scaling by the number of replicas included."""

    def call(self, y_true, y_pred):
        return y_pred


class AddonsLoss(keras.losses.Loss):
    """A loss that answers as tensorflow-addons did; subclasses define `call(y_true, y_pred)`.

    With the reduction None, the default of most, the answer is what `call` gives times the sample weights: a scalar
    for a loss over a batch without weights, and one value a weight with them. Keras on TensorFlow then trains on
    their sum; on JAX and torch `fit` needs a scalar, so give `reduction="sum"` there.
    Labels never pass through a float, and float16 is computed in float32.

    Args:
        reduction: `"none"` or None, `"sum"`, or `"sum_over_batch_size"` (also `"auto"`).
        name: name of the loss.
        dtype: as in Keras; the computation never goes below float32.
    """

    def __init__(self, reduction=None, name=None, dtype=None):
        if reduction is not None and reduction not in REDUCTIONS:
            raise ValueError(errors.unknown("reduction", reduction, REDUCTIONS))
        reduction = {"none": None, "auto": "sum_over_batch_size"}.get(reduction, reduction)
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def __call__(self, y_true, y_pred, sample_weight=None):
        values = self.call(y_true, y_pred)
        if sample_weight is not None:
            values = values * _aligned(sample_weight, values)
        if self.reduction is None:
            return values
        # Keras leaves scalars as they are, and so would forget the number of replicas.
        values = ops.reshape(values, (1,)) if len(values.shape) == 0 else values
        return _Reduced(reduction=self.reduction, dtype=values.dtype)(values, values)


def _aligned(sample_weight, values):
    """Weights in a shape that multiplies `values` entry by entry: [N] and [N, 1] both mean one a row."""
    weight = ops.cast(ops.convert_to_tensor(sample_weight), values.dtype)
    rank = len(values.shape)
    if rank and len(weight.shape) == rank + 1 and weight.shape[-1] == 1:
        return ops.squeeze(weight, axis=-1)
    if 0 < len(weight.shape) < rank:
        return ops.reshape(weight, (*ops.shape(weight), *(1,) * (rank - len(weight.shape))))
    return weight


def same_shape(y_true, y_pred):
    """Return targets in the dtype and rank of `y_pred`, so that [N] and [N, 1] mean the same; `y_pred` [...].

    Raises:
        ValueError: shapes that cannot be paired entry by entry.
    """
    y_true = ops.cast(ops.convert_to_tensor(y_true), y_pred.dtype)
    if len(y_true.shape) == len(y_pred.shape) + 1 and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, axis=-1)
    elif len(y_pred.shape) == len(y_true.shape) + 1 and y_pred.shape[-1] == 1:
        y_true = ops.expand_dims(y_true, axis=-1)
    fits = len(y_true.shape) == len(y_pred.shape)
    fits = fits and all(a in (b, 1, None) or b in (1, None) for a, b in zip(y_true.shape, y_pred.shape, strict=True))
    if not fits:
        raise ValueError(f"y_true {tuple(y_true.shape)} and y_pred {tuple(y_pred.shape)} must have the same shape")
    return y_true


def scalar(name, value, dtype="float32"):
    """Return a setting as a float, or as a scalar tensor of `dtype` where it is one (a schedule's, say)."""
    if isinstance(value, numbers.Real) or not hasattr(value, "shape"):
        return errors.number(name, value)
    if len(value.shape):
        raise ValueError(f"{name} must be a number, not a tensor of shape {tuple(value.shape)}")
    return ops.cast(value, dtype)


def fixed(name, value):
    """Return a setting of a class as a float: it is saved with the model, so a tensor is read once."""
    value = scalar(name, value)
    return value if isinstance(value, float) else errors.number(name, float(ops.convert_to_numpy(value)))
