"""What the losses over the pairs of a batch share: one row of similarities for each anchor, settings, means, health."""

from keras import ops

from zoo import errors, geometry, mining
from zoo.losses import rows
from zoo.losses.base import Loss, Terms, divide
from zoo.mining import FAR


class Masked:
    """The positives or the negatives of anchors: similarities [C, W], of which those under the mask [C, W] count."""

    def __init__(self, similarity, mask):
        self.similarity, self.mask = similarity, ops.cast(mask, similarity.dtype)

    def only(self, values):
        """`values` [C, W] where they count, about -1e30 elsewhere."""
        return values + (self.mask - 1.0) * FAR

    def times(self, values):
        """`values` [C, W] where they count, 0 elsewhere."""
        return values * self.mask


class RowLoss(Loss):
    """A loss whose anchors need nothing but their own row of similarities; subclasses define `row`.

    With l the value of a row, the loss is the sum of l divided by the number of valid `"anchors"`, of `"active"` terms
    (above 0), of `"valid"` terms, of all `"rows"` of the batch, or by nothing (`"sum"`, with the reduction `"mean"`).

    Args:
        distance: one of `zoo.geometry.DISTANCES`.
        normalize: scale rows to unit length first; None does so for the cosine only.
        denominator: what the sum is divided by, one of the class's `denominators`.
        anchor_chunk: rows computed at a time, for memory of O(N x chunk); None takes all at once.
        reduction, name, dtype: see `zoo.losses.Loss`.
    """

    denominators = ("anchors", "active", "rows", "sum")
    settings = ()  # names of the subclass's own settings, for its config

    def __init__(self, distance, normalize, denominator, anchor_chunk, reduction, name, dtype):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.distance = geometry.check_distance(distance)
        self.normalize = normalize if normalize is None else errors.flag("normalize", normalize)
        if denominator not in self.denominators:
            raise ValueError(errors.unknown("denominator", denominator, self.denominators))
        self.denominator = denominator
        self.anchor_chunk = anchor_chunk if anchor_chunk is None else errors.whole("anchor_chunk", anchor_chunk)

    def row(self, similarity, positives, negatives):
        """What an anchor costs, for the rows [C, N] of some anchors.

        Returns:
            value, number of terms, number of active terms, each [C] (a row without a term is no anchor); the function
            from the derivative by the values [C, 1] to the one by the similarities [C, N]; and further columns [C].
        """
        raise NotImplementedError("a RowLoss defines row(similarity, positives, negatives)")

    def terms(self, labels, embeddings):
        columns, pairs = self.outputs(self.row, labels, self.prepare(embeddings))
        return self.finish(*columns, pairs, self.denominator)

    @property
    def by_row(self):
        """Whether the mean similarities need the rows: no sum by class gives the mean of a root."""
        return self.distance == "euclidean"

    def outputs(self, row, labels, x, columns=3, given=()):
        """What `row` says of every anchor: columns [N], the first with its gradient, and the means over pairs.

        `row` takes the rows [C, ...] of the tensors `given` [N, ...] after the masks.
        """

        def function(similarity, positives, negatives, *given):
            value, terms, active, pull, *more = row(similarity, positives, negatives, *given)
            far = None if len(labels.shape) == 1 else Masked(similarity, negatives)
            return self.columns([value, terms, active, *more], Masked(similarity, positives), similarity, far), pull

        def with_weights(*row_and_masks):
            found, pull = function(*row_and_masks)
            return found, pull(ops.ones_like(found[:, :1]))

        if self.anchor_chunk is None:
            found = rows.differentiate_all(function, x, labels, self.distance, given)
        else:
            width = columns + 2 * self.by_row
            found = rows.differentiate(with_weights, x, labels, self.distance, width, self.anchor_chunk, given)
        return self.means(found, columns, labels, x)

    def columns(self, columns, near, similarity, far=None):
        """Columns [C] side by side, with the sums that the mean similarities need: of the positives `near`, of all.

        All are the whole row [C, N], unless the negatives `far` are given: then copies of the row are left out.
        """
        if self.by_row:
            s_ap = ops.sum(near.times(near.similarity), axis=1)
            every = ops.sum(similarity, axis=1) if far is None else s_ap + ops.sum(far.times(similarity), axis=1)
            columns = [*columns, s_ap, every]
        return ops.stack([ops.cast(column, similarity.dtype) for column in columns], axis=1)

    def means(self, found, columns, labels, x):
        """The outputs [N, columns or more] taken apart, and the means over pairs."""
        value, *rest = ops.unstack(found, columns + 2 * self.by_row, axis=1)
        rest = [ops.stop_gradient(column) for column in rest]
        sums = [ops.sum(c) for c in rest[-2:]] if self.by_row else sums_by_class(x, labels, self.distance)
        return [value, *rest[: columns - 1]], pair_means(labels, *sums)

    def prepare(self, embeddings):
        """Rows to unit length where the settings say so and the distance does not do it by itself."""
        return geometry.normalize(embeddings) if self.normalize and self.distance != "cosine" else embeddings

    def finish(self, values, terms, active, pairs, denominator):
        """Return `Terms`: values [N], numbers of terms and of active ones [N], and what `pairs` returns."""
        valid = ops.cast(terms > 0, values.dtype)
        anchors = ops.sum(valid)
        count = {
            "anchors": anchors,
            "active": ops.sum(active * valid),
            "valid": ops.sum(terms),
            "rows": ops.sum(ops.ones_like(valid)),
            "sum": ops.ones_like(anchors),
        }[denominator]
        health = {"valid_anchors": anchors, "active_fraction": divide(ops.sum(active * valid), ops.sum(terms)), **pairs}
        return Terms(values * divide(anchors, count), valid, health)

    def get_config(self):
        names = (*self.settings, "distance", "normalize", "denominator", "anchor_chunk")
        return {**super().get_config(), **{key: getattr(self, key) for key in names}}


