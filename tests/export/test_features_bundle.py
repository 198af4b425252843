"""Bundles of captions beside stored image features: embed_image takes floats [N, F] in the place of files."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from towers import IDS, TEXTS

import zoo
from zoo.cli import main
from zoo.frontends import FeatureFrontend

FEATURES = np.random.default_rng(0).normal(size=(12, 5)).astype("float32")
NAMES = [f"image {i}" for i in range(12)]


@pytest.fixture(scope="module")
def model():
    model = zoo.build("vse_ranking", units=8, word_dim=8, features=5, embedding_dim=4)
    model.adapt({"text": TEXTS})
    model.fit((TEXTS, FEATURES), IDS, batch_size=12, verbose=0)
    return model


@pytest.fixture(scope="module")
def bundle(model, tmp_path_factory):
    return zoo.export(model, tmp_path_factory.mktemp("served") / "stored", gallery=(FEATURES, NAMES), neighbors=3)


def test_both_sides_and_the_search_are_those_of_the_model(model, bundle):
    signatures = tf.saved_model.load(str(bundle)).signatures
    assert set(signatures) == {"serving_default", "embed_text", "embed_image", "search", "classify"}
    x, y = model.predict((TEXTS, FEATURES))
    broken = np.where(np.eye(12, 5) > 0, np.nan, FEATURES)[:1]
    found = signatures["embed_image"](image=tf.constant(np.concatenate([FEATURES, broken]).astype("float32")))
    np.testing.assert_allclose(found["embedding"][:-1], y, atol=1e-6)
    assert found["ok"].numpy().tolist() == [1.0] * 12 + [0.0] and not found["embedding"].numpy()[-1].any()
    order, scores = zoo.neighbors.knn(x, y, 3)
    found = signatures["search"](text=tf.constant(TEXTS))
    assert [[int(one) for one in row] for row in found["ids"].numpy()] == order.tolist()
    np.testing.assert_allclose(found["scores"], scores, atol=1e-5)
    (answer,) = zoo.export.query(bundle, [TEXTS[0]])
    assert [near["label"] for near in answer["neighbors"]] == [NAMES[j] for j in order[0]]


def test_the_card_shows_features_as_numbers(bundle):
    card = json.loads((bundle / "card.json").read_text(encoding="utf-8"))
    assert card["signatures"]["embed_image"]["inputs"] == {"image": {"dtype": "float32", "shape": [None, 5]}}
    shown = [sample["input"] for sample in card["samples"] if sample["signature"] == "embed_image"]
    np.testing.assert_array_equal(np.array(shown, "float32"), FEATURES[:4])
    assert card["largest_difference"] < 1e-5


def test_a_process_with_tensorflow_alone_answers(model, bundle, plain_python, child, tmp_path):
    code = (
        "import sys, json, importlib.util, tensorflow as tf\n"
        "assert importlib.util.find_spec('keras') is None and importlib.util.find_spec('zoo') is None\n"
        "signatures = tf.saved_model.load(sys.argv[1]).signatures\n"
        "text, image = tf.constant(['a red square']), tf.constant([[1., 2., 3., 4., 5.]])\n"
        "found = [signatures['embed_text'](text=text), signatures['embed_image'](image=image)]\n"
        "print(json.dumps([one['embedding'].numpy()[0].tolist() for one in found]))\n"
    )
    process = child(plain_python, "-c", code, bundle, folder=tmp_path)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    expected = np.concatenate(model.predict((["a red square"], np.arange(1, 6, dtype="float32")[None])))
    np.testing.assert_allclose(json.loads(output.splitlines()[-1]), expected, atol=1e-6)


def test_a_loaded_model_that_never_saw_an_image_is_exported(tmp_path):
    model = zoo.build("vse_mms", units=4, word_dim=4, features=3, embedding_dim=2)
    model.adapt({"text": TEXTS, "image": np.eye(3)})
    model.save(tmp_path / "vse.keras")
    version = zoo.export(zoo.load_model(tmp_path / "vse.keras"), tmp_path / "plain")
    assert "search" not in tf.saved_model.load(str(version)).signatures


def test_a_file_from_before_features_had_a_frontend_is_built_again_with_its_weights(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    settings = {"units": 8, "word_dim": 8, "features": 5, "embedding_dim": 4}
    old = zoo.build("vse_ranking", **settings)
    old.adapt({"text": TEXTS})
    old.fit((TEXTS, FEATURES), IDS, batch_size=12, verbose=0)
    old.second.frontend = None
    old.save("old.keras")
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a.png")
    for more in ([], ["--data", "."]):  # a folder without pairs
        assert main(["export", "old.keras", "no", *more]) == 1
        message = capsys.readouterr().err
        assert all(word in message for word in ("'image' without one", "build the same model again", "load_weights")), message
    new = zoo.build("vse_ranking", **settings)
    new.adapt({"text": TEXTS})
    new.fit((TEXTS, FEATURES), IDS, batch_size=12, verbose=0, epochs=2)
    new.load_weights("old.keras")
    version = zoo.export(new, "built", gallery=(FEATURES, NAMES), neighbors=3)
    found = tf.saved_model.load(str(version)).signatures["embed_image"](image=tf.constant(FEATURES))["embedding"]
    np.testing.assert_allclose(found, old.predict((TEXTS, FEATURES))[1], atol=1e-6)


def test_what_are_no_features_of_this_size_is_refused(model, tmp_path):
    for call in (
        lambda: zoo.export(model, tmp_path / "no", gallery=(FEATURES[:, :4], NAMES)),
        lambda: FeatureFrontend(5).adapt(FEATURES[:, :4]),
        lambda: FeatureFrontend(5).as_items(FEATURES[0]),
    ):
        with pytest.raises(ValueError, match=r"numbers \[N, 5\]"):
            call()
    for call in (
        lambda: zoo.export(model, tmp_path / "no", gallery=(["a.png"] * 12, NAMES)),
        lambda: model.predict((TEXTS, ["a.png"])),
        lambda: model.fit(zoo.data.pair_batches(TEXTS, [b"png"] * 12, size=4)),
    ):
        with pytest.raises(ValueError, match="features=5.*not files.*image='convnet'"):
            call()
    assert not (tmp_path / "no").exists()
