"""What every loss promises, in one place: exact labels, one value an anchor, a finite answer, batch health."""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from zoo import geometry, mining


class Terms(NamedTuple):
    """What a loss says of one batch.

    Attributes:
        values: one value an anchor [N]; their mean over valid anchors is the loss.
        valid: 1.0 where the row is an anchor of the loss, else 0.0 [N].
        health: dict of scalars that tell whether the batch teaches anything.
    """

    values: object
    valid: object
    health: dict


class _Scaled(keras.losses.Loss):
    """Divides by the number of replicas as Keras does for its own losses, which it skips for plain scalars."""

    def call(self, y_true, y_pred):
        return y_pred


class Loss(keras.losses.Loss):
    """A loss over the rows of a batch; subclasses define `terms(labels, embeddings)`.

    Labels never pass through a float: two ids that differ stay different, above 2^24 too. Geometry is computed in
    float32 or wider. With l the value of an anchor, v = 1 for valid anchors and w the sample weights, the result is
    sum(w v l) / sum(w v) for the reduction `"mean"`, sum(w v l) for `"sum"`, and w v l for `None`.
    Rows that cannot be anchors count neither above nor below the line; without any anchor the loss is 0.

    Labels are class ids [N] or [N, 1]; or [N, 2], class ids and sample ids, where a batch may hold one sample twice. Two
    rows that share both are neither a positive nor a negative pair; a row whose classmates are all copies of it has no
    positive. Losses on class scores, which compare no rows, ignore sample ids; those of two towers refuse them.
    One-hot labels of two classes have the same shape: they are refused where values can be seen, which they cannot be inside a
    compiled step; use labels.argmax(axis=1).

    Args:
        reduction: `"mean"` (also under Keras' name `"sum_over_batch_size"`), `"sum"` or `None`.
        name: name of the loss.
        dtype: as in Keras; the computation never goes below float32.
    """

    def __init__(self, reduction="mean", name=None, dtype=None):
        if reduction not in ("mean", "sum_over_batch_size", "sum", None, "none"):
            raise ValueError(f"reduction must be 'mean', 'sum' or None, not {reduction!r}")
        super().__init__(name=name, reduction=None if reduction == "none" else reduction, dtype=dtype)

    takes = "embeddings"  # or "scores" or "cosines": one column a class, labels 0..C-1; or "towers", see `TowerLoss`
    adjustable = ("margin",)  # numbers that a `LossLayer` keeps as weights, so that they can change while training
    lengths = None  # on cosines: whether they come with the lengths of "features" or of "both", features and class weights
    multilabel = False  # whether labels are multi-hot [N, C] instead of class ids [N]
    reports = ()  # what its health holds beyond `zoo.layers.loss_layer.HEALTH`
    learns = ()  # numbers that a `LossLayer` learns; without one they stay as they are

    @property
    def takes_scores(self):
        """Whether the loss is on class scores [N, C] instead of embeddings [N, D]."""
        return self.takes in ("scores", "cosines")

    def with_values(self, **values):
        """Return a copy whose settings have these values: numbers, or scalar tensors inside a training step."""
        changed = object.__new__(type(self))  # `copy` would save and load the loss as a model
        changed.__dict__.update({**self.__dict__, **values})
        return changed

    def terms(self, labels, embeddings):
        """Return the `Terms` of labels [N] or [N, 2], as `check` returns them, and embeddings [N, D] or scores [N, C]."""
        raise NotImplementedError("a loss defines terms(labels, embeddings)")

    def call(self, y_true, y_pred):
        """Return one value an anchor [N], zero where the row is no anchor."""
        terms = self.checked_terms(y_true, y_pred)
        return terms.values * terms.valid

    def __call__(self, y_true, y_pred, sample_weight=None):
        return self.reduce(self.checked_terms(y_true, y_pred), sample_weight)

    def checked_terms(self, y_true, y_pred):
        """Return the `Terms` of labels and embeddings as they come, after `check`."""
        y_pred = ops.convert_to_tensor(y_pred)
        return self.terms(*self.check(y_true, y_pred, y_pred.shape[-1] if self.takes_scores else None))

    def check(self, labels, embeddings, classes=None):
        """As `check_batch`, with sample ids: labels [N, 2] come back as class ids and `zoo.mining.first_copies`.

        Names of samples then do not matter: unique ids give what no ids give, to the last bit. On class scores labels are
        [N] always.
        """
        labels, embeddings = check_batch(labels, embeddings, classes, ids=True)
        if len(labels.shape) == 1 or self.takes_scores:
            return mining.parts(labels)[0], embeddings
        wide = "int64" if ops.dtype(labels).endswith("64") else "int32"
        columns = labels[:, 0], mining.first_copies(labels)
        return ops.stack([ops.cast(column, wide) for column in columns], axis=1), embeddings

    def check_labels(self, values, classes=None):
        """Return labels, a NumPy array, as the loss takes them; `ValueError` says what is wrong with them."""
        return check_label_values(values, classes)

    def reduce(self, terms, sample_weight=None):
        """Reduce `Terms` with weights [N] (or None) to a scalar, or to [N] when the reduction is None."""
        weight = terms.valid
        if sample_weight is not None:
            weight = weight * _check_weight(sample_weight, weight)
        weighted = terms.values * weight
        if self.reduction is None:
            return weighted
        total = ops.sum(weighted)
        if self.reduction == "sum":
            return total
        mean = ops.reshape(divide(total, ops.sum(weight)), (1,))
        return _Scaled(name="scaled", dtype=mean.dtype)(mean, mean)


