"""The model of the zoo: frontend, backbone, head and loss layer in one `keras.Model`."""

import importlib
import os
import pathlib

import keras
import numpy as np

from zoo import errors, registry
from zoo.frontends.base import is_strings
from zoo.layers.loss_layer import LossLayer
from zoo.layers.normalize import L2Normalize

_SCHEDULE = keras.optimizers.schedules.LearningRateSchedule


@keras.saving.register_keras_serializable(package="zoo")
class Embedder(keras.Model):
    """Turns items into embeddings, and learns to from labels.

    `call` maps preprocessed items to embeddings [N, D] and nothing else. Labels go to the loss layer, which owns
    whatever the loss learns, so that an exported graph has no label input. `fit`, `predict` and `zoo.evaluate` take
    raw items (texts, image files) or what `preprocess` returns.

    Args:
        backbone: layer from preprocessed items to vectors, for instance `zoo.encoders.BiLSTM`.
        loss_layer: `zoo.layers.LossLayer`.
        frontend: turns raw items into the backbone's input; None when items are tensors already.
        embedding_dim: D, the size of a linear layer behind the backbone; None takes the backbone's output.
        normalize: scale embeddings to unit length.
        name: name of the model.

    Example:

    >>> import zoo
    >>> model = zoo.build("bilstm_triplet", units=8)
    >>> model.adapt(["abc", "def"])
    >>> model.predict(["abc"]).shape
    (1, 128)
    """

    def __init__(self, backbone, loss_layer, frontend=None, embedding_dim=128, normalize=True, name="embedder"):
        super().__init__(name=name)
        self.backbone, self.loss_layer, self.frontend = backbone, loss_layer, frontend
        self.embedding_dim = None if embedding_dim is None else errors.whole("embedding_dim", embedding_dim)
        self.normalize = errors.flag("normalize", normalize)
        self.head = [] if embedding_dim is None else [keras.layers.Dense(self.embedding_dim, name="embedding")]
        # Embeddings leave the model in float32, under mixed precision too.
        self.head.append(L2Normalize(name="unit") if normalize else keras.layers.Activation("linear", dtype="float32"))
        if frontend is not None and frontend.state is not None:
            self._use(frontend.state)

    @property
    def distance(self):
        """How embeddings are compared: the distance of the loss, cosine for losses on class scores."""
        return getattr(self.loss_layer.loss, "distance", "cosine")

    def build(self, input_shape):
        if not self.backbone.built:  # that of a loaded model is
            self.backbone.build(input_shape)
        shape = self.backbone.compute_output_shape(input_shape)
        for layer in self.head:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.loss_layer.build(shape[:1], shape)
        self.built = True

    def call(self, x, training=None):
        if getattr(x, "dtype", None) == "string":
            raise ValueError(f"{self.name} was called with strings: preprocess them first, model(model.preprocess(texts))")
        x = self.backbone(x, training=training)
        for layer in self.head:
            x = layer(x)
        return x

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if y is None:
            raise ValueError("labels are missing: call fit(items, labels), or give batches of (items, labels)")
        return sum(self.losses, self.loss_layer(y, y_pred, sample_weight=sample_weight, training=training))

    def adapt(self, items):
        """Take what the frontend learns from training items [N]: characters of texts, mean and spread of images.

        Must precede the first call. The statistics of a pretrained network stay as they are.
        """
        if self.frontend is None:
            raise ValueError(f"{self.name} takes tensors: there is nothing to adapt")
        state = self.frontend.learn(items)
        if self.built and state != self.frontend.state:
            raise ValueError(
                f"{self.name} was built for the {self.frontend.learns} of other {self.frontend.kind}s than these; adapt it "
                "before its first call, or build a new model"
            )
        self.frontend.state = state
        self._use(state)
        if not self.built:
            self.build(self.frontend.input_shape)

    def _use(self, state):
        if hasattr(self.backbone, "set_vocabulary"):  # what characters are, the backbone must know
            self.backbone.set_vocabulary(state)

    def preprocess(self, items):
        """Turn raw items [N] into what `call` takes; tensors pass unchanged."""
        return self.frontend(items) if self._is_raw(items) else items

    def _is_raw(self, items):
        return self.frontend is not None and self.frontend.is_raw(items)

    def fit(self, x=None, y=None, **kwargs):
        """`keras.Model.fit`, which also takes raw items; `zoo.data.pk_batches` goes on where a killed run was."""
        if hasattr(x, "position"):  # PK batches
            self.loss_layer.loss.check_labels(x.labels, self.loss_layer.classes)
            x.position = self._step
            kwargs.setdefault("shuffle", False)  # batches are random already, and their order is part of the promise
            if x.preprocess in (None, self.preprocess) and self._is_raw(x.items):
                x.preprocess = self.preprocess
                if self.frontend.streams:
                    x = x.dataset(self.frontend.augmented)
            if keras.config.backend() == "tensorflow" and hasattr(x, "dataset"):
                x = x.dataset()
        elif y is not None and self._is_raw(x) and self.frontend.streams:
            rest = [self._labels(y), kwargs.pop("sample_weight", None)]
            rest = [np.asarray(part) for part in rest if part is not None]
            order = kwargs.pop("batch_size", None) or 32, rest, kwargs.pop("shuffle", True)
            x, y = self.frontend.dataset(self.frontend.as_items(x), *order, augment=True), None
            kwargs["shuffle"] = False  # done
        if isinstance(kwargs.get("validation_data"), (tuple, list)):
            items, labels, *rest = kwargs["validation_data"]
            kwargs["validation_data"] = (self._arrays(items), self._labels(labels), *rest)
        return super().fit(self._arrays(x, augment=True), self._labels(y), **kwargs)

    def _step(self):
        """The global step; None while JAX holds the weights outside the model, which is during an epoch."""
        try:
            return int(self.optimizer.iterations)
        except TypeError:
            return None

    def evaluate(self, x=None, y=None, **kwargs):
        """`keras.Model.evaluate` (the loss), which also takes raw items; `zoo.evaluate` measures retrieval."""
        return super().evaluate(self._arrays(x), self._labels(y), **kwargs)

    def predict(self, x, batch_size=256, verbose=0, **kwargs):
        """Return the embeddings float32 [N, D] of raw or preprocessed items [N]."""
        if not self._is_raw(x):
            return np.asarray(super().predict(self._arrays(x), batch_size=batch_size, verbose=verbose, **kwargs))
        items = self.frontend.as_items(x)
        if not len(items):
            return np.zeros((0, self.compute_output_shape((0, *self.frontend.input_shape[1:]))[-1]), "float32")
        order = self.frontend.order(items)
        ordered = [items[i] for i in order] if isinstance(items, list) else items
        result = np.asarray(super().predict(self.frontend.dataset(ordered, batch_size), verbose=verbose, **kwargs))
        return result[np.argsort(order)]

    def compute_output_shape(self, input_shape):
        width = self.backbone.compute_output_shape(input_shape)[-1] if self.embedding_dim is None else None
        return (input_shape[0], self.embedding_dim or width)

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

    def class_scores(self, items):
        """Return the scores [N, C] of a model whose loss is on class scores."""
        if self.loss_layer.scores is None:
            raise ValueError(f"{self.name} compares samples and has no class scores")
        scores = np.asarray(keras.ops.convert_to_numpy(self.loss_layer.scores(self.predict(items))))
        return scores.prod(axis=-1) if scores.ndim == 3 else scores  # cosines times lengths

    def card(self):
        """What is known of the model, with the settings it was made with."""
        try:
            card = registry.describe(self.name)
        except ValueError:  # a model of the user's own under a name of its own
            card = registry.Card(name=self.name, settings={})
        config = {**self.backbone.get_config(), **self.loss_layer.loss.get_config(), "classes": self.loss_layer.classes}
        config |= {"embedding_dim": self.embedding_dim, "normalize": self.normalize}
        card["settings"] = {key: config.get(key, value) for key, value in card["settings"].items()}
        card["outputs"] = f"embedding: float32 [N, {self.compute_output_shape((None, None))[-1]}]"
        return card

    def _arrays(self, x, augment=False):
        """What Keras takes: raw items preprocessed, lists as arrays, data sets of raw items mapped."""
        if x is not None and self._is_raw(x):
            return np.asarray(self.preprocess(x))
        spec = getattr(x, "element_spec", None)
        if spec is not None and self._is_raw(spec[0] if isinstance(spec, tuple) else spec):
            return self.frontend.mapped(x, augment=augment)
        return np.asarray(x) if isinstance(x, (list, tuple)) else x

    def _labels(self, y):
        """Labels as integers, checked where they can be seen; a compiled step cannot look at them."""
        if y is None or not (isinstance(y, (list, tuple)) or hasattr(y, "__array__")):
            return y
        if is_strings(y):
            raise ValueError("labels must be class ids, not names: ids, class_names = zoo.data.encode(labels)")
        return self.loss_layer.loss.check_labels(np.asarray(y), self.loss_layer.classes)

    def get_config(self):
        parts = {key: getattr(self, key) for key in ("backbone", "loss_layer", "frontend")}
        parts = {key: keras.saving.serialize_keras_object(value) for key, value in parts.items()}
        return {**parts, "embedding_dim": self.embedding_dim, "normalize": self.normalize, "name": self.name}

    @classmethod
    def from_config(cls, config):
        parts = {key: keras.saving.deserialize_keras_object(config[key]) for key in ("backbone", "loss_layer", "frontend")}
        return cls(**{**config, **parts})


