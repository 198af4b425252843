"""Losses stated for one anchor row of the similarity matrix, with the gradient in closed form.

A row of similarities is all that an anchor needs, so rows can be computed together, [N, N], or `chunk` at a time,
[chunk, N]. The gradient with respect to the similarities comes from the loss itself, so no backend keeps or walks
through the intermediate [N, N] tensors of the loss; that walk is what makes such losses slow and large.
"""

from keras import ops

from zoo import geometry, mining


def scan(function, x, labels, distance="cosine", columns=1, chunk=None, given=()):
    """Return `function(similarity, positives, negatives)` for every anchor row, without any gradient.

    Args:
        function: takes similarities [C, N] and boolean masks of positives and negatives [C, N]; returns floats
            [C, columns].
        x: embeddings [N, D].
        labels: integers [N] or [N, 2], see `zoo.mining.parts`.
        distance: one of `zoo.geometry.DISTANCES`.
        columns: number of outputs of a row.
        chunk: rows at a time C; None takes all at once.
        given: tensors [N, ...] without gradient, whose rows [C, ...] the function takes after the masks.

    Returns:
        float32 or float64 [N, columns].
    """
    x = _prepare(ops.stop_gradient(x), distance)
    if chunk is None:
        return ops.stop_gradient(function(*_rows(x, labels, None, distance, given)))
    return ops.stop_gradient(_in_chunks(function, x, labels, distance, columns, chunk, given))


def differentiate(function, x, labels, distance="cosine", columns=1, chunk=None, given=()):
    """Return the outputs of a row function whose first column has a gradient, given by the function itself.

    Args:
        function: takes similarities [C, N] and boolean masks of positives and negatives [C, N]; returns outputs
            [C, columns] and weights [C, N], the derivative of the first output of a row by its similarities. The other
            outputs have no gradient.
        x, labels, distance, columns, chunk, given: as in `scan`. With a chunk the rows are computed again for the
            gradient, and memory is O(N x chunk).

    Returns:
        float32 or float64 [N, columns].
    """
    x = _prepare(x, distance)  # rows to unit length for the cosine: differentiated by the backend
    labels = ops.stop_gradient(labels)

    @ops.custom_gradient
    def through(x):
        if chunk is None:
            similarity, *masks = _rows(x, labels, None, distance, given)
            outputs, weights = function(similarity, *masks)
            weights = _by_product(weights, similarity, distance)
        else:
            outputs = _in_chunks(lambda *row: function(*row)[0], x, labels, distance, columns, chunk, given)

        def gradient(*args, upstream=None):
            upstream = args[-1] if upstream is None else upstream
            upstream = upstream[:, :1]  # (N, 1)
            if chunk is None:
                return _pull_back(upstream * weights, x, distance)
            return _pull_back_in_chunks(function, x, labels, upstream, distance, chunk, given)

        return outputs, gradient

    return through(x)


def differentiate_all(function, x, labels, distance="cosine", given=()):
    """As `differentiate`, for losses in which a value depends on several rows: all at once, [N, N].

    Args:
        function: takes similarities and boolean masks of positives and negatives [N, N]; returns outputs [N, columns] and
            a function from the derivative by the first column [N, 1] to the one by the similarities [N, N].
        x, labels, distance, given: as in `scan`.

    Returns:
        float32 or float64 [N, columns].
    """
    x = _prepare(x, distance)
    labels = ops.stop_gradient(labels)

    @ops.custom_gradient
    def through(x):
        similarity, *masks = _rows(x, labels, None, distance, given)
        outputs, pull = function(similarity, *masks)

        def gradient(*args, upstream=None):
            upstream = args[-1] if upstream is None else upstream
            weights = _by_product(pull(upstream[:, :1]), similarity, distance)
            return _pull_back(weights, x, distance)

        return outputs, gradient

    return through(x)


def gradient(function, x, labels, upstream, distance="cosine", chunk=None, given=()):
    """Return what `differentiate` would hand back to `x`, computing the rows again.

    Args:
        function, labels, distance, chunk, given: as in `differentiate`.
        x: embeddings [N, D], of unit length for the cosine.
        upstream: derivative by the first output [N, 1].
    """
    if chunk is not None:
        return _pull_back_in_chunks(function, x, labels, upstream, distance, chunk, given)
    similarity, *row = _rows(x, labels, None, distance, given)
    return _pull_back(upstream * _by_product(function(similarity, *row)[1], similarity, distance), x, distance)


def _prepare(x, distance):
    if distance == "cosine":
        return geometry.normalize(x)
    x = geometry.widen(x)
    return x if distance == "dot" else x - ops.stop_gradient(x[:1])