def _check_weight(sample_weight, like):
    values = seen(sample_weight)
    if values is not None and not np.isfinite(values).all():
        raise ValueError("sample_weight must be finite, but holds NaN or infinity")
    sample_weight = ops.reshape(ops.cast(ops.convert_to_tensor(sample_weight), like.dtype), (-1,))
    given, rows = sample_weight.shape[0], like.shape[0]
    if given is not None and rows is not None and given not in (1, rows):
        raise ValueError(f"sample_weight must have one entry or one a row, {rows}, not {given}")
    return sample_weight


def divide(a, b):
    """a / b, and 0 with zero gradient where b is 0."""
    return ops.where(b > 0, a / ops.where(b > 0, b, 1.0), 0.0)


def seen(x):
    """The value of `x` as a NumPy array, or None inside a compiled step."""
    if isinstance(x, (list, tuple, np.ndarray, np.generic)):
        return np.asarray(x)
    try:
        return ops.convert_to_numpy(x)
    except Exception:  # each backend has its own error for a symbolic tensor
        return None


def check_batch(labels, embeddings, classes=None, ids=False):
    """Return labels as integers [N] and embeddings as float32 or float64 [N, D]; refuse what no loss can use.

    Args:
        labels: class ids [N] or [N, 1], of any integer type; floats only when they are whole numbers.
        embeddings: floats [N, D].
        classes: number of classes C when labels index the columns of scores, else None.
        ids: take labels [N, 2], class ids and sample ids, and return them as such.

    Raises:
        ValueError: wrong rank, lengths that differ, an empty batch, labels with fractions or outside 0..C-1,
            NaN or infinite embeddings (values are checked wherever they can be seen: outside a compiled step).
    """
    embeddings = check_vectors(embeddings)
    return check_labels(labels, embeddings.shape[0], classes, ids=ids), embeddings


def check_vectors(vectors, name="embeddings"):
    """Return vectors [N, D] as float32 or float64; `ValueError` says what of `name` no loss can use."""
    vectors = geometry.widen(vectors)
    if len(vectors.shape) != 2:
        raise ValueError(f"{name} must have shape (N, D), not {tuple(vectors.shape)}")
    if vectors.shape[0] == 0:
        raise ValueError(f"{name} hold no row; skip empty batches, or drop the remainder of the data set")
    values = seen(vectors)
    if values is not None and not np.isfinite(values).all():
        bad = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise ValueError(f"{name} must be finite, but row {bad} holds NaN or infinity; lower the learning rate")
    return vectors


def check_labels(labels, rows, classes=None, name="labels", of="embeddings", ids=False):
    """Return labels as integers [N], or [N, 2] with `ids`; `ValueError` when shape or values do not fit the rows of `of`."""
    values = seen(labels)
    if values is not None:
        labels = check_label_values(values, classes)
    labels = ops.convert_to_tensor(labels)
    shape = tuple(labels.shape)
    if not (len(shape) == 1 or (len(shape) == 2 and shape[1] in (1, 2)[: 1 + ids])):
        more = ", or (N, 2) with sample ids in the second column" if ids else ""
        hint = "" if ids or shape[1:] != (2,) else "; sample ids are for losses on one tower: leave them out, labels[:, 0]"
        raise ValueError(f"{name} must have shape (N,) or (N, 1){more}, not {shape}{hint}")
    if rows is not None and shape[0] is not None and shape[0] != rows:
        raise ValueError(f"{name} have {shape[0]} rows, {of} {rows}; they must be equal")
    return labels if shape[1:] == (2,) else ops.reshape(labels, (-1,))


def check_label_values(values, classes=None):
    """Return labels, a NumPy array of any shape, as int32 without merging any two; see `check_batch`.

    Of two columns [N, 2] the first holds the class ids and the second the sample ids.
    """
    if values.ndim == 2 and values.shape[1] == 2:
        if {tuple(row) for row in np.unique(values, axis=0).tolist()} == {(0, 1), (1, 0)}:
            raise ValueError(
                f"labels must have shape (N,) or (N, 1), or (N, 2) with sample ids in the second column, but these "
                f"{values.shape} are one-hot: use labels.argmax(axis=1)"
            )
        columns = check_label_values(values[:, 0], classes), check_label_values(values[:, 1])
        return np.stack(columns, axis=1)
    if values.dtype.kind not in "biuf":
        raise ValueError(f"labels must be integers, not {values.dtype}; zoo.data.encode turns names into ids")
    if values.dtype.kind == "f":
        if not (np.isfinite(values) & (values == np.floor(values)) & (np.abs(values) < 2.0**53)).all():
            raise ValueError("labels must be whole numbers (class or sample ids), but some have a fraction or are no number")
        values = values.astype("int64")
    if not values.size:
        return values.astype("int32")
    if classes is not None and not (values.min() >= 0 and values.max() < classes):
        raise ValueError(f"labels must lie in 0..{classes - 1}, but range from {values.min()} to {values.max()}")
    if values.max() > np.iinfo("int32").max or values.min() < np.iinfo("int32").min:
        values = np.unique(values, return_inverse=True)[1].reshape(values.shape)  # JAX would wrap such ids
    return values.astype("int32")
