"""What models of one tower and of two share: labels, the global step, a file that is whole or absent."""

import os
import pathlib

import keras
import numpy as np

from zoo.frontends.base import is_strings


class Model(keras.Model):
    """A `keras.Model` whose loss is what its `loss_layer` says of labels and embeddings."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if y is None:
            raise ValueError("labels are missing: call fit(items, labels), or give batches of (items, labels)")
        return sum(self.losses, self.loss_layer(y, y_pred, sample_weight=sample_weight, training=training))

    def _step(self):
        """The global step; None while JAX holds the weights outside the model, which is during an epoch."""
        try:
            return int(self.optimizer.iterations)
        except TypeError:
            return None

    def _labels(self, y):
        """Labels as integers, checked where they can be seen; a compiled step cannot look at them."""
        if y is None or not (isinstance(y, (list, tuple)) or hasattr(y, "__array__")):
            return y
        if is_strings(y):
            raise ValueError("labels must be class ids, not names: ids, class_names = zoo.data.encode(labels)")
        return self.loss_layer.loss.check_labels(np.asarray(y), self.loss_layer.classes)

    def save(self, filepath, overwrite=True, **kwargs):
        """`keras.Model.save`; a `.keras` file is written beside its place and renamed, so it is whole or absent."""
        path = pathlib.Path(filepath)
        if path.suffix != ".keras" or not overwrite:
            return super().save(filepath, overwrite=overwrite, **kwargs)
        beside = path.with_name(f".{path.stem}-{os.getpid()}.keras")
        try:
            super().save(beside, **kwargs)
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
