"""`export`: one model, and where wanted its gallery, as a SavedModel that plain TensorFlow runs from raw items."""

import logging
import pathlib
import threading

import numpy as np

from zoo.backends import tensorflow
from zoo.export import card
from zoo.export.staging import publish, staging, writing
from zoo.neighbors.rotating import rotation

SAMPLES, LARGE = 4, 2**18  # samples from the gallery, and the bytes they may have together
BANNED = ("Cudnn", "PyFunc", "EagerPyFunc")
# Largest difference between the bundle and `predict`, as a share of the largest value where that is above 1.
TOLERANCE = {"float16": 5e-3, "bfloat16": 5e-2}

log = logging.getLogger(__name__)
tracing = threading.Lock()


def export(model, path, gallery=None, neighbors=10, samples=None, data=None, scores=None, keep_dims=None):
    """Write `model` as the next version of the bundle `path`, whole or not at all.

    The bundle takes raw items, `text` (N,) of UTF-8 strings, `image` (N,) of image files or `audio` (N,) of WAV files, and
    answers with float32 and strings, the batch first:

    - `serving_default` and `embed`: `embedding` (N, D); for images and audio also `ok`, 0 where an item is none and
      its embedding therefore zero
    - with a gallery `search`: `ids`, `labels`, `scores`, each (N, k), the nearest first
    - with a gallery `classify`: `label` that most of the k neighbors bear, `votes` (its share of them) and
      `confidence` (its share where a neighbor weighs one over its distance), each (N,)

    Of two towers each has its own signature in the place of `embed`: `embed_text` or `embed_speech`, and `embed_image`.
    `serving_default`, `search` and `classify` take the side that asks, the first, and a gallery holds items of the other.

    Items whose `ok` is 0 have neighbors too, which mean nothing. An image file that breaks off in the middle is beyond
    what TensorFlow can go on from: the request is refused with an error. Of a WAV file that breaks off what is there counts.

    Before the version gets its number it is loaded, compared with `model.predict` and searched for operations
    that do not run everywhere. A server that polls `path` never sees a part of it, and a crash leaves the
    versions that are there as they are.

    Args:
        model: an `Embedder` with a frontend, that of texts with its vocabulary; or a `TwoTowers` of such.
        path: folder of the bundle, for instance `"saved_models/bilstm_epshn"`; versions are folders in it.
        gallery: `(items, labels)`, `(items, labels, ids)` or an object with `items` and `labels` [M].
            Without ids a text is its own id, an image or a clip has the end of its path or its number.
        neighbors: k, at most M.
        samples: items to compare the bundle with `model.predict` on; they are kept in the card. By default some of the
            gallery. Of two towers a dict of kinds to items.
        data: what the model was trained on, for the card; `model.card()` says it otherwise.
        scores: what it reached there, for the card; likewise.
        keep_dims: k, numbers of an embedding that are kept, at most D: embeddings are turned to the singular vectors of
            the gallery's, cut after k numbers, and scaled to unit length again where the model does so. The gallery is
            what they are found on, so it must be there. `zoo.metrics.recall_by_dims` says what k costs.

    Returns:
        `pathlib.Path` of the version's folder.

    Raises:
        ValueError: the model has no frontend or no vocabulary, or the gallery does not fit together.
        RuntimeError: the backend is not TensorFlow, or the bundle does not answer as the model does.
        OSError: `path` cannot be written, or the disk took only a part.

    Example:

    >>> zoo.export(model, "saved_models/intent", gallery=train)
    PosixPath('saved_models/intent/1')
    """
    towers = _towers(model)
    tf = tensorflow("export")
    from zoo.export import signatures

    held = list(towers.values())[-1]  # the side that a gallery is of
    gallery = _gallery(gallery, held.frontend)
    if gallery is not None and getattr(model, "matchmap", None) in ("misa", "sima"):
        raise ValueError(
            f"gallery: a search compares one vector an item, and matchmap={model.matchmap!r} all of its parts; leave it out"
        )
    if not isinstance(neighbors, (int, np.integer)) or neighbors < 1:
        raise ValueError(f"neighbors: expected a whole number of at least 1, got {neighbors!r}")
    samples = _all_samples(samples, gallery, towers)
    path = pathlib.Path(path)
    turn, vectors = None, None if gallery is None else _embed(held, gallery[0], "gallery")
    if keep_dims is not None:
        turn = _turn(held, vectors, keep_dims)
    with staging(path) as folder:
        bundle = folder / "bundle"
        expected = {name: _turned(_embed(towers[name], items, "samples"), turn) for name, items in samples.items()}
        near = _neighborhood(model, gallery, _turned(vectors, turn), int(neighbors))
        # One export at a time traces: the layers' setting is shared between the threads of a process.
        with tracing, signatures.portable_kernels(model):
            archive = _archive(model, towers, near, turn)
            with writing(path, tf.errors.OpError):
                archive.write_out(str(bundle), verbose=False)  # traces once more
        refuse_operations(bundle)
        loaded = _load(bundle, path)
        embeddings, difference = _compare(loaded, samples, expected, model)
        content = card.describe(
            model, bundle, loaded, {name: (towers[name].frontend.kind, items) for name, items in samples.items()},
            embeddings, difference, data=data, scores=scores, bundle=path.name,
            gallery=len(gallery[0]) if gallery else 0, distance=model.distance, keep_dims=keep_dims,
        )
        with writing(path):
            card.write(content, bundle / "card.json")
            version = publish(bundle, path)
    log.info("%s: largest difference from model.predict %.2g", version, difference)
    return version