def build(name, **settings):
    """Return a compiled model: the encoder and the loss layer that its name says.

    Args:
        name: `<encoder>_<loss>`, a name of `list_models()`.
        **settings: of the encoder (`units=`), of the loss (`margin=`, `temperature=`), and of the model:
            `embedding_dim` (size of the embedding; None takes the encoder's output as it is), `normalize` (unit
            length), `classes` (for losses on class scores), `matryoshka` (sizes at which the embedding may be cut, as in
            `zoo.layers.LossLayer`), `learning_rate` (Adam; 1e-3). A margin may be a
            `keras.optimizers.schedules.LearningRateSchedule` of the training step.

    Returns:
        `zoo.Embedder`, compiled; call `compile` again for another optimizer.

    Raises:
        ValueError: an unknown name or setting, answered with the nearest valid one.

    Example:

    >>> import zoo
    >>> model = zoo.build("bilstm_batchhard", margin=0.3, units=16)
    >>> model.adapt(["导航到高铁东站", "play some music"])
    >>> model.predict(["去安泰小区怎么走"]).shape
    (1, 128)
    """
    encoder, loss = registry.parse(name)
    model = {"embedding_dim": 128, "normalize": True, "learning_rate": 1e-3, "matryoshka": None, **loss.head}
    model |= {"classes": None} if loss.needs_classes else {}
    homes = (model, registry.defaults(encoder.path), registry.loss_settings(loss))
    for key in settings:
        if not any(key in home for home in homes):
            raise ValueError(f"{name}: {errors.unknown('setting', key, {k for home in homes for k in home})}")
    # A setting of several parts reaches all of them: normalize is the head's and the loss's.
    given = [{key: value for key, value in settings.items() if key in home} for home in homes]
    model |= given[0]
    if loss.needs_classes and model["classes"] is None:
        raise ValueError(f"{name} scores classes: say how many there are, build({name!r}, classes=...)")
    backbone = registry.make(encoder, given[1])
    schedules = {key: value for key, value in given[2].items() if isinstance(value, _SCHEDULE)}
    started = {key: float(schedule(0)) for key, schedule in schedules.items()}
    layer = LossLayer(registry.make(loss, given[2] | started), model.get("classes"), schedules, model["matryoshka"])
    result = Embedder(backbone, layer, backbone.make_frontend(), model["embedding_dim"], model["normalize"], name=name)
    result.compile(keras.optimizers.Adam(errors.number("learning_rate", model["learning_rate"], 0)))
    return result


def register():
    """Make the classes of the zoo known to Keras, for those who call `keras.models.load_model` themselves."""
    for item in (*registry.ENCODERS.values(), *registry.LOSSES.values()):
        importlib.import_module(item.path.split(":")[0])
    importlib.import_module("zoo.addons")


def load_model(path):
    """Load a model that was saved with `model.save("name.keras")`, in any process.

    Args:
        path: a `.keras` file.

    Returns:
        `zoo.Embedder`, compiled as it was saved, with its vocabulary, margin and optimizer state.

    Raises:
        ValueError: no such file, or not a `.keras` file.
    """
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise ValueError(f"path: there is no file {path!r}; expected a model saved by model.save('NAME.keras')")
    register()
    try:
        model = keras.models.load_model(path, safe_mode=True)
    except (ValueError, OSError) as error:
        raise ValueError(f"path: {path!r} is no model of this library that can be read: {error}") from error
    if not isinstance(model, Embedder):
        raise ValueError(f"path: {path!r} holds a {type(model).__name__}; expected a zoo.Embedder, use keras.models.load_model")
    return model
