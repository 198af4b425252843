"""Batches of P classes with K samples each: what every loss that compares samples of a batch needs."""

import keras
import numpy as np

from zoo import errors
from zoo.backends import tensorflow
from zoo.data.checks import as_ids, as_items, as_labels, group, whole
from zoo.data.samplers import PER_CLASS, SAMPLERS, Sampler


def pk_batches(
    items, labels, classes=None, per_class=None, steps=None, seed=0, preprocess=None, sampler="pk", others=0, repeats=True,
    sample_ids=False,
):  # fmt: skip
    """Return batches of `classes` x `per_class` samples, to be given to `fit`.

    Samplers:
        pk: P distinct classes, K samples of each; a class that has fewer is gone through again and again.
        m_per_class: the same, but a class that has fewer is drawn from with replacement.
        npair: P distinct classes, two samples of each.
        balanced_filled: an epoch has every class as often as the largest; its groups of K are shuffled, so that a class
            may come twice in a batch. For sets of few, uneven classes.
        balanced_sample: an epoch has one group of up to K of each class; small classes give what they have, and the last
            class of a batch may be cut. For sets of many small classes.
        facenet: as `pk`, and `others` rows of classes that were not drawn, singletons too.

    Args:
        items: texts, or an array of samples (N, ...).
        labels: class of each item, strings or integers (N,) or (N, 1).
        classes: P, distinct classes in a batch, at least 2; by default 16, or all that have two samples.
        per_class: K, samples of each class in a batch, at least 2; by default 8, for `"npair"` 2, for `"facenet"` 40.
        steps: batches in an epoch; by default N // (P * K), at least 1; for a balanced sampler all batches of its epoch.
        seed: integer from 0 to 2^64 - 1; batch i is a function of (seed, i) and of nothing else.
        preprocess: turns items[indices] (P * K, ...) into what the model takes, for instance `model.preprocess`.
        sampler: one of the names above.
        others: rows of other classes at the end of each batch, for `"facenet"`.
        repeats: whether a sample may come twice in a batch where its class has fewer than K. A loss takes the two for a
            positive pair, unless it is told by `sample_ids`. Without repeats batches get smaller instead.
        sample_ids: True makes labels (P * K, 2), class and row of the item, so that no loss takes a sample that comes twice
            for its own positive: batches keep their size, as they do not with `repeats=False`, and copies are known however
            they are cut or cropped, as they are not by the similarity above a loss's `duplicate_threshold`. Integers (N,)
            take the place of the rows where items are copies already: those of one class that share a number are one sample.

    Returns:
        `PKBatches`.

    Raises:
        ValueError: sizes that do not fit together, labels that are not classes, too few classes.

    Example:

    >>> batches = pk_batches(["a", "b", "c", "d"], [0, 0, 1, 1], classes=2, per_class=2)
    >>> batches.batch(0)[1].tolist()
    [1, 1, 0, 0]
    >>> pk_batches(["a", "b", "c", "d"], [0, 0, 1, 1], classes=2, per_class=3, sample_ids=True).batch(0)[1].tolist()
    [[1, 3], [1, 2], [1, 2], [0, 0], [0, 1], [0, 0]]

    References: Hermans et al. 2017 (pk); Musgrave et al. 2020 (m_per_class); Sohn 2016 (npair); Xuan et al. 2020
    (balanced); Schroff et al. 2015 (facenet).
    """
    return PKBatches(items, labels, classes, per_class, steps, seed, preprocess, sampler, others, repeats, sample_ids)


