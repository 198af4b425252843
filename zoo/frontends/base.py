"""What a model asks of its frontend."""

import numpy as np


class Frontend:
    """Turns raw items into what a backbone takes, the same in `tf.data`, in `fit` and in the exported graph.

    Subclasses say how raw items look, what is learnt from training items (`state`), and how items become tensors.

    Attributes:
        kind: one word for an item, the name of the served input: `"text"`, `"image"`, `"audio"`.
        samples: raw items on which an export is tried where the caller gives none.
        streams: whether raw items are read while training goes on, instead of all at once before it.
        learns: what `state` is, in words.
        input_shape: shape of the tensors, with None where it is free.
    """

    kind = "item"
    learns = "state"
    samples = ()
    streams = False
    input_shape = (None,)

    @property
    def state(self):
        """What was learnt from training items, or None."""
        raise NotImplementedError

    @state.setter
    def state(self, value):
        raise NotImplementedError

    def is_raw(self, items):
        """Whether items, or the `tf.TensorSpec` of them, have yet to go through this frontend."""
        raise NotImplementedError

    def learn(self, items):
        """Return the `state` that training items [N] teach."""
        raise NotImplementedError

    def adapt(self, items, **settings):
        """Take the `state` from training items [N]; see `learn`."""
        self.state = self.learn(items, **settings)

    def as_items(self, items):
        """Return raw items as a list or array [N] that `dataset` takes; `ValueError` says what cannot be one."""
        raise NotImplementedError

    def order(self, items):
        """Return the order in which items [N] are best embedded."""
        return np.arange(len(items))

    def names(self, items):
        """Return a name [N] for each item, by which a gallery or a table knows it."""
        raise NotImplementedError

    def as_bytes(self, items):
        """Return items [N] as the `bytes` that the served signature takes."""
        raise NotImplementedError

    def dataset(self, items, batch_size):
        """Return batches of tensors in the order of items [N], a `tf.data.Dataset`."""
        raise NotImplementedError

    def mapped(self, batches, augment=False):
        """Return a `tf.data.Dataset` of tensors, of one whose elements are batches of raw items or begin with them."""
        return batches.map(lambda items, *rest: (self(items), *rest) if rest else self(items))

    def require(self):
        """Raise `ValueError` where something has still to be learnt."""

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def is_strings(items):
    """Whether items are a list or array of `str` or `bytes`, a TensorFlow string tensor, or the spec of one."""
    if isinstance(items, (list, tuple)):
        return len(items) == 0 or isinstance(items[0], (str, bytes))
    dtype = getattr(items, "dtype", None)
    if getattr(dtype, "kind", None) == "O":
        return items.size == 0 or isinstance(items.flat[0], (str, bytes))
    return dtype.kind in "US" if hasattr(dtype, "kind") else dtype == "string"
