"""The functions of a bundle: raw items in, named tensors out."""

import contextlib

import numpy as np
import tensorflow as tf

from zoo.export.strings import as_bytes


def embedding_function(model, turn=None):
    """Return the `tf.function` of raw items (N,) to {"embedding": (N, D)} in float32, whatever the model computes in.

    Where the frontend can tell that an item is none, there is also `ok` (N,), 1 or 0, and the embedding is zero. A `Turn`
    is applied to the embeddings.
    """
    frontend = model.frontend

    def vectors(x):
        found = tf.cast(model(x, training=False), tf.float32)
        return found if turn is None else turn(found)

    def embed(items):
        if not hasattr(frontend, "checked"):
            return {"embedding": vectors(frontend(items))}
        x, ok = frontend.checked(never_empty(items))
        ok = tf.cast(ok, tf.float32)
        count = tf.shape(items)[0]
        return {"embedding": (vectors(x) * ok[:, None])[:count], "ok": ok[:count]}

    return tf.function(embed, input_signature=[frontend.raw_spec], autograph=False)


def never_empty(items):
    """Return items (N, ...) as they are, or one of zeros or no bytes where N = 0: on a CPU convolutions of nothing fail."""
    return tf.cond(tf.shape(items)[0] > 0, lambda: items, lambda: tf.zeros([1, *items.shape[1:]], items.dtype))


class Turn(tf.Module):
    """Embeddings (N, D) to their first k rotated coordinates (N, k).

    Args:
        axes: numpy [D, k], columns of a rotation.
        unit: whether what is kept is scaled to unit length.
    """

    def __init__(self, axes, unit):
        super().__init__(name="turn")
        self.axes, self.unit = stored(axes.astype(np.float32), "axes"), unit

    def __call__(self, embeddings):
        kept = tf.matmul(embeddings, self.axes)
        return tf.math.divide_no_nan(kept, tf.norm(kept, axis=1, keepdims=True)) if self.unit else kept


def gallery_function(embed, look):
    """Return the `tf.function` of raw items (N,) that hands the embedding to `look`, a method of `Gallery`."""

    def answer(items):
        answers = embed(items)
        return look(answers.pop("embedding")) | answers

    return tf.function(answer, input_signature=embed.input_signature, autograph=False)


def order_variables(function, weights):
    """Put the variables of a concrete function into the order of `weights`.

    TensorFlow lists them by their address in memory, and the files of a bundle, and so its identity, follow.
    """
    places = {id(variable): place for place, variable in enumerate(weights)}
    function.graph.variables = sorted(
        function.graph.variables, key=lambda variable: (places.get(id(variable), len(places)), variable.name)
    )


class Neighbors(tf.Module):
    """Nearest neighbors among items with names, as part of a graph; subclasses hold the items and define `nearest`.

    Args:
        labels: label of each item [M].
        ids: name of each item [M].
        distance: how they are compared: "cosine", "dot", "euclidean" or "squared_euclidean".
        neighbors: how many are looked up for a query.
    """

    def __init__(self, labels, ids, distance, neighbors):
        super().__init__(name="gallery")
        self.distance, self.size, self.neighbors = distance, len(labels), min(neighbors, len(labels))
        names, codes = np.unique(np.array(as_bytes(labels), object), return_inverse=True)
        self.codes = stored(codes.astype(np.int64), "codes")  # (M,)
        self.names = stored(names, "names", tf.string)  # (C,) in byte order
        self.ids = stored(np.array(as_bytes(ids), object), "ids", tf.string)  # (M,)

    def nearest(self, queries):
        """Return scores and rows, both (N, k), the nearest first and the lower row first in a tie."""
        raise NotImplementedError("a gallery defines nearest(queries)")

    def search(self, queries):
        """Return ids, labels and scores of the nearest items, each (N, k)."""
        scores, rows = self.nearest(queries)
        labels = tf.gather(self.names, tf.gather(self.codes, rows))
        return {"ids": tf.gather(self.ids, rows), "labels": labels, "scores": scores}

    def classify(self, queries):
        """Return the label (N,) that most neighbors bear, its share of the votes and its confidence.

        Ties of votes go to the larger sum of scores, then to the label that comes first.
        """
        scores, rows = self.nearest(queries)
        codes = tf.gather(self.codes, rows)  # (N, k)
        same = tf.cast(codes[:, :, None] == codes[:, None, :], tf.float32)  # (N, k, k)
        votes = tf.reduce_sum(same, axis=2)  # (N, k)
        leading = votes == tf.reduce_max(votes, axis=1, keepdims=True)
        sums = tf.where(leading, tf.linalg.matvec(same, scores), -np.inf)
        leading &= sums == tf.reduce_max(sums, axis=1, keepdims=True)
        winner = tf.reduce_min(tf.where(leading, codes, codes.dtype.max), axis=1)  # (N,)
        mine = tf.cast(codes == winner[:, None], tf.float32)  # (N, k)
        weights = self.weights(scores)
        return {
            "label": tf.gather(self.names, winner),
            "votes": tf.reduce_mean(mine, axis=1),
            "confidence": tf.reduce_sum(weights * mine, axis=1) / tf.reduce_sum(weights, axis=1),
        }

    def weights(self, scores):
        """Return the weight (N, k) of each neighbor in the confidence: one over its distance, softmax for products."""
        if self.distance == "dot":
            return tf.nn.softmax(scores, axis=1)
        distances = 1 - scores if self.distance == "cosine" else -scores
        exact = distances <= 0
        inverse = tf.where(exact, 0.0, 1 / tf.where(exact, 1.0, distances))
        # Where a query is itself in the gallery, only its own rows speak.
        return tf.where(tf.reduce_any(exact, axis=1, keepdims=True), tf.cast(exact, tf.float32), inverse)


