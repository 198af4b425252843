"""The recipe `intent_bilstm` on a TSV of the user's own, from another folder, and killed in the middle."""

import os
import pathlib
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

import zoo

ROOT = pathlib.Path(__file__).parents[1]
COMMAND = [sys.executable, str(ROOT / "recipes/intent_bilstm.py"), "--steps", "2"]
ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def folder(tmp_path):
    data = zoo.data.load("embedded", task="intent")
    kept = [(label, text) for label, text in zip(data.train.labels, data.train.items, strict=True) if label in ("music", "call", "navigation")]
    rows = [*kept[:90], ("rare", "one of its kind")]
    (tmp_path / "my queries.tsv").write_text("".join(f"{label}\t{text}\n" for label, text in rows), encoding="utf-8")
    return tmp_path


def test_three_models_on_ones_own_few_texts(folder):
    command = [*COMMAND, "--data", "my queries.tsv", "--epochs", "1", "--features", "2"]
    command += ["--models", "triplet, margin 10; softmax; hinge, margin 1"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rare" in done.stderr  # the label with one example is named
    out = folder / "runs/intent_bilstm/my_queries_intent"
    assert {p.name for p in out.iterdir()} >= {"results.csv", "encodings.gif", "encodings.html", "gates_1.png", "features.png"}
    assert not (out / "logits.png").exists() and not (out / "unfinished").exists()
    assert (folder / "saved_models/bilstm_my_queries_intent/1/card.json").is_file()
    assert "largest difference" in done.stdout and "docker run" in done.stdout
    for name in ("untrained", "triplet, margin 10", "softmax", "hinge, margin 1"):
        assert f"\n{name} " in done.stdout


def test_killed_it_goes_on_where_it_was_and_ends_as_if_it_had_not_been(folder, tmp_path_factory):
    """The best epoch comes before the kill: the run that goes on must not take a later one for the best."""
    command = [*COMMAND, "--data", str(folder / "my queries.tsv"), "--epochs", "3", "--features", "0", "--models", "softmax"]
    settings = {"text": True, "env": {**ENVIRONMENT, "TF_NUM_INTRAOP_THREADS": "1"}}  # sums in one order
    whole = tmp_path_factory.mktemp("whole")
    done = subprocess.run(command, cwd=whole, capture_output=True, **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    scores = [float(score) for score in re.findall(r"epoch \d: .*macro-F1 (.*)", done.stdout)]
    assert len(scores) == 3 and scores.index(max(scores)) == 0, "choose a model or data whose first epoch is the best"
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **settings)
    for line in process.stdout:
        if "epoch 2: " in line:
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    assert process.returncode == -signal.SIGKILL
    done = subprocess.run(command, cwd=folder, capture_output=True, **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "epoch 1: " not in done.stdout and "epoch 3: " in done.stdout
    out = "runs/intent_bilstm/my_queries_intent"
    assert len(list((folder / out / "projector").glob("epoch_*"))) == 4
    models = [zoo.load_model(place / out / "model.keras").get_weights() for place in (whole, folder)]
    assert all(np.array_equal(a, b) for a, b in zip(*models, strict=True))


@pytest.mark.parametrize("data, words", [("nothing.tsv", "nothing.tsv"), ("nav_zn", "did you mean 'nav_zh'")])
def test_bad_data_is_one_line(data, words, tmp_path):
    done = subprocess.run([*COMMAND, "--data", data], cwd=tmp_path, capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in zoo.data.names() if name != "embedded"])
def test_every_named_set(name, tmp_path):
    try:
        zoo.data.data_root()
    except FileNotFoundError:
        pytest.skip("the data sets are not at hand; set ZOO_DATA")
    environment = {**ENVIRONMENT, "ZOO_DATA": str(zoo.data.data_root().resolve())}
    command = [*COMMAND, "--data", name, "--epochs", "1", "--features", "2", "--models", "triplet, margin 10;softmax;hinge, margin 1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "For comparison, character 1-3-gram tf-idf + linear SVM" in done.stdout
