"""All triplets with the anchor swap: the negative counts where it is nearest, at the anchor or at the positive."""

from keras import ops

from zoo import geometry, mining


def every(x, labels, rules, objective):
    """Every triplet at the cost of (s_ap, max(s_an, s_pn)), going through the positives: O(N^2 K) time, O(N^2) memory.

    Args:
        x: embeddings [N, D].
        labels: integers [N] or [N, 2], see `zoo.mining.parts`.
        rules: a `zoo.losses.TripletLoss`, or whatever has its settings.
        objective: a `zoo.losses.objectives.Objective`.

    Returns:
        For each anchor [N, 5]: value (with gradient), active triplets, triplets, sum of s_ap and of s_an over them.

    Reference: Balntas et al. 2016 (anchor swap).
    """
    mates = mining.classmates(labels)
    size = ops.shape(labels)[0]
    negatives = mining.negative_mask(labels)
    most = mates.most if rules.positive == "all" else 1

    def triplets(similarity, rank, so_far):
        if rules.positive == "all":
            column, present = mining.classmate(mates.order, mates.place, rank)
        else:
            settings = rules.positive, rules.duplicate_threshold
            mask = mining.positive_mask(labels)
            column, present = mining.pick_positive(similarity, mask, mates, mates.place, *settings)
            column, present = column[:, None], present[:, None]
        present = ops.logical_and(present, so_far[:, :1] == so_far[:, :1])  # always true; one loop body at a time
        s_ap = ops.take_along_axis(similarity, column, axis=1)  # (N, 1)
        s_pn = ops.take(similarity, column[:, 0], axis=0)  # (N, N)
        kept = ops.cast(ops.logical_and(negatives, present), similarity.dtype)
        return column, s_ap, ops.where(s_pn > similarity, s_pn, similarity), s_pn > similarity, kept

    def through_all(step, start):
        return step(1, start) if isinstance(most, int) else ops.fori_loop(1, most + 1, step, start)

    @ops.custom_gradient
    def through(similarity):
        def value(rank, total):
            _, s_ap, s_an, _, kept = triplets(similarity, rank, total)
            cost = objective.cost(s_ap, s_an) * kept
            columns = cost, ops.cast(cost > 0, cost.dtype), kept, kept * s_ap, kept * s_an
            return total + ops.stack([ops.sum(c, axis=1) for c in columns], axis=1)

        def gradient(*args, upstream=None):
            upstream = (args[-1] if upstream is None else upstream)[:, :1]

            def pull(rank, total):
                column, s_ap, s_an, swapped, kept = triplets(similarity, rank, total)
                by_p, by_n = (slope * kept * upstream for slope in objective.slopes(s_ap, s_an))
                total = total + ops.where(swapped, 0.0, by_n)
                total = total + ops.segment_sum(ops.where(swapped, by_n, 0.0), column[:, 0], num_segments=size)
                cells = ops.stack([ops.arange(size, dtype="int32"), column[:, 0]], axis=1)
                return ops.scatter_update(total, cells, ops.sum(by_p, axis=1), reduction="add")

            return through_all(pull, ops.zeros_like(similarity))

        return through_all(value, ops.zeros((size, 5), dtype=similarity.dtype)), gradient

    return through(geometry.similarity_matrix(x, rules.distance))
