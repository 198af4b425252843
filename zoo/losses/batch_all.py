"""All triplets of a batch, or all within a band: O(N^2) memory, never an (N, N, N) tensor.

The hinge summed over positives p and negatives n of one anchor is piecewise linear in the similarities, so it equals
<W, s> + margin * active, where W[a, n] counts the active triplets of a negative and -W[a, p] those of a positive, and
W is also its gradient. With few positives an anchor the counts come from going through the positives; with many, from
sorting the row. Which of the two is decided inside the graph, by the largest class of the batch.
"""

from keras import ops

from zoo import mining
from zoo.losses import rows, sorting
from zoo.losses.base import divide


def every(x, labels, rules, objective, chunk=None):
    """Many negatives for each chosen positive.

    The hinge goes through up to 32 positives an anchor one by one and sorts the rows beyond that; `"nca"` takes one
    softmax over the negatives; other objectives go through all positives, O(N^2 K) time.

    Args:
        x: embeddings [N, D].
        labels: integers [N] or [N, 2], see `zoo.mining.parts`.
        rules: a `zoo.losses.TripletLoss`, or whatever has its settings.
        objective: a `zoo.losses.objectives.Objective`.
        chunk: anchors at a time; None takes all at once.

    Returns:
        For each anchor [N, 5]: value (with gradient), active triplets, triplets, sum of s_ap and of s_an over them.

    Reference: Hermans, Beyer, Leibe 2017 (batch-all); the form by counts is this library's.
    """
    mates = mining.classmates(labels)

    def function(similarity, positives, negatives, place):
        def positive(rank):
            """Column and presence [C, 1] of the positive of a rank."""
            if rules.positive == "all":
                return mining.classmate(mates.order, place, rank)
            settings = rules.positive, rules.duplicate_threshold
            index, found = mining.pick_positive(similarity, positives, mates, place, *settings)
            return index[:, None], found[:, None]

        most = mates.most if rules.positive == "all" else 1
        if rules.objective == "nca":
            return _softmax(similarity, positives, negatives, positive, rules)
        if rules.objective != "hinge":
            return _costs(similarity, negatives, positive, most, objective)

        def one_by_one():
            return _counts(similarity, negatives, positive, most, rules)

        def by_sorting():
            return _sorted_counts(similarity, negatives, place, mates.order, rules)

        few = rules.positive != "all"
        counts, sums = one_by_one() if few else ops.cond(most <= mining.FEW, one_by_one, by_sorting)
        return _hinges(similarity, negatives, counts, sums, rules)

    return rows.differentiate(function, x, labels, rules.distance, 5, chunk, [mates.place])


def _through(most, step, start):
    """Fold `step(rank, total)` over ranks 1 to `most`."""
    return step(1, start) if isinstance(most, int) else ops.fori_loop(1, most + 1, step, start)


def _put(weights, column, values):
    """Write values [C, 1] into one column of each row [C, N]."""
    height = ops.arange(ops.shape(weights)[0], dtype="int32")
    return ops.scatter_update(weights, ops.stack([height, column[:, 0]], axis=1), values[:, 0])


def _counts(similarity, negatives, positive, most, rules):
    """Counts [C, N] of active triplets by going through the positives, and sums [C, 3]: active, triplets, of s_ap."""
    dtype = similarity.dtype
    margin = ops.convert_to_tensor(rules.margin, dtype=dtype)
    many = ops.sum(ops.cast(negatives, dtype), axis=1, keepdims=True)  # (C, 1)

    def step(rank, total):
        counts, sums = total
        column, present = positive(rank)
        present = ops.logical_and(present, sums[:, 1:2] >= 0)  # always true; keeps loop bodies from running at once
        s_ap = mining.entries(similarity, column)
        limit = ops.where(present, s_ap - margin, float("inf"))  # (C, 1)
        active = ops.logical_and(negatives, similarity > limit)
        if rules.negative == "all":
            triplets = ops.where(present, many, 0.0)
        else:
            if rules.negative == "band":
                inside = ops.logical_and(similarity < s_ap, similarity >= s_ap - margin)
            else:
                inside = similarity >= s_ap + ops.relu(-margin)
            active = ops.logical_and(active, inside)
            within = ops.logical_and(ops.logical_and(negatives, present), inside)
            triplets = ops.sum(ops.cast(within, dtype), axis=1, keepdims=True)
        active = ops.cast(active, dtype)
        number = ops.sum(active, axis=1, keepdims=True)
        counts = _put(counts + active, column, -number)
        return counts, sums + ops.concatenate([number, triplets, triplets * s_ap], axis=1)

    sums = ops.zeros((ops.shape(similarity)[0], 3), dtype=dtype)
    return _through(most, step, (ops.zeros_like(similarity), sums))


