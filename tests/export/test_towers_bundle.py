"""Bundles of two towers: a signature for each side, a search from the side that asks into a gallery of the other."""

import json

import numpy as np
import pytest
import tensorflow as tf
from towers import IMAGES, LABELS, TEXTS, small

import zoo

FEATURES = np.random.default_rng(0).normal(size=(12, 5)).astype("float32")


@pytest.fixture(scope="module")
def model():
    return small()


@pytest.fixture(scope="module")
def bundle(model, tmp_path_factory):
    return zoo.export(model, tmp_path_factory.mktemp("served") / "colors", gallery=(IMAGES, LABELS), neighbors=3)


@pytest.fixture(scope="module")
def signatures(bundle):
    return tf.saved_model.load(str(bundle)).signatures


def test_each_side_has_its_signature_and_equals_predict(model, signatures):
    assert set(signatures) == {"serving_default", "embed_text", "embed_image", "search", "classify"}
    x, y = model.predict((TEXTS, IMAGES))
    files = model.towers["image"].frontend.as_bytes(IMAGES)
    np.testing.assert_allclose(signatures["embed_text"](text=tf.constant(TEXTS))["embedding"], x, atol=1e-6)
    np.testing.assert_allclose(signatures["serving_default"](text=tf.constant(TEXTS))["embedding"], x, atol=1e-6)
    found = signatures["embed_image"](image=tf.constant([*files, b"no image"]))
    np.testing.assert_allclose(found["embedding"][:-1], y, atol=1e-6)
    assert found["ok"].numpy().tolist() == [1.0] * 12 + [0.0]


def test_search_goes_from_the_texts_into_the_images(model, signatures):
    x, y = model.predict((TEXTS, IMAGES))
    order, scores = zoo.neighbors.knn(x, y, 3)
    found = signatures["search"](text=tf.constant(TEXTS))
    assert [[int(one) for one in row] for row in found["ids"].numpy()] == order.tolist()
    assert [[one.decode() for one in row] for row in found["labels"].numpy()] == [[LABELS[j] for j in row] for row in order]
    np.testing.assert_allclose(found["scores"], scores, atol=1e-5)
    assert signatures["classify"](text=tf.constant(TEXTS))["label"].shape == (12,)


def test_the_card_and_query(model, bundle):
    card = json.loads((bundle / "card.json").read_text(encoding="utf-8"))
    assert set(card["inputs"]) == {"text"} and set(card["signatures"]["embed_image"]["inputs"]) == {"image"}
    assert card["gallery"] == 12 and card["largest_difference"] < 1e-5 and card["distance"] == "cosine"
    by_signature = [sample["signature"] for sample in card["samples"]]
    assert by_signature == ["embed_text"] * 4 + ["embed_image"] * 4
    assert isinstance(card["samples"][0]["input"], str) and "b64" in card["samples"][-1]["input"]
    (answer,) = zoo.export.query(bundle, ["a red square"])
    assert answer["text"] == "a red square" and len(answer["neighbors"]) == 3 and answer["label"] in LABELS


def test_a_process_with_tensorflow_alone_answers(model, bundle, plain_python, child, tmp_path):
    code = (
        "import sys, json, importlib.util, tensorflow as tf\n"
        "assert importlib.util.find_spec('keras') is None and importlib.util.find_spec('zoo') is None\n"
        "signatures = tf.saved_model.load(sys.argv[1]).signatures\n"
        "image = tf.io.encode_png(tf.fill([9, 9, 3], tf.constant(200, tf.uint8)))\n"
        "found = [signatures['embed_text'](text=tf.constant(['a red square'])), signatures['embed_image'](image=image[None])]\n"
        "print(json.dumps([one['embedding'].numpy()[0].tolist() for one in found]))\n"
    )
    process = child(plain_python, "-c", code, bundle, folder=tmp_path)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    expected = model.predict((["a red square"], np.full((1, 9, 9, 3), 200, "uint8")))
    np.testing.assert_allclose(json.loads(output.splitlines()[-1]), np.concatenate(expected), atol=1e-6)


def test_without_a_gallery_and_with_samples_of_its_own(model, tmp_path):
    version = zoo.export(model, tmp_path / "plain", samples={"text": TEXTS[:2], "image": IMAGES[:1]})
    card = json.loads((version / "card.json").read_text(encoding="utf-8"))
    assert set(card["signatures"]) == {"serving_default", "embed_text", "embed_image"}
    assert [sample["signature"] for sample in card["samples"]] == ["embed_text"] * 2 + ["embed_image"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"samples": TEXTS}, ["samples", "text and for image"]),
        ({"gallery": (IMAGES, LABELS[:2])}, ["gallery", "12 items", "2 labels"]),
    ],
)
def test_bad_arguments_are_refused_and_leave_nothing(model, tmp_path, arguments, words):
    with pytest.raises(ValueError) as error:
        zoo.export(model, tmp_path / "nothing", **arguments)
    assert all(word in str(error.value) for word in words), error.value
    assert not (tmp_path / "nothing").exists()


def test_a_model_without_a_vocabulary_is_refused(tmp_path):
    with pytest.raises(ValueError, match="text.*adapt"):
        zoo.export(small(adapt=False), tmp_path / "nothing")
