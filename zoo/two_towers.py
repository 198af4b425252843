"""The model of two towers: text or speech on one side, images on the other, in one space."""

import keras
import numpy as np

from zoo import errors, geometry, registry
from zoo.base_model import Model
from zoo.frontends import pairs
from zoo.layers.matchmap import MATCHMAPS, masked_mean, matchmap_similarity
from zoo.losses.towers import is_matrix, is_pair


@keras.saving.register_keras_serializable(package="zoo")
class TwoTowers(Model):
    """Puts items of two kinds into one space, and learns to from what matches what.

    `call` maps a pair of preprocessed items to a pair of embeddings [N, D] and [M, D]. `fit` and `predict` take raw
    items of both sides, or what `preprocess` returns. Which rows match goes to the loss layer: ids [N], where equal ids
    match, many to many, or a boolean matrix [N, N] for each batch.

    With a `matchmap` frames of speech are compared with places of an image, see `zoo.layers.matchmap_similarity`. `call`
    then gives (vectors [N, P, D], mask [N, P]) for each tower, and the embedding of an item is the mean of its vectors.

    Args:
        first: `zoo.Embedder` without a loss layer, the side that asks; its name is its kind, `"text"` or `"speech"`.
        second: the same, of `"image"`.
        loss_layer: `zoo.layers.LossLayer` with a loss of two towers.
        matchmap: None, `"sisa"`, `"misa"` or `"sima"`; the towers are then `zoo.embedder.MapEmbedder`.
        settings: dict of the encoder's settings, for the card.
        name: name of the model.

    Raises:
        ValueError: a loss that is not of two towers, towers of one name.

    Example:

    >>> import numpy as np, zoo
    >>> towers = [zoo.Embedder(keras.layers.Dense(4), None, embedding_dim=3, name=kind) for kind in ("text", "image")]
    >>> model = zoo.TwoTowers(*towers, zoo.layers.LossLayer(zoo.losses.get("ranking")))
    >>> [len(x) for x in model.predict((np.ones((5, 7)), np.ones((2, 6))))]
    [5, 2]
    """

    def __init__(self, first, second, loss_layer, matchmap=None, settings=None, name="two_towers"):
        super().__init__(name=name, autocast=False)
        if loss_layer.loss.takes != "towers":
            raise ValueError(f"loss_layer: expected a loss of two towers, not {loss_layer.loss.name!r}, which takes one")
        if first.name == second.name:
            raise ValueError(f"first and second are both called {first.name!r}; name each by its kind")
        if matchmap is not None and matchmap not in MATCHMAPS:
            raise ValueError(errors.unknown("matchmap", matchmap, MATCHMAPS))
        if matchmap is not None and loss_layer.matryoshka is not None:
            raise ValueError("matryoshka compares one vector an item; with a matchmap leave it out")
        self.first, self.second, self.loss_layer, self.matchmap = first, second, loss_layer, matchmap
        self.settings = dict(settings or {})

    @property
    def towers(self):
        """Both towers by their kind, the side that asks first."""
        return {self.first.name: self.first, self.second.name: self.second}

    @property
    def distance(self):
        """How embeddings are compared: as the loss does."""
        return "dot" if self.matchmap or not self.loss_layer.loss.normalize else "cosine"

    def build(self, input_shape):
        for tower, shape in zip(self.towers.values(), input_shape, strict=True):
            if not tower.built:
                tower.build(tuple(shape))
        shapes = [tower.compute_output_shape(shape) for tower, shape in zip(self.towers.values(), input_shape, strict=True)]
        if shapes[0][-1] != shapes[1][-1]:
            raise ValueError(
                f"towers must end in vectors of one size, not {shapes[0][-1]} and {shapes[1][-1]}; set embedding_dim"
            )
        self.loss_layer.build(tuple(shapes[0][:1]), tuple(shapes[0]))
        self.built = True

    def call(self, inputs, training=None):
        if not is_pair(inputs):
            raise ValueError(f"{self.name} takes a pair, items of {' and of '.join(self.towers)}")
        parts = zip(self.towers.values(), inputs, strict=True)
        if self.matchmap in (None, "sisa"):
            return tuple(tower(x, training=training) for tower, x in parts)
        return tuple(tower.features(x, training=training) for tower, x in parts)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        similarity = None
        if self.matchmap is not None:
            similarity = self._compare(*y_pred)
            y_pred = tuple(map(_vectors, y_pred))
        loss = self.loss_layer(y, y_pred, sample_weight=sample_weight, similarity=similarity, training=training)
        return sum(self.losses, loss)

    def _compare(self, x, y):
        """Similarities [N, M] of what the towers give."""
        if self.matchmap in ("misa", "sima"):
            return matchmap_similarity(*x, *y, self.matchmap)
        if self.distance == "cosine":
            x, y = geometry.normalize(x), geometry.normalize(y)
        return keras.ops.matmul(x, keras.ops.transpose(y))

    def compute_output_shape(self, input_shape):
        return tuple(tower.compute_output_shape(s) for tower, s in zip(self.towers.values(), input_shape, strict=True))

    def adapt(self, items):
        """Take what the frontends learn from training items, a dict from kind to items [N], for one tower or for both."""
        for kind, values in items.items():
            if kind not in self.towers:
                raise ValueError(errors.unknown("tower", kind, self.towers))
            if self.towers[kind].frontend is not None:
                self.towers[kind].adapt(values)
        if not self.built and all(tower.built and tower.frontend is not None for tower in self.towers.values()):
            self.build(tuple(frontend.input_shape for frontend in self._frontends))

    def start_from(self, other):
        """Begin with both towers of another model; see `zoo.Embedder.start_from`. Takes the place of `adapt`.

        Args:
            other: `zoo.TwoTowers` with towers of the same kinds and settings.

        Raises:
            ValueError: towers of other kinds or with other settings.
        """
        kinds = list(getattr(other, "towers", ()))
        if kinds != list(self.towers):
            raise ValueError(f"start_from takes a model of two towers, {' and '.join(self.towers)}; {other!r:.80} has {kinds or 'none'}")
        for kind, tower in self.towers.items():
            tower.start_from(other.towers[kind])
        if not self.built and all(tower.built and tower.frontend is not None for tower in self.towers.values()):
            self.build(tuple(frontend.input_shape for frontend in self._frontends))

    def _build_on(self, items):
        """Build the model for items, as callbacks need it that restore a run before its first batch."""
        if not self.built:
            parts = zip(self._frontends, items, strict=True)
            self.build(tuple((None, *np.shape(x)[1:]) if one is None else one.input_shape for one, x in parts))

    def preprocess(self, items):
        """Turn a pair of raw items [N] and [M] into what `call` takes; tensors pass unchanged."""
        return tuple(tower.preprocess(part) for tower, part in zip(self.towers.values(), items, strict=True))

    def _is_raw(self, items):
        return any(tower._is_raw(part) for tower, part in zip(self.towers.values(), items, strict=True))

    @property
    def _frontends(self):
        return tuple(tower.frontend for tower in self.towers.values())

    def fit(self, x=None, y=None, **kwargs):
        """`keras.Model.fit` on a pair of items and ids [N]; `zoo.data.pair_batches` go on where a killed run was.

        Args:
            x: a pair of raw or preprocessed items, [N] each, row beside row; `zoo.data.pair_batches`; or a
                `tf.data.Dataset` of ((items, items), ids).
            y: ids [N], equal where rows match; None where row i matches row i alone.
            **kwargs: as in Keras.
        """
        if hasattr(x, "position"):  # pair batches
            self._build_on((x.queries, x.images))
            x.position = self._step
            kwargs.setdefault("shuffle", False)  # batches are random already, and their order is part of the promise
            x = self._batches(x)
        elif is_pair(x):
            self._build_on(x)
            weight = kwargs.pop("sample_weight", None)
            x, y = self._arrays(x, y, weight, kwargs, kwargs.pop("shuffle", True), augment=True)
        else:
            x = self._mapped(x, augment=True)
        validation = kwargs.get("validation_data")
        if isinstance(validation, (tuple, list)):
            items, labels, *rest = validation
            size = {"batch_size": kwargs.get("validation_batch_size")}
            items, labels = self._arrays(items, labels, *(rest or [None]), size)
            kwargs["validation_data"] = items if labels is None else (items, labels)
        elif validation is not None:
            kwargs["validation_data"] = self._mapped(validation)
        return super().fit(x, y, **kwargs)

    def evaluate(self, x=None, y=None, **kwargs):
        """`keras.Model.evaluate` (the loss), which also takes raw items; `zoo.evaluate` measures retrieval."""
        x, y = self._arrays(x, y, kwargs.pop("sample_weight", None), kwargs) if is_pair(x) else (self._mapped(x), y)
        return super().evaluate(x, y, **kwargs)

    def _batches(self, batches):
        """Pair batches as Keras takes them: with TensorFlow, a pipeline that reads raw items as they are needed."""
        raw = batches.preprocess in (None, self.preprocess) and self._is_raw((batches.queries, batches.images))
        if keras.config.backend() != "tensorflow":
            batches.preprocess = self.preprocess if raw else batches.preprocess
            return batches
        return batches.dataset(pairs.reader(self._frontends, (batches.queries, batches.images), True) if raw else None)

    def _arrays(self, x, y, weight, kwargs, shuffle=False, augment=False):
        """A pair of items and ids as Keras takes them: tensors as arrays, raw items as batches that are read in time."""
        y = self._ids(y, len(x[0]), len(x[1]))
        if not self._is_raw(x):
            if weight is not None:
                kwargs["sample_weight"] = np.asarray(weight)
            kwargs.setdefault("shuffle", shuffle) if augment else None
            return tuple(part if hasattr(part, "shape") else np.asarray(part) for part in x), y
        rest = [y] if weight is None else [y, np.asarray(weight)]
        size = kwargs.pop("batch_size", None) or 32
        kwargs |= {"shuffle": False} if augment else {}  # done
        return pairs.dataset(self._frontends, x, size, rest, shuffle, augment), None

    def _ids(self, y, n, m):
        if n != m:
            raise ValueError(
                f"fit: expected as many items on both sides, row beside row, got {n} and {m}; see zoo.data.pair_batches"
            )
        if y is None:
            return np.arange(n, dtype="int32")
        if is_matrix(y):
            raise ValueError("a boolean matrix says what matches in one batch: give it in batches, zoo.data.pair_batches")
        return self._labels(y)

    def _mapped(self, x, augment=False):
        """A data set of ((items, items), ids) with raw items read; anything else as it is."""
        spec = getattr(x, "element_spec", None)
        items = spec[0] if isinstance(spec, tuple) else None
        return pairs.mapped(self._frontends, x, augment) if is_pair(items) and self._is_raw(items) else x

    def predict(self, x, batch_size=256, verbose=0, **kwargs):
        """Return the embeddings of both sides, float32 [N, D] and [M, D], of raw or preprocessed items [N] and [M]."""
        if not is_pair(x):
            kinds = " and of ".join(self.towers)
            raise ValueError(f"{self.name} takes a pair, items of {kinds}; for one of them model.towers[kind].predict")
        parts = zip(self.towers.values(), x, strict=True)
        return tuple(tower.predict(part, batch_size=batch_size, verbose=verbose, **kwargs) for tower, part in parts)

    def similarity(self, first, second, batch_size=64):
        """Return how the model compares items [N] of the first kind with items [M] of the second, float32 [N, M]."""
        if self.matchmap not in ("misa", "sima"):
            parts = map(keras.ops.convert_to_tensor, self.predict((first, second)))
            return keras.ops.convert_to_numpy(self._compare(*parts))
        second = list(self.second.parts(second, batch_size))
        rows = []
        for part in self.first.parts(first, batch_size):
            rows.append(np.concatenate([keras.ops.convert_to_numpy(self._compare(part, other)) for other in second], axis=1))
        return np.concatenate(rows)

    def matchmap_between(self, first, second):
        """Return how each frame of one item matches each place of another, float32 [T, H, W], frames of padding left out.

        Args:
            first: raw items of the first kind, a list of one.
            second: raw items of the second kind, a list of one.
        """
        if self.matchmap is None:
            raise ValueError(f"{self.name} pools its towers to one vector: build it with matchmap='misa', 'sima' or 'sisa'")
        (frames, mask), (places, _) = next(self.first.parts(first)), next(self.second.parts(second))
        products = keras.ops.convert_to_numpy(keras.ops.matmul(frames[0], keras.ops.transpose(places[0])))  # (T, P)
        height, width = self.second.backbone.places(keras.ops.convert_to_tensor(self.second.preprocess(second))).shape[1:3]
        return products[keras.ops.convert_to_numpy(mask[0])].reshape(-1, height, width)

    def card(self):
        """What is known of the model, with the settings it was made with."""
        try:
            card = registry.describe(self.name)
        except ValueError:  # a model of the user's own under a name of its own
            card = registry.Card(name=self.name, settings={})
        config = {**self.settings, **self.loss_layer.loss.get_config(), "embedding_dim": self.first.embedding_dim}
        config["normalize"] = self.first.normalize
        card["settings"] = {key: config.get(key, value) for key, value in card["settings"].items()}
        return card

    def get_config(self):
        parts = {key: keras.saving.serialize_keras_object(getattr(self, key)) for key in ("first", "second", "loss_layer")}
        return {**parts, "matchmap": self.matchmap, "settings": self.settings, "name": self.name}

    @classmethod
    def from_config(cls, config):
        parts = {key: keras.saving.deserialize_keras_object(config[key]) for key in ("first", "second", "loss_layer")}
        return cls(**{**config, **parts})



def _vectors(part):
    """One vector an item, of what a tower gives: the mean of its parts where it gives those."""
    return masked_mean(*part) if is_pair(part) else part