def _sorted_counts(similarity, negatives, place, order, rules):
    """The same by sorting the rows: triplets by how much farther than the positive the negative is."""
    margin = ops.convert_to_tensor(rules.margin, dtype=similarity.dtype)
    positives = place[:, -1:] - 1

    def closer(shift, strict):
        return sorting.rank_counts(similarity, order, place, shift, strict)

    if rules.negative == "all":
        counts, active = closer(margin, True)
        many = ops.sum(ops.cast(negatives, similarity.dtype), axis=1, keepdims=True)
        triplets = many * ops.cast(positives, similarity.dtype)
    elif rules.negative == "band":
        counts, active = closer(margin, True)
        inner, inside = closer(0.0, False)
        some = ops.cast(margin > 0, similarity.dtype)
        counts, active = some * (counts - inner), some * (active - inside)
        triplets = some * (closer(margin, False)[1] - inside)
    else:
        counts, triplets = closer(-ops.relu(-margin), False)
        strict, active = closer(-ops.relu(-margin), True)
        counts, active = ops.where(margin > 0, counts, strict), ops.where(margin > 0, triplets, active)
    s_ap = ops.sum(ops.maximum(-counts, 0.0) * similarity, axis=1, keepdims=True)  # over active ones; all see `_hinges`
    return counts, ops.concatenate([active, triplets, s_ap], axis=1)


def _hinges(similarity, negatives, counts, sums, rules):
    """Outputs [C, 5] and derivative [C, N] of the hinge from its counts."""
    active, triplets, s_ap = (sums[:, i] for i in range(3))
    value = rules.margin * active + ops.sum(counts * similarity, axis=1)
    if rules.negative == "all":
        s_an = ops.sum(ops.where(negatives, similarity, 0.0), axis=1)
        s_an = s_an * divide(triplets, ops.sum(ops.cast(negatives, s_an.dtype), axis=1))
    else:
        s_an = ops.sum(ops.maximum(counts, 0.0) * similarity, axis=1)
    return ops.stack([value, active, triplets, s_ap, s_an], axis=1), counts


def _costs(similarity, negatives, positive, most, objective):
    """Any objective by going through the positives, outputs [C, 5] and derivative [C, N]."""
    kept = ops.cast(negatives, similarity.dtype)

    def step(rank, total):
        weights, sums = total
        column, present = positive(rank)
        present = ops.cast(ops.logical_and(present, sums[:, 2:3] >= 0), kept.dtype)  # as in `_counts`
        s_ap = mining.entries(similarity, column)
        mask = kept * present
        cost = objective.cost(s_ap, similarity) * mask
        by_p, by_n = (slope * mask for slope in objective.slopes(s_ap, similarity))
        weights = _put(weights + by_n, column, ops.sum(by_p, axis=1, keepdims=True))
        columns = cost, ops.cast(cost > 0, kept.dtype), mask, mask * s_ap, mask * similarity
        return weights, sums + ops.stack([ops.sum(c, axis=1) for c in columns], axis=1)

    sums = ops.zeros((ops.shape(similarity)[0], 5), dtype=kept.dtype)
    weights, sums = _through(most, step, (ops.zeros_like(similarity), sums))
    return sums, weights


def _softmax(similarity, positives, negatives, positive, rules):
    """One positive against all negatives: -log(e^(s_ap / T) / (e^(s_ap / T) + sum over n of e^((s_an + m) / T)))."""
    dtype, temperature = similarity.dtype, rules.temperature
    logits = ops.where(negatives, (similarity + rules.margin) / temperature, -float("inf"))
    top = ops.max(logits, axis=1, keepdims=True)
    some = top > -float("inf")  # (C, 1), whether the row has a negative
    shares = ops.exp(logits - ops.where(some, top, 0.0))
    total = ops.sum(shares, axis=1, keepdims=True)
    level = ops.where(some, top + ops.log(ops.where(some, total, 1.0)), 0.0)
    shares = shares / ops.where(some, total, 1.0)
    if rules.positive == "all":
        s_ap, kept = similarity, ops.logical_and(positives, some)
    else:
        column, found = positive(1)
        s_ap, kept = mining.entries(similarity, column), ops.logical_and(found, some)
    kept = ops.cast(kept, dtype)  # (C, N) or (C, 1)
    cost = ops.softplus(level - s_ap / temperature) * kept
    pull = ops.sigmoid(level - s_ap / temperature) / temperature * kept
    weights = shares * ops.sum(pull, axis=1, keepdims=True)
    weights = weights - pull if rules.positive == "all" else _put(weights, column, -pull)
    s_an = divide(ops.sum(ops.where(negatives, similarity, 0.0), axis=1), ops.sum(ops.cast(negatives, dtype), axis=1))
    columns = [ops.sum(c, axis=1) for c in (cost, ops.cast(cost > 0, dtype), kept, kept * s_ap)]
    return ops.stack([*columns, s_an * columns[2]], axis=1), weights
