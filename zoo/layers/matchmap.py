"""How well frames of speech match places of an image, as one number a pair."""

from keras import ops

from zoo.errors import unknown

MATCHMAPS = ("sisa", "misa", "sima")


def matchmap_similarity(frames, frame_mask, places, place_mask, kind="misa"):
    """Return similarities [N, M] of items that are many vectors each.

    With a_it the vectors of item i of one side, b_jp those of item j of the other, and T_i and P_j how many are real:

        sisa  1/(T P) sum over t and p of a_it.b_jp, which is the dot product of the two means
        misa  1/T sum over t of the largest a_it.b_jp over p: every frame finds its place
        sima  1/P sum over p of the largest a_it.b_jp over t: every place finds its frame

    An item without a real vector has similarity 0. No tensor is larger than [N, T, P], nor is one kept for the gradient.

    Args:
        frames: floats [N, T, D].
        frame_mask: booleans [N, T], where a frame is real.
        places: floats [M, P, D].
        place_mask: booleans [M, P].
        kind: `"sisa"`, `"misa"` or `"sima"`.

    Returns:
        floats [N, M].

    Example:

    >>> import numpy as np
    >>> frames, places = np.eye(2, dtype="float32")[None], np.eye(2, dtype="float32")[None]
    >>> whole = np.ones((1, 2), bool)
    >>> [float(matchmap_similarity(frames, whole, places, whole, kind)[0, 0]) for kind in ("sisa", "misa", "sima")]
    [0.5, 1.0, 1.0]

    Reference: Harwath et al. 2018, Jointly discovering visual objects and spoken words from raw sensory input.
    """
    if kind not in MATCHMAPS:
        raise ValueError(unknown("kind", kind, MATCHMAPS))
    if kind == "sima":
        return ops.transpose(matchmap_similarity(places, place_mask, frames, frame_mask, "misa"))
    frame_mask, place_mask = ops.cast(frame_mask, frames.dtype), ops.cast(place_mask, frames.dtype)
    if kind == "sisa":
        return ops.matmul(masked_mean(frames, frame_mask), ops.transpose(masked_mean(places, place_mask)))
    share = frame_mask / ops.maximum(ops.sum(frame_mask, axis=1, keepdims=True), 1.0)  # (N, T)
    return _mean_of_largest(frames, share, places, place_mask)


def masked_mean(vectors, mask):
    """Return the mean [N, D] of real vectors [N, T, D]; 0 where there is none."""
    mask = ops.cast(mask, vectors.dtype)[:, :, None]
    return ops.sum(vectors * mask, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1.0)


def _mean_of_largest(frames, share, places, mask):
    """sum over t of share[i, t] max over p of frames[i, t].places[j, p], [N, M]; one item at a time, both ways."""

    @ops.custom_gradient
    def through(frames, places):
        def value(item):
            vectors, real = item
            found = ops.any(real > 0)
            products = ops.matmul(frames, ops.transpose(vectors))  # (N, T, P)
            products = ops.where(ops.logical_or(real > 0, ops.logical_not(found)), products, -1e30)
            largest = ops.sum(share * ops.max(products, axis=2), axis=1)  # (N,)
            return ops.where(found, largest, 0.0), ops.cast(ops.argmax(products, axis=2), "int32")

        similarity, best = ops.map(value, (places, mask))  # (M, N), and the place that each frame finds, (M, N, T)

        def gradient(*args, upstream=None):
            upstream = ops.transpose(args[-1] if upstream is None else upstream)  # (M, N)
            upstream = upstream * ops.cast(ops.any(mask > 0, axis=1), upstream.dtype)[:, None]
            count, size = ops.shape(places)[1], ops.shape(places)[2]
            flat = ops.reshape(places, (-1, size))
            start = count * ops.arange(ops.shape(places)[0], dtype="int32")[:, None]

            def by_frames(item):
                found, above, part = item  # (M, T), (M,), (T,)
                return part[:, None] * ops.sum(above[:, None, None] * ops.take(flat, start + found, axis=0), axis=0)  # (T, D)

            def by_places(item):
                found, above = item  # (N, T), (N,)
                chosen = ops.reshape(ops.one_hot(found, count, dtype=frames.dtype), (-1, count))
                weighed = ops.reshape((share * above[:, None])[:, :, None] * frames, (-1, size))
                return ops.matmul(ops.transpose(chosen), weighed)  # (P, D)

            back = ops.map(by_frames, (ops.transpose(best, (1, 0, 2)), ops.transpose(upstream), share))
            return back, ops.map(by_places, (best, upstream))

        return ops.transpose(similarity), gradient

    return through(frames, places)
