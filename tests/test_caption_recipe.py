"""The recipe caption_to_image as a user without data runs it, on digits."""

import argparse
import csv
import json
import os
import pathlib
import re
import subprocess
import sys
from typing import NamedTuple

import keras
import numpy as np
import pytest

import zoo

ROOT = pathlib.Path(__file__).parents[1]
FAST = ["--data", "digits", "--epochs", "1", "--steps", "3", "--seeds", "1", "--rates", "5e-3", "--losses", "margin softmax"]


def call(folder, *arguments, recipe="caption_to_image.py", **env):
    command = [sys.executable, str(ROOT / "recipes" / recipe), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, **env})


class Large(NamedTuple):
    """A part of which no matrix is made."""

    own: tuple
    images: object = range(2**28)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("captions")
    result = call(folder, *FAST)
    assert result.returncode == 0, result.stderr
    return folder, result.stdout


def test_it_says_what_the_captions_are_and_prints_the_next_commands(done):
    _, output = done
    expected = ("no evidence", "t→i R@1", "i→t median", "only a caption's own image", "tensorboard --logdir", "zoo query saved")
    for words in expected:
        assert words in output, words
    assert float(output.split("largest difference ")[1].split()[0]) < 1e-5


def test_scores_pictures_and_projector_are_there(done):
    out = done[0] / "runs/caption_to_image/digits"
    with open(out / "results.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    metrics = {row["metric"] for row in rows}
    assert {"text_to_image_recall@10", "image_to_text_median_rank", "recall_sum"} <= metrics
    assert {row["matches"] for row in rows} == {"equal", "own"}
    assert all(0 <= float(row["low"]) <= float(row["value"]) <= float(row["high"]) for row in rows)
    for name in ("sentences.png", "images.png", "scores.png", "results.txt", "projector/test/projector_config.pbtxt"):
        assert (out / name).stat().st_size > 100, name
    lines = (out / "projector/test/metadata.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "what\tmodality\tclass" and sum("\tcaption\t" in line for line in lines) == 100


def test_the_bundle_answers_from_sentences_and_from_image_files(done):
    import tensorflow as tf

    (bundle,) = done[0].glob("saved_models/vse_mms_digits/1")
    signatures = tf.saved_model.load(str(bundle)).signatures
    images = list(zoo.data.load_captions("digits").test.images[:2])
    image = signatures["embed_image"](tf.constant(images))["embedding"].numpy()
    text = signatures["embed_text"](tf.constant(["a thin handwritten two", "", "zebra"]))["embedding"].numpy()
    assert image.shape == (2, 512) and text.shape == (3, 512)
    card = json.loads((bundle / "card.json").read_text(encoding="utf-8"))
    assert 0 < card["scores"]["test"]["recall_sum"][0] < 6
    assert zoo.export.query(bundle, ["the digit three in thin strokes"])[0]["neighbors"]


def test_bad_data_is_one_line(tmp_path):
    result = call(tmp_path, "--data", "ucm_caption")
    assert result.returncode == 1 and "did you mean 'ucm_captions'" in result.stderr and "Traceback" not in result.stderr
    result = call(tmp_path, "--vectors", "glov50", recipe="word_clusters.py")
    assert result.returncode == 1 and "did you mean 'glove50'" in result.stderr and "Traceback" not in result.stderr


def test_what_was_done_before_a_kill_is_read_and_half_of_a_run_is_not(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "recipes"))
    import caption_to_image as recipe

    options = argparse.Namespace(epochs=3, steps=5, folds=1, cuts=1)
    row = {"loss": "sigmoid", "seed": 1, "rate": 0.1, "epochs": 3, "steps": 5, "folds": 1, "validation": 4.0}
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / f"{recipe.slug('sigmoid', 1, 0.1)}.json").write_text(json.dumps(row))
    assert recipe.run("sigmoid", 1, 0.1, None, None, tmp_path, options) == row  # nothing is built
    with pytest.raises(AttributeError):  # other settings: it would train
        recipe.run("sigmoid", 1, 0.1, None, None, tmp_path, argparse.Namespace(epochs=4, steps=5, folds=1, cuts=1))


def test_cuts_match_what_their_image_matches_and_are_the_same_again(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "recipes"))
    import caption_to_image as recipe

    split = zoo.data.load_captions("digits").test
    np.testing.assert_array_equal(recipe.relation(split, 3), np.concatenate([split.matches()] * 3, axis=1))
    first, second = recipe.relation(Large(split.own), 2)
    np.testing.assert_array_equal(first, split.own[0])
    np.testing.assert_array_equal(second, np.concatenate([split.own[1]] * 2))

    network = object.__new__(recipe.Network)
    network.network = {"image": "convnet", "size": 16, "weights": None, "image_settings": {"channels": 1, "filters": 8}}
    images = split.images[:5]

    def features(name, cut=None):
        keras.utils.set_random_seed(0)
        return network.features(images, tmp_path / name, cut)

    whole, one, two = features("whole.npy"), features("one.npy", 1), features("two.npy", 2)
    assert whole.shape == one.shape and not np.allclose(whole, one) and not np.allclose(one, two)
    np.testing.assert_allclose(features("again.npy", 1), one, rtol=1e-5)
    assert not list(tmp_path.glob("*.part"))


def test_digits_are_not_cut(tmp_path):
    result = call(tmp_path, *FAST, "--cuts", "2")
    assert result.returncode == 1 and "--cuts is for photographs" in result.stderr and "Traceback" not in result.stderr


def test_words_of_ones_own_vectors_are_grouped_by_direction(tmp_path):
    kinds = {"monday friday sunday": (1, 0, 0), "school college pupil": (0, 1, 0), "drum flute song": (0, 0, 1)}
    lines = [
        f"{word} {' '.join(f'{value + 0.01 * i:.2f}' for value in vector)}"
        for words, vector in kinds.items()
        for i, word in enumerate(words.split())
    ]
    (tmp_path / "vectors.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    arguments = ["--vectors", "vectors.txt", "--clusters", "3", "--ask", "friday", "zebra"]
    result = call(tmp_path, *arguments, recipe="word_clusters.py")
    assert result.returncode == 0, result.stderr
    (friday,) = [line for line in result.stdout.splitlines() if line.startswith("friday: ")]
    assert sorted(re.findall(r"'(\w+)'", friday)) == ["friday", "monday", "sunday"]
    assert "zebra: not among the words" in result.stdout
    assert (tmp_path / "runs/word_clusters/clusters.txt").is_file()
