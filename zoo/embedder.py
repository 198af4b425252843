"""The model of the zoo: frontend, backbone, head and loss layer in one `keras.Model`."""

import keras
import numpy as np

from zoo import errors, registry
from zoo.base_model import Model
from zoo.layers.chunked import ChunkedEmbedding
from zoo.layers.matchmap import masked_mean
from zoo.layers.normalize import L2Normalize


# Settings of encoders that change neither weights nor what a trained model answers.
_TRAINING = {"name", "trainable", "dtype", "weights", "vectors", "freeze", "crop", "flip", "speed", "noise", "dropout"}


@keras.saving.register_keras_serializable(package="zoo")
class Embedder(Model):
    """Turns items into embeddings, and learns to from labels.

    `call` maps preprocessed items to embeddings [N, D] and nothing else. Labels go to the loss layer, which owns
    whatever the loss learns, so that an exported graph has no label input. `fit`, `predict` and `zoo.evaluate` take
    raw items (texts, image files) or what `preprocess` returns.

    Args:
        backbone: layer from preprocessed items to vectors, for instance `zoo.encoders.BiLSTM`.
        loss_layer: `zoo.layers.LossLayer`; None for one of the towers of `zoo.TwoTowers`.
        frontend: turns raw items into the backbone's input; None when items are tensors already.
        embedding_dim: D, the size of a linear layer behind the backbone; None takes the backbone's output.
        normalize: scale embeddings to unit length.
        chunks: number of equal chunks of an embedding, each scaled to one length by itself, see
            `zoo.layers.ChunkedEmbedding`; None scales the whole.
        name: name of the model.

    Example:

    >>> import zoo
    >>> model = zoo.build("bilstm_triplet", units=8)
    >>> model.adapt(["abc", "def"])
    >>> model.predict(["abc"]).shape
    (1, 128)
    """

    def __init__(
        self, backbone, loss_layer, frontend=None, embedding_dim=128, normalize=True, chunks=None, name="embedder"
    ):
        super().__init__(name=name, autocast=False)  # each layer converts what it takes: a waveform keeps its precision
        self.backbone, self.loss_layer, self.frontend = backbone, loss_layer, frontend
        self.embedding_dim = None if embedding_dim is None else errors.whole("embedding_dim", embedding_dim)
        self.normalize = errors.flag("normalize", normalize)
        self.chunks = None if chunks is None else errors.whole("chunks", chunks)
        unit = L2Normalize(name="unit") if chunks is None else ChunkedEmbedding(self.chunks, name="unit")
        self.head = [] if embedding_dim is None else [keras.layers.Dense(self.embedding_dim, name="embedding")]
        # Embeddings leave the model in float32, under mixed precision too.
        self.head.append(unit if normalize else keras.layers.Activation("linear", dtype="float32"))
        if frontend is not None and frontend.state is not None:
            self._use(frontend.state)

    @property
    def distance(self):
        """How embeddings are compared: the distance of the loss, cosine for losses on class scores."""
        return "cosine" if self.loss_layer is None else getattr(self.loss_layer.loss, "distance", "cosine")

    def build(self, input_shape):
        if not self.backbone.built:  # that of a loaded model is
            self.backbone.build(input_shape)
        shape = self._backbone_shape(input_shape)
        for layer in self.head:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        if self.loss_layer is not None:
            self.loss_layer.build(shape[:1], shape)
        self.built = True

    def call(self, x, training=None):
        if getattr(x, "dtype", None) == "string":
            raise ValueError(f"{self.name} was called with strings: preprocess them first, model(model.preprocess(texts))")
        x = self.backbone(x, training=training)
        for layer in self.head:
            x = layer(x)
        return x

    def adapt(self, items):
        """Take what the frontend learns from training items [N]: characters of texts, mean and spread of images.

        Must precede the first call. The statistics of a pretrained network stay as they are.
        """
        if self.frontend is None:
            raise ValueError(f"{self.name} takes tensors: there is nothing to adapt")
        self._learnt(self.frontend.learn(items))

    def start_from(self, other):
        """Begin with the encoder of another model: its weights, and what its frontend has learnt.

        Takes the place of `adapt`, to go on under another loss or on other data. The loss and the optimizer begin anew.

        Args:
            other: `zoo.Embedder`, trained or loaded, whose encoder has the same settings; those that only training
                knows (crop, flip, speed, noise, dropout, freeze) may differ.

        Raises:
            ValueError: an encoder of another kind or with other settings; the message names them.

        Example:

        >>> import zoo
        >>> first = zoo.build("bilstm_semihard", units=8)
        >>> first.adapt(["abc", "def"])
        >>> second = zoo.build("bilstm_batchhard", units=8)
        >>> second.start_from(first)
        >>> bool((first.predict(["abd"]) == second.predict(["abd"])).all())
        True
        """
        if not isinstance(other, Embedder) or not other.built:
            raise ValueError(f"start_from takes a model of one tower that was adapted, trained or loaded; got {other!r:.80}")
        mine, theirs = (model.backbone.get_config() for model in (self, other))
        mine = {key: theirs.get(key) if value is None else value for key, value in mine.items()}  # None: as the items ask
        mine, theirs = ({**kept, "embedding_dim": m.embedding_dim, "chunks": m.chunks} for kept, m in ((mine, self), (theirs, other)))
        wrong = [f"{key}={theirs.get(key)!r}, not {value!r}" for key, value in mine.items()
                 if key not in _TRAINING and value != theirs.get(key)]  # fmt: skip
        if type(self.backbone) is not type(other.backbone):
            wrong = [f"a {type(other.backbone).__name__}, not a {type(self.backbone).__name__}"]
        if wrong:
            raise ValueError(f"start_from: the encoder of {other.name} has {'; '.join(wrong)}; build this model with the same")
        if self.frontend is not None and other.frontend is not None and other.frontend.state is not None:
            self._learnt(other.frontend.state)
        if not self.built:  # what they take are tensors
            self.build(tuple(other.get_build_config()["input_shape"]))
        for layer, before in zip((self.backbone, *self.head), (other.backbone, *other.head), strict=True):
            layer.set_weights(before.get_weights())

    def _learnt(self, state):
        """Take what a frontend has learnt."""
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
        if self.loss_layer is None:
            raise ValueError(f"{self.name} is one of two towers and has no loss of its own: fit the model of both")
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
        return (input_shape[0], self.embedding_dim or self._backbone_shape(input_shape)[-1])

    def _backbone_shape(self, input_shape):
        return self.backbone.compute_output_shape(input_shape)

    def class_scores(self, items):
        """Return the scores [N, C] of a model whose loss is on class scores."""
        if getattr(self.loss_layer, "scores", None) is None:
            raise ValueError(f"{self.name} compares samples and has no class scores")
        scores = np.asarray(keras.ops.convert_to_numpy(self.loss_layer.scores(self.predict(items))))
        return scores.prod(axis=-1) if scores.ndim == 3 else scores  # cosines times lengths

    def card(self):
        """What is known of the model, with the settings it was made with."""
        try:
            card = registry.describe(self.name)
        except ValueError:  # a model of the user's own under a name of its own
            card = registry.Card(name=self.name, settings={})
        config = self.backbone.get_config()
        if self.loss_layer is not None:
            loss = self.loss_layer.loss
            config |= {**getattr(loss, "loss", loss).get_config(), "classes": self.loss_layer.classes}
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

    def get_config(self):
        parts = {key: getattr(self, key) for key in ("backbone", "loss_layer", "frontend")}
        parts = {key: keras.saving.serialize_keras_object(value) for key, value in parts.items()}
        names = ("embedding_dim", "normalize", "chunks", "name")
        return {**parts, **{name: getattr(self, name) for name in names}}

    @classmethod
    def from_config(cls, config):
        parts = {key: keras.saving.deserialize_keras_object(config[key]) for key in ("backbone", "loss_layer", "frontend")}
        return cls(**{**config, **parts})


