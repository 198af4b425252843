"""Losses over pairs whose positives and negatives enter apart: few positives are then taken out of the long rows.

A class has few members next to the batch. What a loss does to positives is done to [C, 8] of them, and only what it
does to negatives to whole rows [C, N]; that is two thirds of the time. Where a class has more, or rows are short, both are
masked rows.
"""

from keras import ops

from zoo import mining
from zoo.losses import rows
from zoo.losses.row_loss import Masked, RowLoss
from zoo.mining import FAR

LONG = 768  # rows of a batch from which on it is worth while to take positives out of them


class Rest:
    """As `Masked`, for all columns [C, N] but a few, named by row and column `spots` [M, 2]."""

    def __init__(self, similarity, spots):
        self.similarity, self.spots = similarity, spots

    def only(self, values):
        return ops.scatter_update(values, self.spots, -FAR * ops.ones_like(self.spots[:, 0], dtype=values.dtype))

    def times(self, values):
        return ops.scatter_update(values, self.spots, ops.zeros_like(self.spots[:, 0], dtype=values.dtype))


class SideLoss(RowLoss):
    """A `RowLoss` of which subclasses define `sides`."""

    def sides(self, near, far):
        """What some anchors cost, given their positives `near` and negatives `far`: similarities [C, W] and [C, N].

        Returns:
            value, number of terms, number of active terms, each [C] (a row without a term is no anchor); the derivative
            of the value by the positives' similarities [C, W] and by the negatives' [C, N], 0 where a column does not
            count.
        """
        raise NotImplementedError("a SideLoss defines sides(near, far)")

    def terms(self, labels, embeddings):
        columns, pairs = self.outputs_of_sides(self.sides, labels, self.prepare(embeddings))
        return self.finish(*columns, pairs, self.denominator)

    def outputs_of_sides(self, sides, labels, x):
        """As `outputs`, of a function like `sides`."""
        mates = mining.classmates(labels)
        classes, samples = mining.parts(labels)
        samples, plain = (ops.arange(ops.shape(labels)[0], dtype="int32"), True) if samples is None else (samples, False)

        def function(similarity, _, __, place, own, sample):
            def columns(columns, near, far):
                return self.columns(columns, near, similarity, None if plain else far)

            def apart():
                near, far, spots = split(similarity, mates.order, place)
                *found, by_near, by_far = sides(near, far)
                return columns(found, near, far), ops.scatter_update(by_far, spots, ops.reshape(by_near, (-1,)))

            def masked():  # masks of its own: whatever stands outside is computed for both branches
                same = own[:, None] == classes[None, :]
                near = Masked(similarity, ops.logical_and(same, sample[:, None] != samples[None, :]))
                far = Masked(similarity, ops.logical_not(same))
                *found, by_near, by_far = sides(near, far)
                return columns(found, near, far), by_near + by_far

            if isinstance(x.shape[0], int) and x.shape[0] < LONG:
                return masked()
            return ops.cond(mates.most <= mining.FEWER, apart, masked)

        width = 3 + 2 * self.by_row
        given = [mates.place, classes, samples]
        found = rows.differentiate(function, x, labels, self.distance, width, self.anchor_chunk, given)
        return self.means(found, 3, labels, x)


def split(similarity, order, place):
    """Positives of the rows at `place` of `similarity` [C, N], up to 7 each, and negatives; see `mining.Classmates`.

    Returns:
        near with W = 8 (the row itself and copies do not count), far, and where `near` was: rows and columns [8 C, 2].
    """
    ranks = ops.arange(mining.FEWER + 1, dtype="int32")
    columns, present = mining.classmate(order, place, ranks)  # (C, W), the whole class
    row = ops.arange(ops.shape(place)[0], dtype="int32")[:, None]
    spots = ops.reshape(ops.stack([row + ops.zeros_like(columns), columns], axis=2), (-1, 2))
    return Masked(mining.entries(similarity, columns), ops.logical_and(present, ranks > 0)), Rest(similarity, spots), spots
