"""A model of images as a bundle: plain TensorFlow in a fresh process answers from the bytes of files."""

import base64
import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import zoo

DIGITS = zoo.data.load_images("digits")
BAD = [b"", b"no image", b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\0\0\x4e\x20" * 2 + b"\x08\x02\0\0\0"]  # 20,000 x 20,000


@pytest.fixture(scope="module")
def model():
    model = zoo.build("convnet_epshn", embedding_dim=8, filters=8, size=16, channels=1)
    model.adapt(DIGITS.train.items)
    return model


@pytest.fixture(scope="module")
def bundle(model, tmp_path_factory):
    gallery = DIGITS.test.items[:50], DIGITS.test.labels[:50]
    return zoo.export(model, tmp_path_factory.mktemp("bundles") / "digits", gallery=gallery, neighbors=3)


def test_a_fresh_process_with_tensorflow_alone_answers_as_the_model_does(model, bundle, tmp_path):
    items = model.frontend.as_bytes(DIGITS.test.items[:50]) + BAD
    code = (
        "import sys, pickle, numpy as np, tensorflow as tf\n"
        "signatures = tf.saved_model.load(sys.argv[1]).signatures\n"
        "items = pickle.load(open(sys.argv[2], 'rb'))\n"
        "for name in ('embed', 'search', 'classify'):\n"
        "    answer = signatures[name](image=tf.constant(items))\n"
        "    np.savez(sys.argv[2] + name, **{k: v.numpy() for k, v in answer.items()})\n"
        "assert 'zoo' not in sys.modules\n"
    )
    path = tmp_path / "items"
    path.write_bytes(pickle.dumps(items))
    done = subprocess.run([sys.executable, "-c", code, bundle, path], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    answers = {name: np.load(f"{path}{name}.npz", allow_pickle=True) for name in ("embed", "search", "classify")}
    np.testing.assert_allclose(answers["embed"]["embedding"][:50], model.predict(DIGITS.test.items[:50]), atol=1e-5)
    for answer in answers.values():
        assert answer["ok"].tolist() == [1] * 50 + [0] * 3
    assert (answers["embed"]["embedding"][50:] == 0).all()
    assert [row[0] for row in answers["search"]["ids"][:50].tolist()] == [str(i).encode() for i in range(50)]


def test_a_request_without_an_image_has_an_answer_without_a_row(tmp_path):
    model = zoo.build("convnet_epshn", embedding_dim=8, filters=8, blocks=1, size=16)  # three channels: one is broadcast
    model.adapt(DIGITS.train.items)
    version = zoo.export(model, tmp_path / "colors", gallery=(DIGITS.test.items[:5], DIGITS.test.labels[:5]), neighbors=3)
    signatures = tf.saved_model.load(str(version)).signatures
    answer = signatures["embed"](image=tf.constant([], tf.string))
    assert answer["embedding"].shape == [0, 8] and answer["ok"].shape == [0]
    assert signatures["search"](image=tf.constant([], tf.string))["ids"].shape == [0, 3]


def test_a_file_that_breaks_off_refuses_the_request_and_the_next_one_is_answered(model, bundle):
    embed = tf.saved_model.load(str(bundle)).signatures["embed"]
    (good,) = model.frontend.as_bytes(DIGITS.test.items[:1])
    with pytest.raises(tf.errors.InvalidArgumentError):
        embed(tf.constant([good, good[:-30]]))
    assert embed(tf.constant([good]))["ok"].numpy().tolist() == [1]


@pytest.mark.parametrize("normalize", [True, False])
def test_few_rotated_numbers_find_what_the_rotation_of_the_gallery_finds(model, tmp_path, normalize):
    if not normalize:
        model = zoo.build("convnet_triplet", distance="euclidean", normalize=False, embedding_dim=8, filters=8, size=16, channels=1)
    gallery = DIGITS.test.items[:50], DIGITS.test.labels[:50]
    held = model.predict(gallery[0])
    for k in (8, 3):
        folder = zoo.export(model, tmp_path / str(k), gallery=gallery, neighbors=4, keep_dims=k)
        expected = zoo.metrics.rotation(held).apply(held, k)
        if normalize:
            expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        signatures = tf.saved_model.load(str(folder)).signatures
        items = tf.constant(model.frontend.as_bytes(gallery[0]))
        np.testing.assert_allclose(signatures["embed"](items)["embedding"], expected, atol=1e-4)
        nearest, _ = zoo.neighbors.knn(expected, expected, 4, model.distance)
        ids = signatures["search"](items)["ids"].numpy().astype(int)
        assert (ids[:, 0] == nearest[:, 0]).mean() > 0.95 and (ids == nearest).mean() > 0.9
        card = json.loads((folder / "card.json").read_text())
        assert card["keep_dims"] == k and card["outputs"]["embedding"]["shape"] == [None, k]
    for settings, words in ((dict(keep_dims=9, gallery=gallery), "1 to 8"), (dict(keep_dims=3), "give gallery")):
        with pytest.raises(ValueError, match=words):
            zoo.export(model, tmp_path / "no", **settings)
    assert not (tmp_path / "no").exists()


def test_the_card_holds_samples_as_requests(model, bundle):
    card = json.loads((bundle / "card.json").read_text())
    assert card["inputs"] == {"image": {"dtype": "string", "shape": [None]}}
    assert len(card["samples"]) == 4
    for sample, expected in zip(card["samples"], model.predict(DIGITS.test.items[:4]), strict=True):
        np.testing.assert_allclose(model.predict([base64.b64decode(sample["input"]["b64"])])[0], expected, atol=1e-5)
        np.testing.assert_allclose(sample["embedding"], expected, atol=1e-5)


def test_without_a_gallery_and_with_large_files_the_samples_are_the_frontends(model, tmp_path):
    paths = []
    for i in range(3):
        paths.append(str(tmp_path / f"large_{i}.png"))
        noise = np.random.default_rng(i).integers(0, 255, (400, 400, 3), "uint8")
        tf.io.write_file(paths[-1], tf.io.encode_png(noise))
    bundle = zoo.export(model, tmp_path / "bundle", gallery=(paths, [0, 0, 1]))
    card = json.loads((bundle / "card.json").read_text())
    assert sum(len(sample["input"]["b64"]) for sample in card["samples"]) < 20_000
    answers = zoo.export.query(bundle, [paths[1], paths[2]])
    assert [answer["neighbors"][0]["id"] for answer in answers] == [f"{tmp_path.name}/large_1.png", f"{tmp_path.name}/large_2.png"]
    assert [answer["image"] for answer in answers] == paths[1:]
    plain = zoo.export.query(zoo.export(model, tmp_path / "plain"), [paths[0], BAD[0]])
    assert [row["ok"] for row in plain] == [True, False] and len(plain[0]["embedding"]) == 8
