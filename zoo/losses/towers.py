"""Losses of two towers, such as image and text: every row of one is compared with every row of the other."""

import random

import keras
import numpy as np
from keras import ops

from zoo import errors, geometry
from zoo.losses.base import Loss, Terms, check_label_values, check_labels, check_vectors, divide, seen
from zoo.losses.row_loss import mask_means

NORMALIZE = (True, False, "first", "second")


class TowerLoss(Loss):
    """A loss over all pairs of a row of one tower and a row of the other; subclasses define `pairs`.

    Call it with both towers, `loss(labels, (x, y))`, or with one tensor of both, `loss(labels, z)` with z [N, 2, D],
    which is what a model hands on in `compile` and `fit`. Row i of x and row j of y match when their labels are
    equal, wherever they stand: five captions of one picture carry its id and never push each other.

    Labels are ids [N] of both towers; or a pair, ids of the rows of x [N] and of y [M], when the towers differ in
    length; or a boolean matrix [N, M] that says which rows match; or None when row i matches row i and nothing else.
    The value of a row of x holds what its matches in y cost as anchors, too; it is what a sample weight weighs.

    Args:
        normalize: scale the rows of both towers to unit length; `"first"` or `"second"` does so in one of them.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: towers that differ in D, or in length under one vector of labels; and what `zoo.losses.Loss` refuses.
    """

    takes = "towers"

    def __init__(self, normalize=True, reduction="mean", name=None, dtype=None):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        if normalize not in NORMALIZE or normalize in (0, 1) and not isinstance(normalize, bool):
            raise ValueError(errors.unknown("normalize", normalize, NORMALIZE))
        self.normalize = normalize

    def checked_terms(self, y_true, y_pred, similarity=None):
        """Return the `Terms` of labels and towers; a `similarity` [N, M] takes the place of what the vectors say."""
        x, y = check_towers(y_pred)
        labels = check_pair_of_labels(y_true, x.shape[0], y.shape[0], ops.shape(x)[0])
        return self.terms(labels, (x, y), similarity)

    def terms(self, labels, towers, similarity=None):
        """Return the `Terms` of labels, (ids [N], ids [M]) or booleans [N, M], and towers, x [N, D] and y [M, D]."""
        if similarity is None:
            x, y = towers
            x = geometry.normalize(x) if self.normalize in (True, "first") else x
            y = geometry.normalize(y) if self.normalize in (True, "second") else y
            similarity = ops.matmul(x, ops.transpose(y))
        positives = ops.equal(labels[0][:, None], labels[1][None, :]) if isinstance(labels, tuple) else labels  # (N, M)
        return self.pairs(similarity, positives, ops.logical_not(positives))

    def pairs(self, similarity, positives, negatives):
        """Return the `Terms` of similarities [N, M] and the boolean masks of matches and others [N, M]."""
        raise NotImplementedError("a loss of two towers defines pairs(similarity, positives, negatives)")

    def get_config(self):
        return {**super().get_config(), "normalize": self.normalize}


def check_towers(towers):
    """Return both towers as float32 or float64 [N, D] and [M, D]; `ValueError` names the tower that does not fit."""
    if not is_pair(towers):
        towers = ops.convert_to_tensor(towers)
        if len(towers.shape) != 3 or towers.shape[1] != 2:
            raise ValueError(f"towers must be a pair (x, y) or one tensor of shape (N, 2, D), not {tuple(towers.shape)}")
        towers = towers[:, 0], towers[:, 1]
    x = check_vectors(towers[0], "embeddings of the first tower")
    y = check_vectors(towers[1], "embeddings of the second tower")
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"towers must share their last size, but the first has {x.shape[1]}, the second {y.shape[1]}")
    if ops.dtype(x) != ops.dtype(y):
        x, y = ops.cast(x, "float64"), ops.cast(y, "float64")
    return x, y


def is_pair(x):
    """Whether `x` is two arrays, not one array written as lists."""
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        return False
    return all(hasattr(part, "shape") or isinstance(x, tuple) and isinstance(part, (list, tuple)) for part in x)


