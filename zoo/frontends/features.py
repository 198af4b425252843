"""Stored features, which need no reading: what a served signature takes in the place of files."""

import keras
import numpy as np

from zoo import errors
from zoo.backends import tensorflow
from zoo.frontends.base import Frontend, is_strings


@keras.saving.register_keras_serializable(package="zoo")
class FeatureFrontend(Frontend):
    """Takes stored features [N, F] as they are; in a bundle a row with NaN or infinity is one that cannot be read.

    Args:
        features: F.

    Example:

    >>> FeatureFrontend(2).as_items([[1, 2]]).tolist()
    [[1.0, 2.0]]
    """

    kind = "features"
    state = None

    def __init__(self, features):
        self.features = errors.whole("features", features)

    @property
    def input_shape(self):
        return (None, self.features)

    def learn(self, items):
        """Return None; `ValueError` where the items are no features of this size."""
        self.as_items(items)

    def is_raw(self, items):
        """False: features are tensors already; `ValueError` for files or texts."""
        if isinstance(items, (str, bytes)) or is_strings(items) and not (hasattr(items, "__len__") and len(items) == 0):
            raise ValueError(
                f"features={self.features}: this side takes stored features, floats [N, {self.features}], not files; for "
                "files build the model with image='convnet' or another network"
            )
        return False

    def as_items(self, items):
        """Return features as float32 [N, F]."""
        self.is_raw(items)
        items = np.asarray(items, "float32")
        if items.ndim != 2 or items.shape[1] != self.features:
            raise ValueError(f"features must be numbers [N, {self.features}], not of shape {items.shape}")
        return items

    as_bytes = as_items

    def names(self, items):
        """Return the number of each item."""
        return [str(i) for i in range(len(items))]

    @property
    def samples(self):
        """Four rows: zeros, ones, one number alone, and steps from -1 to 1."""
        rows = np.zeros((4, self.features), "float32")
        rows[1], rows[2, 0], rows[3] = 1, 1, np.linspace(-1, 1, self.features)
        return rows

    @property
    def raw_spec(self):
        """What the served signature takes."""
        tf = tensorflow("an export")
        return tf.TensorSpec([None, self.features], tf.float32, name="image")

    def checked(self, items):
        """Return float32 [N, F] and whether each row is finite [N]; one that is not becomes zero."""
        tf = tensorflow("an export")
        ok = tf.reduce_all(tf.math.is_finite(items), axis=1)
        return tf.where(ok[:, None], items, 0.0), ok

    def get_config(self):
        return {"features": self.features}
