"""A model of speech as a bundle: plain TensorFlow in a fresh process answers from the bytes of WAV files."""

import json
import pickle
import struct

import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.data.synthesiser import VOICES, speak
from zoo.frontends import as_wavs

WORDS = ["one", "three", "six", "nine"]
CLIPS = [speak(word, voice, 0) for word in WORDS for voice in VOICES["train"][:3]]
FILES = as_wavs(CLIPS, 8000)
TONE = np.sin(np.arange(44100) / 30).astype("float32") * 0.5
LYING = [FILES[0][:40] + struct.pack("<I", size) + FILES[0][44:] for size in (0, 2**31, 2**32 - 1)]
ODD = [
    *LYING, *as_wavs([TONE], 44100), *as_wavs([TONE[:9]], 48000), *as_wavs([np.tile(CLIPS[0], 2000)[: 8000 * 600]], 8000),
    *as_wavs([np.zeros(800, "int16"), np.full(800, 20000, "int16"), np.sign(TONE), np.ones(1, "int16")], 8000),
]  # fmt: skip
BAD = [b"", b"no audio", as_wavs([np.zeros(0, "int16")], 8000)[0], FILES[0][:30], b"\x89PNG\r\n\x1a\n" + bytes(99)]


@pytest.fixture(scope="module")
def model():
    blocks = [(16, 5, True), (24, 3, False)]
    model = zoo.build("speechcnn_epshn", embedding_dim=8, seconds=0.5, blocks=blocks, speed=0.1, noise=0.1)
    x = model.preprocess(FILES)
    model(x)
    model.backbone(x, training=True)  # batch statistics that are not those of the beginning
    return model


@pytest.fixture(scope="module")
def bundle(model, tmp_path_factory):
    gallery = FILES, np.repeat(WORDS, 3)
    return zoo.export(model, tmp_path_factory.mktemp("bundles") / "speech", gallery=gallery, neighbors=3)


def test_a_fresh_process_with_tensorflow_alone_answers_as_the_model_does(model, bundle, tmp_path, plain_python, child):
    items = FILES + ODD + BAD
    code = (
        "import sys, pickle, numpy as np, tensorflow as tf\n"
        "signatures = tf.saved_model.load(sys.argv[1]).signatures\n"
        "items = pickle.load(open(sys.argv[2], 'rb'))\n"
        "for name in ('serving_default', 'embed', 'search', 'classify'):\n"
        "    answer = signatures[name](audio=tf.constant(items))\n"
        "    np.savez(sys.argv[2] + name, **{k: v.numpy() for k, v in answer.items()})\n"
        "alone = [signatures['embed'](audio=tf.constant([item]))['embedding'][0].numpy() for item in items]\n"
        "np.save(sys.argv[2] + 'alone.npy', alone)\n"
        "assert 'zoo' not in sys.modules and 'keras' not in sys.modules\n"
    )
    path = tmp_path / "items"
    path.write_bytes(pickle.dumps(items))
    process = child(plain_python, "-c", code, bundle, path, folder=tmp_path)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    names = "serving_default", "embed", "search", "classify"
    answers = {name: np.load(f"{path}{name}.npz", allow_pickle=True) for name in names}
    good = len(FILES) + len(ODD)
    for answer in answers.values():
        assert answer["ok"].tolist() == [1] * good + [0] * len(BAD)
    embedding = answers["embed"]["embedding"]
    np.testing.assert_allclose(embedding[:good], model.predict(FILES + ODD), atol=1e-5)
    np.testing.assert_allclose(np.load(f"{path}alone.npy"), embedding, atol=1e-5)
    np.testing.assert_allclose(embedding[len(FILES) : len(FILES) + 3], embedding[[0, 0, 0]], atol=1e-6)  # the lying ones
    assert (embedding[good:] == 0).all()
    assert [row[0] for row in answers["search"]["ids"][: len(FILES)].tolist()] == [str(i).encode() for i in range(len(FILES))]
    assert answers["classify"]["label"].shape == (len(items),)


def test_a_request_without_a_clip_has_an_answer_without_a_row(bundle):
    signatures = tf.saved_model.load(str(bundle)).signatures
    shapes = {"embedding": [0, 8], "ok": [0], "ids": [0, 3], "labels": [0, 3], "scores": [0, 3], "label": [0], "votes": [0]}
    for name in ("serving_default", "embed", "search", "classify"):
        answer = signatures[name](audio=tf.constant([], tf.string))
        assert {key: value.shape for key, value in answer.items()} == {key: shapes.get(key, [0]) for key in answer}
    assert signatures["embed"](audio=tf.constant(FILES[:1]))["embedding"].shape == [1, 8]


def test_queries_and_the_card_know_audio(model, bundle, tmp_path):
    card = json.loads((bundle / "card.json").read_text())
    assert card["inputs"] == {"audio": {"dtype": "string", "shape": [None]}}
    assert card["outputs"]["embedding"]["shape"] == [None, 8] and set(card["outputs"]) == {"embedding", "ok"}
    paths = []
    for name, data in (("a.wav", FILES[4]), ("b.wav", BAD[1])):
        (tmp_path / name).write_bytes(data)
        paths.append(str(tmp_path / name))
    first, second = zoo.export.query(bundle, paths)
    assert first["audio"] == paths[0] and first["ok"] and not second["ok"]
    assert first["neighbors"][0]["id"] == "4" and first["neighbors"][0]["label"] == "three"
