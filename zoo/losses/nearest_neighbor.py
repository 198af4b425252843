"""Nearest-neighbor loss: pulls only to the nearest row of the class, pushes only rows that are near."""

import keras
from keras import ops

from zoo import errors
from zoo.losses.base import Terms, divide
from zoo.losses.row_loss import RowLoss, exponentials, highest
from zoo.mining import FAR, inside


@keras.saving.register_keras_serializable(package="zoo")
class NearestNeighborLoss(RowLoss):
    """Tells each anchor's nearest positive from the negatives that are near, and leaves far rows alone.

    With p the nearest positive of anchor a: log(1 + sum over negatives n with s_an >= neg_threshold of
    exp((s_an - s_ap) / T)), mean over the anchors with s_ap >= pos_threshold. A class need not be a ball: far rows of it
    are not pulled together.

    Needs batches with several samples of several classes: `zoo.data.pk_batches`. Anchors without a positive, without a
    negative or with s_ap below the threshold are left out; watch `pair_share` and `pushed_negatives` in the health,
    since both fall while training, and let the thresholds follow a schedule of `zoo.layers.LossLayer`.

    Args:
        pos_threshold: similarity below which the nearest positive makes no pair.
        neg_threshold: similarity below which a negative is not pushed; None takes `pos_threshold`.
        temperature: T.
        distance: `"cosine"`, `"dot"`, `"euclidean"` or `"squared_euclidean"`; a distance enters with its sign turned.
        normalize: scale rows to unit length first; None does so for the cosine only.
        denominator: the sum over anchors is divided by the number of valid `"anchors"`, of `"active"` ones (cost above 0),
            of all `"rows"` of the batch, or by nothing (`"sum"`, with the reduction `"mean"`).
        anchor_chunk: rows computed at a time, for memory of O(N x chunk); None takes all at once.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: an unknown word, a threshold that is no number, a temperature below 1e-6.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.NearestNeighborLoss(temperature=1.0)
    >>> round(float(loss([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])), 4)
    0.3133

    Related: `zoo.losses.get("ep")` is this loss without thresholds; `zoo.losses.InfoNCELoss` pulls to every positive.

    References: the post "Nearest neighbor loss for metric learning" (2019), the ancestor of easy-positive mining.
    """

    adjustable = ("pos_threshold", "neg_threshold", "temperature")
    reports = ("pair_share", "pushed_negatives")
    settings = ("pos_threshold", "neg_threshold", "temperature")

    def __init__(
        self,
        pos_threshold=0.0,
        neg_threshold=None,
        temperature=0.1,
        distance="cosine",
        normalize=None,
        denominator="anchors",
        anchor_chunk=None,
        reduction="mean",
        name="nearestneighbor",
        dtype=None,
    ):
        super().__init__(distance, normalize, denominator, anchor_chunk, reduction, name, dtype)
        self.pos_threshold = errors.number("pos_threshold", pos_threshold)
        self.neg_threshold = neg_threshold if neg_threshold is None else errors.number("neg_threshold", neg_threshold)
        self.temperature = errors.number("temperature", temperature, 1e-6)

    def terms(self, labels, embeddings):
        columns, pairs = self.outputs(self.row, labels, self.prepare(embeddings), columns=4)
        terms = self.finish(*columns[:3], pairs, self.denominator)
        anchors, rows = ops.sum(terms.valid), ops.sum(ops.ones_like(terms.valid))
        more = {"pair_share": anchors / rows, "pushed_negatives": divide(ops.sum(columns[3]), anchors)}
        return Terms(terms.values, terms.valid, {**terms.health, **more})

    def row(self, similarity, positives, negatives):
        masked = inside(similarity, positives)
        s_ap, has_positive = highest(masked)
        has_pair = ops.logical_and(has_positive, s_ap >= self.pos_threshold)
        has_pair = ops.logical_and(has_pair, ops.any(negatives, axis=1, keepdims=True))
        anchor = ops.cast(has_pair, similarity.dtype)  # (C, 1)
        threshold = self.pos_threshold if self.neg_threshold is None else self.neg_threshold
        near = ops.logical_and(negatives, similarity >= threshold)
        push, powers, total, found = exponentials(inside(similarity / self.temperature, near))
        gap = ops.where(found, push - s_ap / self.temperature, -FAR)
        value, lost = anchor * ops.softplus(gap), anchor * ops.sigmoid(gap) / self.temperature
        chosen = ops.one_hot(ops.argmax(masked, axis=1), ops.shape(similarity)[1], dtype=similarity.dtype)

        def weights(upstream):
            return (upstream * lost / total) * powers - (upstream * lost) * chosen

        pushed = ops.sum(ops.cast(near, similarity.dtype), axis=1) * anchor[:, 0]
        return value[:, 0], anchor[:, 0], value[:, 0] > 0, weights, pushed
