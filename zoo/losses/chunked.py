"""One embedding of several chunks, each trained as an embedding of its own."""

import keras
import numpy as np
from keras import ops

from zoo import errors, mining
from zoo.losses.around import Around
from zoo.losses.matryoshka import combine


@keras.saving.register_keras_serializable(package="zoo")
class Chunked(Around):
    """The mean of a loss over equal chunks of the embedding, each of which may see other classes.

    With the embedding cut into C chunks e_c, (1 / C) sum_c loss(labels_c, e_c). `labels_c` are the labels; or, with
    `classes`, every chunk throws the classes at random into `meta_classes` groups of equal size, drawn once, and learns to
    tell the groups apart, so that the chunks differ as the members of an ensemble do. Where a row is an anchor for some
    chunks only, it counts for those.

    Needs what the loss needs, and embeddings of which each chunk is to be compared by itself: `zoo.layers.ChunkedEmbedding`
    scales each to one length, so that the product of two embeddings is the mean of the chunks' cosines.

    Args:
        loss: a `zoo.losses.Loss` on embeddings.
        chunks: C; it divides the size D of the embedding.
        classes: number of classes, labels 0 .. classes - 1, for random groups; None trains every chunk on the labels.
        meta_classes: groups of each chunk; None means a quarter of `classes`, and at least 2.
        seed: of the groups.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: a loss on class scores, D that chunks do not divide, groups without classes, labels outside of them.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.Chunked(zoo.losses.get("batchhard", margin=0.2), chunks=2)
    >>> x = [[1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0]]
    >>> round(float(loss([0, 0, 1, 1], x)), 4)
    0.1

    Related: `zoo.build(name, chunks=4)`; `zoo.losses.Matryoshka` trains prefixes instead.

    References: Xuan, Souvenir and Pless 2018, Deep randomized ensembles for metric learning (random groups, a network for
    each); Opitz et al. 2017, BIER (one network, several embeddings). The post that names a chunks method does not define
    it; this definition is ours.
    """

    def __init__(
        self, loss, chunks, classes=None, meta_classes=None, seed=0, reduction="mean", name="chunked", dtype=None
    ):
        super().__init__(loss, reduction=reduction, name=name, dtype=dtype)
        if loss.takes != "embeddings":
            raise ValueError(f"loss: {loss.name!r} is on {loss.takes}, which have no chunks; use a loss on embeddings")
        self.chunks, self.seed = errors.whole("chunks", chunks), errors.whole("seed", seed, 0)
        self.classes = None if classes is None else errors.whole("classes", classes, 2)
        if classes is None and meta_classes is not None:
            raise ValueError(f"meta_classes={meta_classes!r} groups classes: say how many there are, classes=...")
        if classes is not None:
            meta_classes = max(2, classes // 4) if meta_classes is None else errors.whole("meta_classes", meta_classes, 2)
            if meta_classes > classes:
                raise ValueError(f"meta_classes must be at most classes={classes}, not {meta_classes}")
        self.meta_classes = meta_classes

    @property
    def groups(self):
        """The group of each class in each chunk, int32 [C, classes], or None."""
        if self.classes is None:
            return None
        even = np.arange(self.classes) % self.meta_classes  # sizes differ by one at most
        rng = np.random.default_rng(self.seed)
        return np.stack([rng.permutation(even) for _ in range(self.chunks)]).astype("int32")

    def check_labels(self, values, classes=None):
        return super().check_labels(values, self.classes if classes is None else classes)

    def checked_terms(self, y_true, y_pred):
        return self.terms(*self.check(y_true, ops.convert_to_tensor(y_pred), self.classes))

    def terms(self, labels, embeddings):
        width = check_chunks(self.chunks, embeddings.shape[-1])
        parts, groups = [], self.groups
        for i in range(self.chunks):
            chunk = embeddings[:, i * width : (i + 1) * width]
            parts.append(self.loss.terms(labels if groups is None else _grouped(labels, groups[i]), chunk))
        return combine(parts, reduction=self.reduction)

    def get_config(self):
        names = ("chunks", "classes", "meta_classes", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _grouped(labels, groups):
    """Labels [N] or [N, 2] with the group of each class in its place."""
    classes, samples = mining.parts(labels)
    own = ops.take(ops.convert_to_tensor(groups), classes)
    return own if samples is None else ops.stack([own, ops.cast(samples, own.dtype)], axis=1)


def check_chunks(chunks, size):
    """Return the size of a chunk of an embedding of `size`; `ValueError` where it is no whole number."""
    if size is None or size % chunks:
        raise ValueError(f"chunks={chunks} must divide the size of the embedding, {size}")
    return size // chunks
