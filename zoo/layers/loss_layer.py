"""A loss as a layer: it owns what the loss must learn and keeps the batch health."""

import keras
from keras import ops

from zoo import errors
from zoo.layers.cosine_logits import CosineLogits
from zoo.losses.matryoshka import check_dims, check_whole, combine

OF_SCORES = ("valid_anchors", "active_fraction", "embedding_std")
HEALTH = (*OF_SCORES, "positive_share", "mean_s_ap", "mean_s_an")


@keras.saving.register_keras_serializable(package="zoo")
class LossLayer(keras.layers.Layer):
    """Computes a loss from labels and embeddings; never part of an exported graph.

    For a loss on class scores the layer owns the linear map from embeddings to scores, for one on cosines the class
    weights (`zoo.layers.CosineLogits`). The loss's margin is a weight of the layer, saved with it: `set(margin=0.3)`
    changes it without a new trace, a schedule changes it at every training step. The mean over the epoch of what tells
    whether batches teach anything is reported under the names of `HEALTH`. On JAX call the layer in the model's
    `compute_loss`, as `zoo.Embedder` does: inside a functional model Keras' trainer there cannot update a layer's metrics.

    Args:
        loss: a `zoo.losses.Loss`.
        classes: number of classes C, for losses on class scores only.
        schedules: dict from a setting in `loss.adjustable` to a `keras.optimizers.schedules.LearningRateSchedule`,
            which gives the setting's value at each training step.
        matryoshka: sizes of prefixes of the embedding, rising up to D, for instance `(16, 32, 64)`: the loss is the mean
            over them (see `zoo.losses.Matryoshka`), and sizes share the class weights' first rows (Kusupati et al.
            2022, MRL-E). None trains the whole embedding only.
        name: name of the layer.

    Call arguments:
        labels: class ids [N], or class and sample ids [N, 2], see `zoo.losses.Loss`.
        embeddings: floats [N, D]; two towers for a loss of those, see `zoo.losses.TowerLoss`.
        sample_weight: floats [N], or None.
        similarity: how two towers compare, floats [N, M], where that is not a matter of one vector an item.

    Returns:
        The loss, a scalar.

    Raises:
        ValueError: `classes` missing for a loss on class scores, or given to another; a schedule for a setting that
            has none.

    Example:

    >>> import numpy as np, zoo
    >>> layer = zoo.layers.LossLayer(zoo.losses.get("softmax"), classes=2)
    >>> layer(np.array([0, 1]), np.eye(2, dtype="float32")).shape
    TensorShape([])
    """

    def __init__(self, loss, classes=None, schedules=None, matryoshka=None, name="loss_layer", dtype="float32", **kwargs):
        super().__init__(name=name, dtype=dtype, **kwargs)
        if loss.takes_scores:
            classes = errors.whole("classes", classes)
        elif classes is not None:
            raise ValueError(f"classes={classes!r}: the loss {loss.name!r} compares samples and has no class scores")
        if loss.reduction is None:
            raise ValueError("loss: a layer trains on one number; give the loss a reduction, 'mean' or 'sum'")
        self.loss, self.classes, self.schedules = loss, classes, dict(schedules or {})
        self.matryoshka = None if matryoshka is None else check_dims(matryoshka)
        for key in self.schedules:
            if key not in loss.adjustable:
                raise ValueError(errors.unknown("scheduled setting", key, loss.adjustable))
            if not isinstance(getattr(loss, key), float):
                raise ValueError(f"{key}={getattr(loss, key)!r}: a schedule needs a loss that starts with a number")
        self.scores, self.values, self.step = None, {}, None
        # A weight of the layer, so that random draws advance on every backend and are saved.
        self.draws = loss.draws.generator.state if getattr(loss, "draws", None) is not None else None
        names = OF_SCORES if loss.takes_scores else HEALTH
        self.health = {key: keras.metrics.Mean(name=key) for key in (*names, *loss.reports)}

    def build(self, labels_shape=None, embeddings_shape=None):
        if self.built:  # a loaded model builds its parts, and then itself
            return
        shape = embeddings_shape if embeddings_shape is not None else labels_shape
        shape = shape[0] if isinstance(shape[0], (tuple, list)) else shape  # of two towers
        # Made last, so that the same seed gives the same encoder under every loss.
        if self.matryoshka is not None:
            check_whole(self.matryoshka, shape[-1])
        if self.loss.takes_scores:
            self.scores = self._make_scores()
            self.scores.build(shape)
        for key in (*self.loss.adjustable, *self.loss.learns):
            start = getattr(self.loss, key, None)
            if isinstance(start, float):
                self.values[key] = self.add_weight(
                    (), keras.initializers.Constant(start), trainable=key in self.loss.learns, name=key
                )
        if self.schedules:
            self.step = self.add_weight((), "zeros", dtype="int32", trainable=False, name="step")
        self.built = True

    def _make_scores(self):
        if self.loss.takes == "cosines":
            return CosineLogits(self.classes, self.loss.lengths, name="scores", dtype=self.dtype_policy)
        bias = self.loss.output_bias() if self.loss.multilabel else None
        bias = "zeros" if bias is None else keras.initializers.Constant(bias)
        return keras.layers.Dense(self.classes, bias_initializer=bias, name="scores", dtype=self.dtype_policy)

    def _outputs(self, embeddings):
        """What the loss takes, of embeddings or their first columns [N, k]."""
        if self.scores is None:
            return embeddings
        width = embeddings.shape[-1]
        if self.loss.takes == "cosines" or width == self.scores.kernel.shape[0]:
            return self.scores(embeddings)
        return ops.matmul(embeddings, ops.cast(self.scores.kernel[:width], embeddings.dtype)) + self.scores.bias

    def set(self, **values):
        """Change settings of the loss, for instance `set(margin=0.3)`, also between two epochs of a compiled model."""
        for key, value in values.items():
            if key not in self.values:
                raise ValueError(errors.unknown("setting of a built layer", key, self.values))
            self.values[key].assign(errors.number(key, value))

    def call(self, labels, embeddings, sample_weight=None, similarity=None, training=None):
        if training:
            for key, schedule in self.schedules.items():
                self.values[key].assign(ops.cast(schedule(self.step), "float32"))
            if self.step is not None:
                self.step.assign_add(1)
        towers = embeddings if isinstance(embeddings, (tuple, list)) else (embeddings,)  # two of them, or one tensor
        outputs = [self._outputs(_first(embeddings, k)) for k in self.matryoshka or ()] or [self._outputs(embeddings)]
        wide = "float64" if ops.dtype(towers[0]) == "float64" else "float32"
        loss = self.loss.with_values(**{key: ops.cast(value, wide) for key, value in self.values.items()})
        extra = {} if similarity is None else {"similarity": similarity}
        parts = [loss.checked_terms(labels, output, **extra) for output in outputs]
        terms = combine(parts, reduction=loss.reduction) if len(parts) > 1 else parts[0]
        spread = [ops.mean(ops.std(ops.stop_gradient(ops.cast(part, "float32")), axis=0)) for part in towers]
        spread = sum(spread) / len(spread)
        for key, value in {**terms.health, "embedding_std": spread}.items():
            if key in self.health:
                self.health[key].update_state(ops.stop_gradient(value))
        return loss.reduce(terms, sample_weight)

    def compute_output_shape(self, labels_shape=None, embeddings_shape=None):
        return ()

    def get_config(self):
        parts = {key: keras.saving.serialize_keras_object(getattr(self, key)) for key in ("loss", "schedules")}
        return {**super().get_config(), **parts, "classes": self.classes, "matryoshka": self.matryoshka}

    @classmethod
    def from_config(cls, config):
        parts = {key: keras.saving.deserialize_keras_object(config[key]) for key in ("loss", "schedules")}
        return cls(**{**config, **parts})


def _first(embeddings, k):
    """The first k numbers of embeddings, or of those of two towers."""
    return tuple(part[..., :k] for part in embeddings) if isinstance(embeddings, (tuple, list)) else embeddings[..., :k]
