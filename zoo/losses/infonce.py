"""Softmax over the pairs of a batch: InfoNCE (NT-Xent), supervised contrastive, soft nearest neighbor (NCA)."""

import keras
from keras import ops

from zoo import errors
from zoo.losses.row_loss import RowLoss, both, exponentials
from zoo.losses.sides import SideLoss
from zoo.mining import inside


@keras.saving.register_keras_serializable(package="zoo")
class InfoNCELoss(SideLoss):
    """Picks the positive of each pair out of the anchor's negatives, by softmax over similarities.

    For every ordered positive pair (a, p), with s the similarity and n over the negatives of a, the cost is
    log(1 + sum_n exp((s_an - s_ap) / T)); the loss is its mean over pairs. The other positives of a are in no
    denominator. With two views of each item as a class this is NT-Xent (name `ntxent`).

    Needs batches with several samples of several classes: `zoo.data.pk_batches`. Anchors without a positive or
    without a negative are left out.

    Args:
        temperature: T; 0.1 is SimCLR's. Smaller looks at the nearest negatives only.
        distance: `"cosine"`, `"dot"`, `"euclidean"` or `"squared_euclidean"`; a distance enters with its sign turned.
        normalize: scale rows to unit length first; None does so for the cosine only.
        denominator: the sum over pairs is divided by the number of `"valid"` pairs, of `"active"` ones (cost above 0), of
            valid `"anchors"`, of all `"rows"` of the batch, or by nothing (`"sum"`, with the reduction `"mean"`).
        anchor_chunk: rows computed at a time, for memory of O(N x chunk); None takes all at once.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: an unknown word, a temperature below 1e-6.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.InfoNCELoss(temperature=1.0)
    >>> round(float(loss([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])), 4)
    0.3133

    Related: `zoo.losses.SupConLoss` lets the positives compete with each other; `zoo.losses.NPairLoss` is on dot products.

    References: van den Oord, Li and Vinyals 2018 (InfoNCE); Chen et al. 2020, SimCLR (NT-Xent).
    """

    adjustable = ("temperature",)
    denominators = ("valid", "active", "anchors", "rows", "sum")
    settings = ("temperature",)

    def __init__(
        self,
        temperature=0.1,
        distance="cosine",
        normalize=None,
        denominator="valid",
        anchor_chunk=None,
        reduction="mean",
        name="infonce",
        dtype=None,
    ):
        super().__init__(distance, normalize, denominator, anchor_chunk, reduction, name, dtype)
        self.temperature = errors.number("temperature", temperature, 1e-6)

    def sides(self, near, far):
        return positives_against_negatives(near, far, self.temperature)


def positives_against_negatives(near, far, temperature):
    """The cost of every positive against all negatives, log(1 + sum_n exp((s_n - s_p) / T)), summed over the positives.

    Takes two sides and the temperature, returns what `SideLoss.sides` does.
    """
    push, powers, total, found = exponentials(far.only(far.similarity / temperature))
    gap = push - near.similarity / temperature
    rest = ops.exp(-ops.abs(gap))  # softplus and sigmoid of the gap from one exponential
    pairs = near.times(ops.cast(found, gap.dtype))
    cost = pairs * (ops.relu(gap) + ops.log1p(rest))
    lost = pairs * ops.where(gap > 0, 1.0, rest) / ((1.0 + rest) * temperature)  # what the softmax does not give to it
    by_far = (ops.sum(lost, axis=1, keepdims=True) / total) * powers
    active = ops.sum(ops.cast(cost > 0, gap.dtype), axis=1)
    return ops.sum(cost, axis=1), ops.sum(pairs, axis=1), active, -lost, by_far


