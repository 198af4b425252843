"""A loss as a layer: it owns what the loss must learn and keeps the batch health."""

import keras
from keras import ops

from zoo import errors

HEALTH = ("valid_anchors", "active_fraction", "mean_s_ap", "mean_s_an", "embedding_std")


@keras.saving.register_keras_serializable(package="zoo")
class LossLayer(keras.layers.Layer):
    """Computes a loss from labels and embeddings; never part of an exported graph.

    For a loss on class scores the layer owns the linear map from embeddings to scores. The mean over the epoch of
    what tells whether batches teach anything is reported under the names of `HEALTH`.

    Args:
        loss: a `zoo.losses.Loss`.
        classes: number of classes C, for losses on class scores only.
        name: name of the layer.

    Call arguments:
        labels: class ids [N].
        embeddings: floats [N, D].
        sample_weight: floats [N], or None.

    Returns:
        The loss, a scalar.

    Raises:
        ValueError: `classes` missing for a loss on class scores, or given to another.

    Example:

    >>> import numpy as np, zoo
    >>> layer = zoo.layers.LossLayer(zoo.losses.get("softmax"), classes=2)
    >>> layer(np.array([0, 1]), np.eye(2, dtype="float32")).shape
    TensorShape([])
    """

    def __init__(self, loss, classes=None, name="loss_layer", dtype="float32", **kwargs):
        super().__init__(name=name, dtype=dtype, **kwargs)
        if loss.takes_scores:
            classes = errors.whole("classes", classes)
        elif classes is not None:
            raise ValueError(f"classes={classes!r}: the loss {loss.name!r} compares samples and has no class scores")
        if loss.reduction is None:
            raise ValueError("loss: a layer trains on one number; give the loss a reduction, 'mean' or 'sum'")
        self.loss, self.classes = loss, classes
        self.scores = None
        names = HEALTH[:2] + HEALTH[4:] if loss.takes_scores else HEALTH
        self.health = {key: keras.metrics.Mean(name=key) for key in names}

    def build(self, labels_shape, embeddings_shape=None):
        shape = embeddings_shape if embeddings_shape is not None else labels_shape
        if self.loss.takes_scores and self.scores is None:
            # Made last, so that the same seed gives the same encoder under every loss.
            self.scores = keras.layers.Dense(self.classes, name="scores", dtype=self.dtype_policy)
            self.scores.build(shape)
        self.built = True

    def call(self, labels, embeddings, sample_weight=None):
        values = embeddings if self.scores is None else self.scores(embeddings)
        terms = self.loss.checked_terms(labels, values)
        spread = ops.mean(ops.std(ops.stop_gradient(ops.cast(embeddings, "float32")), axis=0))
        for key, value in {**terms.health, "embedding_std": spread}.items():
            if key in self.health:
                self.health[key].update_state(ops.stop_gradient(value))
        return self.loss.reduce(terms, sample_weight)

    def compute_output_shape(self, labels_shape, embeddings_shape=None):
        return ()

    def get_config(self):
        loss = keras.saving.serialize_keras_object(self.loss)
        return {**super().get_config(), "loss": loss, "classes": self.classes}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "loss": keras.saving.deserialize_keras_object(config["loss"])})
