"""Models from their names and from files."""

import importlib
import os

import keras

from zoo import errors, registry
from zoo.embedder import Embedder, MapEmbedder
from zoo.layers.loss_layer import LossLayer
from zoo.losses.chunked import Chunked, check_chunks
from zoo.two_towers import TwoTowers

_SCHEDULE = keras.optimizers.schedules.LearningRateSchedule


def build(name, **settings):
    """Return a compiled model: the encoder and the loss layer that its name says.

    Args:
        name: `<encoder>_<loss>`, a name of `list_models()`.
        **settings: of the encoder (`units=`), of the loss (`margin=`, `temperature=`), and of the model:
            `embedding_dim` (size of the embedding; None takes the encoder's output as it is), `normalize` (unit
            length; of two towers also `"first"` or `"second"` alone, and `image_norm=False` is short for `"first"`),
            `classes` (for losses on class scores), `matryoshka` (sizes at which the embedding may be cut, as in
            `zoo.layers.LossLayer`), `chunks` (equal parts of the embedding that are trained and scaled each by itself;
            with `chunk_classes`, the number of classes, on random groups of them, see `zoo.losses.Chunked`),
            `learning_rate` (Adam; 1e-3). A margin may be a
            `keras.optimizers.schedules.LearningRateSchedule` of the training step.

    Returns:
        `zoo.Embedder`, or `zoo.TwoTowers` for an encoder of two; compiled, call `compile` again for another optimizer.

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
    model = {**registry.model_settings(encoder), "learning_rate": 1e-3, "matryoshka": None, **loss.head}
    model |= {"classes": None} if loss.needs_classes else {}
    model |= {"chunks": None, "chunk_classes": None} if loss.takes == "embeddings" else {}
    homes = (model, registry.defaults(encoder.path), registry.loss_settings(loss))
    for key in settings:
        if not any(key in home for home in homes):
            raise ValueError(f"{name}: {errors.unknown('setting', key, {k for home in homes for k in home})}")
    if settings.get("image_norm") is False and "image_norm" in model:
        settings = {"normalize": "first", **settings}
    # A setting of several parts reaches all of them: normalize is the head's and the loss's.
    given = [{key: value for key, value in settings.items() if key in home} for home in homes]
    model |= given[0]
    if loss.needs_classes and model["classes"] is None:
        raise ValueError(f"{name} scores classes: say how many there are, build({name!r}, classes=...)")
    backbone = registry.make(encoder, given[1])
    schedules = {key: value for key, value in given[2].items() if isinstance(value, _SCHEDULE)}
    started = {key: float(schedule(0)) for key, schedule in schedules.items()}
    chosen = _chunked(name, registry.make(loss, given[2] | started), model)
    layer = LossLayer(chosen, model.get("classes"), schedules, model["matryoshka"])
    if encoder.takes == "towers":
        # Vectors that the loss compares by the dot product leave the towers with their lengths.
        normalize = settings.get("normalize", layer.loss.normalize)
        result = _two_towers(name, backbone, layer, model["embedding_dim"], normalize)
    else:
        head = (model["embedding_dim"], model["normalize"], model.get("chunks"))
        result = Embedder(backbone, layer, backbone.make_frontend(), *head, name=name)
    result.compile(keras.optimizers.Adam(errors.number("learning_rate", model["learning_rate"], 0)))
    return result


def _chunked(name, loss, model):
    """The loss on the chunks of an embedding, where the settings say that there are some."""
    chunks, classes = model.get("chunks"), model.get("chunk_classes")
    if chunks is None:
        if classes is not None:
            raise ValueError(f"{name}: chunk_classes={classes!r} needs chunks=, the number of chunks")
        return loss
    if model["matryoshka"] is not None:
        raise ValueError(f"{name}: chunks={chunks!r} cannot be cut at matryoshka={model['matryoshka']!r}; choose one of them")
    if model["embedding_dim"] is not None:
        check_chunks(chunks, model["embedding_dim"])
    return Chunked(loss, chunks, classes, reduction=loss.reduction)


def _two_towers(name, encoder, loss_layer, embedding_dim, normalize):
    matchmap = getattr(encoder, "matchmap", None)
    unit = {True: (True, True), False: (False, False), "first": (True, False), "second": (False, True)}
    if normalize not in unit or normalize in (0, 1) and not isinstance(normalize, bool):
        raise ValueError(errors.unknown("normalize", normalize, unit))
    kind = Embedder if matchmap is None else MapEmbedder
    towers = [
        kind(backbone, None, backbone.make_frontend(), embedding_dim, one, name=key)
        for (key, backbone), one in zip(encoder.towers.items(), unit[normalize], strict=True)
    ]
    return TwoTowers(*towers, loss_layer, matchmap, encoder.get_config(), name=name)


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
        `zoo.Embedder` or `zoo.TwoTowers`, compiled as it was saved, with its vocabulary, margin and optimizer state.

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
    if not isinstance(model, (Embedder, TwoTowers)):
        raise ValueError(f"path: {path!r} holds a {type(model).__name__}; expected a zoo.Embedder, use keras.models.load_model")
    return model
