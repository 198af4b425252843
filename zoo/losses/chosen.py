"""Losses on triplets of which each has one negative: chosen on detached rows, scored and differentiated pair by pair.

The gradient passes through the chosen pairs only, rows of D numbers, so nothing of size (N, N) is kept for it.
"""

from keras import ops

from zoo import geometry, mining
from zoo.losses import rows, sorting


def one_each(x, labels, rules, objective, chunk=None):
    """One positive and one negative for each anchor.

    Args:
        x: embeddings [N, D].
        labels: integers [N] or [N, 2], see `zoo.mining.parts`.
        rules: a `zoo.losses.TripletLoss`, or whatever has its settings.
        objective: a `zoo.losses.objectives.Objective`.
        chunk: anchors at a time; None takes all at once.

    Returns:
        For each anchor [N, 5]: value (with gradient), active triplets, triplets, sum of s_ap and of s_an over them.
    """
    mates = mining.classmates(labels)
    p, n, found = choose_one_each(x, labels, mates, rules, chunk)
    triplets = p[:, None], n[:, None], found[:, None], 1
    return _differentiate(x, rules.distance, lambda x: _scorer(x, *triplets, rules, objective))


def choose_one_each(x, labels, mates, rules, chunk=None):
    """The positive [N] and the negative [N] that the rules choose for each anchor, and whether it has both [N]."""

    def choose(similarity, positives, negatives, place):
        p, has_p = mining.pick_positive(similarity, positives, mates, place, rules.positive, rules.duplicate_threshold)
        strict = rules.positive != "easy"  # the reference of EPSHN allows equality
        limit = mining.at(similarity, p)
        n, has_n = mining.pick_negative(similarity, negatives, rules.negative, limit, strict, rules.fallback)
        both = ops.stack([p, n, ops.cast(ops.logical_and(has_p, has_n), "int32")], axis=1)
        return ops.cast(both, similarity.dtype)  # exact to 2^24 rows

    chosen = ops.cast(rows.scan(choose, x, labels, rules.distance, 3, chunk, [mates.place]), "int32")
    return chosen[:, 0], chosen[:, 1], chosen[:, 2] > 0


def pairs(x, labels, rules, objective, chunk=None):
    """One negative for every pair of an anchor and a positive; arguments and result as in `one_each`.

    Up to 32 positives an anchor they are gone through one by one; beyond that rows are sorted, except with a swap.
    """
    mates = mining.classmates(labels)
    width = ops.shape(labels)[0] if rules.swap else mining.FEW
    p = mining.classmate(mates.order, mates.place, ops.arange(1, width + 1, dtype="int32"))[0]  # (N, width)
    shared = rules.distance, chunk, [mates.place]

    def mine(x):
        def choose(similarity, positives, negatives, place):
            settings = rules.negative, rules.fallback, width
            table = mining.negative_of_each_positive(similarity, negatives, mates, place, *settings)
            return ops.cast(table, similarity.dtype)

        return ops.cast(rows.scan(choose, x, labels, rules.distance, width, *shared[1:]), "int32")

    def scorer(x, n):
        return _scorer(x, p, ops.maximum(n, 0), n >= 0, ops.minimum(mates.most, width), rules, objective)

    def sort(similarity, positives, negatives, place):
        return _sorted_pairs(similarity, positives, negatives, place, mates.order, rules, objective)

    def one_by_one(x):
        table = mine(x)
        return scorer(x, table)[0](), table

    def by_sorting(x):
        sums = rows.scan(lambda *row: sort(*row)[0], x, labels, rules.distance, 5, *shared[1:])
        return sums, -ops.ones((ops.shape(labels)[0], width), dtype="int32")

    def either(x):
        few = mates.most <= width
        sums, table = ops.cond(few, lambda: one_by_one(x), lambda: by_sorting(x))

        def pull(upstream):
            again = lambda: rows.gradient(sort, x, labels, upstream, *shared)  # noqa: E731
            return ops.cond(few, lambda: scorer(x, table)[1](upstream), again)

        return lambda: sums, pull

    return _differentiate(x, rules.distance, (lambda x: scorer(x, mine(x))) if rules.swap else either)


def _sorted_pairs(similarity, positives, negatives, place, order, rules, objective):
    """Row function of `pairs`: outputs [C, 5] and derivative by the similarities [C, N]."""
    if rules.negative == "semi_hard":
        index = sorting.semi_hard(similarity, order, place, rules.fallback)
    else:
        index, has = mining.pick_negative(similarity, negatives, rules.negative)
        index = ops.where(ops.logical_and(positives, has[:, None]), index[:, None], -1)
    kept, index = index >= 0, ops.maximum(index, 0)
    s_an = mining.entries(similarity, index)
    if rules.min_similarity is not None:
        kept = ops.logical_and(kept, ops.minimum(similarity, s_an) > rules.min_similarity)
    cost = ops.where(kept, objective.cost(similarity, s_an), 0.0)
    by_p, by_n = (ops.where(kept, slope, 0.0) for slope in objective.slopes(similarity, s_an))
    kept = ops.cast(kept, cost.dtype)
    columns = [cost, ops.cast(cost > 0, cost.dtype), kept, kept * similarity, kept * s_an]
    return ops.stack([ops.sum(c, axis=1) for c in columns], axis=1), by_p + sorting.unsort(by_n, index)


