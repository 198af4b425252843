"""Batches of matching pairs, for models of two towers."""

import keras
import numpy as np

from zoo.backends import tensorflow
from zoo.data.checks import as_items, whole
from zoo.data.matches import Matches
from zoo.data.samplers import cycle, random


def pair_batches(
    queries, images, matches=None, size=128, steps=None, seed=0, classes=None, per_class=None, preprocess=None
):
    """Return batches of pairs that match, to be given to the `fit` of a model of two towers.

    An epoch goes through all queries in a new order, and each comes with one image, drawn evenly from those that match
    it: caption k with its image, or a spoken five with any image of a five. Queries without a match are left out. With
    `classes` and `per_class` every batch holds so many queries and images of each of so many ids instead.

    Args:
        queries: texts, files or an array of samples (N, ...).
        images: files or an array of samples (M, ...).
        matches: ids [N], a pair of ids [N] and ids [M], a boolean matrix [N, M], or None where row i matches row i; see
            `zoo.data.Matches`. Captions of images: `(image_of_caption, range(len(images)))`.
        size: pairs in a batch, at least 2.
        steps: batches in an epoch; by default one for each `size` queries that have a match.
        seed: integer from 0 to 2^62 - 1; batch i is a function of (seed, i) and of nothing else.
        classes: P, distinct ids in a batch; not for a matrix.
        per_class: K, queries and images of each of them; a side that has fewer repeats them.
        preprocess: turns (queries [B], images [B]) into the pair that the model takes, for instance `model.preprocess`.

    Returns:
        `PairBatches`.

    Raises:
        ValueError: lengths that do not fit, sizes beyond what there is, no match at all.

    Example:

    >>> batches = pair_batches(["a", "b", "c"], np.zeros((2, 4)), ([0, 1, 1], [0, 1]), size=3)
    >>> sorted(batches.batch(0)[1].tolist())
    [0, 1, 1]
    """
    return PairBatches(queries, images, matches, size, steps, seed, classes, per_class, preprocess)


