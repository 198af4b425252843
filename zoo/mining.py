"""Which positive and which negative an anchor gets: selection on an (N, N) similarity matrix, all shapes static.

Selection needs no gradient: call it on a detached matrix, then differentiate only through the pairs it chose.
A row is an anchor; larger similarity means closer. Every function returns indices and a mask of the rows that have one.
"""

from keras import ops

POSITIVES = ("all", "hard", "easy")
NEGATIVES = ("all", "hard", "semi_hard", "easy")


def positive_mask(labels):
    """True [N, N] where two different rows share a label [N]."""
    same = labels[:, None] == labels[None, :]
    return ops.logical_and(same, ops.logical_not(ops.eye(ops.shape(labels)[0], dtype="bool")))


def negative_mask(labels):
    """True [N, N] where two rows differ in their label [N]."""
    return labels[:, None] != labels[None, :]


def farthest(similarity, mask):
    """Index [N] of the least similar column inside `mask` [N, N], and whether the row has any [N]."""
    return ops.argmin(ops.where(mask, similarity, float("inf")), axis=1), ops.any(mask, axis=1)


def nearest(similarity, mask):
    """Index [N] of the most similar column inside `mask` [N, N], and whether the row has any [N]."""
    return ops.argmax(ops.where(mask, similarity, -float("inf")), axis=1), ops.any(mask, axis=1)


def pick_positive(similarity, mask, rule):
    """The hard positive is the farthest one, the easy positive the nearest: index [N], found [N]."""
    return farthest(similarity, mask) if rule == "hard" else nearest(similarity, mask)


def pick_negative(similarity, mask, rule, limit=None, strict=True, fallback="drop"):
    """Choose one negative for each anchor.

    hard: the nearest. easy: the farthest. semi_hard: the nearest that is not closer than the positive, whose
    similarity is `limit` (farther than it when `strict`); without one, the farthest negative or none.

    Args:
        similarity: detached similarities [N, N].
        mask: True for negatives [N, N].
        rule: `"hard"`, `"semi_hard"` or `"easy"`.
        limit: similarity of each anchor's positive [N], for `"semi_hard"`.
        strict: leave out negatives exactly as similar as the positive.
        fallback: `"farthest"` or `"drop"`, for `"semi_hard"`.

    Returns:
        index [N] and found [N].
    """
    if rule == "easy":
        return farthest(similarity, mask)
    if rule == "hard":
        return nearest(similarity, mask)
    limit = limit[:, None]
    beyond = ops.logical_and(mask, similarity < limit if strict else similarity <= limit)
    index, found = nearest(similarity, beyond)
    if fallback == "drop":
        return index, found
    far, any_negative = farthest(similarity, mask)
    return ops.where(found, index, far), any_negative


def pairwise_semi_hard(similarity, positives, negatives, fallback="farthest"):
    """For every (anchor, positive) pair, the nearest negative strictly farther than that positive (FaceNet's rule).

    Sorting each row once gives it for all pairs of the row: O(N^2 log N) time and O(N^2) memory.

    Args:
        similarity: detached similarities [N, N].
        positives: True for positives [N, N].
        negatives: True for negatives [N, N].
        fallback: `"farthest"` takes the farthest negative where none is farther, `"drop"` leaves the pair out.

    Returns:
        index [N, N] of the negative for pair (a, p), and found [N, N], True where (a, p) is a pair with a negative.
    """
    distance = -similarity
    # Negatives before others inside a tie, so that the count below includes those exactly as far: hence strict.
    order = stable_argsort(distance, first=negatives)
    rank = ops.argsort(order, axis=1)
    closer = ops.cumsum(ops.cast(ops.take_along_axis(negatives, order, axis=1), "int32"), axis=1)
    closer = ops.take_along_axis(closer, rank, axis=1)  # (N, N): negatives not farther than column b
    by_distance = ops.argsort(ops.where(negatives, distance, float("inf")), axis=1)
    total = ops.sum(ops.cast(negatives, "int32"), axis=1, keepdims=True)  # (N, 1)
    beyond = closer < total
    slot = ops.where(beyond, closer, ops.maximum(total - 1, 0))
    found = ops.logical_and(positives, beyond if fallback == "drop" else total > 0)
    return ops.take_along_axis(by_distance, slot, axis=1), found


def stable_argsort(values, first):
    """Sort rows [N, M] ascending; inside a tie the columns where `first` [N, M] holds come before the others."""
    tie = ops.argsort(ops.where(first, 0, 1), axis=1)
    return ops.take_along_axis(tie, ops.argsort(ops.take_along_axis(values, tie, axis=1), axis=1), axis=1)