@keras.saving.register_keras_serializable(package="zoo")
class MapEmbedder(Embedder):
    """A tower that gives a vector for each frame of speech or each place of an image; their mean is the embedding.

    The backbone has `frames(x)`, which returns vectors [N, T, F] and a mask [N, T] of real ones, or `places(x)`, which
    returns vectors [N, H, W, F]. The head is applied to every vector.

    Args: as `Embedder`.
    """

    def _backbone_shape(self, input_shape):
        if hasattr(self.backbone, "frames_shape"):
            return self.backbone.frames_shape(input_shape)
        return self.backbone.compute_output_shape(input_shape)

    def call(self, x, training=None):
        return masked_mean(*self.features(x, training))

    def features(self, x, training=None):
        """Return vectors [N, P, D] and a mask [N, P] of those that are real."""
        if hasattr(self.backbone, "frames"):
            x, mask = self.backbone.frames(x, training=training)
        else:
            x = self.backbone.places(x, training=training)
            size = keras.ops.shape(x)
            x = keras.ops.reshape(x, (size[0], size[1] * size[2], x.shape[-1]))
            mask = keras.ops.ones_like(x[:, :, 0], dtype="bool")
        for layer in self.head:
            x = layer(x)
        return x, mask

    def parts(self, items, batch_size=64):
        """Yield `features` of raw or preprocessed items [N], a batch at a time."""
        for start in range(0, len(items), batch_size):
            x = self.preprocess(items[start : start + batch_size])
            vectors, mask = self.features(keras.ops.convert_to_tensor(x), training=False)
            yield keras.ops.stop_gradient(vectors), mask  # torch would keep all that made them
