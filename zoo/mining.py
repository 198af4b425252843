"""Which positive and which negative an anchor gets: selection on rows of similarities [C, N], all shapes static.

Selection needs no gradient: call it on detached rows, then differentiate only through the pairs it chose.
A row is an anchor; larger similarity means closer. A class has few members next to the batch, so its positives are
looked up in the batch sorted by label; only negatives need passes over the whole row.
"""

from typing import NamedTuple

from keras import ops

POSITIVES = ("all", "hard", "easy")
NEGATIVES = ("all", "hard", "semi_hard", "easy", "band", "violating")
FEW = 32  # positives of an anchor up to which they are gone through one by one; beyond it rows are sorted
FAR = 1e30
FEWER = 7  # and up to which a narrower table of them does: classes of eight


def parts(labels):
    """Class ids [N] and sample ids [N] of labels [N, 2]; None instead of sample ids for labels [N]."""
    return (labels, None) if len(labels.shape) == 1 else (labels[:, 0], labels[:, 1])


def positive_mask(labels):
    """True [N, N] where two different rows, of different samples where labels have ids, share a class; see `parts`."""
    classes, samples = parts(labels)
    same = classes[:, None] == classes[None, :]
    if samples is None:
        return ops.logical_and(same, ops.logical_not(ops.eye(ops.shape(labels)[0], dtype="bool")))
    return ops.logical_and(same, samples[:, None] != samples[None, :])


def negative_mask(labels):
    """True [N, N] where two rows differ in their class; see `parts`."""
    classes, _ = parts(labels)
    return classes[:, None] != classes[None, :]


class Classmates(NamedTuple):
    """The batch sorted by label, so that the positives of every row are known without an (N, N) mask.

    With sample ids the copies of a row, itself included, follow each other; its positives are the rest of the class.

    Attributes:
        order: rows sorted by class, then by sample [N].
        place: where each row's class starts in `order`, which of the class the row is (its last copy, with sample ids), and
            the members of the class [N, 3]; with sample ids also one more than the row's positives [N, 4].
        most: members of the largest class less one, a scalar: no row has more positives.
    """

    order: object
    place: object
    most: object


def classmates(labels):
    """Return the `Classmates` of labels [N] or [N, 2]: O(N log N)."""
    classes, samples = parts(labels)
    order, rank = _sort(labels)
    start, count = _runs(ops.take(classes, order), rank)
    place = [start, rank - start, count]
    if samples is not None:
        first, copies = _runs(ops.take(labels, order, axis=0), rank)
        place = [start, first + copies - 1 - start, count, count - copies + 1]
    return Classmates(order, ops.cast(ops.stack(place, axis=1), "int32"), ops.cast(ops.max(count) - 1, "int32"))


def first_copies(labels):
    """For each row of labels [N, 2] the first row that shares class and sample with it, int32 [N]."""
    order, rank = _sort(labels)
    return ops.take(order, _runs(ops.take(labels, order, axis=0), rank)[0])


def _sort(labels):
    """Rows in the order of class, sample and row [N], and where each row is in it [N]."""
    classes, samples = parts(labels)
    if samples is None:
        order = ops.argsort(classes)
    else:
        order = ops.argsort(samples)
        order = ops.take(order, ops.argsort(ops.take(classes, order)))  # stable, so the samples stay sorted
    order = ops.cast(order, "int32")
    return order, ops.cast(ops.argsort(order), "int32")


def _runs(ordered, rank):
    """Where the run of equal rows of `ordered` [N] or [N, 2] begins that each `rank` [N] lies in, and how long it is."""
    new = ordered[1:] != ordered[:-1]
    new = new if len(new.shape) == 1 else ops.any(new, axis=1)
    group = ops.cumsum(ops.concatenate([ops.zeros((1,), "int32"), ops.cast(new, "int32")]))
    counts = ops.segment_sum(ops.ones_like(group), group, num_segments=ops.shape(ordered)[0])
    starts = ops.cumsum(counts) - counts
    group = ops.take(group, rank)
    return ops.take(starts, group), ops.take(counts, group)


def classmate(order, place, rank):
    """Return the positive of a rank 1, 2, ... (or of several [W]) for rows at `place` [C, 3] or [C, 4].

    Returns:
        index [C, 1] or [C, W], and present, False where the row has fewer positives. The ranks 0 up to the members of the
        class go through all of it: from those that are not present on, the index is a copy of the row or the row itself.
    """
    start, offset, count = (place[:, i : i + 1] for i in range(3))  # (C, 1)
    member = rank < count
    turn = ops.mod(offset + ops.where(member, rank, 0), count)
    return ops.take(order, start + turn), member if place.shape[1] == 3 else rank < place[:, 3:]


def entries(values, columns):
    """Entries [C, W] of rows [C, N] at int32 columns [C, W]; Keras' take_along_axis computes in int64 on TensorFlow."""
    return ops.take(ops.reshape(values, (-1,)), flat(columns, ops.shape(values)[1]))