class PairBatches(keras.utils.PyDataset):
    """Matching pairs in every batch; batch i depends on (seed, i) only. Every epoch goes on where the last one ended.

    A batch is ((queries [B], images [B]), ids int32 [B]), or with a matrix booleans [B, B] in the place of ids.

    Args: as in `pair_batches`.

    Attributes:
        unmatched: how many queries have no match.
        steps: batches in an epoch.
        start: number of the batch that the epoch begins with.
        position: `None`, or a callable that gives the global step, as in `zoo.data.PKBatches`.
    """

    def __init__(
        self, queries, images, matches=None, size=128, steps=None, seed=0, classes=None, per_class=None, preprocess=None
    ):
        super().__init__()
        self.queries, self.images = as_items(queries), as_items(images)
        self.matches = Matches(matches, len(self.queries), len(self.images))
        self.seed = whole("seed", seed, 0, 2**62 - 1)
        if preprocess is not None and not callable(preprocess):
            raise ValueError(f"preprocess must be callable or None; got {type(preprocess).__name__}")
        self.preprocess = preprocess
        self._partners, self._ends = self.matches.partners()
        self._asked = np.flatnonzero(np.diff(self._ends))
        self.unmatched = len(self.queries) - len(self._asked)
        if not len(self._asked):
            raise ValueError("matches: no query matches an image; ids must be equal where items match")
        if (classes is None) != (per_class is None):
            raise ValueError("classes and per_class belong together; give both or neither")
        self.classes, self.per_class = classes, per_class
        self.size = whole("size", size, 2) if classes is None else self._of_classes()
        if classes is None and self.size > len(self._asked):
            raise ValueError(f"size={size} is more than the {len(self._asked)} queries that have a match; make it smaller")
        self._whole = len(self._asked) // self.size or 1
        self.steps = self._whole if steps is None else whole("steps", steps, 1)
        self.start, self.position, self._open = 0, None, False

    def _of_classes(self):
        if self.matches.matrix is not None:
            raise ValueError("classes and per_class need ids; a matrix of matches has no classes")
        ids = np.unique(self.matches.first[self._asked])
        whole("per_class", self.per_class, 1)
        if whole("classes", self.classes, 2) > len(ids):
            raise ValueError(f"classes={self.classes} asks for more ids than the {len(ids)} that both sides have; ask for fewer")
        self._members = [(np.flatnonzero(self.matches.first == i), np.flatnonzero(self.matches.second == i)) for i in ids]
        return self.classes * self.per_class

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        if not 0 <= index < self.steps:
            raise IndexError(f"index must be from 0 to {self.steps - 1}, the batches of an epoch; got {index}")
        return self.batch(self.start + index)

    def indices(self, step):
        """Return rows of queries and of images of batch `step`, int64 [B] each, row beside row."""
        step = whole("step", step, 0, 2**62 - 1)
        rng = random(self.seed, 2 * step + 1)
        if self.classes is not None:
            chosen = [self._members[i] for i in rng.choice(len(self._members), self.classes, replace=False)]
            sides = zip(*chosen, strict=True)
            return tuple(np.concatenate([cycle(rng, rows, self.per_class) for rows in side]) for side in sides)
        epoch, place = divmod(step, self._whole)
        rows = self._order(epoch)[place * self.size : (place + 1) * self.size]
        low, high = self._ends[rows], self._ends[rows + 1]
        return rows, self._partners[rng.integers(low, high)]

    def _order(self, epoch):
        if getattr(self, "_known", (None,))[0] != epoch:
            self._known = epoch, random(self.seed, 2 * epoch).permutation(self._asked)
        return self._known[1]

    def rows(self, step):
        """Return batch `step` before `preprocess`."""
        rows, columns = self.indices(step)
        if self.matches.matrix is None:
            labels = self.matches.first[rows].astype(np.int32)
        else:
            labels = self.matches.between(rows, columns)
        return (self.queries[rows], self.images[columns]), labels

    def batch(self, step):
        """Return batch `step`: ((queries [B], images [B]), ids [B] or booleans [B, B]); a function of (seed, step)."""
        items, labels = self.rows(step)
        return items if self.preprocess is None else tuple(self.preprocess(items)), labels

    def dataset(self, transform=None):
        """Return a `tf.data.Dataset` of one epoch's batches; each iteration begins at `position()`, or goes on.

        Args:
            transform: takes the place of `preprocess` and runs in the pipeline, several batches at once: a function of
                (queries [B], images [B]), strings for texts, files and paths, and a seed of two integers, `seed` and the
                number of the batch.
        """
        tf = tensorflow("reading batches")
        first = self.rows(self.start) if transform is not None else self.batch(self.start)

        def epoch():
            self.on_epoch_begin()
            for step in range(self.start, self.start + self.steps):
                (queries, images), labels = self.batch(step) if transform is None else self.rows(step)
                yield step, (_strings(queries), _strings(images)), labels
            self.on_epoch_end()

        def spec(array):
            array = np.asarray(array)
            free = array.dtype.kind == "i" and array.ndim == 2  # ids of texts
            shape = (self.size, *((None,) * (array.ndim - 1) if free else array.shape[1:]))
            return tf.TensorSpec(shape, tf.string if array.dtype == object else array.dtype)

        signature = tf.TensorSpec((), tf.int64), tuple(map(spec, first[0])), spec(first[1])
        dataset = tf.data.Dataset.from_generator(epoch, output_signature=signature)

        def read(step, items, labels):
            return transform(items, tf.stack([tf.constant(self.seed, tf.int64), step])), labels

        plain = (lambda step, items, labels: (items, labels)) if transform is None else read
        dataset = dataset.map(plain, num_parallel_calls=tf.data.AUTOTUNE)
        return dataset.apply(tf.data.experimental.assert_cardinality(self.steps)).prefetch(2)

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


def _strings(items):
    """Items with texts and paths as `bytes`, lone surrogates included."""
    if getattr(items, "dtype", None) != object:
        return items
    return np.array([x.encode("utf-8", "surrogatepass") if isinstance(x, str) else x for x in items], object)
