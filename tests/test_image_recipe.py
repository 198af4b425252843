"""The recipe image_epshn as a user runs it, on the digits and on a folder of one's own; killed, it goes on."""

import csv
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

import zoo

ROOT = pathlib.Path(__file__).parents[1]
FAST = ["--epochs", "2", "--steps", "3", "--seeds", "2", "--rates", "1e-3"]


def start(folder, *arguments, recipe="image_epshn.py"):
    command = [sys.executable, str(ROOT / "recipes" / recipe), *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)


@pytest.fixture(scope="module")
def killed_and_resumed(tmp_path_factory):
    """The first call is killed when one run is done."""
    folder = tmp_path_factory.mktemp("images")
    process = start(folder, *FAST)
    while not list(folder.glob("runs/image_epshn/digits/runs/*.json")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    process = start(folder, *FAST)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return folder, output


def test_it_goes_on_and_prints_a_table_and_the_next_commands(killed_and_resumed):
    _, output = killed_and_resumed
    assert "done before" in output
    for words in ("EPSHN, second order", "recall@1", "tensorboard --logdir", "zoo query saved_models/", "largest difference"):
        assert words in output, words
    assert float(output.split("largest difference ")[1].split()[0]) < 1e-5


def test_scores_pictures_projector_and_bundle_are_there(killed_and_resumed):
    folder, _ = killed_and_resumed
    out = folder / "runs/image_epshn/digits"
    with open(out / "results.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["loss"] for row in rows} == {"start", "EP", "EPSHN", "EPSHN, second order"}
    assert {row["seed"] for row in rows if row["loss"] == "EP"} == {"0", "1"}
    assert all(0 <= float(row["value"]) <= 1 for row in rows)
    names = ("scatter_epshn.gif", "scatter_epshn.html", "distances.png", "paths.png", "tsne.png", "similarities.png",
             "neighbors.png", "scores.png", "conclusions.txt", "results.txt")  # fmt: skip
    for name in names:
        assert (out / name).stat().st_size > 100, name
    assert len(list((out / "projector").glob("epoch_*/sprite*.png"))) == 3
    (bundle,) = folder.glob("saved_models/*")
    image = zoo.data.load_images("digits").test.items[0]
    path = folder / "query.png"
    Image.fromarray(image).save(path)
    (answer,) = zoo.export.query(bundle, [str(path)])
    assert answer["neighbors"][0]["score"] == pytest.approx(1, abs=1e-5) and answer["ok"]


def test_bad_data_is_one_line(tmp_path):
    for data, words in (("flower", "did you mean 'flowers102'"), ("./nothing", "there is no folder"), (str(tmp_path), "classes")):
        process = start(tmp_path, "--data", data)
        errors = process.communicate()[1]
        assert process.returncode == 1 and words in errors and "Traceback" not in errors, errors


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe, arguments, picture, words",
    [
        ("lr_sweep.py", ["--seeds", "1", "--steps", "2"], "lr_sweep.png", "EPSHN affords the largest rate"),
        ("embedding_size.py", ["--steps", "2"], "pruning.png", "EPSHN, Matryoshka, cut without rotation: 16"),
    ],
)
def test_the_sweeps_draw_and_say_what_came_out(recipe, arguments, picture, words, tmp_path):
    process = start(tmp_path, *arguments, recipe=recipe)
    output, errors = process.communicate()
    assert process.returncode == 0 and words in output, errors
    (path,) = tmp_path.glob(f"runs/*/digits/{picture}")
    assert path.stat().st_size > 1000


def test_frozen_layers_are_asked_once_and_the_model_answers_the_same_from_images(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "recipes"))
    import image_epshn as recipe

    data = zoo.data.load_images("digits")
    settings = {"width": 0.25, "size": 32, "resize": 32, "freeze": "conv_pw_6_relu"}
    network = {"encoder": "mobilenet", "settings": settings, "classes": 3, "per_class": 2}
    fed = recipe.fed(data, network, tmp_path)
    assert fed.train.items.shape == (901, 2, 2, 128) and fed.images["train"] is data.train
    model = recipe.build("EPSHN", 0, 1e-3, fed, network)
    np.testing.assert_allclose(model.predict(fed.test.items[:9]), model.predict(data.test.items[:9]), atol=1e-5)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(written) == 3
    again = recipe.fed(data, network, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == written
    np.testing.assert_array_equal(again.validation.items, fed.validation.items)


def test_cuts_of_one_image_bear_its_number_and_are_no_pair(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "recipes"))
    import image_epshn as recipe

    data = zoo.data.load_images("digits")
    settings = {"width": 0.25, "size": 32, "resize": 32, "freeze": "conv_pw_6_relu", **recipe.CUT}
    network = {"encoder": "mobilenet", "settings": settings, "classes": 3, "per_class": 4}
    fed = recipe.fed(data, network, tmp_path, cuts=2)
    assert len(fed.train.items) == 901 and len(fed.cuts) == 1802 and len(list(tmp_path.iterdir())) == 4
    np.testing.assert_array_equal(fed.cuts[:901], fed.train.items)
    assert (fed.cuts[901:] != fed.train.items).any(axis=(1, 2, 3)).mean() > 0.9  # of 8 x 8 pixels some cuts are the square
    x, y = recipe.batches_of(fed, network, 0, 1).batch(0)
    labels, _ = zoo.data.encode(data.train.labels)
    assert y.shape == (12, 2) and (labels[y[:, 1]] == y[:, 0]).all()
    for features, (_, own) in zip(x, y, strict=True):
        assert any((features == fed.cuts[own + 901 * cut]).all() for cut in range(2))
    model = recipe.build("EPSHN", 0, 1e-3, fed, network)
    assert np.isfinite(model.train_on_batch(x, y)).all()
    with pytest.raises(ValueError, match="--cuts is for networks with frozen layers"):
        monkeypatch.setattr("sys.argv", ["image_epshn.py", "--cuts", "3", "--out", str(tmp_path)])
        recipe.main()
