"""card.json: what a bundle is, where it comes from and what it answers."""

import base64
import datetime
import importlib.metadata
import json
import math
import numbers

FINGERPRINT = ("graph_def_program_hash", "signature_def_hash", "saved_object_graph_hash", "checkpoint_hash")


def describe(model, folder, loaded, samples, embeddings, difference, **further):
    """Return the card of the bundle in `folder` as a dict of plain values.

    Args:
        model: the model that was exported; its `card()` gives name, encoder, loss, settings, paper and licence.
        folder: path of the written SavedModel.
        loaded: the same, loaded by TensorFlow.
        samples: dict of a signature to what was tried there, a kind and items, `bytes` [S]; a file stands in the card as a
            request of TensorFlow Serving has it, {"b64": ...}.
        embeddings: what the bundle answered to them, dict of a signature to numpy [S, D].
        difference: the largest difference from what `model.predict` answered.
        **further: entries that replace those of `model.card()` where they are not None.
    """
    signatures = {name: _signature(loaded.signatures[name]) for name in sorted(loaded.signatures)}
    default = signatures["serving_default"]
    return _plain(
        {
            **model.card(),
            **{key: value for key, value in further.items() if value is not None},
            "inputs": default["inputs"],
            "outputs": default["outputs"],
            "signatures": signatures,
            "samples": [
                # Nine digits give a float32 back exactly.
                {"input": _shown(item, kind), "embedding": [float(f"{value:.9g}") for value in vector], "signature": name}
                for name, (kind, items) in samples.items()
                for item, vector in zip(items, embeddings[name], strict=True)
            ],
            "largest_difference": difference,
            "fingerprint": fingerprint(folder),
            "versions": versions(),
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }
    )


def write(card, path):
    """Write `card` as JSON: sorted keys, UTF-8 as it is."""
    text = json.dumps(card, ensure_ascii=False, allow_nan=False, indent=1, sort_keys=True)
    # A lone surrogate, which a Python string can hold, has no UTF-8.
    path.write_text(text + "\n", encoding="utf-8", errors="replace")


def fingerprint(folder):
    """Return the four hashes that are the identity of a bundle; equal models exported twice have equal ones."""
    import tensorflow as tf

    found = tf.saved_model.experimental.read_fingerprint(str(folder))
    # As strings: the hashes have 64 bits, and JSON readers keep 53 of a number.
    return {name: str(getattr(found, name)) for name in FINGERPRINT}


def versions():
    """Return the versions of what wrote the bundle."""
    import keras
    import tensorflow as tf

    zoo = importlib.metadata.version("zoo-embeddings")
    return {"zoo": zoo, "keras": keras.__version__, "tensorflow": tf.__version__}


def _shown(item, kind):
    if kind == "features":
        return [float(f"{value:.9g}") for value in item]
    return item.decode("utf-8", "replace") if kind == "text" else {"b64": base64.b64encode(item).decode()}


def _signature(function):
    inputs = function.structured_input_signature[1]
    return {"inputs": _specs(inputs), "outputs": _specs(function.structured_outputs)}


def _specs(specs):
    return {name: {"dtype": spec.dtype.name, "shape": spec.shape.as_list()} for name, spec in specs.items()}


def _plain(value):
    """Return `value` in the types that JSON has."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else None
    return str(value)
