"""`export`: one model, and where wanted its gallery, as a SavedModel that plain TensorFlow runs from raw items."""

import logging
import pathlib
import threading

import numpy as np

from zoo.backends import tensorflow
from zoo.export import card, inputs
from zoo.export.staging import publish, staging, writing
from zoo.neighbors.rotating import rotation

BANNED = ("Cudnn", "PyFunc", "EagerPyFunc")
# Largest difference between the bundle and `predict`, as a share of the largest value where that is above 1.
TOLERANCE = {"float16": 5e-3, "bfloat16": 5e-2}

log = logging.getLogger(__name__)
tracing = threading.Lock()


def export(
    model, path, gallery=None, neighbors=10, samples=None, data=None, scores=None, keep_dims=None, words=None
):
    """Write `model` as the next version of the bundle `path`, whole or not at all.

    The bundle takes raw items, `text` (N,) of UTF-8 strings, `image` (N,) of image files or `audio` (N,) of WAV files; of a
    model on stored features `image` (N, F) of float32. It answers with float32 and strings, the batch first:

    - `serving_default` and `embed`: `embedding` (N, D); for images, features and audio also `ok`, 0 where an item is none
      and its embedding therefore zero
    - with a gallery `search`: `ids`, `labels`, `scores`, each (N, k), the nearest first
    - with a gallery `classify`: `label` that most of the k neighbors bear, `votes` (its share of them) and
      `confidence` (its share where a neighbor weighs one over its distance), each (N,)
    - with words `words`: `words` and `scores`, each (N, k), the most probable first; see `zoo.losses.WordsLoss.probabilities`

    Of two towers each has its own signature in the place of `embed`: `embed_text` or `embed_speech`, and `embed_image`.
    `serving_default`, `search` and `classify` take the side that asks, the first, and a gallery holds items of the other.
    With `matchmap="misa"` or `"sima"` the gallery holds all vectors of its items, P times as many numbers, and every query
    is compared with each of them as in training; see `zoo.export.matchmaps.MapGallery` for time and memory.

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
        neighbors: k, at most M; of words at most C.
        samples: items to compare the bundle with `model.predict` on; they are kept in the card. By default some of the
            gallery. Of two towers a dict of kinds to items.
        data: what the model was trained on, for the card; `model.card()` says it otherwise.
        scores: what it reached there, for the card; likewise.
        keep_dims: k, numbers of an embedding that are kept, at most D: embeddings are turned to the singular vectors of
            the gallery's, cut after k numbers, and scaled to unit length again where the model does so. The gallery is
            what they are found on, so it must be there. `zoo.metrics.recall_by_dims` says what k costs.
        words: of a model whose loss takes several labels an item, `*_words`, the word of each column of its labels [C].

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
    towers = inputs.towers_of(model)
    tf = tensorflow("export")
    from zoo.export import recognised, signatures

    held = list(towers.values())[-1]  # the side that a gallery is of
    gallery = inputs.checked_gallery(gallery, held.frontend)
    if keep_dims is not None and _by_parts(model):
        raise ValueError(f"keep_dims: matchmap={model.matchmap!r} compares all vectors of an item as they are; leave it out")
    if not isinstance(neighbors, (int, np.integer)) or neighbors < 1:
        raise ValueError(f"neighbors: expected a whole number of at least 1, got {neighbors!r}")
    samples = inputs.checked_samples(samples, gallery, towers)
    words = inputs.checked_words(words, model, keep_dims)
    path = pathlib.Path(path)
    turn, vectors = None, None if gallery is None else _embed(held, gallery[0], "gallery")
    if keep_dims is not None:
        turn = _turn(held, vectors, keep_dims)
    with staging(path) as folder:
        bundle = folder / "bundle"
        expected = {name: _turned(_embed(towers[name], items, "samples"), turn) for name, items in samples.items()}
        near = _neighborhood(model, held, gallery, _turned(vectors, turn), int(neighbors))
        heard = None if words is None else recognised.Words(model, words, int(neighbors))
        # One export at a time traces: the layers' setting is shared between the threads of a process.
        with tracing, signatures.portable_kernels(model):
            archive = _archive(model, towers, near, turn, heard)
            with writing(path, tf.errors.OpError):
                archive.write_out(str(bundle), verbose=False)  # traces once more
        refuse_operations(bundle)
        loaded = _load(bundle, path)
        embeddings, difference = _compare(loaded, samples, expected, model, heard)
        content = card.describe(
            model, bundle, loaded, {name: (towers[name].frontend.kind, items) for name, items in samples.items()},
            embeddings, difference, data=data, scores=scores, bundle=path.name,
            gallery=len(gallery[0]) if gallery else 0, distance=model.distance, keep_dims=keep_dims, words=words,
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


def _by_parts(model):
    """Whether the model compares all vectors of an item, not one."""
    return getattr(model, "matchmap", None) in ("misa", "sima")


def _neighborhood(model, held, gallery, vectors, neighbors):
    if gallery is None:
        return None
    if _by_parts(model):
        from zoo.export.matchmaps import MapGallery, parts_of

        return MapGallery(parts_of(held, gallery[0]), *gallery[1:], neighbors, model.matchmap)
    from zoo.export.signatures import Gallery

    return Gallery(vectors, *gallery[1:], model.distance, neighbors)


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


def _archive(model, towers, near, turn, heard):
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
    if heard is not None:
        archive.track(heard)
        weights += heard.variables
        endpoints["words"] = heard.function(embed)
    if near is not None:
        archive.track(near)
        weights += near.variables
        if _by_parts(model):
            from zoo.export.matchmaps import parts_function

            embed = parts_function(model.first)
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


def _compare(loaded, samples, expected, model, heard):
    """Return what the bundle answers to the samples of each signature and the largest difference from `expected`."""
    tolerance = TOLERANCE.get(model.compute_dtype, 1e-5)
    items = {name: tensorflow("export").constant(some) for name, some in samples.items()}
    asked = next(iter(items.values()))
    answers = {name: function(items.get(name, asked)) for name, function in loaded.signatures.items()}
    embeddings = {name: answers[name]["embedding"].numpy() for name in samples}
    found = [(np.abs(embeddings[name] - expected[name]).max(), np.abs(expected[name]).max()) for name in samples]
    if heard is not None:
        found.append((heard.difference(answers["words"], samples["embed"]), 1.0))
    for off, largest in found:
        if not off <= tolerance * max(1.0, largest):
            raise RuntimeError(
                f"the exported graph differs from model.predict by {off:.2g} on its samples, more than {tolerance:g}; "
                "the frontend or a layer behaves differently when it is traced"
            )
    return embeddings, float(max(off for off, _ in found))
