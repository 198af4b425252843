"""Names to what they name, listed and described without importing any of it.

A model's name is `<encoder>_<loss>`. Settings and their defaults are read from the source of the class that a name
points to, so that listing and describing never load a backend.
"""

import ast
import fnmatch
import functools
import importlib
import importlib.util
import json
import os

from zoo.catalogue import ENCODERS, LOSSES
from zoo.errors import unknown

_CATALOGUE = {"encoder": ENCODERS, "loss": LOSSES}


def entry(kind, name):
    """Return the `Entry` of a name; kind is `"encoder"` or `"loss"`."""
    if name not in _CATALOGUE[kind]:
        raise ValueError(unknown(kind, name, _CATALOGUE[kind]))
    return _CATALOGUE[kind][name]


@functools.cache
def defaults(path):
    """Settings and default values of the class at `module:Class`, read from its source without importing it."""
    module, name = path.split(":")
    source = importlib.util.find_spec(module).origin
    with open(source, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    (cls,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    (init,) = (node for node in cls.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    values = [ast.literal_eval(value) for value in init.args.defaults]
    names = [arg.arg for arg in init.args.args][len(init.args.args) - len(values) :]
    return dict(zip(names, values, strict=True))


def make(item, settings):
    """Call the class of an `Entry` with its own settings and the caller's on top."""
    valid = defaults(item.path)
    for name in settings:
        if name not in valid:
            raise ValueError(unknown("setting", name, valid))
    module, name = item.path.split(":")
    return getattr(importlib.import_module(module), name)(**{**item.settings, **settings})


def list_models(pattern="*"):
    """Return the names of the models that match a shell pattern, sorted.

    Args:
        pattern: for instance `"*_epshn"` or `"bilstm_*"`.

    Returns:
        List of `str`; empty when none matches.

    Example:

    >>> import zoo
    >>> zoo.list_models("bilstm_epsh*")
    ['bilstm_epshn', 'bilstm_epshn2']
    """
    names = (
        f"{encoder}_{loss}" for encoder, e in ENCODERS.items() for loss, item in LOSSES.items() if _fit(e, item)
    )
    return sorted(name for name in names if fnmatch.fnmatchcase(name, pattern))


def _fit(encoder, loss):
    """Two-tower losses go with two-tower encoders, all others with encoders of one."""
    return (encoder.takes == "towers") == (loss.takes == "towers")


def list_losses():
    """Return the names that `zoo.losses.get` and the second half of a model's name take, sorted."""
    return sorted(LOSSES)


def parse(name):
    """Split a model's name into its encoder's and its loss's entry; `ValueError` names the nearest valid one."""
    encoder, _, loss = str(name).partition("_")
    if encoder not in ENCODERS or loss not in LOSSES:
        raise ValueError(unknown("model", name, list_models()))
    if not _fit(ENCODERS[encoder], LOSSES[loss]):
        fitting = ", ".join(loss for loss in LOSSES if _fit(ENCODERS[encoder], LOSSES[loss]))
        towers = "two towers" if LOSSES[loss].takes == "towers" else "one tower"
        raise ValueError(f"{name!r}: the loss {loss!r} is for encoders of {towers}; losses for {encoder!r}: {fitting}")
    return ENCODERS[encoder], LOSSES[loss]


class Card(dict):
    """What is known of a model; printing it gives one aligned line a fact."""

    def __str__(self):
        lines = []
        for key, value in self.items():
            rows = [f"{k}={v!r}" for k, v in value.items()] if isinstance(value, dict) else [str(value)]
            lines += [f"{key if i == 0 else '':12}{row}" for i, row in enumerate(rows or ["-"])]
        return "\n".join(lines)


def describe(name):
    """Return the card of a model: what goes in and out, settings with defaults, scores, papers, licence.

    Args:
        name: `<encoder>_<loss>`, a name of `list_models()`.

    Returns:
        `Card`, a dict that prints as a page.

    Raises:
        ValueError: an unknown name.

    Example:

    >>> import zoo
    >>> zoo.describe("bilstm_epshn")["outputs"]
    'embedding: float32 [N, 128]'
    """
    encoder, loss = parse(name)
    settings = {**model_settings(encoder), **loss.head}
    settings |= defaults(encoder.path) | encoder.settings | {**loss_settings(loss), **settings}
    if loss.needs_classes:
        settings["classes"] = "required: the number of classes in the labels"
    each = " of each tower" if encoder.takes == "towers" else ""
    return Card(
        name=name,
        encoder=encoder.summary,
        loss=loss.summary,
        inputs=encoder.inputs,
        outputs=f"embedding{each}: float32 [N, {settings['embedding_dim']}]",
        parameters=encoder.parameters,
        settings=settings,
        scores=scores().get(name, {}),
        papers=f"{encoder.paper}; {loss.paper}",
        licence="Apache-2.0 (code); no weights are shipped",
    )


@functools.cache
def scores():
    """Test scores of the recipes by model and data set, as `tools/readme_tables.py` wrote them."""
    with open(os.path.join(os.path.dirname(__file__), "scores.json"), encoding="utf-8") as file:
        return json.load(file)


def model_settings(encoder):
    """Settings of the model itself, with their defaults, for an encoder's `Entry`."""
    model = defaults("zoo.embedder:Embedder")
    settings = {key: model[key] for key in ("embedding_dim", "normalize")}
    return settings | ({"image_norm": True} if encoder.takes == "towers" else {})


def loss_settings(loss):
    """Settings of a loss's `Entry` that a model takes, with their defaults."""
    names = {**defaults(loss.path), **loss.settings}
    return {key: value for key, value in names.items() if key not in ("name", "dtype")}