def _rows(x, labels, at, distance, given=()):
    """Similarities of the rows `at` [C] (None: all) to all [C, N], masks of positives and negatives, rows of `given`."""
    given = [tensor if at is None else ops.take(tensor, at, axis=0) for tensor in given]
    columns = ops.arange(ops.shape(x)[0], dtype="int32")
    y, own, at = (x, labels, columns) if at is None else (ops.take(x, at, axis=0), ops.take(labels, at, axis=0), at)
    similarity = ops.matmul(y, ops.transpose(x))
    itself, (classes, samples), (own, sample) = at[:, None] == columns[None, :], mining.parts(labels), mining.parts(own)
    same = own[:, None] == classes[None, :]
    copy = itself if samples is None else sample[:, None] == samples[None, :]
    if distance not in ("cosine", "dot"):
        # Squares rounded as the product is, so that equal rows are at distance 0.
        squares = ops.sum(x * x, axis=1) if y is not x else ops.diagonal(similarity)
        mine = squares if y is x else ops.sum(y * y, axis=1)
        total = mine[:, None] + squares[None, :]
        squares = total - 2.0 * similarity
        noise = 0.0 if y is x else 1e-6 * total  # of float32; rows of a chunk are rounded otherwise than all together
        squares = ops.where(ops.logical_or(itself, squares <= noise), 0.0, squares)
        similarity = -squares if distance == "squared_euclidean" else -geometry.safe_sqrt(squares)
    return similarity, ops.logical_and(same, ops.logical_not(copy)), ops.logical_not(same), *given


def _by_product(weights, similarity, distance):
    """Derivative by -|x - y| becomes derivative by -|x - y|^2; those by the product stay as they are."""
    if distance != "euclidean":
        return weights
    apart = similarity < 0
    return ops.where(apart, weights / ops.where(apart, -2.0 * similarity, 1.0), 0.0)


def _pull_back(weights, x, distance):
    """Derivative by the rows [N, D], given the one by the similarities [N, N]."""
    weights = weights + ops.transpose(weights)  # cheaper than a second product
    both = ops.matmul(weights, x)
    if distance in ("cosine", "dot"):
        return both
    return 2.0 * (both - ops.sum(weights, axis=1, keepdims=True) * x)


def _chunks(body, start, rows, chunk):
    """Fold `body(at [C], kept [C], total)` over the rows; the last chunk repeats a row that is not `kept`."""

    def step(i, total):
        # Always 0, but known only when the last chunk is done: TensorFlow would run ten at once, in ten times the memory.
        after = ops.minimum(ops.cast(ops.isnan(total[0, 0]), "int32"), 0)
        at = i * chunk + after + ops.arange(chunk, dtype="int32")
        return body(ops.minimum(at, rows - 1), ops.cast(at < rows, start.dtype)[:, None], total)

    return ops.fori_loop(0, (rows + chunk - 1) // chunk, step, start)


def _in_chunks(function, x, labels, distance, columns, chunk, given):
    """Outputs [N, columns] of a row function that returns them alone."""
    rows = ops.shape(x)[0]

    def body(at, kept, total):
        return total + ops.segment_sum(kept * function(*_rows(x, labels, at, distance, given)), at, num_segments=rows)

    return _chunks(body, ops.zeros((rows, columns), dtype=x.dtype), rows, chunk)


def _pull_back_in_chunks(function, x, labels, upstream, distance, chunk, given):
    rows = ops.shape(x)[0]

    def body(at, kept, total):
        similarity, *masks = _rows(x, labels, at, distance, given)
        weights = _by_product(function(similarity, *masks)[1], similarity, distance)
        weights = weights * ops.take(upstream, at, axis=0) * kept  # (C, N)
        y = ops.take(x, at, axis=0)
        own, others = ops.matmul(weights, x), ops.matmul(ops.transpose(weights), y)  # (C, D), (N, D)
        if distance not in ("cosine", "dot"):
            own = 2.0 * (own - ops.sum(weights, axis=1)[:, None] * y)
            others = 2.0 * (others - ops.sum(weights, axis=0)[:, None] * x)
        # One sum, not three terms: those TensorFlow's optimizer rewrites to an operation that fails in such a loop.
        both, at = ops.concatenate([others, own], axis=0), ops.concatenate([ops.arange(rows, dtype="int32"), at])
        return total + ops.segment_sum(both, at, num_segments=rows)

    return _chunks(body, ops.zeros_like(x), rows, chunk)
