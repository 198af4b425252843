"""Distances and similarities between the rows of a batch: float32 or wider, zeros exact, gradients finite.

Everything is stated as a similarity, so that larger always means closer: a distance enters with its sign turned.
"""

from keras import ops

from zoo.errors import unknown

DISTANCES = ("cosine", "dot", "euclidean", "squared_euclidean")


def check_distance(distance):
    """Return `distance`, or raise `ValueError` when it is none of `DISTANCES`."""
    if distance not in DISTANCES:
        raise ValueError(unknown("distance", distance, DISTANCES))
    return distance


def widen(x):
    """Return `x` (...) as a float tensor of at least 32 bits: float16 squares overflow at a norm of 256."""
    x = ops.convert_to_tensor(x)
    return x if ops.dtype(x) == "float64" else ops.cast(x, "float32")


def normalize(x, axis=-1):
    """Scale every row to unit length; rows shorter than 1e-4 are scaled by 1e4, so that the gradient stays finite.

    Args:
        x: embeddings [N, D].
        axis: the axis of a vector; 0 scales every column.

    Returns:
        float32 or float64 [N, D]; a zero row stays zero.

    Example:

    >>> normalize([[3.0, 4.0], [0.0, 0.0]]).numpy().tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    x = widen(x)
    return x * ops.rsqrt(ops.maximum(ops.sum(x * x, axis=axis, keepdims=True), 1e-8))


def safe_sqrt(squares):
    """Square root [...] whose gradient at zero is zero: the zero is replaced before the root and put back after it."""
    positive = squares > 0
    return ops.where(positive, ops.sqrt(ops.where(positive, squares, 1.0)), 0.0)


def similarity_matrix(x, distance="cosine"):
    """Return how close every row is to every other.

    cosine: x.y / (|x| |y|); dot: x.y; euclidean: -|x - y|; squared_euclidean: -|x - y|^2.

    Args:
        x: embeddings [N, D].
        distance: one of `DISTANCES`.

    Returns:
        float32 or float64 [N, N]; the diagonal of the two euclidean forms is exactly 0.
    """
    x = widen(x)
    if distance in ("cosine", "dot"):
        x = normalize(x) if distance == "cosine" else x
        return ops.matmul(x, ops.transpose(x))
    # Distances do not change when all rows move together, and short rows cancel less. A row of the batch, not the
    # mean, so that coordinates that float32 holds exactly stay exact.
    x = x - ops.stop_gradient(x[:1])
    product = ops.matmul(x, ops.transpose(x))  # (N, N)
    squares = ops.diagonal(product)  # (N,), rounded as the product is, so that equal rows are at distance 0
    squares = ops.relu(squares[:, None] + squares[None, :] - 2.0 * product)
    squares = squares * (1.0 - ops.eye(ops.shape(x)[0], dtype=squares.dtype))
    return -squares if distance == "squared_euclidean" else -safe_sqrt(squares)


def paired_similarity(x, y, distance="cosine"):
    """Return how close row i of `x` is to row i of `y`, without forming a matrix.

    Args:
        x: embeddings [N, D].
        y: embeddings [N, D].
        distance: one of `DISTANCES`.

    Returns:
        float32 or float64 [N].
    """
    x, y = widen(x), widen(y)
    if distance in ("cosine", "dot"):
        x, y = (normalize(x), normalize(y)) if distance == "cosine" else (x, y)
        return ops.sum(x * y, axis=-1)
    squares = ops.sum(ops.square(x - y), axis=-1)
    return -squares if distance == "squared_euclidean" else -safe_sqrt(squares)
