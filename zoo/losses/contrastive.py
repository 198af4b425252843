"""Contrastive loss: every pair of the batch by itself, with one margin or two."""

import keras
from keras import ops

from zoo import errors
from zoo.losses import rows
from zoo.losses.base import divide
from zoo.losses.row_loss import RowLoss, count_pairs


@keras.saving.register_keras_serializable(package="zoo")
class ContrastiveLoss(RowLoss):
    """Pulls the two rows of a positive pair together and pushes those of a negative pair apart.

    With d the distance of a pair, a positive pair costs max(0, d - pos_margin)^2 and a negative pair
    max(0, neg_margin - d)^2; the loss is the mean over positive pairs plus the mean over negative pairs, so that the
    many negatives do not drown the few positives. Defaults are those of Hadsell et al., without their factor 1/2.

    Needs no more than two rows: each pair stands alone, so a batch of one class still pulls and a batch of singletons
    still pushes.

    Args:
        pos_margin: distance below which a positive pair is close enough.
        neg_margin: distance above which a negative pair is far enough.
        squared: square each hinge.
        distance: `"euclidean"`, `"squared_euclidean"` or `"cosine"`, which is 1 - s here, from 0 to 2. Margins on the
            similarity s itself are 1 minus those.
        normalize: scale rows to unit length first; None does so for the cosine only.
        denominator: each of the two sums is divided by the number of its `"valid"` pairs or of its `"active"` ones (cost
            above 0); `"pairs"` divides both by the number of all pairs, `"sum"` by nothing.
        anchor_chunk: rows computed at a time, for memory of O(N x chunk); None takes all at once.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: an unknown word; a margin that is no number; the distance `"dot"`, which has no zero.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.ContrastiveLoss(neg_margin=2.0, squared=False)
    >>> round(float(loss([0, 0, 1], [[0.0, 0.0], [3.0, 4.0], [3.0, 3.0]])), 4)
    5.5

    Related: `zoo.losses.TripletLoss` compares two pairs of an anchor instead of each with a fixed distance.

    References: Hadsell, Chopra and LeCun 2006, Dimensionality reduction by learning an invariant mapping.
    """

    adjustable = ("pos_margin", "neg_margin")
    denominators = ("valid", "active", "pairs", "sum")
    settings = ("pos_margin", "neg_margin", "squared")

    def __init__(
        self,
        pos_margin=0.0,
        neg_margin=1.0,
        squared=True,
        distance="euclidean",
        normalize=None,
        denominator="valid",
        anchor_chunk=None,
        reduction="mean",
        name="contrastive",
        dtype=None,
    ):
        super().__init__(distance, normalize, denominator, anchor_chunk, reduction, name, dtype)
        if distance == "dot":
            raise ValueError("distance='dot' has no zero from which to measure a margin; use 'cosine' or 'euclidean'")
        self.pos_margin = errors.number("pos_margin", pos_margin)
        self.neg_margin = errors.number("neg_margin", neg_margin)
        self.squared = errors.flag("squared", squared)

    def terms(self, labels, embeddings):
        x = self.prepare(embeddings)
        pull, push = self._scales(labels, x)

        def row(similarity, positives, negatives):
            cost, near = self._hinges(similarity, positives, negatives)
            active = ops.cast(cost > 0, cost.dtype)
            value, slope = (ops.square(cost), 2.0 * cost) if self.squared else (cost, active)
            others = ops.ones_like(cost[:, 0]) * (ops.cast(ops.shape(similarity)[1], cost.dtype) - 1.0)

            def weights(upstream):  # by the similarity, hence the signs
                return slope * (upstream * push - (upstream * (push + pull)) * near)

            value = push * ops.sum(value, axis=1) + (pull - push) * ops.sum(near * value, axis=1)
            return value, others, ops.sum(active, axis=1), weights

        columns, pairs = self.outputs(row, labels, x)
        return self.finish(*columns, pairs, "anchors")

    def _hinges(self, similarity, positives, negatives):
        """Hinge of every pair, 0 for a row and itself, and the mask of positives as floats, each [C, N]."""
        distance = 1.0 - similarity if self.distance == "cosine" else -similarity
        near, far = ops.cast(positives, similarity.dtype), ops.cast(negatives, similarity.dtype)
        return near * ops.relu(distance - self.pos_margin) + far * ops.relu(self.neg_margin - distance), near

    def _scales(self, labels, x):
        """What a positive and a negative pair weigh in the value of a row, whose mean over the N rows is the loss."""
        dtype = "float64" if ops.dtype(x) == "float64" else "float32"
        n = ops.cast(ops.shape(labels)[0], dtype)
        if self.denominator == "sum":
            return n / 2.0, n / 2.0  # a row sees each of its pairs once, the batch twice
        positives, negatives = count_pairs(labels, dtype)
        if self.denominator == "pairs":
            return (divide(n, positives + negatives),) * 2
        if self.denominator == "active":

            def count(*row):
                cost, near = self._hinges(*row)
                active = ops.cast(cost > 0, cost.dtype)
                return ops.stack([ops.sum(active * near, axis=1), ops.sum(active, axis=1)], axis=1)

            counts = rows.scan(count, x, labels, self.distance, columns=2, chunk=self.anchor_chunk)
            positives, both = ops.unstack(ops.sum(counts, axis=0), 2)
            negatives = both - positives
        return divide(n, positives), divide(n, negatives)
