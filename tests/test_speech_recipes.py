"""The recipes speech_to_image and word_recogniser as a user runs them, on synthetic speech; killed, the first goes on."""

import argparse
import csv
import importlib
import os
import pathlib
import signal
import subprocess
import sys
import time
import types

import keras
import numpy as np
import pytest

import zoo

ROOT = pathlib.Path(__file__).parents[1]
FAST = ["--losses", "plain L1", "--epochs", "1", "--steps", "2", "--seeds", "2"]


def start(folder, recipe, *arguments):
    command = [sys.executable, str(ROOT / "recipes" / recipe), *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)


def rows(path):
    with open(path, encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def recipes(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "recipes"))
    return importlib.import_module


@pytest.fixture(scope="module")
def killed_and_resumed(tmp_path_factory):
    """The first call is killed when one run is done."""
    folder = tmp_path_factory.mktemp("speech")
    process = start(folder, "speech_to_image.py", *FAST)
    while not list(folder.glob("runs/speech_to_image/digits_synthetic/runs/*.json")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    process = start(folder, "speech_to_image.py", *FAST)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return folder, output


def test_speech_to_image_goes_on_and_says_what_is_synthetic_and_what_is_next(killed_and_resumed):
    _, output = killed_and_resumed
    assert "done before" in output
    shown = "SYNTHETIC", "zero level", "as expected", "tensorboard --logdir", "zoo query saved_models/", "largest difference"
    for words in shown:
        assert words in output, words
    assert float(output.split("largest difference ")[1].split()[0]) < 1e-5


def test_speech_to_image_leaves_scores_pictures_projector_and_a_bundle(killed_and_resumed):
    folder, _ = killed_and_resumed
    out = folder / "runs/speech_to_image/digits_synthetic"
    found = rows(out / "results.csv")
    assert {row["seed"] for row in found} == {"0", "1"} and {row["recipe"] for row in found} == {"speech_to_image"}
    names = {row["metric"] for row in found}
    assert {"pair_auc", "speech_to_image_recall@10", "image_to_speech_recall@1", "zero_level"} <= names
    (zero,) = {float(row["value"]) for row in found if row["metric"] == "zero_level"}
    assert 0.1 < zero < 0.13  # a tenth, and each pair itself
    for name in ("convergence", "similarities", "roc_l1", "auc_l1"):
        assert (out / f"{name}.png").stat().st_size > 1000, name
    for name in ("results.txt", "conclusions.txt"):
        assert (out / name).read_text(encoding="utf-8")
    assert "SYNTHETIC" in (out / "results.txt").read_text(encoding="utf-8")
    assert len(list((out / "projector").glob("test/sprite*.png"))) == 1
    (bundle,) = folder.glob("saved_models/*")
    (answer,) = zoo.export.query(bundle, [str(out / "query.wav")])
    assert answer["ok"] and len(answer["neighbors"]) == 10


def test_the_readme_s_table_is_made_of_the_scores(killed_and_resumed, tmp_path, recipes, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    tables = recipes("speech_tables")
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    scores = killed_and_resumed[0] / "runs/speech_to_image/digits_synthetic/results.csv"
    assert tables.take_over(scores) and not tables.take_over(ROOT / "recipes/results/image_omniglot.csv")
    lines = tables.speech_image()
    found = {row["seed"]: float(row["value"]) for row in rows(scores) if row["metric"] == "pair_auc"}
    (line,) = [line for line in lines if line.startswith("| plain L1 |")]
    assert f"| {sum(found.values()) / 2:.3f} |" in line and line.endswith(f"{max(found.values()):.3f} |")
    assert any("SYNTHETIC" in line for line in lines)


@pytest.mark.slow
def test_word_recogniser_writes_scores_and_pictures(tmp_path):
    process = start(tmp_path, "word_recogniser.py", "--losses", "hinge, 1 / frequency; no weights", "--epochs", "1", "--seeds", "1",
                    "--counts", "64", "20", "30")  # fmt: skip
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    for words in ("SYNTHETIC", "corr. wrong", "macro AUC", "undefined on test"):
        assert words in output, words
    out = tmp_path / "runs/word_recogniser/utterances_synthetic"
    names = {row["metric"] for row in rows(out / "results.csv")}
    assert {"macro_auc", "weighted_auc", "micro_auc", "mean_average_precision"} <= names
    assert {"words_undefined", "frequency_wrong"} <= names
    for name in ("auc_by_frequency", "auc", "roc"):
        assert (out / f"{name}.png").stat().st_size > 1000, name
    assert float(output.split("largest difference ")[1].split()[0]) < 1e-5
    (bundle,) = tmp_path.glob("saved_models/*")
    (answer,) = zoo.export.query(bundle, [str(out / "query.wav")])
    assert answer["ok"] and len(answer["words"]) == 5 and answer["words"][0]["score"] >= answer["words"][4]["score"] > 0


@pytest.mark.parametrize("name", ["speech_to_image", "word_recogniser"])
def test_an_unknown_loss_is_one_line(name, recipes, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [name, "--losses", "plane L1"])
    with pytest.raises(SystemExit):
        recipes(name).arguments()
    assert "unknown 'plane L1'; there are: " in capsys.readouterr().err


def test_speech_to_image_sends_a_folder_to_the_command(recipes, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["speech_to_image", "--data", str(tmp_path)])
    with pytest.raises(SystemExit):
        recipes("speech_to_image").arguments()
    assert f"zoo train speech2image_mms --data {tmp_path}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "label, share, expected",
    [("plain L1", 0.1, 0.1), ("plain L1, 1:1", 0.1, 0.5), ("plain L1, 3:1", 0.1, 0.25), ("plain L1, 10:1", 0.1, 0.1),
     ("plain L1, 10:1", 0.03125, 1 / 11), ("plain L1, gap penalty", 0.1, 0.6), ("balanced L1", 0.1, 0.5)],
)  # fmt: skip
def test_the_level_of_zero_is_what_the_loss_says_of_zeros(label, share, expected, recipes):
    """Towers whose cosines are all zero."""
    assert recipes("speech_image_post").level(label, share) == pytest.approx(expected)
    kind, settings = recipes("speech_to_image").LOSSES[label]
    loss, n = zoo.losses.get(kind, **settings), 320
    ids = np.arange(n) % round(1 / share)
    x = np.tile(np.eye(2, dtype="float32")[0], (n, 1)), np.tile(np.eye(2, dtype="float32")[1], (n, 1))
    assert float(loss(ids, x)) == pytest.approx(expected, rel=0.05)


def test_level_of_the_others_is_none(recipes):
    assert recipes("speech_image_post").level("sigmoid of pairs", 0.1) is None


def test_the_bias_of_guesses_is_told(recipes):
    post, counts = recipes("word_recogniser_post"), np.array([60, 50, 40, 30, 20, 10])
    run = {"guesses": [9, 1, 0, 0, 0, 10], "auc": [0.9, 0.8, 0.7, 0.6, 0.5, None], "average_precision": [0.1] * 5 + [None],
           "wrong": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]}  # fmt: skip
    found = post.bias(run, types.SimpleNamespace(frequencies=counts))
    assert found["share"] == 0.5 and found["auc"] == pytest.approx(1) and found["wrong"] == pytest.approx(-1)
    assert np.isnan(found["precision"])