def class_index(labels):
    """A number for the class of each row [N], below N: the position of its first row in sorted order."""
    return ops.cast(ops.searchsorted(ops.sort(labels), labels), "int32")


def count_pairs(labels, dtype):
    """Number of ordered positive and of ordered negative pairs, as floats, of labels as `Loss.check` returns them."""
    classes, samples = mining.parts(labels)
    of_class = class_index(classes)
    ones = ops.ones_like(of_class, dtype=dtype)

    def within(group):
        size = ops.segment_sum(ones, group, num_segments=ops.shape(group)[0])  # (N,), one entry a group and zeros
        return ops.sum(size * (size - 1.0))

    n, same = ops.sum(ones), within(of_class)
    return same if samples is None else same - within(samples), n * (n - 1.0) - same


def sums_by_class(x, labels, distance):
    """Sum of the similarities of all ordered positive pairs, and of these and the negative ones, in O(ND)."""
    x = ops.stop_gradient(geometry.widen(x))
    if distance != "dot":
        x = geometry.normalize(x) if distance == "cosine" else x - x[:1]
    classes, samples = mining.parts(labels)
    n, own = ops.shape(x)[0], ops.sum(x * x, axis=1)  # (N,)

    def within(group):
        """Sum over the ordered pairs of each group, of a row with itself too."""
        sums = ops.segment_sum(x, group, num_segments=n)  # (N, D)
        if distance != "squared_euclidean":
            return ops.sum(sums * sums)
        size = ops.segment_sum(ops.ones_like(own), group, num_segments=n)
        return 2.0 * (ops.sum(sums * sums) - ops.sum(size * ops.segment_sum(own, group, num_segments=n)))

    same, every = within(class_index(classes)), ops.sum(ops.square(ops.sum(x, axis=0)))
    if distance == "squared_euclidean":
        every = 2.0 * (every - ops.cast(n, x.dtype) * ops.sum(own))
        if samples is None:
            return same, every
    copies = ops.sum(own) if samples is None else within(samples)
    return same - copies, every - copies


def pair_means(labels, s_ap, s_all):
    """Batch health of the pairs, given the sums of similarities over ordered positive pairs and over all."""
    positives, negatives = count_pairs(labels, ops.dtype(s_ap))
    return pair_health(positives, negatives, s_ap, s_all - s_ap)


def mask_means(similarity, positives, negatives):
    """The same, given similarities and two masks [N, M]."""
    masks = [ops.cast(mask, similarity.dtype) for mask in (positives, negatives)]
    return pair_health(*(ops.sum(mask) for mask in masks), *(ops.sum(mask * similarity) for mask in masks))


def pair_health(positives, negatives, s_ap, s_an):
    """The same, given the numbers of positive and negative pairs and the sums of their similarities."""
    return {
        "positive_share": divide(positives, positives + negatives),
        "mean_s_ap": divide(s_ap, positives),
        "mean_s_an": divide(s_an, negatives),
    }


def highest(scores):
    """Largest entry of each row of `inside` [C, 1], 0 where its mask is empty, and whether it is not [C, 1]."""
    top = ops.max(scores, axis=1, keepdims=True)
    found = top > -FAR / 2
    return ops.where(found, top, 0.0), found


def exponentials(scores):
    """log sum exp of the rows of `inside` [C, 1] (0 where empty), exp(z - top) [C, N], its sum (1 where empty), found."""
    top, found = highest(scores)
    powers = ops.exp(scores - top)
    total = ops.where(found, ops.sum(powers, axis=1, keepdims=True), 1.0)
    return ops.log(total) + top, powers, total, found


def both(positives, negatives):
    """Whether a row has a positive and a negative [C]."""
    return ops.logical_and(ops.any(positives, axis=1), ops.any(negatives, axis=1))
