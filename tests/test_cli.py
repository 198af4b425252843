"""The command `zoo`, as a user types it."""

import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo import cli


def run(*arguments, **settings):
    return subprocess.run(
        [sys.executable, "-m", "zoo.cli", *map(str, arguments)], capture_output=True, text=True, env=os.environ, **settings
    )


@pytest.fixture(scope="module")
def queries(tmp_path_factory):
    """A TSV of the user's own, in a folder of its own."""
    path = tmp_path_factory.mktemp("work") / "queries.tsv"
    data = zoo.data.load("embedded", task="intent")
    rows = [f"{label}\t{text}" for label, text in zip(data.train.labels[:400], data.train.items[:400], strict=True)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(queries):
    done = run(
        "train", "bilstm_batchhard", "--data", "queries.tsv", "--out", "runs/q", "--epochs", 2, "--per-class", 4,
        "--set", "units=16", "--set", "margin=soft", "--set", "embedding_dim=12", cwd=queries.parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return queries.parent, done.stdout


def test_train_shows_progress_and_scores_and_saves(trained):
    folder, output = trained
    assert "Epoch 2/2" in output and "recall@1" in output and re.search(r"\[0\.\d+, [01]\.\d+\]", output)
    model = zoo.load_model(folder / "runs/q/model.keras")
    assert model.embedding_dim == 12 and model.loss_layer.loss.objective == "soft"
    assert sorted(p.name for p in (folder / "runs/q/projector").iterdir()) == ["epoch_000", "epoch_001", "epoch_002"]
    recalls = [float(value) for value in re.findall(r"val_recall@1: (\S+)", output)]
    best = recalls.index(max(recalls)) + 1
    assert f"with the weights of epoch {best}, the best on validation data" in output
    assert sorted(p.name for p in (folder / "runs/q").iterdir()) == ["model.keras", "projector", "run.json"]


def test_it_starts_from_a_saved_model_with_its_settings(trained):
    folder, _ = trained
    arguments = ["train", "bilstm_epshn", "--data", "queries.tsv", "--epochs", 1, "--per-class", 4, "--start", "runs/q/model.keras"]
    done = run(*arguments, "--out", "runs/next", cwd=folder)
    assert done.returncode == 0, done.stderr
    first, after = (float(re.search(r"recall@1 +(\S+)", text)[1]) for text in (trained[1], done.stdout))
    model = zoo.load_model(folder / "runs/next/model.keras")
    assert model.backbone.units == 16 and model.embedding_dim == 12 and model.loss_layer.loss.negative == "semi_hard"
    assert after > first - 0.1, (first, after)
    done = run(*arguments, "--out", "runs/wrong", "--set", "units=8", cwd=folder)
    assert done.returncode and "units=16, not 8" in done.stderr and "Traceback" not in done.stderr
    assert not (folder / "runs/wrong").exists()


def test_images_are_trained_on_exported_and_asked_by_path(tmp_path, capfd, monkeypatch):
    digits = zoo.data.load_images("digits")
    for split, part in (("train", digits.train), ("test", digits.test)):
        for i in range(0, len(part), 6):
            path = tmp_path / "digits" / split / part.labels[i] / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(part.items[i]).save(path)
    monkeypatch.chdir(tmp_path)
    arguments = ["--epochs", "1", "--per-class", "4", "--set", "size=16", "--set", "filters=8", "--set", "channels=1"]
    assert cli.main(["train", "convnet_epshn", "--data", "digits", "--out", "runs/named", *arguments]) == 0
    assert "901 images" in capfd.readouterr().out
    assert cli.main(["train", "convnet_epshn", "--data", "./digits", "--out", "runs/d", *arguments]) == 0
    output = capfd.readouterr().out
    assert "151 images" in output and "recall@1" in output
    assert cli.main(["evaluate", "runs/d/model.keras", "--data", "./digits"]) == 0
    assert "recall@1" in capfd.readouterr().out
    assert cli.main(["export", "runs/d/model.keras", "saved_models/d", "--data", "./digits"]) == 0
    assert cli.main(["query", "saved_models/d", str(next(tmp_path.glob("digits/test/9/*")))]) == 0
    answer = capfd.readouterr().out
    assert re.search(r"1\.0000  9 +9/\d+\.png", answer), answer
    (tmp_path / "no.png").write_bytes(b"no image")
    assert cli.main(["query", "saved_models/d", "no.png"]) == 0
    assert "no image that can be read" in capfd.readouterr().out
    assert cli.main(["project", "runs/d/model.keras", "--data", "./digits", "--out", "runs/points"]) == 0
    assert (tmp_path / "runs/points/metadata.tsv").read_text().startswith("image\tlabel\n")
    assert list(tmp_path.glob("runs/points/*.png")) and list(tmp_path.glob("runs/d/projector/epoch_001/*.png"))


def test_evaluate_export_query_and_project(trained, capfd, monkeypatch):
    folder, _ = trained
    monkeypatch.chdir(folder)
    assert cli.main(["evaluate", "runs/q/model.keras", "--data", "queries.tsv"]) == 0
    assert "knn_accuracy" in capfd.readouterr().out
    assert cli.main(["export", "runs/q/model.keras", "saved_models/q", "--data", "queries.tsv", "--neighbors", "3"]) == 0
    assert capfd.readouterr().out.strip() == str(pathlib.Path("saved_models/q/1"))
    assert cli.main(["query", "saved_models/q", "导航到高铁东站", "play some jazz"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith("导航到高铁东站: ") and lines[4].startswith("play some jazz: ") and len(lines) == 8
    assert cli.main(["export", "runs/q/model.keras", "saved_models/plain"]) == 0
    assert cli.main(["query", "saved_models/plain", "去"]) == 0
    numbers = capfd.readouterr().out.splitlines()[-1].split("\t")[1].split()
    expected = zoo.load_model("runs/q/model.keras").predict(["去"])[0]
    np.testing.assert_allclose(np.array(numbers, float), expected, atol=1e-4)
    assert cli.main(["project", "runs/q/model.keras", "--data", "queries.tsv", "--out", "runs/p/all"]) == 0
    assert pathlib.Path("runs/p/all/vectors.tsv").is_file()


def test_list_and_describe(capsys):
    assert cli.main(["list", "*_epshn"]) == 0
    assert capsys.readouterr().out.startswith("bilstm_epshn ")
    assert cli.main(["describe", "bilstm_epshn"]) == 0
    assert "temperature=0.1" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["list", "nothing*"], ["unknown model", "bilstm_epshn"]),
        (["describe", "bilstm_epshm"], ["did you mean 'bilstm_epshn'"]),
        (["train", "bilstm_epshn", "--data", "nav_zn", "--out", "o"], ["unknown data set", "did you mean 'nav_zh'"]),
        (["train", "bilstm_epshn", "--data", "no.tsv", "--out", "o"], ["no.tsv"]),
        (["train", "bilstm_epshn", "--data", "notabs.tsv", "--out", "o"], ["notabs.tsv:1", "tab"]),
        (["train", "bilstm_epshn", "--data", "empty.tsv", "--out", "o"], ["empty.tsv"]),
        (["train", "bilstm_epshn", "--data", "embedded", "--out", "file/below"], ["file/below"]),
        (["train", "bilstm_epshn", "--data", "embedded", "--out", "o", "--set", "margin"], ["--set", "NAME=VALUE"]),
        (["train", "bilstm_epshn", "--data", "embedded", "--out", "o", "--set", "margi=1"], ["did you mean 'margin'"]),
        (["train", "bilstm_epshn", "--data", "embedded", "--out", "o", "--per-class", "1"], ["per_class"]),
        (["evaluate", "no.keras", "--data", "embedded"], ["no.keras"]),
        (["query", "saved_models/none", "hi"], ["unknown bundle"]),
    ],
)
def test_errors_are_one_line_and_nothing_is_left(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("notabs.tsv").write_text("just text\n")
    pathlib.Path("empty.tsv").write_text("")
    pathlib.Path("file").write_text("a file, not a folder")
    before = sorted(tmp_path.rglob("*"))
    assert cli.main(arguments) == 1
    message = capsys.readouterr().err
    assert message.startswith(f"zoo {arguments[0]}: ") and "Traceback" not in message
    assert all(word in message for word in words), message
    assert sorted(tmp_path.rglob("*")) == before