def refuse_operations(bundle):
    """Raise `RuntimeError` where the SavedModel in `bundle` holds an operation that does not run everywhere."""
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel.FromString((bundle / "saved_model.pb").read_bytes())
    found = set()
    for graph in (meta.graph_def for meta in saved.meta_graphs):
        for nodes in (graph.node, *(function.node_def for function in graph.library.function)):
            found.update(node.op for node in nodes if node.op.startswith(BANNED))
    if found:
        raise RuntimeError(
            f"the graph holds {', '.join(sorted(found))}: cuDNN kernels run on a GPU only, Python functions in this "
            "process only. Build recurrent layers with use_cudnn=False, and write the rest in TensorFlow operations."
        )


def _towers(model):
    """The embedders of a model by the signatures that they have in a bundle, the side that asks first."""
    towers = getattr(model, "towers", None)
    towers = {"embed": model} if towers is None else {f"embed_{kind}": tower for kind, tower in towers.items()}
    for tower in towers.values():
        _require(tower)
    return towers


def _require(model):
    import keras

    backend = keras.config.backend()
    if backend != "tensorflow":
        raise RuntimeError(
            f"a SavedModel is written on TensorFlow, and Keras runs on {backend!r}: save the model with "
            'model.save("x.keras") and run `KERAS_BACKEND=tensorflow zoo export x.keras saved_models/NAME`'
        )
    frontend = getattr(model, "frontend", None)
    if frontend is None:
        raise ValueError(
            "model: expected one with a frontend that turns raw items into tensors, got "
            f"{getattr(model, 'name', model)!r} without one; build it with zoo.build"
        )
    try:
        frontend.require()
    except ValueError as error:
        raise ValueError(f"model: {model.name!r}: {error}") from error


def _gallery(gallery, frontend):
    """Return items, labels and ids, or None."""
    if gallery is None:
        return None
    if isinstance(gallery, (tuple, list)):
        parts = list(gallery)
    else:
        parts = [getattr(gallery, "items", None), getattr(gallery, "labels", None)]
    if len(parts) not in (2, 3) or any(part is None or callable(part) for part in parts):
        raise ValueError("gallery: expected (items, labels), (items, labels, ids) or an object with items and labels")
    items = frontend.as_items(parts[0])
    labels, ids = list(parts[1]), list(parts[2]) if len(parts) == 3 else frontend.names(items)
    if not len(items):
        raise ValueError("gallery: expected at least one item, got none; leave it out to export the embedding alone")
    if not len(items) == len(labels) == len(ids):
        raise ValueError(
            f"gallery: expected as many labels and ids as items, got {len(items)} items, {len(labels)} labels "
            f"and {len(ids)} ids"
        )
    return items, labels, ids


def _all_samples(samples, gallery, towers):
    """Samples for each signature; those of a gallery for the last."""
    if len(towers) == 1 or samples is None:
        held = list(towers)[-1]
        return {name: _samples(samples, gallery if name == held else None, one.frontend) for name, one in towers.items()}
    kinds = [name.partition("_")[2] for name in towers]
    if not isinstance(samples, dict) or set(samples) != set(kinds):
        raise ValueError(f"samples: expected a dict with items for {' and for '.join(kinds)}, got {samples!r:.80}")
    return {f"embed_{kind}": _samples(samples[kind], None, towers[f"embed_{kind}"].frontend) for kind in kinds}