class PKBatches(keras.utils.PyDataset):
    """P classes x K samples in every batch; batch i depends on (seed, i) only.

    No sample comes twice in a batch unless its class has fewer than K: then its samples are repeated evenly (by the
    default sampler; see `pk_batches` for the others), or not at all with `repeats=False`.
    Classes with one sample are left out. Every epoch continues where the last one ended. To shorten an epoch set
    `steps` here rather than `steps_per_epoch` in `fit`; give `fit` `shuffle=False` to train in the order of i
    (`shuffle=True`, the default of Keras, shuffles the batches within an epoch).

    Args: as in `pk_batches`.

    Attributes:
        class_names: sorted classes by code, where labels had to be encoded; `None` where they are used as they came.
        sample_ids: int32 (N,), or `None` where batches have none.
        steps: batches in an epoch.
        start: number of the batch that the epoch begins with.
        position: `None`, or a callable that gives the global step, or None where it is not known; the epoch then
            begins with that batch, so that a resumed run goes on with the batch it would have had.
    """

    def __init__(
        self, items, labels, classes=None, per_class=None, steps=None, seed=0, preprocess=None, sampler="pk", others=0,
        repeats=True, sample_ids=False,
    ):  # fmt: skip
        super().__init__()
        if sampler not in SAMPLERS:
            raise ValueError(errors.unknown("sampler", sampler, SAMPLERS))
        self.per_class = whole("per_class", PER_CLASS.get(sampler, 8) if per_class is None else per_class, 2)
        if sampler == "npair" and self.per_class != 2:
            raise ValueError(f"per_class must be 2 for sampler='npair', the pairs of its name; got {per_class}")
        self.seed = whole("seed", seed, 0, 2**64 - 1)
        self.items = as_items(items)
        labels = as_labels(labels)
        if len(labels) != len(self.items):
            sizes = f"{len(self.items)} items and {len(labels)} labels"
            raise ValueError(f"items and labels must have one length; got {sizes}")
        if preprocess is not None and not callable(preprocess):
            raise ValueError(f"preprocess must be callable or None; got {type(preprocess).__name__}")
        self.preprocess, self.repeats = preprocess, errors.flag("repeats", repeats)
        self.labels, self.class_names, self._members = group(labels)
        self.sample_ids = as_ids(sample_ids, len(self.items))
        self.classes = whole("classes", max(2, min(16, len(self._members))) if classes is None else classes, 2)
        if len(self._members) < self.classes:
            raise ValueError(
                f"classes={self.classes} asks for more classes than there are: {len(self._members)} have two samples "
                f"or more. Set classes={max(len(self._members), 2)} or less, or add samples"
            )
        if others and sampler != "facenet":
            raise ValueError(f"others is for sampler='facenet'; got others={others!r} with {sampler!r}")
        settings = self.classes, self.per_class, whole("others", others, 0), len(self.items), self.seed
        self.sampler = Sampler(sampler, self._members, *settings)
        self._check_epoch()
        default = self.sampler.steps if sampler.startswith("balanced") else len(self.items) // (self.classes * self.per_class)
        self.steps = max(1, default) if steps is None else whole("steps", steps, 1)
        self.start, self.position, self._open, self._width = 0, None, False, None

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        if not 0 <= index < self.steps:
            raise IndexError(f"index must be from 0 to {self.steps - 1}, the batches of an epoch; got {index}")
        x, y = self.batch(self.start + index)
        return (self._padded(x) if self.preprocess is not None and self.items.dtype == object else x), y

    def dataset(self, transform=None):
        """Return a `tf.data.Dataset` of one epoch's batches; each iteration begins at `position()`, or goes on.

        Texts are only as wide as the widest of their batch, which a PyDataset cannot have.

        Args:
            transform: takes the place of `preprocess` and runs in the pipeline, several batches at once: a function of
                items (P * K, ...) and a seed of two integers, `seed` and the number of the batch. Paths, items that are
                `str`, come as the content of their files.
        """
        tf = tensorflow("reading batches")

        def epoch():
            self.on_epoch_begin()
            for step in range(self.start, self.start + self.steps):
                yield self.batch(step) if transform is None else (step, *self.rows(step))
            self.on_epoch_end()

        if transform is not None:
            return self._transformed(tf, epoch, transform)

        def spec(array, is_x):
            array = np.asarray(array)
            free = is_x and array.dtype.kind == "i" and array.ndim == 2  # ids of texts
            shape = (array.shape[0] if self.repeats else None, *((None,) * (array.ndim - 1) if free else array.shape[1:]))
            return tf.TensorSpec(shape, array.dtype)

        signature = tuple(map(spec, self.batch(self.start), (True, False)))
        dataset = tf.data.Dataset.from_generator(epoch, output_signature=signature)
        return dataset.apply(tf.data.experimental.assert_cardinality(self.steps)).prefetch(2)

    def _transformed(self, tf, epoch, transform):
        x, y = self.rows(self.start)
        paths = x.dtype == object and isinstance(x[0], str)
        size = len(y) if self.repeats else None
        items = tf.TensorSpec((size, *x.shape[1:]), tf.string if x.dtype == object else x.dtype)
        signature = tf.TensorSpec((), tf.int64), items, tf.TensorSpec((size, *y.shape[1:]), y.dtype)

        def read(step, items, labels):
            items = tf.map_fn(tf.io.read_file, items) if paths else items
            # Seeds are unsigned 64 bits; the pipeline has signed ones.
            return transform(items, tf.stack([tf.constant(self.seed - (self.seed >> 63 << 64), tf.int64), step])), labels

        dataset = tf.data.Dataset.from_generator(epoch, output_signature=signature)
        dataset = dataset.map(read, num_parallel_calls=tf.data.AUTOTUNE)
        return dataset.apply(tf.data.experimental.assert_cardinality(self.steps)).prefetch(2)

    def indices(self, step):
        """Return the rows of batch `step`, class by class, int64 (P * K + others,), fewer without `repeats`."""
        rows = self.sampler(whole("step", step, 0, 2**64 - 1))
        return rows if self.repeats else rows[np.sort(np.unique(rows, return_index=True)[1])]

    def _check_epoch(self):
        """Refuse a batch that no epoch of the sampler fills."""
        sampler = self.sampler
        if sampler.kind.startswith("balanced") and not sampler.steps:
            raise ValueError(
                f"classes={self.classes} x per_class={self.per_class} is more than an epoch of sampler={sampler.kind!r} "
                "has; make the batch smaller"
            )
        largest = sum(sorted(map(len, self._members))[-self.classes :])
        if sampler.others > len(self.items) - largest:
            raise ValueError(
                f"others={sampler.others} is more than the {len(self.items) - largest} rows that {self.classes} classes may "
                "leave; ask for fewer"
            )

    def batch(self, step):
        """Return batch `step`: `(x, y)`, samples (P * K, ...) and labels (P * K,), or (P * K, 2) with sample ids."""
        x, y = self.rows(step)
        return x if self.preprocess is None else self.preprocess(x), y

    def rows(self, step):
        """Return batch `step` before `preprocess`."""
        rows = self.indices(step)
        y = self.labels[rows]
        return self.items[rows], y if self.sample_ids is None else np.stack([y, self.sample_ids[rows]], axis=1)

    def on_epoch_begin(self):
        """Let the epoch begin at the model's global step, where one is given."""
        self._open = True
        self._seek(0)

    def on_epoch_end(self):
        """Go on to the next batches. Keras also calls this before the first epoch, which must not count."""
        self._seek(self.steps if self._open else 0)
        self._open = False

    def _seek(self, ahead):
        step = None if self.position is None else self.position()
        self.start = self.start + ahead if step is None else int(step)

    def _padded(self, x):
        """Pad ids (P * K, T) with zeros to the width of the widest text.

        Keras fixes the shapes of a PyDataset from its first two batches, and XLA compiles once for every new width.
        """
        x = np.asarray(x)
        if x.ndim != 2:
            return x
        if self._width is None:
            parts = np.array_split(self.items, -(-len(self.items) // 512))
            self._width = max(np.shape(self.preprocess(part))[1] for part in parts)
        return np.pad(x, ((0, 0), (0, max(0, self._width - x.shape[1]))))