def _differentiate(x, distance, scorer):
    """Outputs [N, 5] of `scorer(x)`, which returns functions for them and for the derivative of the first one."""
    x = geometry.normalize(x) if distance == "cosine" else geometry.widen(x)

    @ops.custom_gradient
    def through(x):
        value, pull = scorer(x)

        def gradient(*args, upstream=None):
            return pull((args[-1] if upstream is None else upstream)[:, :1])

        return value(), gradient

    return through(x)


def _scorer(x, p, n, found, ranks, rules, objective):
    """Return functions that score the triplets of each anchor and that differentiate the scores.

    Args:
        x: embeddings [N, D], of unit length for the cosine.
        p, n, found: positive, negative and whether there is a triplet [N, W], for each of W ranks.
        ranks: how many of the W to use, a number or a scalar tensor.
        rules, objective: as in `one_each`; `swap` takes the pair (p, n) where it is closer than (a, n).
    """
    distance = rules.distance

    def triplet(rank):
        i, j, kept = (ops.take(table, rank, axis=1) for table in (p, n, found))
        s_ap, s_an, swapped = _similarity(x, None, i, distance), _similarity(x, None, j, distance), None
        if rules.swap:
            s_pn = _similarity(x, i, j, distance)
            swapped = s_pn > s_an
            s_an = ops.where(swapped, s_pn, s_an)
        if rules.min_similarity is not None:
            kept = ops.logical_and(kept, ops.minimum(s_ap, s_an) > rules.min_similarity)
        return i, j, swapped, s_ap, s_an, ops.cast(kept, x.dtype)

    def value(rank):
        _, _, _, s_ap, s_an, kept = triplet(rank)
        cost = objective.cost(s_ap, s_an) * kept
        return ops.stack([cost, ops.cast(cost > 0, x.dtype), kept, s_ap * kept, s_an * kept], axis=1)

    def pull(rank, upstream):
        i, j, swapped, s_ap, s_an, kept = triplet(rank)
        by_p, by_n = (slope * kept * upstream for slope in objective.slopes(s_ap, s_an))
        total = _pull_back(by_p, x, None, i, distance)
        if swapped is None:
            return total + _pull_back(by_n, x, None, j, distance)
        total = total + _pull_back(ops.where(swapped, 0.0, by_n), x, None, j, distance)
        return total + _pull_back(ops.where(swapped, by_n, 0.0), x, i, j, distance)

    def values():
        return _sum_over(ranks, value, ops.zeros((ops.shape(x)[0], 5), dtype=x.dtype))

    return values, lambda upstream: _sum_over(ranks, lambda rank: pull(rank, upstream[:, 0]), ops.zeros_like(x))


def _sum_over(ranks, function, zero):
    if isinstance(ranks, int) and ranks == 1:
        return function(0)
    return ops.fori_loop(0, ranks, lambda rank, total: total + function(rank), zero)


def _pick(x, i):
    return x if i is None else ops.take(x, i, axis=0)


def _similarity(x, i, j, distance):
    """Similarities [N] of rows i (None: each its own) and j."""
    y, z = _pick(x, i), _pick(x, j)
    if distance in ("cosine", "dot"):
        return ops.sum(y * z, axis=1)
    squares = ops.sum(ops.square(y - z), axis=1)
    return -squares if distance == "squared_euclidean" else -geometry.safe_sqrt(squares)


def _pull_back(weights, x, i, j, distance):
    """Derivative by all rows [N, D] of the similarities of rows i and j, weighted [N]."""
    y, z = _pick(x, i), _pick(x, j)
    if distance in ("cosine", "dot"):
        to_i, to_j = weights[:, None] * z, weights[:, None] * y
    else:
        gap = y - z
        if distance == "squared_euclidean":
            slope = 2.0 * weights
        else:
            squares = ops.sum(ops.square(gap), axis=1)
            slope = ops.where(squares > 0, weights / ops.sqrt(ops.where(squares > 0, squares, 1.0)), 0.0)
        to_j = slope[:, None] * gap
        to_i = -to_j
    size = ops.shape(x)[0]
    own = to_i if i is None else ops.segment_sum(to_i, i, num_segments=size)
    return own + ops.segment_sum(to_j, j, num_segments=size)
