"""A loss around another one, on parts of its embedding."""

import keras

from zoo.losses.base import Loss


class Around(Loss):
    """A loss on embeddings that asks another loss about parts of them, and otherwise speaks for it.

    Args:
        loss: a `zoo.losses.Loss` on embeddings.
        reduction, name, dtype: see `zoo.losses.Loss`.
    """

    def __init__(self, loss, reduction="mean", name=None, dtype=None):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.loss = loss

    def __getattr__(self, name):
        """What the loss itself says: its margin, its distance."""
        if name.startswith("__") or "loss" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.__dict__["loss"], name)

    @property
    def adjustable(self):
        return self.loss.adjustable

    @property
    def learns(self):
        return self.loss.learns

    def with_values(self, **values):
        return super().with_values(loss=self.loss.with_values(**values))

    def get_config(self):
        return {**super().get_config(), "loss": keras.saving.serialize_keras_object(self.loss)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "loss": keras.saving.deserialize_keras_object(config["loss"])})
