"""A gallery of items that are many vectors each, compared with a query by a matchmap, as part of a graph."""

import numpy as np
import tensorflow as tf

from zoo.export.signatures import Neighbors, never_empty, stored

CELLS = 2**22  # products of frames and places that are held at once: 16 MiB


class MapGallery(Neighbors):
    """Nearest neighbors by `zoo.layers.matchmap_similarity`, exact, one query and some items of the gallery at a time.

    A query is compared with every item, frame by place: the time is that of N T M P D products, the memory beyond the
    gallery's M P D floats that of `CELLS` products, or of one item where that has more.

    Args:
        parts: vectors float32 [n, D] of each item [M], those of padding left out; n may differ.
        labels, ids, neighbors: see `Neighbors`.
        kind: `"misa"` or `"sima"`.
    """

    def __init__(self, parts, labels, ids, neighbors, kind):
        super().__init__(labels, ids, "dot", neighbors)
        lengths = np.array([len(part) for part in parts], np.int32)
        places = np.zeros((len(parts), max(1, lengths.max()), parts[0].shape[1]), np.float32)
        for row, part in zip(places, parts, strict=True):
            row[: len(part)] = part
        self.kind, self.places, self.lengths = kind, stored(places, "places"), stored(lengths, "lengths")  # (M, P, D), (M,)

    def nearest(self, queries):
        """Return scores and rows, both (N, k), of queries (vectors (N, T, D), mask (N, T))."""
        spec = tf.TensorSpec([self.size], tf.float32)
        scores = tf.map_fn(self._scores, queries, parallel_iterations=1, fn_output_signature=spec)  # (N, M)
        return tf.math.top_k(scores, self.neighbors)

    def _scores(self, query):
        """Similarities (M,) of one query."""
        frames, real = query
        step = tf.maximum(1, CELLS // (tf.shape(frames)[0] * self.places.shape[1]))

        def some(start, found):
            places, lengths = self.places[start : start + step], self.lengths[start : start + step]
            return start + step, found.write(start // step, self._compared(frames, real, places, lengths))

        found = tf.TensorArray(tf.float32, -(-self.size // step), infer_shape=False, element_shape=[None])
        _, found = tf.while_loop(lambda start, _: start < self.size, some, (0, found), parallel_iterations=1)
        return tf.ensure_shape(found.concat(), [self.size])

    def _compared(self, frames, real, places, lengths):
        """Similarities (B,) of frames (T, D), real or not (T,), with places (B, P, D), of which so many are real (B,)."""
        shape = tf.shape(places)
        products = tf.matmul(tf.reshape(places, [-1, shape[2]]), frames, transpose_b=True)
        products = tf.reshape(products, [shape[0], shape[1], -1])  # (B, P, T)
        mine, theirs = real[None, :], tf.sequence_mask(lengths, shape[1])  # (1, T), (B, P)
        if self.kind == "misa":
            largest, counted = tf.reduce_max(tf.where(theirs[:, :, None], products, -1e30), axis=1), mine
        else:
            largest, counted = tf.reduce_max(tf.where(mine[:, None, :], products, -1e30), axis=2), theirs
        counted = tf.cast(counted, tf.float32)
        mean = tf.math.divide_no_nan(tf.reduce_sum(largest * counted, axis=1), tf.reduce_sum(counted, axis=1))
        # As in training, an item without a real vector has similarity 0.
        return tf.where(tf.reduce_any(mine, axis=1) & (lengths > 0), mean, 0.0)


def parts_function(model):
    """Return the `tf.function` of raw items (N,) to {"embedding": (vectors (N, P, D), mask (N, P))}, as `MapGallery` asks."""
    frontend = model.frontend

    def parts(items):
        x, ok = frontend.checked(never_empty(items))
        vectors, mask = model.features(x, training=False)
        count = tf.shape(items)[0]
        vectors, mask, ok = tf.cast(vectors, tf.float32)[:count], (mask & ok[:, None])[:count], ok[:count]
        return {"embedding": (vectors, mask), "ok": tf.cast(ok, tf.float32)}

    return tf.function(parts, input_signature=[frontend.raw_spec], autograph=False)


def parts_of(model, items):
    """Return the vectors float32 [n, D] of each of the items [M], those of padding left out."""
    found = []
    for vectors, mask in model.parts(items):
        vectors, mask = np.asarray(vectors, np.float32), np.asarray(mask)
        found += [one[real] for one, real in zip(vectors, mask, strict=True)]
    return found
