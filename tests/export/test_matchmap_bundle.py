"""Bundles of matchmap models: a search that compares every frame with every place, exactly as in training."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.export import matchmaps
from zoo.export.matchmaps import MapGallery
from zoo.frontends import as_wavs
from zoo.layers.matchmap import matchmap_similarity

RANDOM = np.random.default_rng(0)
# Clips of several lengths and pitches, images of any color.
TONES = [np.sin(2 * np.pi * (300 + 170 * i) / 8000 * np.arange(700 + 250 * i)) for i in range(9)]
CLIPS = as_wavs([np.round(20000 * tone).astype("int16") for tone in TONES], 8000)
IMAGES = RANDOM.integers(0, 255, (11, 8, 8, 3), "uint8")
LABELS = [f"picture {i // 2}" for i in range(11)]


@pytest.fixture(scope="module", params=["misa", "sima", "sisa"])
def exported(request, tmp_path_factory):
    keras.utils.set_random_seed(0)
    model = zoo.build(
        "speech2image_maxmargin", matchmap=request.param, seconds=0.4, size=8, embedding_dim=5, mels=12,
        speech_settings={"blocks": [(6, 3, True)]}, image_settings={"filters": 8, "blocks": 1},
    )  # fmt: skip
    model.adapt({"speech": CLIPS, "image": IMAGES})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matchmaps, "CELLS", 1500)  # a few items at a time, and fewer in the last turn
        bundle = zoo.export(model, tmp_path_factory.mktemp("served") / request.param, gallery=(IMAGES, LABELS), neighbors=11)
    return model, bundle


def test_search_is_the_similarity_of_training(exported):
    model, bundle = exported
    answers = tf.saved_model.load(str(bundle)).signatures["search"](audio=tf.constant([*CLIPS, b"no audio"]))
    expected = model.similarity(CLIPS, IMAGES)
    order = np.argsort(-expected, axis=1, kind="stable")
    np.testing.assert_allclose(answers["scores"][:-1], np.take_along_axis(expected, order, axis=1), atol=1e-5)
    assert [[int(one) for one in row] for row in answers["ids"].numpy()[:-1]] == order.tolist()
    assert answers["labels"].numpy()[0, 0].decode() == LABELS[order[0, 0]]
    assert answers["ok"].numpy().tolist() == [1.0] * 9 + [0.0] and not answers["scores"].numpy()[-1].any()


def test_one_item_alone_and_many_have_the_same_answer_and_none_an_empty_one(exported):
    _, bundle = exported
    signatures = tf.saved_model.load(str(bundle)).signatures
    together = signatures["search"](audio=tf.constant(CLIPS))["scores"].numpy()
    for i, clip in enumerate(CLIPS[:3]):
        np.testing.assert_allclose(signatures["search"](audio=tf.constant([clip]))["scores"][0], together[i], atol=1e-6)
    assert signatures["classify"](audio=tf.constant(CLIPS))["label"].shape == (9,)
    for name, kind in (("search", "audio"), ("classify", "audio"), ("embed_speech", "audio"), ("embed_image", "image")):
        answer = signatures[name](**{kind: tf.constant([], tf.string)})
        assert {value.shape[0] for value in answer.values()} == {0}
    assert answer["embedding"].shape == [0, 5]
    (answer,) = zoo.export.query(bundle, [CLIPS[0]])
    assert len(answer["neighbors"]) == 11 and answer["neighbors"][0]["score"] == pytest.approx(together[0, 0], abs=1e-6)


def test_a_process_with_tensorflow_alone_searches(exported, plain_python, child, tmp_path):
    model, bundle = exported
    (tmp_path / "clip.wav").write_bytes(CLIPS[0])
    code = (
        "import sys, json, importlib.util, tensorflow as tf\n"
        "assert importlib.util.find_spec('keras') is None and importlib.util.find_spec('zoo') is None\n"
        "search = tf.saved_model.load(sys.argv[1]).signatures['search']\n"
        "print(json.dumps(search(audio=tf.io.read_file('clip.wav')[None])['scores'].numpy()[0].tolist()))\n"
    )
    process = child(plain_python, "-c", code, bundle, folder=tmp_path)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    expected = np.sort(model.similarity(CLIPS[:1], IMAGES)[0])[::-1]
    np.testing.assert_allclose(json.loads(output.splitlines()[-1]), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["misa", "sima"])
@pytest.mark.parametrize("cells", [1, 40, 2**22])
def test_a_gallery_of_items_of_any_length_equals_the_layer(kind, cells, monkeypatch):
    monkeypatch.setattr(matchmaps, "CELLS", cells)
    lengths = [4, 0, 1, 4, 2, 3, 4]
    places = RANDOM.normal(size=(7, 4, 3)).astype("float32")
    frames = RANDOM.normal(size=(5, 6, 3)).astype("float32")
    real = np.arange(6) < np.array([[6], [1], [0], [4], [3]])
    there = np.arange(4) < np.array(lengths)[:, None]
    gallery = MapGallery([part[:n] for part, n in zip(places, lengths, strict=True)], "aabbccd", range(7), 7, kind)
    scores, rows = gallery.nearest((tf.constant(frames), tf.constant(real)))
    expected = np.asarray(matchmap_similarity(frames, real, places, there, kind))
    np.testing.assert_allclose(scores, -np.sort(-expected, axis=1), atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(expected, rows.numpy(), axis=1), scores, atol=1e-6)


def test_dimensions_of_a_matchmap_are_not_cut(exported, tmp_path):
    model, _ = exported
    if model.matchmap == "sisa":
        assert zoo.export(model, tmp_path / "cut", gallery=(IMAGES, LABELS), keep_dims=2).is_dir()
        return
    with pytest.raises(ValueError, match="keep_dims.*all vectors"):
        zoo.export(model, tmp_path / "cut", gallery=(IMAGES, LABELS), keep_dims=2)
    assert not (tmp_path / "cut").exists()