def check_pair_of_labels(labels, n, m, rows):
    """Return ids [N] and ids [M], or booleans [N, M] as they are.

    `n` and `m` are the towers' lengths or None, `rows` the first one's at run time.
    """
    if is_matrix(labels):
        if any(a is not None and b is not None and a != b for a, b in zip(labels.shape, (n, m), strict=True)):
            raise ValueError(f"labels: matches of shape {tuple(labels.shape)} do not fit towers of {n} and {m} rows")
        return ops.convert_to_tensor(labels)
    pair = is_pair(labels) and all(np.ndim(part) if isinstance(part, (list, tuple)) else len(part.shape) for part in labels)
    if not pair and n is not None and m is not None and n != m:
        raise ValueError(f"labels: towers of {n} and {m} rows need a pair of labels, ids of the first and of the second")
    if labels is None:
        ids = ops.arange(rows, dtype="int32")
        return ids, ids
    if not pair:
        ids = check_labels(labels, n)
        return ids, ids
    values = [seen(part) for part in labels]
    if all(v is not None for v in values):  # together, so that large ids are renamed alike in both
        joint = check_label_values(np.concatenate([v.ravel() for v in values]))
        labels = [ids.reshape(v.shape) for ids, v in zip(np.split(joint, [values[0].size]), values, strict=True)]
    elif any(v is not None and v.size and np.abs(v).max() > np.iinfo("int32").max for v in values):
        raise ValueError("labels: ids beyond 32 bits must come from the same place for both towers")
    first = check_labels(labels[0], n, name="labels of the first tower", of="its embeddings")
    second = check_labels(labels[1], m, name="labels of the second tower", of="its embeddings")
    wide = "int64" if "int64" in (ops.dtype(first), ops.dtype(second)) else ops.dtype(first)
    return ops.cast(first, wide), ops.cast(second, wide)


def is_matrix(labels):
    """Whether `labels` are booleans [N, M], which say for every pair whether it matches."""
    dtype = getattr(labels, "dtype", None)
    return str(getattr(dtype, "name", dtype)) in ("bool", "torch.bool") and len(labels.shape) == 2


def both_ways(function, similarity, *masks):
    """Return the outputs of a row function for every row [N, k] and for every column [M, k].

    The first output has a gradient, which the function itself gives; no backend walks through the function's
    intermediate [N, M] tensors.

    Args:
        function: takes similarities and masks, once [N, M] and once transposed [M, N], and 0 for rows or 1 for columns;
            returns outputs [N, k] and weights [N, M], the derivative of the first output of a row by its similarities.
        similarity: floats [N, M], with gradient.
        *masks: tensors [N, M] without gradient.
    """

    @ops.custom_gradient
    def through(z):
        rows, by_row = function(z, *masks, 0)
        columns, by_column = function(ops.transpose(z), *(ops.transpose(mask) for mask in masks), 1)

        def gradient(*args, upstream=None):
            upstream = (args[-1] if upstream is None else upstream)[:, :1]  # (N + M, 1)
            n = ops.shape(by_row)[0]
            return upstream[:n] * by_row + ops.transpose(upstream[n:] * by_column)

        return ops.concatenate([rows, columns], axis=0), gradient

    outputs = through(similarity)
    n = ops.shape(similarity)[0]
    return outputs[:n], outputs[n:]


def anchor_terms(rows, columns, similarity, positives, negatives, denominator):
    """Make `Terms` of what `both_ways` returns: cost, active terms and all terms of each anchor, [N, 3] and [M, 3].

    A pair counts when it matches and either of the two has something to be told from. With the denominator `"batch"`
    the sum of all costs is divided by the number of these pairs, which is the batch when everything matches once.
    """
    matches = ops.cast(positives, similarity.dtype)
    own = divide(matches, ops.sum(matches, axis=0, keepdims=True))  # (N, M): a column's cost goes to its matches
    values = rows[:, 0] + ops.sum(own * columns[None, :, 0], axis=1)
    told = ops.logical_or(ops.any(negatives, axis=1, keepdims=True), ops.any(negatives, axis=0, keepdims=True))
    pairs = ops.sum(ops.where(told, matches, 0.0), axis=1)  # (N,)
    valid = ops.cast(pairs > 0, values.dtype)
    anchors = ops.sum(valid)
    count = ops.sum(pairs) if denominator == "batch" else ops.ones_like(anchors)
    counts = ops.sum(rows[:, 1:], axis=0) + ops.sum(columns[:, 1:], axis=0)
    health = {
        "valid_anchors": anchors,
        "active_fraction": divide(counts[0], counts[1]),
        **mask_means(similarity, positives, negatives),
    }
    return Terms(values * divide(anchors, count), valid, health)


class Draws:
    """Random numbers of a loss: each call goes on with the sequence of the seed.

    Args:
        seed: whole number, or None for one that `keras.utils.set_random_seed` settles.
    """

    def __init__(self, seed=None):
        self.seed = _settled() if seed is None else errors.whole("seed", seed, 0)
        self.generator = keras.random.SeedGenerator(self.seed)

    def __call__(self, shape):
        """Return floats from 0 to 1 of this shape."""
        return keras.random.uniform(shape, seed=self.generator)


def _settled():
    """A number that the state of Python's generator settles.

    Keras draws the seeds of initial weights from that generator. It is left where it was: the same seed gives the same
    encoder under a loss that draws as under one that does not.
    """
    copy = random.Random()
    copy.setstate(random.getstate())
    copy.random()  # not the number that the next initial weights begin with
    return copy.randrange(2**31)
