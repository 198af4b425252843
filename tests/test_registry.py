"""Names, listing, describing: quick, and answered with the nearest valid name."""

import importlib
import inspect
import os
import re
import statistics
import subprocess
import sys
import time

import numpy as np
import pytest

import zoo
from zoo import registry


def fresh(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ)


def test_listing_and_describing_import_nothing_heavy_and_take_under_half_a_second():
    code = (
        "import sys, zoo; zoo.list_models('*_epshn'); zoo.describe('bilstm_epshn'); str(zoo.describe('bilstm_hinge'))\n"
        "print([m for m in ('tensorflow', 'keras', 'numpy', 'matplotlib', 'sklearn', 'jax', 'torch') if m in sys.modules])"
    )
    times = []
    for _ in range(3):
        started = time.perf_counter()
        done = fresh(code)
        times.append(time.perf_counter() - started)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == "[]"
    started = time.perf_counter()
    fresh("pass")
    assert statistics.median(times) - (time.perf_counter() - started) < 0.5


def test_patterns():
    assert zoo.list_models("*_epshn") == ["bilstm_epshn", "convnet_epshn", "mobilenet_epshn", "resnet50_epshn", "speechcnn_epshn"]
    assert zoo.list_models("nothing*") == []
    towers = [name for name, loss in registry.LOSSES.items() if loss.takes == "towers"]
    pairs = [encoder for encoder, item in registry.ENCODERS.items() if item.takes == "towers"]
    single = (len(registry.ENCODERS) - len(pairs)) * (len(registry.LOSSES) - len(towers))
    assert len(zoo.list_models()) == single + len(pairs) * len(towers)
    assert all(zoo.list_models(f"*_{name}") == sorted(f"{pair}_{name}" for pair in pairs) for name in towers)
    assert zoo.list_losses() == sorted(registry.LOSSES)


@pytest.mark.parametrize("item", [*registry.ENCODERS.values(), *registry.LOSSES.values()], ids=lambda item: item.path)
def test_the_catalogue_equals_the_code(item):
    module, name = item.path.split(":")
    signature = inspect.signature(getattr(importlib.import_module(module), name).__init__).parameters
    code = {key: p.default for key, p in signature.items() if p.default is not inspect.Parameter.empty}
    assert registry.defaults(item.path) == code
    assert set(item.settings) <= set(code)
    assert item.summary.endswith(".") and item.paper


def test_describe_says_what_the_model_takes_and_gives():
    card = zoo.describe("bilstm_semihard")
    assert card["settings"]["margin"] == 0.2 and card["settings"]["distance"] == "squared_euclidean"
    assert card["outputs"] == "embedding: float32 [N, 128]"
    assert set(card) >= {"inputs", "outputs", "parameters", "settings", "scores", "papers", "licence"}
    assert "FaceNet" in card["papers"] and "UTF-8" in card["inputs"]
    assert zoo.describe("bilstm_hinge")["settings"]["normalize"] is False


def test_the_number_of_parameters_is_the_code_s():
    model = zoo.build("bilstm_triplet")
    model.adapt(["abc"])
    fixed, each = (int(n.replace(",", "")) for n in re.findall(r"[\d,]+", zoo.describe("bilstm_triplet")["parameters"]))
    assert sum(int(np.prod(w.shape)) for w in model.trainable_variables) == fixed + each * (3 + 2)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: zoo.build("bilstm_tripplet"), ["unknown model", "did you mean 'bilstm_triplet'"]),
        (lambda: zoo.build("bilstn_epshn"), ["did you mean 'bilstm_epshn'"]),
        (lambda: zoo.build("resnet"), ["unknown model 'resnet'", "bilstm_epshn"]),
        (lambda: zoo.build(""), ["unknown model"]),
        (lambda: zoo.describe("bilstm"), ["unknown model"]),
        (lambda: zoo.build("bilstm_epshn", temprature=0.1), ["bilstm_epshn", "did you mean 'temperature'"]),
        (lambda: zoo.build("bilstm_epshn", classes=3), ["unknown setting 'classes'"]),
        (lambda: zoo.build("bilstm_ranking"), ["encoders of two towers", "losses for 'bilstm'", "epshn", "softmax"]),
        (lambda: zoo.build("bilstm_softmax"), ["classes="]),
        (lambda: zoo.build("bilstm_softmax", classes=0), ["classes", "0"]),
        (lambda: zoo.build("bilstm_epshn", pooling="first"), ["unknown pooling", "last"]),
        (lambda: zoo.losses.get("semi_hard"), ["unknown loss", "did you mean 'semihard'"]),
        (lambda: zoo.losses.get("epshn", margn=1), ["did you mean 'margin'"]),
    ],
)
def test_unknown_names_and_settings_are_answered_with_the_nearest(call, words):
    with pytest.raises(ValueError) as error:
        call()
    assert all(word in str(error.value) for word in words), error.value


def test_an_attribute_that_does_not_exist():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        zoo.nothing
    assert {"build", "export", "losses"} <= set(dir(zoo))


def test_without_tensorflow_the_first_use_says_which_line_to_type():
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "import zoo.backends\n"
        "try: zoo.backends.tensorflow('export')\n"
        "except ImportError as error: print(error)"
    )
    assert "pip install 'zoo-embeddings[tensorflow-cpu]'" in fresh(code).stdout
