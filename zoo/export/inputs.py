"""What an export takes: towers with frontends, a gallery, samples; each checked and said by name where it does not fit."""

from zoo.export.strings import as_text

SAMPLES, LARGE = 4, 2**18  # samples from the gallery, and the bytes they may have together


def towers_of(model):
    """The embedders of a model by the signatures that they have in a bundle, the side that asks first."""
    found = getattr(model, "towers", None)
    found = {"embed": model} if found is None else {f"embed_{kind}": tower for kind, tower in found.items()}
    for tower in found.values():
        _require(tower)
    return found


def _require(model):
    import keras

    backend = keras.config.backend()
    if backend != "tensorflow":
        raise RuntimeError(
            f"a SavedModel is written on TensorFlow, and Keras runs on {backend!r}: save the model with "
            'model.save("x.keras") and run `KERAS_BACKEND=tensorflow zoo export x.keras saved_models/NAME`'
        )
    try:
        frontend_of(model).require()
    except ValueError as error:
        raise ValueError(f"model: {model.name!r}: {error}") from error


def frontend_of(model):
    """Return what turns raw items into tensors; `ValueError` where the model has nothing of the kind."""
    frontend = getattr(model, "frontend", None)
    if frontend is None:
        raise ValueError(
            "model: expected one with a frontend that turns raw items into tensors, got "
            f"{getattr(model, 'name', model)!r} without one; build it with zoo.build. A file that was saved before stored "
            "features had one: build the same model again, adapt it to the same training items, and take the file's weights, "
            "model.load_weights('NAME.keras')"
        )
    return frontend


def checked_gallery(gallery, frontend):
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


def checked_samples(samples, gallery, towers):
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


def checked_words(words, model, keep_dims):
    """Return the names of a model's words as a list, or None."""
    if words is None:
        return None
    layer = getattr(model, "loss_layer", None)
    if not getattr(getattr(layer, "loss", None), "multilabel", False):
        raise ValueError(f"words: {model.name!r} has no loss of several labels an item, such as speechcnn_words; leave them out")
    if keep_dims is not None:
        raise ValueError("keep_dims: the words of a model are told from the whole embedding; leave one of the two out")
    words = [words] if isinstance(words, (str, bytes)) else as_text(words)
    if len(words) != layer.classes or len(set(words)) != len(words):
        raise ValueError(f"words: expected {layer.classes} distinct ones, one for each column of the labels, got {len(words)}")
    return words
