"""Rows of distances sorted once: for anchors with so many positives that going through them one by one is slower.

Time is O(N^2 log N) and memory O(N^2) whatever the class sizes.
"""

from keras import ops

from zoo import mining


def sort_rows(similarity, order, place, shift=0.0, positives_first=True):
    """Sort every row by distance, the positives' moved by `shift`.

    Columns are laid out by class, the own class first or last, before a stable sort: that settles ties.

    Args:
        similarity: similarities [C, N].
        order, place: see `zoo.mining.Classmates`; place has the rows [C, 3] or [C, 4].
        shift: added to the distances of positives.
        positives_first: whether positives come before negatives of the same key, or after.

    Returns:
        columns [C, N] in sorted order, and whether each is a positive and a negative [C, N]. The row itself and its copies
        are neither, and come last.
    """
    start, offset, count = (place[:, i : i + 1] for i in range(3))  # (C, 1)
    rows = ops.shape(similarity)[1]
    own = 0 if positives_first else rows - count  # slot where the own class begins

    begin, twice = ops.mod(start - own, rows), ops.concatenate([order, order])

    def column(slot):
        return ops.take(twice, begin + slot)

    def of_class(slot):
        return ops.logical_and(slot >= own, slot < own + count)

    def apart(slot):
        """Whether a slot is neither the row itself nor a copy of it."""
        last = own + offset
        if place.shape[1] == 3:
            return slot != last
        return ops.logical_or(slot <= last - copies(place), slot > last)

    slot = ops.arange(rows, dtype="int32")[None, :]
    key = -mining.entries(similarity, column(slot))
    key = ops.where(of_class(slot), key + shift, key)
    slot = ops.cast(ops.argsort(ops.where(apart(slot), key, float("inf")), axis=1), "int32")
    same = of_class(slot)
    return column(slot), ops.logical_and(same, apart(slot)), ops.logical_not(same)


def copies(place):
    """Rows of the same class and sample as each row at `place`, itself included: int32 [C, 1], or 1 without sample ids."""
    return 1 if place.shape[1] == 3 else place[:, 2:3] - place[:, 3:] + 1


def unsort(values, columns):
    """Put `values` [C, N] into the columns that they belong to; those of a column that occurs twice are added."""
    height, width = ops.shape(values)[0], ops.shape(values)[1]
    flat = ops.reshape(mining.flat(columns, width), (-1,))
    return ops.reshape(ops.segment_sum(ops.reshape(values, (-1,)), flat, num_segments=height * width), (height, width))


def rank_counts(similarity, order, place, shift, strict):
    """Count the triplets with d_an < d_ap + shift (`strict`), or with d_an <= d_ap + shift.

    Returns:
        counts [C, N]: for a negative how many positives are in such a triplet with it, for a positive minus the number
        of its negatives; and the number of triplets of each anchor [C, 1].
    """
    columns, positive, negative = sort_rows(similarity, order, place, shift, strict)
    before = ops.cumsum(ops.cast(negative, similarity.dtype), axis=1)  # negatives up to here
    rows = ops.shape(similarity)[1]
    last = rows - copies(place)  # where the row itself and its copies begin, neither positive nor negative
    others = ops.cast(ops.minimum(ops.arange(1, rows + 1, dtype="int32"), last), similarity.dtype)  # up to here
    positives = ops.cast(place[:, -1:] - 1, similarity.dtype)  # (C, 1)
    counts = unsort(ops.where(positive, -before, before + (positives - others)), columns)
    return counts, ops.sum(ops.relu(counts), axis=1, keepdims=True)


def semi_hard(similarity, order, place, fallback):
    """For every (anchor, positive) pair, the nearest negative strictly farther than the positive (FaceNet's rule).

    Args:
        similarity, order, place: as in `sort_rows`.
        fallback: `"farthest"` takes the farthest negative where none is farther, `"drop"` leaves the pair out.

    Returns:
        int32 [C, N]: the negative for the pair of the row and a column, and -1 where there is none.
    """
    columns, positive, negative = sort_rows(similarity, order, place, positives_first=False)
    closer = ops.cumsum(ops.cast(negative, "int32"), axis=1)  # negatives not farther than this column
    total = closer[:, -1:]
    # Negatives by distance; the last slot, which none needs because the row itself is no negative, takes the others.
    by_distance = unsort(columns, ops.where(negative, closer - 1, ops.shape(similarity)[1] - 1))
    beyond = closer < total
    slot = ops.where(beyond, closer, ops.maximum(total - 1, 0))
    found = ops.logical_and(positive, beyond if fallback == "drop" else total > 0)
    index = mining.entries(by_distance, slot)
    return unsort(ops.where(found, index + 1, 0), columns) - 1
