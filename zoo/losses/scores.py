"""What losses on class scores [N, C] share: the own class's score, and cross-entropy with its gradient in closed form."""

from keras import ops


def own_scores(scores, labels):
    """Return the score of each row's own class [N], of scores [N, C] and labels [N] in 0..C-1."""
    rows, classes = ops.shape(scores)[0], ops.shape(scores)[1]
    # Flat: a gather along an axis would broadcast the scores first.
    return ops.take(ops.reshape(scores, (-1,)), ops.arange(rows, dtype="int32") * classes + ops.cast(labels, "int32"))


def own_places(scores, labels):
    """Return the index (row, label) of each row's own class [N, 2]."""
    return ops.stack([ops.arange(ops.shape(scores)[0], dtype="int32"), ops.cast(labels, "int32")], axis=1)


def cross_entropy(scores, labels, own=None):
    """Return log sum_j exp(s_j) - s_y [N], where the own class may be given another score than the others see.

    The probabilities are computed once and are the gradient too, so that many classes cost little more than their scores.

    Args:
        scores: class scores [N, C].
        labels: class ids 0..C-1 [N].
        own: what takes the place of the own class's score [N]; None keeps it.
    """
    own = own_scores(scores, labels) if own is None else own
    places = own_places(scores, labels)

    @ops.custom_gradient
    def through(scores, own):
        scores = ops.scatter_update(scores, places, own)
        shares = ops.softmax(scores, axis=1)
        # The largest share is 1 / sum_j exp(s_j - max_j s_j), at least 1 / C.
        values = ops.max(scores, axis=1) - ops.log(ops.max(shares, axis=1)) - own
        others = ops.scatter_update(shares, places, ops.zeros_like(own))
        rest = ops.sum(others, axis=1)  # not 1 - own share, which float32 rounds to 0 long before the loss is
        values = ops.where(rest < 0.5, -ops.log1p(-ops.minimum(rest, 0.5)), values)

        def gradient(*args, upstream=None):
            upstream = args[-1] if upstream is None else upstream
            return others * upstream[:, None], -upstream * rest

        return values, gradient

    return through(scores, own)
