"""Bundles of models of words: WAV files in, the most probable words, their probabilities and the embedding out."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.cli import main
from zoo.frontends import as_wavs

WORDS = ["eins", "zwei", "导航", "four"]
TONES = [np.sin(2 * np.pi * (200 + 600 * i) / 8000 * np.arange(1500 + 300 * i)) for i in range(6)]
CLIPS = as_wavs([np.round(20000 * tone).astype("int16") for tone in TONES], 8000)


def small(**settings):
    keras.utils.set_random_seed(0)
    model = zoo.build(
        "speechcnn_words", classes=4, seconds=0.4, mels=12, blocks=[(8, 3, True)], embedding_dim=5,
        frequencies=(20, 10, 5, 0), items=40, **settings,
    )  # fmt: skip
    model.build((None, 3200, 1))
    kernel = model.loss_layer.scores.kernel
    kernel.assign(np.random.default_rng(1).normal(0, 9, kernel.shape))  # as if it had learnt something
    return model


@pytest.fixture(scope="module")
def model():
    return small(weighting="sqrt")


@pytest.fixture(scope="module")
def bundle(model, tmp_path_factory):
    return zoo.export(model, tmp_path_factory.mktemp("served") / "words", neighbors=3, samples=CLIPS, words=WORDS)


def test_words_are_those_of_the_model(model, bundle):
    signatures = tf.saved_model.load(str(bundle)).signatures
    assert set(signatures) == {"serving_default", "embed", "words"}
    found = signatures["words"](audio=tf.constant([*CLIPS, b"no audio"]))
    expected = 1 / (1 + np.exp(-model.class_scores(CLIPS).astype("float64")))
    order = np.argsort(-expected, axis=1)[:, :3]
    assert [[word.decode() for word in row] for row in found["words"].numpy()[:-1]] == [[WORDS[i] for i in row] for row in order]
    assert len({tuple(row) for row in order.tolist()}) > 1
    np.testing.assert_allclose(found["scores"][:-1], np.take_along_axis(expected, order, axis=1), atol=1e-5)
    assert found["ok"].numpy().tolist() == [1.0] * 6 + [0.0] and not found["scores"].numpy()[-1].any()
    np.testing.assert_allclose(signatures["embed"](audio=tf.constant(CLIPS))["embedding"], model.predict(CLIPS), atol=1e-5)
    assert signatures["words"](audio=tf.constant([], tf.string))["words"].shape == [0, 3]


def test_a_process_with_tensorflow_alone_hears_words(model, bundle, plain_python, child, tmp_path):
    (tmp_path / "clip.wav").write_bytes(CLIPS[2])
    code = (
        "import sys, json, importlib.util, tensorflow as tf\n"
        "assert importlib.util.find_spec('keras') is None and importlib.util.find_spec('zoo') is None\n"
        "found = tf.saved_model.load(sys.argv[1]).signatures['words'](audio=tf.io.read_file('clip.wav')[None])\n"
        "print(json.dumps([[w.decode() for w in found['words'].numpy()[0]], found['scores'].numpy()[0].tolist()]))\n"
    )
    process = child(plain_python, "-c", code, bundle, folder=tmp_path)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    words, scores = json.loads(output.splitlines()[-1])
    expected = dict(zip(WORDS, keras.ops.convert_to_numpy(keras.ops.sigmoid(model.class_scores(CLIPS[2:3])[0])), strict=True))
    np.testing.assert_allclose(scores, [expected[word] for word in words], atol=1e-5)


def test_the_card_has_the_words_and_the_difference_covers_them(model, bundle, tmp_path, monkeypatch):
    card = json.loads((bundle / "card.json").read_text(encoding="utf-8"))
    assert card["words"] == WORDS and card["largest_difference"] < 1e-5
    assert set(card["signatures"]["words"]["outputs"]) == {"words", "scores", "ok"}
    scores = model.class_scores
    monkeypatch.setattr(model, "class_scores", lambda items: scores(items) + 0.1)
    with pytest.raises(RuntimeError, match="differs from model.predict"):
        zoo.export(model, tmp_path / "wrong", words=WORDS)
    assert not (tmp_path / "wrong").exists() or not list((tmp_path / "wrong").iterdir())


def test_it_is_exported_and_asked_from_the_command_line(model, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model.save("words.keras")
    (tmp_path / "words.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    (tmp_path / "clip.wav").write_bytes(CLIPS[0])
    assert main(["export", "words.keras", "saved_models/words", "--words", "words.txt", "--neighbors", "2"]) == 0
    capsys.readouterr()
    assert main(["query", "saved_models/words", "clip.wav"]) == 0
    said = capsys.readouterr().out
    (answer,) = zoo.export.query("saved_models/words", ["clip.wav"])
    first, second = answer["words"]
    assert said == f"clip.wav: {first['word']} {first['score']:.2f}, {second['word']} {second['score']:.2f}\n"
    assert first["score"] > second["score"] and len(answer["embedding"]) == 5


def test_shares_of_the_softmax_leave_words_out_that_never_occur():
    loss = small(form="softmax", weighting="inverse").loss_layer.loss
    found = np.asarray(loss.probabilities(np.array([[0.0, 1.0, 2.0, 9.0]], "float32")))
    np.testing.assert_allclose(found[0], [*np.exp([0, 1, 2]) / np.exp([0, 1, 2]).sum(), 0], atol=1e-6)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"words": WORDS[:3]}, "4 distinct ones.*got 3"),
        ({"words": [*WORDS[:3], "eins"]}, "distinct"),
        ({"words": WORDS, "keep_dims": 2, "gallery": (CLIPS, "abcdef")}, "keep_dims.*whole embedding"),
    ],
)
def test_words_that_do_not_fit_are_refused_and_leave_nothing(model, tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        zoo.export(model, tmp_path / "no", **settings)
    assert not (tmp_path / "no").exists()


def test_models_of_one_label_have_no_words(tmp_path):
    model = zoo.build("speechcnn_softmax", classes=4, seconds=0.4, mels=12, blocks=[(8, 3, True)])
    with pytest.raises(ValueError, match="words: 'speechcnn_softmax' has no loss of several labels"):
        zoo.export(model, tmp_path / "no", words=WORDS)