def test_speech_retrieval_leaves_scores_beside_a_baseline_and_a_bundle(tmp_path):
    arguments = ["--losses", "semihard+batchhard", "--epochs", "2", "--steps", "2"]
    process = start(tmp_path, "speech_retrieval.py", *arguments)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    for words in ("SYNTHETIC", "logistic regression", "tensorboard --logdir", "zoo query saved_models/"):
        assert words in output, words
    assert float(output.split("largest difference ")[1].split()[0]) < 1e-5
    out = tmp_path / "runs/speech_retrieval/spoken_digits_synthetic"
    found = {(row["loss"], row["metric"]): row for row in rows(out / "results.csv")}
    assert {loss for loss, _ in found} == {"log-mel, not trained", "semihard+batchhard"}
    assert all(0 <= float(row["low"]) <= float(row["value"]) <= float(row["high"]) <= 1 for row in found.values())
    assert (out / "tsne.png").stat().st_size > 1000 and (out / "projector/test/vectors.tsv").is_file()


def test_the_second_loss_goes_on_from_the_encoder_of_the_first(recipes):
    recipe, data = recipes("speech_retrieval"), zoo.data.load_speech("spoken_digits_synthetic")
    options, clips = argparse.Namespace(task=data.name), data.test.items[:3]
    first = recipe.build("semihard", 1, data, list("ab"), options)
    keras.utils.set_random_seed(5)
    first.fit(zoo.data.pk_batches(data.train.items, np.arange(len(data.train)) % 10, 4, 2, steps=1), verbose=0)
    second = recipe.build("batchhard", 0, data, list("ab"), options, first)
    np.testing.assert_allclose(second.predict(clips), first.predict(clips), atol=1e-6)
    assert "batchhard" in second.name


@pytest.mark.parametrize("losses, expected", [("semihard+hard", "unknown 'hard'"), ("semihard+batchhard", "an epoch for each")])
def test_stages_that_cannot_be_trained_are_one_line(losses, expected, recipes, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["speech_retrieval", "--losses", losses, "--epochs", "1"])
    with pytest.raises(SystemExit):
        recipes("speech_retrieval").arguments()
    assert expected in capsys.readouterr().err
