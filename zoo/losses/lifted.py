"""Lifted structure: each positive pair against all negatives of both of its rows, in O(N^2)."""

import keras
from keras import ops

from zoo import errors
from zoo.losses.row_loss import RowLoss, exponentials
from zoo.mining import inside


@keras.saving.register_keras_serializable(package="zoo")
class LiftedStructureLoss(RowLoss):
    """Keeps a positive pair closer than all negatives of its two rows, by a smooth maximum over them.

    With d the distance and L_i = log sum over negatives n of i of exp(margin - d_in):

    - `form="pairs"` (Song et al.): J_ij = log(exp L_i + exp L_j) + d_ij, the loss is the mean over positive pairs of
      max(0, J_ij)^2 / 2. Batches of one class cost nothing.
    - `form="generalized"` (Hermans et al.): for each row max(0, log sum over positives p of exp(d_ip) + L_i), mean over
      rows. A side that is empty counts 0: a row without positives only pushes, one without negatives only pulls.

    Needs batches with several samples of several classes: `zoo.data.pk_batches`. Embeddings are not normalized in the
    paper, nor here by default.

    Args:
        margin: number in units of the distance.
        form: `"pairs"` or `"generalized"`.
        distance: `"euclidean"`, `"squared_euclidean"`, `"cosine"` or `"dot"`.
        normalize: scale rows to unit length first; None does so for the cosine only.
        denominator: the sum is divided by the number of `"valid"` terms (pairs, or rows), of `"active"` ones (above 0), of
            valid `"anchors"`, or by nothing (`"sum"`, with the reduction `"mean"`).
        anchor_chunk: rows computed at a time, for memory of O(N x chunk), with `form="generalized"`; None takes all.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: an unknown word, a margin that is no number, a chunk with `form="pairs"`.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.LiftedStructureLoss(margin=1.0)
    >>> round(float(loss([0, 0, 1], [[0.0], [1.0], [3.0]])), 4)
    0.0491

    Related: `zoo.losses.TripletLoss` with `positive="hard", negative="hard"` takes the maximum itself.

    References: Song et al. 2016, Deep metric learning via lifted structured feature embedding; Hermans et al. 2017.
    """

    denominators = ("valid", "active", "anchors", "sum")
    settings = ("margin", "form")

    def __init__(
        self,
        margin=1.0,
        form="pairs",
        distance="euclidean",
        normalize=None,
        denominator="valid",
        anchor_chunk=None,
        reduction="mean",
        name="lifted",
        dtype=None,
    ):
        super().__init__(distance, normalize, denominator, anchor_chunk, reduction, name, dtype)
        if form not in ("pairs", "generalized"):
            raise ValueError(errors.unknown("form", form, ("pairs", "generalized")))
        if form == "pairs" and anchor_chunk is not None:
            raise ValueError("anchor_chunk: form='pairs' compares two rows at a time and needs all of them; use None")
        self.margin, self.form = errors.number("margin", margin), form

    def row(self, similarity, positives, negatives):
        if self.form == "pairs":
            return self._pairs(similarity, positives, negatives)
        pull, near, near_total, has_positive = exponentials(inside(-similarity, positives))
        push, far, far_total, has_negative = exponentials(inside(self.margin + similarity, negatives))
        cost = ops.relu(pull + push)  # (C, 1); an empty side is 0
        active = ops.cast(cost > 0, cost.dtype)
        anchor = ops.logical_or(has_positive, has_negative)

        def weights(upstream):
            return (upstream * active / far_total) * far - (upstream * active / near_total) * near

        return cost[:, 0], anchor[:, 0], active[:, 0], weights

    def _pairs(self, similarity, positives, negatives):
        """As `row`, for all rows of the batch: a pair needs the negatives of both of its rows."""
        push, far, total, found = exponentials(inside(self.margin + similarity, negatives))
        joint = ops.transpose(push) + ops.softplus(push - ops.transpose(push))  # log(exp L_i + exp L_j), (N, N)
        pairs = ops.cast(ops.logical_and(positives, found), similarity.dtype)
        cost = pairs * ops.relu(joint - similarity)

        def weights(upstream):
            # A pair moves L of both of its rows. Down the columns of a symmetric matrix, the other way around than above,
            # so that nothing is kept for it.
            share = cost * ops.sigmoid(ops.transpose(push) - push)
            pushed = ops.matmul(ops.transpose(share), upstream) + upstream * ops.sum(share, axis=0)[:, None]
            return (pushed / total) * far - upstream * cost

        active = ops.sum(ops.cast(cost > 0, cost.dtype), axis=1)
        return ops.sum(ops.square(cost), axis=1) / 2.0, ops.sum(pairs, axis=1), active, weights
