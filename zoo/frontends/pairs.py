"""Items of two sides, row beside row, read as they are needed."""

import os

import numpy as np

from zoo.backends import tensorflow
from zoo.frontends.image_files import are_paths


def dataset(frontends, items, batch_size, rest=(), shuffle=False, augment=False):
    """Return batches of ((tensors, tensors), *rest), a `tf.data.Dataset`.

    Args:
        frontends: of both sides; None where items are tensors.
        items: raw items or tensors of both sides, [N] each.
        batch_size: rows in a batch.
        rest: arrays [N], for instance ids, whose rows go with the items.
        shuffle: a new order in each epoch, instead of the one given.
        augment: items for training, where a frontend makes a difference.
    """
    tf = tensorflow("reading items")
    ready = [_prepared(frontend, part) for frontend, part in zip(frontends, items, strict=True)]
    batches = tf.data.Dataset.from_tensor_slices((tuple(ready), *rest))
    batches = batches.shuffle(len(ready[0])) if shuffle else batches
    return mapped(frontends, batches.batch(batch_size), augment, tuple(map(_paths, frontends, items)))


def mapped(frontends, batches, augment=False, paths=(False, False)):
    """Return batches of ((tensors, tensors), ...), of batches of ((raw items, raw items), ...); `paths` are read first."""
    tf = tensorflow("reading items")
    for frontend in frontends:
        getattr(frontend, "module", None)  # made here, not while the pipeline is traced
    seeds = tf.data.Dataset.random(rerandomize_each_iteration=True).batch(2)

    def read(batch, seed):
        items, *rest = batch
        parts = zip(frontends, items, paths, strict=True)
        return (tuple(_read(frontend, part, path, seed if augment else None) for frontend, part, path in parts), *rest)

    return tf.data.Dataset.zip(batches, seeds).map(read, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)


def reader(frontends, items, augment=False):
    """Return a function of a pair of raw items [N] and a seed of two integers to a pair of tensors, for `tf.data`."""
    paths = tuple(map(_paths, frontends, items))
    for frontend in frontends:
        getattr(frontend, "module", None)

    def read(items, seed):
        parts = zip(frontends, items, paths, strict=True)
        return tuple(_read(frontend, part, path, seed if augment else None) for frontend, part, path in parts)

    return read


def _read(frontend, items, path, seed):
    tf = tensorflow("reading items")
    if frontend is None or not frontend.is_raw(items):
        return items
    items = tf.map_fn(tf.io.read_file, items) if path else items
    return frontend.augmented(items, seed) if seed is not None and hasattr(frontend, "augmented") else frontend(items)


def _prepared(frontend, items):
    """Items as `tf.data` takes them: texts and paths as `bytes`."""
    if frontend is None or not frontend.is_raw(items):
        return np.asarray(items)
    items = frontend.as_items(items)
    return [os.fsencode(item) for item in items] if are_paths(items) else items


def _paths(frontend, items):
    return frontend is not None and frontend.is_raw(items) and are_paths(frontend.as_items(items))
