"""What frontends of files share: reading while training goes on, names, and what is said of items that cannot be read."""

import os

import numpy as np

from zoo.backends import tensorflow
from zoo.frontends.base import Frontend, is_strings


class FileFrontend(Frontend):
    """A frontend whose items are files that are read while training goes on.

    Subclasses have `checked(items, seed)`, tensors [N, ...] and whether each item could be read [N], and `expected`, what
    a readable item is, in words.
    """

    streams = True
    expected = "files that can be read"

    def __call__(self, items, seed=None):
        """Return the tensors of items [N]; one that cannot be read is an error, `ValueError` outside of a graph."""
        tf = tensorflow(f"reading {self.kind}")
        x, ok = self.checked(items, seed)
        what = f"are no {self.expected}; leave them out"
        if tf.executing_eagerly():
            if not bool(tf.reduce_all(ok)):
                raise ValueError(f"{self.kind}: the items {np.flatnonzero(~ok.numpy())[:20].tolist()} {what}")
            return x
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(ok), [self.kind, tf.where(~ok)[:, 0], what], 20)]):
            return tf.identity(x)

    def augmented(self, items, seed):
        """Return the tensors of items for training, changed at random where settings say so.

        Args:
            items: as in a call.
            seed: two integers; the same seed changes the same items in the same way.
        """
        return self(items, seed if self.draws else None)

    @property
    def draws(self):
        """Whether items are changed at random while training."""
        return False

    def dataset(self, items, batch_size, rest=(), shuffle=False, augment=False):
        """Return batches of tensors, read as they are needed.

        Args:
            items: files, paths or arrays [N], as `as_items` gives them.
            batch_size: items in a batch; where one is enough it is read at once.
            rest: arrays [N], for instance labels, whose rows go with the items.
            shuffle: a new order in each epoch, instead of the one given.
            augment: tensors for training, see `augmented`.
        """
        tf = tensorflow(f"reading {self.kind}")
        if len(items) <= batch_size and not rest and not augment:  # to set up a pipeline takes longer than to read one batch
            return tf.data.Dataset.from_tensors(self(items))
        dataset = tf.data.Dataset.from_tensor_slices((items, *rest))
        dataset = dataset.shuffle(len(items)) if shuffle else dataset
        return self.mapped(dataset.batch(batch_size), are_paths(items), augment)

    def mapped(self, batches, paths=False, augment=False):
        """Return a `tf.data.Dataset` of tensors, of one whose elements are (items, ...); `paths` are read first."""
        tf = tensorflow(f"reading {self.kind}")
        seeds = tf.data.Dataset.random(rerandomize_each_iteration=True).batch(2)

        def read(batch, seed):
            items, *rest = batch if isinstance(batch, tuple) else (batch,)
            items = tf.map_fn(tf.io.read_file, items) if paths else items
            x = self.augmented(items, seed) if augment else self(items)
            return (x, *rest) if rest else x

        return tf.data.Dataset.zip(batches, seeds).map(read, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)

    def names(self, items):
        """Return the last two parts of each path, or the number of each item."""
        if are_paths(items):
            return ["/".join(item.replace(os.sep, "/").split("/")[-2:]) for item in items]
        return [str(i) for i in range(len(items))]


def are_paths(items):
    """Whether items are paths, `str`, rather than the content of files, `bytes`."""
    return is_strings(items) and len(items) > 0 and isinstance(items[0], str)


def of_one_kind(items, kind):
    """Return files (`bytes`) or paths (`str`) as a list; `ValueError` names the one that is of another kind."""
    for i, item in enumerate(items):
        if not isinstance(item, (str, bytes)) or isinstance(item, str) != isinstance(items[0], str):
            raise ValueError(
                f"{kind} must all be files (bytes) or all paths (str), but item {i} is {type(item).__name__} and the "
                f"first {type(items[0]).__name__}"
            )
    return list(items)


def content(items, kind):
    """Return files as a string tensor [N]; paths are read."""
    tf = tensorflow(f"reading {kind}")
    if hasattr(items, "dtype") and items.dtype == "string":
        return items
    files = []
    for item in of_one_kind(items, kind):
        if isinstance(item, str):
            with open(item, "rb") as file:
                item = file.read()
        files.append(item)
    return tf.constant(files, tf.string)
