"""Batches of P classes with K samples each: what every loss that compares samples of a batch needs."""

import operator
import warnings

import keras
import numpy as np

from zoo import errors
from zoo.backends import tensorflow
from zoo.data.samplers import PER_CLASS, SAMPLERS, Sampler

INT32 = np.iinfo(np.int32)


def pk_batches(
    items, labels, classes=None, per_class=None, steps=None, seed=0, preprocess=None, sampler="pk", others=0
):
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

    Returns:
        `PKBatches`.

    Raises:
        ValueError: sizes that do not fit together, labels that are not classes, too few classes.

    Example:

    >>> batches = pk_batches(["a", "b", "c", "d"], [0, 0, 1, 1], classes=2, per_class=2)
    >>> batches.batch(0)[1].tolist()
    [1, 1, 0, 0]

    References: Hermans et al. 2017 (pk); Musgrave et al. 2020 (m_per_class); Sohn 2016 (npair); Xuan et al. 2020
    (balanced); Schroff et al. 2015 (facenet).
    """
    return PKBatches(items, labels, classes, per_class, steps, seed, preprocess, sampler, others)


class PKBatches(keras.utils.PyDataset):
    """P classes x K samples in every batch; batch i depends on (seed, i) only.

    No sample comes twice in a batch unless its class has fewer than K: then its samples are repeated evenly (by the
    default sampler; see `pk_batches` for the others).
    Classes with one sample are left out. Every epoch continues where the last one ended. To shorten an epoch set
    `steps` here rather than `steps_per_epoch` in `fit`; give `fit` `shuffle=False` to train in the order of i
    (`shuffle=True`, the default of Keras, shuffles the batches within an epoch).

    Args: as in `pk_batches`.

    Attributes:
        class_names: sorted classes by code, where labels had to be encoded; `None` where they are used as they came.
        steps: batches in an epoch.
        start: number of the batch that the epoch begins with.
        position: `None`, or a callable that gives the global step, or None where it is not known; the epoch then
            begins with that batch, so that a resumed run goes on with the batch it would have had.
    """

    def __init__(
        self, items, labels, classes=None, per_class=None, steps=None, seed=0, preprocess=None, sampler="pk", others=0
    ):
        super().__init__()
        if sampler not in SAMPLERS:
            raise ValueError(errors.unknown("sampler", sampler, SAMPLERS))
        self.per_class = _whole("per_class", PER_CLASS.get(sampler, 8) if per_class is None else per_class, 2)
        if sampler == "npair" and self.per_class != 2:
            raise ValueError(f"per_class must be 2 for sampler='npair', the pairs of its name; got {per_class}")
        self.seed = _whole("seed", seed, 0, 2**64 - 1)
        self.items = _items(items)
        labels = _labels(labels)
        if len(labels) != len(self.items):
            sizes = f"{len(self.items)} items and {len(labels)} labels"
            raise ValueError(f"items and labels must have one length; got {sizes}")
        if preprocess is not None and not callable(preprocess):
            raise ValueError(f"preprocess must be callable or None; got {type(preprocess).__name__}")
        self.preprocess = preprocess
        self.labels, self.class_names, self._members = _group(labels)
        self.classes = _whole("classes", max(2, min(16, len(self._members))) if classes is None else classes, 2)
        if len(self._members) < self.classes:
            raise ValueError(
                f"classes={self.classes} asks for more classes than there are: {len(self._members)} have two samples "
                f"or more. Set classes={max(len(self._members), 2)} or less, or add samples"
            )
        if others and sampler != "facenet":
            raise ValueError(f"others is for sampler='facenet'; got others={others!r} with {sampler!r}")
        settings = self.classes, self.per_class, _whole("others", others, 0), len(self.items), self.seed
        self.sampler = Sampler(sampler, self._members, *settings)
        self._check_epoch()
        default = self.sampler.steps if sampler.startswith("balanced") else len(self.items) // (self.classes * self.per_class)
        self.steps = max(1, default) if steps is None else _whole("steps", steps, 1)
        self.start, self.position, self._open, self._width = 0, None, False, None

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        if not 0 <= index < self.steps:
            raise IndexError(f"index must be from 0 to {self.steps - 1}, the batches of an epoch; got {index}")
        x, y = self.batch(self.start + index)
        return (self._padded(x) if self.preprocess is not None and self.items.dtype == object else x), y

    def dataset(self):
        """Return a `tf.data.Dataset` of one epoch's batches; each iteration begins at `position()`, or goes on.

        Texts are only as wide as the widest of their batch, which a PyDataset cannot have.
        """
        tf = tensorflow("reading batches")

        def epoch():
            self.on_epoch_begin()
            for step in range(self.start, self.start + self.steps):
                yield self.batch(step)
            self.on_epoch_end()

        def spec(array):
            array = np.asarray(array)
            free = array.dtype.kind == "i" and array.ndim == 2  # ids of texts
            shape = (array.shape[0], *((None,) * (array.ndim - 1) if free else array.shape[1:]))
            return tf.TensorSpec(shape, array.dtype)

        dataset = tf.data.Dataset.from_generator(epoch, output_signature=tuple(map(spec, self.batch(self.start))))
        return dataset.apply(tf.data.experimental.assert_cardinality(self.steps)).prefetch(2)

    def indices(self, step):
        """Return the rows of batch `step`, class by class, int64 (P * K + others,)."""
        return self.sampler(_whole("step", step, 0, 2**64 - 1))

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
        """Return batch `step`: `(x, y)`, samples (P * K, ...) and labels (P * K,); a function of (seed, step)."""
        rows = self.indices(step)
        x = self.items[rows]
        if self.preprocess is not None:
            x = self.preprocess(x)
        return x, self.labels[rows]

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


def _group(labels):
    """Return labels (N,) as integers, class names or None, and the rows of every class with two samples or more."""
    names, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    fits = labels.dtype != object and INT32.min <= int(names[0]) and int(names[-1]) <= INT32.max
    single = np.flatnonzero(counts == 1)
    if len(single):
        shown = ", ".join(repr(names[i].item() if fits else names[i]) for i in single[:5])
        more = f" and {len(single) - 5} more" if len(single) > 5 else ""
        half = "; that is more than half of the classes" if 2 * len(single) > len(names) else ""
        warnings.warn(
            f"{len(single)} of {len(names)} classes have one sample and are left out of the batches, since a "
            f"sample needs another one of its class: {shown}{more}{half}",
            stacklevel=4,
        )
    order, ends = np.argsort(codes, kind="stable").astype(np.int64), np.cumsum(counts)
    members = [rows for rows in np.split(order, ends[:-1]) if len(rows) > 1]
    if fits:
        return labels.astype(np.int32), None, members
    return codes.astype(np.int32), names.tolist(), members


def _items(items):
    """Return items as an array (N, ...); texts become an object array of `str`."""
    if isinstance(items, (str, bytes)):
        raise ValueError("items must be a list of texts or an array (N, ...); got one text. Put it in a list")
    if isinstance(items, (list, tuple)) and any(isinstance(item, (str, bytes)) for item in items):
        array = np.empty(len(items), dtype=object)
        array[:] = items
    else:
        try:
            array = np.asarray(items)
        except ValueError as error:
            raise ValueError("items must all have one shape; pad them or make them one size first") from error
    if array.ndim == 0 or len(array) == 0:
        raise ValueError(f"items must hold at least one sample; got shape {array.shape}")
    if array.dtype.kind in "US":
        array = array.astype(object)
    if array.dtype == object:
        for row, item in enumerate(array):
            if not isinstance(item, (str, bytes)):
                raise ValueError(f"items[{row}] must be a text like the others; got {type(item).__name__}")
    return array


def _labels(labels):
    """Return labels as an int64 array (N,), or as an object array of `str` or of huge `int`."""
    huge = isinstance(labels, (list, tuple)) and any(isinstance(one, int) and abs(one) >= 2**63 for one in labels)
    if huge:
        return _object_labels(labels)  # NumPy would make them float64 and merge neighbors
    array = np.asarray(labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]  # (N, 1) -> (N,)
    if array.ndim != 1:
        hint = "; one-hot labels become classes by argmax(axis=1)" if array.ndim == 2 else ""
        raise ValueError(f"labels must have shape (N,) or (N, 1); got {array.shape}{hint}")
    if len(array) == 0:
        raise ValueError("labels must hold at least one label; got none")
    if array.dtype.kind == "f":
        whole = np.isfinite(array) & (array == np.round(array)) & (np.abs(array) < 2.0**53)
        if not whole.all():
            row = int(np.argmin(whole))
            raise ValueError(f"labels must be classes, integers or strings; labels[{row}] is {array[row].item()}")
        return array.astype(np.int64)
    if array.dtype.kind in "bi":
        return array.astype(np.int64)
    return _object_labels(labels if isinstance(labels, (list, tuple)) else array.tolist())


def _object_labels(values):
    """Return strings or integers beyond int64 as an object array (N,), refusing anything else by its row."""
    values = [value[0] if isinstance(value, (list, tuple, np.ndarray)) else value for value in values]
    values = [value.decode("utf-8") if isinstance(value, bytes) else value for value in values]
    values = [int(value) if isinstance(value, np.integer) else value for value in values]
    kind = str if isinstance(values[0], str) else int
    for row, value in enumerate(values):
        if not isinstance(value, kind):
            wanted = "strings" if kind is str else "integers or strings"
            raise ValueError(f"labels must all be {wanted}; labels[{row}] is {value!r} ({type(value).__name__})")
    array = np.empty(len(values), dtype=object)
    array[:] = values
    if kind is int and all(-(2**63) <= value < 2**63 for value in values):
        return array.astype(np.int64)
    return array


def _whole(name, value, low, high=None):
    """Return `value` as an `int` from `low` to `high`, or say which argument is wrong."""
    try:
        number = None if isinstance(value, (bool, np.bool_)) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        raise ValueError(f"{name} must be an integer; got {value!r}")
    if number < low or (high is not None and number > high):
        reason = "; a sample needs another one of its class" if name == "per_class" else ""
        limit = f"at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be {limit}; got {number}{reason}")
    return number