class Gallery(Neighbors):
    """Nearest neighbors by one vector an item.

    Args:
        vectors: embeddings of the items, numpy [M, D].
        labels, ids, distance, neighbors: see `Neighbors`.
    """

    def __init__(self, vectors, labels, ids, distance, neighbors):
        super().__init__(labels, ids, distance, neighbors)
        vectors = np.asarray(vectors, np.float32)
        if distance == "cosine":
            norms = np.linalg.norm(vectors, axis=1, keepdims=True)
            vectors = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
        elif distance != "dot":
            # Distances do not change with the origin, but products far from it lose them to rounding.
            self.center = stored(vectors.mean(axis=0, dtype=np.float64).astype(np.float32), "center")  # (D,)
            vectors = vectors - self.center.numpy()
        # Transposed to (D, M): the product with a query is then quickest.
        self.columns = stored(vectors.T, "columns")
        self.half_squares = stored(np.sum(np.square(vectors), axis=1) / 2, "half_squares")  # (M,)

    def nearest(self, queries):
        if self.distance == "cosine":
            queries = tf.math.divide_no_nan(queries, tf.norm(queries, axis=1, keepdims=True))
        if self.distance in ("cosine", "dot"):
            return tf.math.top_k(tf.matmul(queries, self.columns), self.neighbors)
        queries -= self.center
        products = tf.matmul(queries, self.columns)  # (N, M)
        # |q - g|^2 = |q|^2 - 2 (q.g - |g|^2 / 2): the bracket alone decides the order.
        rows = tf.math.top_k(products - self.half_squares, self.neighbors).indices
        rows = tf.sort(rows, axis=1)  # so that the lower row comes first in a tie below
        # The few distances that are answered are computed from differences: products cancel where they are small.
        near = tf.transpose(tf.gather(self.columns, rows, axis=1), [1, 2, 0])  # (D, N, k) -> (N, k, D)
        squares = tf.reduce_sum(tf.square(queries[:, None, :] - near), axis=-1)  # (N, k)
        scores = -squares if self.distance == "squared_euclidean" else -tf.sqrt(squares)
        scores, order = tf.math.top_k(scores, self.neighbors)
        return scores, tf.gather(rows, order, axis=1, batch_dims=1)


@contextlib.contextmanager
def portable_kernels(model):
    """Keep recurrent layers off cuDNN while a graph is traced: its kernels do not run on a CPU."""
    recurrent = [layer for layer in model._flatten_layers() if hasattr(layer, "use_cudnn")]
    before = [layer.use_cudnn for layer in recurrent]
    for layer in recurrent:
        layer.use_cudnn = False
    try:
        yield
    finally:
        for layer, value in zip(recurrent, before, strict=True):
            layer.use_cudnn = value


def stored(value, name, dtype=None):
    """A `tf.Variable` that is not trained: constants of this size would swell the graph."""
    return tf.Variable(value, trainable=False, name=name, dtype=dtype)