def flat(columns, width):
    """Columns [C, W] of rows of that width, as positions in the flattened rows."""
    return ops.arange(ops.shape(columns)[0], dtype="int32")[:, None] * width + columns


def pick(values):
    """Index [C] of the largest column of `values` [C, N], and whether it is inside the mask [C]; see `inside`."""
    best, index = ops.top_k(values, 1)  # one pass on every backend; Keras' argmax takes four on TensorFlow
    return ops.cast(index[:, 0], "int32"), best[:, 0] > -FAR / 2


def inside(values, mask):
    """`values` [C, N] where the mask holds, about -1e30 elsewhere; an addition takes half the time of a selection."""
    return values + (ops.cast(mask, values.dtype) - 1.0) * FAR


def nearest(similarity, mask):
    """Index [C] of the most similar column inside `mask` [C, N], and whether the row has any [C]."""
    return pick(inside(similarity, mask))


def farthest(similarity, mask):
    """Index [C] of the least similar column inside `mask` [C, N], and whether the row has any [C]."""
    return pick(inside(-similarity, mask))


def at(similarity, index):
    """Similarities [C] of the columns `index` [C]."""
    return entries(similarity, index[:, None])[:, 0]


def pick_positive(similarity, mask, mates, place, rule, limit=None):
    """Choose one positive for each anchor: the farthest (`"hard"`) or the nearest (`"easy"`).

    Args:
        similarity: detached similarities [C, N].
        mask: True for positives [C, N].
        mates: `Classmates` of the batch.
        place: rows of `mates.place` for these anchors.
        rule: `"hard"` or `"easy"`.
        limit: leave out positives more similar than this; None keeps them.

    Returns:
        index [C] and found [C].
    """
    choose = farthest if rule == "hard" else nearest

    def few(width):
        columns, present = classmate(mates.order, place, ops.arange(1, width + 1, dtype="int32"))  # (C, width)
        values = entries(similarity, columns)
        present = present if limit is None else ops.logical_and(present, values <= limit)
        slot, found = choose(values, present)
        return entries(columns, slot[:, None])[:, 0], found

    def many():
        return choose(similarity, mask if limit is None else ops.logical_and(mask, similarity <= limit))

    def more():
        return ops.cond(mates.most <= FEW, lambda: few(FEW), many)

    return ops.cond(mates.most <= FEWER, lambda: few(FEWER), more)


def pick_negative(similarity, mask, rule, limit=None, strict=True, fallback="drop"):
    """Choose one negative for each anchor.

    hard: the nearest. easy: the farthest. semi_hard: the nearest that is not closer than the positive, whose
    similarity is `limit` (farther than it when `strict`); without one, the farthest negative or none.

    Args:
        similarity: detached similarities [C, N].
        mask: True for negatives [C, N].
        rule: `"hard"`, `"semi_hard"` or `"easy"`.
        limit: similarity of each anchor's positive [C], for `"semi_hard"`.
        strict: leave out negatives exactly as similar as the positive.
        fallback: `"farthest"` or `"drop"`, for `"semi_hard"`.

    Returns:
        index [C] and found [C].
    """
    if rule == "easy":
        return farthest(similarity, mask)
    if rule == "hard":
        return nearest(similarity, mask)
    limit = limit[:, None]
    index, found = nearest(similarity, ops.logical_and(mask, similarity < limit if strict else similarity <= limit))
    if fallback == "drop":
        return index, found
    far, any_negative = farthest(similarity, mask)
    return ops.where(found, index, far), any_negative


def negative_of_each_positive(similarity, mask, mates, place, rule, fallback, width=FEW):
    """Choose one negative for every (anchor, positive) pair, positives in the order of `classmate`.

    Args:
        similarity, mask, mates, place, rule, fallback: as in `pick_negative` and `pick_positive`.
        width: ranks of positives to go through; anchors must not have more.

    Returns:
        int32 [C, width]: the negative of each rank, and -1 where there is no such pair.
    """
    ranks = ops.arange(1, width + 1, dtype="int32")  # (width,)
    if rule != "semi_hard":
        index, found = pick_negative(similarity, mask, rule)
        present = ops.logical_and(classmate(mates.order, place, ranks)[1], found[:, None])
        return ops.where(present, index[:, None], -1)
    far, any_negative = farthest(similarity, mask) if fallback == "farthest" else (-1, True)
    rivals = inside(similarity, mask)

    def step(rank, table):
        positive, present = classmate(mates.order, place, rank)  # (C, 1)
        limit = entries(similarity, positive)
        index, found = nearest(rivals, rivals < limit)
        index = ops.where(ops.logical_and(present[:, 0], any_negative), ops.where(found, index, far), -1)
        return ops.where(ranks[None, :] == rank, index[:, None], table)

    table = -ops.ones((ops.shape(similarity)[0], width), dtype="int32")
    return ops.fori_loop(1, ops.minimum(mates.most, width) + 1, step, table)
