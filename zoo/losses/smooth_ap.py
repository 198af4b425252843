"""Smooth average precision: the ranking metric itself, with a sigmoid for every comparison of two ranks."""

import keras
from keras import ops

from zoo import errors
from zoo.losses.row_loss import RowLoss, both


@keras.saving.register_keras_serializable(package="zoo")
class SmoothAPLoss(RowLoss):
    """Maximizes the average precision of each anchor's ranking, with the step of the rank smoothed.

    With G the sigmoid of (s_aj - s_ap) / T: AP_a is the mean over positives p of
    (1 + sum of G over the other positives j) / (1 + sum of G over all other rows j); the loss is 1 - AP, mean over anchors.

    Needs batches with several samples of several classes: `zoo.data.pk_batches`; large classes, since a ranking of few
    positives says little. Anchors without a positive or without a negative are left out. Takes O(N^2 K) time, for classes
    of at most K rows, and O(N^2) memory.

    Args:
        temperature: T; the paper's 0.01 makes the step sharp, larger values reach rows that are ranked far off.
        distance: `"cosine"`, `"dot"`, `"euclidean"` or `"squared_euclidean"`; a distance enters with its sign turned.
        normalize: scale rows to unit length first; None does so for the cosine only.
        denominator: the sum over anchors is divided by the number of valid `"anchors"`, of `"active"` ones (cost above 0),
            of all `"rows"` of the batch, or by nothing (`"sum"`, with the reduction `"mean"`).
        anchor_chunk: rows computed at a time, for memory of O(N x chunk); None takes all at once.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: an unknown word, a temperature below 1e-6.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.SmoothAPLoss()
    >>> round(float(loss([0, 0, 1], [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])), 4)
    0.4167

    Related: `zoo.metrics` measures the exact average precision.

    References: Brown et al. 2020, Smooth-AP: smoothing the path towards large-scale image retrieval.
    """

    adjustable = ("temperature",)
    settings = ("temperature",)

    def __init__(
        self,
        temperature=0.01,
        distance="cosine",
        normalize=None,
        denominator="anchors",
        anchor_chunk=None,
        reduction="mean",
        name="smoothap",
        dtype=None,
    ):
        super().__init__(distance, normalize, denominator, anchor_chunk, reduction, name, dtype)
        self.temperature = errors.number("temperature", temperature, 1e-6)

    def row(self, similarity, positives, negatives):
        scores = similarity / self.temperature
        same = ops.cast(positives, scores.dtype)
        others = same + ops.cast(negatives, scores.dtype)
        rank = ops.cumsum(ops.cast(positives, "int32"), axis=1)  # 1 for the first positive of a row, and so on
        count = ops.maximum(ops.sum(same, axis=1, keepdims=True), 1.0)
        anchor = ops.cast(both(positives, negatives), scores.dtype)[:, None]  # (C, 1)

        def add_positive(i, total):
            """Add the precision at the i-th positive of every row that has so many, and its derivative by z."""
            precision, weights = total
            chosen = same * ops.cast(rank == i + 1, scores.dtype)  # (C, N), one column or none
            exists = ops.sum(chosen, axis=1, keepdims=True)
            at = ops.sum(chosen * scores, axis=1, keepdims=True)
            ahead = ops.sigmoid(scores - at) * (others - chosen)
            among, overall = 1.0 + ops.sum(same * ahead, axis=1, keepdims=True), 1.0 + ops.sum(ahead, axis=1, keepdims=True)
            slope = exists * ahead * (1.0 - ahead) * (same - among / overall) / overall
            slope = slope - chosen * ops.sum(slope, axis=1, keepdims=True)
            return precision + exists * among / overall, weights + slope

        start = ops.zeros_like(anchor), ops.zeros_like(scores)
        precision, weights = ops.fori_loop(0, ops.max(rank), add_positive, start)
        value = anchor * ops.relu(1.0 - precision / count)  # below 0 only by rounding
        scale = -anchor / (self.temperature * count)
        return value[:, 0], anchor[:, 0], value[:, 0] > 0, lambda upstream: (upstream * scale) * weights