@keras.saving.register_keras_serializable(package="zoo")
class SupConLoss(RowLoss):
    """Spreads each anchor's softmax over all other rows evenly over its positives.

    For an anchor a with positives P, and j over all rows but a: log sum_j exp(s_aj / T) - mean over P of s_ap / T
    (the form with the sum outside the logarithm, which its authors prefer). The loss is the mean over anchors.

    Needs batches with several samples of several classes: `zoo.data.pk_batches`. Anchors without a positive or
    without a negative are left out.

    Args:
        temperature: T; 0.1 is the paper's.
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
    >>> loss = zoo.losses.SupConLoss(temperature=1.0)
    >>> round(float(loss([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])), 4)
    0.3133

    Related: `zoo.losses.InfoNCELoss` compares each positive with the negatives alone.

    References: Khosla et al. 2020, Supervised contrastive learning.
    """

    adjustable = ("temperature",)
    settings = ("temperature",)

    def __init__(
        self,
        temperature=0.1,
        distance="cosine",
        normalize=None,
        denominator="anchors",
        anchor_chunk=None,
        reduction="mean",
        name="supcon",
        dtype=None,
    ):
        super().__init__(distance, normalize, denominator, anchor_chunk, reduction, name, dtype)
        self.temperature = errors.number("temperature", temperature, 1e-6)

    def row(self, similarity, positives, negatives):
        scores = similarity / self.temperature
        log_total, powers, total, _ = exponentials(inside(scores, ops.logical_or(positives, negatives)))
        pairs = ops.cast(positives, scores.dtype)
        anchor = ops.cast(both(positives, negatives), scores.dtype)[:, None]
        count = ops.maximum(ops.sum(pairs, axis=1, keepdims=True), 1.0)
        value = log_total - ops.sum(pairs * scores, axis=1, keepdims=True) / count
        value = anchor * ops.relu(value)  # below 0 only by rounding

        def weights(upstream):
            upstream = upstream * anchor / self.temperature
            return (upstream / total) * powers - (upstream / count) * pairs

        return value[:, 0], anchor[:, 0], value[:, 0] > 0, weights


@keras.saving.register_keras_serializable(package="zoo")
class SoftNearestNeighborLoss(SideLoss):
    """Makes a neighbor, drawn by softmax over negative distances, likely to be of the anchor's class.

    With d the squared distance: -log(sum over positives of exp(-d / T) / sum over all other rows of exp(-d / T)), mean
    over anchors. With the temperature 1 this is the logarithmic form of neighborhood components analysis.

    Needs batches with several samples of several classes: `zoo.data.pk_batches`. Anchors without a positive or
    without a negative are left out.

    Args:
        temperature: T, in units of the distance.
        floor: number added to the probability before the logarithm, which caps the cost of lost anchors at -log(floor);
            tensorflow-similarity adds 1e-9.
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
    >>> loss = zoo.losses.SoftNearestNeighborLoss()
    >>> round(float(loss([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])), 4)
    0.3133

    Related: `zoo.losses.SupConLoss` asks for all positives, this one for any.

    References: Goldberger et al. 2004, Neighbourhood components analysis; Frosst, Papernot and Hinton 2019.
    """

    adjustable = ("temperature",)
    settings = ("temperature", "floor")

    def __init__(
        self,
        temperature=1.0,
        floor=0.0,
        distance="squared_euclidean",
        normalize=None,
        denominator="anchors",
        anchor_chunk=None,
        reduction="mean",
        name="softneighbor",
        dtype=None,
    ):
        super().__init__(distance, normalize, denominator, anchor_chunk, reduction, name, dtype)
        self.temperature = errors.number("temperature", temperature, 1e-6)
        self.floor = errors.number("floor", floor, 0.0, 1.0)

    def sides(self, near, far):
        pull, near, near_total, has_positive = exponentials(near.only(near.similarity / self.temperature))
        push, far, far_total, has_negative = exponentials(far.only(far.similarity / self.temperature))
        anchor = ops.cast(ops.logical_and(has_positive, has_negative), push.dtype)  # (C, 1)
        value, lost = anchor * ops.softplus(push - pull), anchor * ops.sigmoid(push - pull)
        if self.floor:
            probability = ops.exp(-value)
            value = anchor * -ops.log(probability + self.floor)
            lost = lost * probability / (probability + self.floor)
        scale = lost / self.temperature
        return value[:, 0], anchor[:, 0], value[:, 0] > 0, (-scale / near_total) * near, (scale / far_total) * far
