"""Every example in a docstring runs and prints what it says; every public name has a docstring."""

import ast
import doctest
import importlib
import pathlib

import keras
import numpy as np
import pytest

import zoo

ROOT = pathlib.Path(__file__).parents[1]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "zoo").rglob("*.py"))
    if ">>>" in path.read_text(encoding="utf-8")
]


@pytest.fixture(scope="module")
def names():
    """What an example may take for granted: a small data set, a model, and batches of it."""
    keras.utils.set_random_seed(0)
    data = zoo.data.load("embedded")
    train, validation, test = (zoo.data.Split(s.items[:60], s.labels[:60]) for s in (data.train, data.validation, data.test))
    model = zoo.build("bilstm_triplet", units=8, char_dim=8, embedding_dim=8)
    model.adapt(train.items)
    labels, _ = zoo.data.encode(train.labels)
    batches = zoo.data.pk_batches(train.items, labels, 2, 8, steps=8)
    model.fit(batches, epochs=4, verbose=0)
    found = dict(zoo=zoo, np=np, keras=keras, train=train, validation=validation, test=test, model=model, batches=batches)
    return found | {"data": data, "labels": labels}


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if name.startswith("zoo.export"):
        zoo.export(names["model"], "saved_models/intent" if name.endswith("ask") else "saved_models/other", gallery=names["train"])
    module = importlib.import_module(name)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failures, tried = doctest.testmod(module, extraglobs=names, optionflags=flags, verbose=False)
    assert tried and not failures


def test_public_names_have_docstrings():
    bare = []
    for path in (ROOT / "zoo").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            public = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
            if public and not ast.get_docstring(node):
                bare.append(f"{path.name}:{node.lineno} {node.name}")
    assert not bare
