"""One embedding whose first columns are good embeddings too."""

import keras
from keras import ops

from zoo import errors
from zoo.losses.around import Around
from zoo.losses.base import Terms, divide


@keras.saving.register_keras_serializable(package="zoo")
class Matryoshka(Around):
    """The weighted mean of a loss over prefixes of the embedding, so that it can be cut after training.

    sum_k a_k loss(labels, embeddings[:, :k]) / sum_k a_k over the sizes k in `dims`. A prefix of a unit vector is
    shorter than 1: the loss scales it again where it compares cosines (the default distance) or is made with
    `normalize=True`, and compares it as it is otherwise. Where a row is an anchor for some sizes only, it counts for those.

    Needs what the loss needs. A loss on class scores has no embedding to cut here: use
    `zoo.layers.LossLayer(loss, classes, matryoshka=dims)`, whose sizes share the class weights' first rows.

    Args:
        loss: a `zoo.losses.Loss` on embeddings.
        dims: sizes, rising; the last must be the whole embedding D, or its last columns would never be trained.
        weights: a_k, one positive number a size; None weighs all alike.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: a loss on class scores, sizes that do not rise or do not end at D, weights that do not fit.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.Matryoshka(zoo.losses.get("batchhard", margin=0.2), dims=(1, 2))
    >>> round(float(loss([0, 0, 1, 1], [[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]])), 4)
    0.1

    Related: `zoo.build(name, matryoshka=dims)` does the same for every loss of the zoo.

    Reference: Kusupati et al. 2022.
    """

    def __init__(self, loss, dims, weights=None, reduction="mean", name="matryoshka", dtype=None):
        super().__init__(loss, reduction=reduction, name=name, dtype=dtype)
        if loss.takes != "embeddings":
            raise ValueError(f"loss: {loss.name!r} has no embedding to cut; use LossLayer(loss, ..., matryoshka={dims!r})")
        self.dims = check_dims(dims)
        self.weights = None if weights is None else tuple(errors.number("weights", w, 1e-9) for w in weights)
        if self.weights is not None and len(self.weights) != len(self.dims):
            raise ValueError(f"weights must hold one number a size, {len(self.dims)}, not {len(self.weights)}")

    def terms(self, labels, embeddings):
        check_whole(self.dims, embeddings.shape[-1])
        parts = [self.loss.terms(labels, embeddings[:, :k]) for k in self.dims]
        return combine(parts, self.weights, self.reduction)

    def get_config(self):
        return {**super().get_config(), "dims": self.dims, "weights": self.weights}


def check_dims(dims):
    """Return sizes of prefixes as a rising tuple of whole numbers, or raise `ValueError`."""
    dims = tuple(errors.whole("dims", k) for k in dims)
    if not dims or list(dims) != sorted(set(dims)):
        raise ValueError(f"dims must hold sizes that rise, for instance (16, 32, 64), not {dims}")
    return dims


def check_whole(dims, size):
    """Raise `ValueError` unless the last size is the whole embedding."""
    if size is not None and dims[-1] != size:
        raise ValueError(f"dims must end with the size of the whole embedding, {size}, not with {dims[-1]}")


def combine(parts, weights=None, reduction="mean"):
    """Return the `Terms` whose loss is the weighted mean of the losses of `parts`; health is that of the last."""
    weights = weights or (1.0,) * len(parts)
    valid = parts[0].valid
    for part in parts[1:]:
        valid = ops.maximum(valid, part.valid)
    anchors, total = ops.sum(valid), 0.0
    for part, weight in zip(parts, weights, strict=True):
        scale = 1.0 if reduction == "sum" else divide(anchors, ops.sum(part.valid))  # each over its own anchors
        total = total + (weight / sum(weights)) * scale * part.values * part.valid
    return Terms(total, valid, parts[-1].health)