def _samples(samples, gallery, frontend):
    """Return samples as the bytes that the bundle takes."""
    if samples is None:
        samples = frontend.as_bytes(gallery[0][:SAMPLES]) if gallery else frontend.as_bytes(frontend.samples)
        # A card is for reading; photographs of many megabytes would make it unreadable.
        return samples if sum(map(len, samples)) <= LARGE else frontend.as_bytes(frontend.samples)
    if isinstance(samples, (str, bytes)) or not len(samples):
        raise ValueError(
            f"samples: expected a list of at least one {frontend.kind} to compare the bundle on, got {samples!r:.80}"
        )
    return frontend.as_bytes(frontend.as_items(samples))


def _embed(model, items, argument):
    embeddings = np.asarray(model.predict(items, verbose=0), np.float32)
    finite = np.isfinite(embeddings).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise ValueError(
            f"{argument}: expected finite embeddings, got NaN or infinity for {len(items) - int(finite.sum())} of "
            f"{len(items)}, the first of them {model.frontend.names(items)[row][:80]!r}; train the model again with a "
            "lower rate"
        )
    return embeddings


def _neighborhood(model, gallery, vectors, neighbors):
    from zoo.export.signatures import Gallery

    return None if gallery is None else Gallery(vectors, *gallery[1:], model.distance, neighbors)


def _turn(model, held, keep_dims):
    """The `Turn` of embeddings to the first singular vectors of the gallery's."""
    from zoo.export.signatures import Turn

    if held is None:
        raise ValueError("keep_dims: the rotation is found on the gallery, and there is none; give gallery=(items, labels)")
    if not isinstance(keep_dims, (int, np.integer)) or not 1 <= keep_dims <= held.shape[1]:
        raise ValueError(f"keep_dims: expected a whole number from 1 to {held.shape[1]}, got {keep_dims!r}")
    return Turn(rotation(held).axes[:, :keep_dims], model.normalize)


def _turned(embeddings, turn):
    return embeddings if turn is None or embeddings is None else turn(embeddings).numpy()


def _archive(model, towers, near, turn):
    """Trace the signatures and return the `ExportArchive` that is ready to be written."""
    import keras

    from zoo.export import signatures

    archive = keras.export.ExportArchive()
    # Keras finds the variables that an endpoint uses, so that the loss layer's and the optimizer's stay out. Naming
    # the layers here would store their variables a second time. Only lookup tables it does not find.
    for tower in towers.values():
        if hasattr(tower.frontend, "module"):
            archive.track(tower.frontend.module)
    if turn is not None:
        archive.track(turn)
    endpoints = {name: signatures.embedding_function(tower, turn) for name, tower in towers.items()}
    embed = endpoints["serving_default"] = next(iter(endpoints.values()))
    weights = [variable.value for variable in model.variables] + ([] if turn is None else [turn.axes])
    if near is not None:
        archive.track(near)
        weights += near.variables
        for name in ("search", "classify"):
            endpoints[name] = signatures.gallery_function(embed, getattr(near, name))
    for name, function in endpoints.items():
        signatures.order_variables(function.get_concrete_function(), weights)
        archive.add_endpoint(name, function)
    return archive


def _load(bundle, path):
    try:
        return tensorflow("export").saved_model.load(str(bundle))
    except Exception as error:  # A file that was cut short shows itself in many ways.
        raise OSError(f"the bundle below {str(path)!r} was not written whole and is removed: {error}") from error


def _compare(loaded, samples, expected, model):
    """Return what the bundle answers to the samples of each signature and the largest difference from `expected`."""
    tolerance = TOLERANCE.get(model.compute_dtype, 1e-5)
    items = {name: tensorflow("export").constant(some) for name, some in samples.items()}
    asked = next(iter(items.values()))
    answers = {name: function(items.get(name, asked)) for name, function in loaded.signatures.items()}
    embeddings = {name: answers[name]["embedding"].numpy() for name in samples}
    difference = 0.0
    for name, found in embeddings.items():
        off = float(np.max(np.abs(found - expected[name])))
        difference = max(difference, off)
        if not off <= tolerance * max(1.0, float(np.abs(expected[name]).max())):
            raise RuntimeError(
                f"the exported graph differs from model.predict by {off:.2g} on its samples, more than {tolerance:g}; "
                "the frontend or a layer behaves differently when it is traced"
            )
    return embeddings, difference
