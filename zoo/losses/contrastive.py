"""Contrastive loss: every pair of the batch by itself, with one margin or two."""

import keras
from keras import ops

from zoo import errors, mining
from zoo.losses import rows
from zoo.losses.base import divide
from zoo.losses.row_loss import Masked, count_pairs
from zoo.losses.sides import SideLoss


@keras.saving.register_keras_serializable(package="zoo")
class ContrastiveLoss(SideLoss):
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

        def sides(near, far):
            costs = self._hinges(near, far)
            actives = [ops.cast(cost > 0, cost.dtype) for cost in costs]
            active = sum(ops.sum(side, axis=1) for side in actives)
            values = [ops.square(cost) for cost in costs] if self.squared else costs
            slopes = [2.0 * cost for cost in costs] if self.squared else actives
            value = pull * ops.sum(values[0], axis=1) + push * ops.sum(values[1], axis=1)
            others = ops.ones_like(value) * (ops.cast(ops.shape(x)[0], value.dtype) - 1.0)
            return value, others, active, -pull * slopes[0], push * slopes[1]  # by the similarity, hence the signs

        columns, pairs = self.outputs_of_sides(sides, labels, x)
        _, samples = mining.parts(labels)
        if samples is not None:  # a row has no pair with its copies
            copies = ops.segment_sum(ops.ones_like(columns[1]), samples, num_segments=ops.shape(x)[0])
            columns[1] = columns[1] + 1.0 - ops.take(copies, samples)
        return self.finish(*columns, pairs, "anchors")

    def _hinges(self, near, far):
        """Hinge of every positive pair [C, W] and of every negative one [C, N], 0 where a column does not count."""
        offset = 1.0 if self.distance == "cosine" else 0.0  # the distance is this less the similarity
        pull = near.times(ops.relu(offset - self.pos_margin - near.similarity))
        return pull, far.times(ops.relu(far.similarity + (self.neg_margin - offset)))

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

            def count(similarity, positives, negatives):
                costs = self._hinges(Masked(similarity, positives), Masked(similarity, negatives))
                return ops.stack([ops.sum(ops.cast(cost > 0, cost.dtype), axis=1) for cost in costs], axis=1)

            counts = rows.scan(count, x, labels, self.distance, columns=2, chunk=self.anchor_chunk)
            positives, negatives = ops.unstack(ops.sum(counts, axis=0), 2)
        return divide(n, positives), divide(n, negatives)
