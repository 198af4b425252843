"""The projector callback, and TensorBoard's own plugin reading what it wrote."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import keras
import numpy as np
import pytest

import zoo
from zoo.callbacks import Projector
from zoo.export.projector import write_projector

TEXTS = [f"{verb} {thing}" for verb in ("导航去", "go to", "play", "播放") for thing in ("a", "bc", "火车站", "音乐", "d", "")]
LABELS = ["go"] * 12 + ["play"] * 12
IDS = np.array([label == "go" for label in LABELS], "int32")


def rows(run):
    """Return header and rows of the metadata, and the vectors."""
    header, *lines = (run / "metadata.tsv").read_text(encoding="utf-8")[:-1].split("\n")
    vectors = np.loadtxt(run / "vectors.tsv", delimiter="\t")
    return header.split("\t"), [line.split("\t") for line in lines], vectors


def fit(model, *callbacks, **settings):
    model.fit(TEXTS, IDS, batch_size=24, verbose=0, callbacks=list(callbacks), **settings)


@pytest.fixture(scope="module")
def logdir(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def server(logdir):
    """A TensorBoard that starts while the model trains."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tensorboard.main", "--logdir", logdir, "--port", "0", "--host", "127.0.0.1",
         "--reload_interval", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    yield process
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    model = zoo.build("bilstm_epshn", units=4, char_dim=4, embedding_dim=3)
    model.adapt(TEXTS)
    return model


@pytest.fixture(scope="module")
def trained(model, logdir, server):
    """The model after two epochs and its embeddings before them; TensorBoard is already looking."""
    before = model.predict(TEXTS)
    fit(model, Projector(logdir, (TEXTS, LABELS)), epochs=2)
    after = model.predict(TEXTS)
    write_projector(logdir / "wide", np.eye(3, 201), {"label": ["α", "β", "γ"]})
    return {0: before, 2: after}


def test_a_run_before_training_and_one_after_each_epoch(trained, logdir):
    assert sorted(os.listdir(logdir)) == ["epoch_000", "epoch_001", "epoch_002", "wide"]
    assert np.abs(trained[0] - trained[2]).max() > 1e-3
    for epoch, expected in trained.items():
        header, lines, vectors = rows(logdir / f"epoch_{epoch:03d}")
        assert header == ["text", "label", "predicted"]
        order = [TEXTS.index(text) for text, _, _ in lines]
        assert sorted(order) == list(range(len(TEXTS)))
        np.testing.assert_allclose(vectors, expected[order], atol=1e-5)
        assert [label for _, label, _ in lines] == [LABELS[i] for i in order]
        neighbors, similarity = zoo.neighbors.knn(expected, expected, 5, exclude=np.arange(len(TEXTS)))
        votes, _ = zoo.neighbors.vote(np.array(LABELS)[neighbors], similarity)
        assert [predicted for _, _, predicted in lines] == [votes[i] for i in order]


def test_without_a_gallery_an_item_is_no_neighbor_of_itself(model, tmp_path):
    callback = Projector(tmp_path, (TEXTS, TEXTS), neighbors=1)  # a label of its own for each
    callback.set_model(model)
    callback.write(0)
    lines = rows(tmp_path / "epoch_000")[1]
    assert len(lines) == 24 and all(label != predicted for _, label, predicted in lines)


def test_a_gallery_votes_and_the_last_epoch_is_always_written(model, trained, tmp_path):
    data = zoo.data.Split(TEXTS[:3], ["unseen"] * 3)
    callback = Projector(tmp_path, data, gallery=(TEXTS[12:], LABELS[12:]), every=3, neighbors=99)
    fit(model, callback, epochs=4)
    assert sorted(os.listdir(tmp_path)) == ["epoch_000", "epoch_003", "epoch_004"]
    assert {predicted for _, _, predicted in rows(tmp_path / "epoch_004")[1]} == {"play"}


def test_resumed_training_goes_on_where_it_was(model, trained, tmp_path):
    fit(model, Projector(tmp_path, (TEXTS, LABELS)), epochs=2)
    again = Projector(tmp_path, (TEXTS, LABELS))
    fit(model, again, initial_epoch=1, epochs=3)
    assert sorted(os.listdir(tmp_path)) == ["epoch_000", "epoch_001", "epoch_002", "epoch_003"]
    with pytest.warns(UserWarning, match="holds runs of an earlier training up to epoch_003"):
        fit(model, again, epochs=1)


def test_bad_arguments_are_named(tmp_path):
    for data in ({"a": 1}, (TEXTS,), None):
        with pytest.raises(ValueError, match="data: expected .items, labels. or an object"):
            Projector(tmp_path, data)
    with pytest.raises(ValueError, match="gallery: expected as many labels as items, at least one; got 24 and 1"):
        Projector(tmp_path, (TEXTS, LABELS), gallery=(TEXTS, ["a"]))
    with pytest.raises(ValueError, match="every must be a whole number of at least 1, not 0"):
        Projector(tmp_path, (TEXTS, LABELS), every=0)
    with pytest.raises(ValueError, match="neighbors must be a whole number of at least 1, not 0.5"):
        Projector(tmp_path, (TEXTS, LABELS), neighbors=0.5)
    with pytest.raises(ValueError, match="data: expected two items or more"):
        Projector(tmp_path, (["a"], ["b"]))


@pytest.fixture(scope="module")
def ask(server, trained):
    """Function that asks the running TensorBoard's projector plugin over HTTP."""
    for line in server.stdout:
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        if found:
            break
    address = f"http://127.0.0.1:{found[1]}/data/plugin/projector/"

    def get(route, **query):
        with urllib.request.urlopen(f"{address}{route}?{urllib.parse.urlencode(query)}", timeout=30) as answer:
            return answer.read()

    end = time.monotonic() + 60
    while len(json.loads(get("runs"))) < 4 and time.monotonic() < end:
        time.sleep(0.2)  # TensorBoard reads the folder in the background
    return get


def test_tensorboard_lists_every_run(ask):
    assert sorted(json.loads(ask("runs"))) == ["epoch_000", "epoch_001", "epoch_002", "wide"]


def test_tensorboard_answers_the_vectors_and_metadata_that_were_written(ask, logdir):
    for run in ("epoch_000", "epoch_002"):
        (info,) = json.loads(ask("info", run=run))["embeddings"]
        assert info["tensorName"] == "embedding" and info["tensorShape"] == [24, 3]
        tensor = np.frombuffer(ask("tensor", run=run, name="embedding"), "<f4").reshape(24, 3)
        np.testing.assert_array_equal(tensor, rows(logdir / run)[2].astype("float32"))
        metadata = ask("metadata", run=run, name="embedding").decode("utf-8")
        assert metadata == (logdir / run / "metadata.tsv").read_text(encoding="utf-8")
        assert len([line for line in metadata.split("\n") if line.strip()]) == 24 + 1


def test_tensorboard_serves_both_embeddings_of_a_wide_run(ask):
    infos = {info["tensorName"]: info["tensorShape"] for info in json.loads(ask("info", run="wide"))["embeddings"]}
    assert infos == {"embedding": [3, 201], "embedding_pca200": [3, 3]}
    narrow = np.frombuffer(ask("tensor", run="wide", name="embedding_pca200"), "<f4").reshape(3, 3)
    distances = np.linalg.norm(narrow[:, None] - narrow[None], axis=-1)
    np.testing.assert_allclose(distances, np.sqrt(2) * (1 - np.eye(3)), atol=1e-5)
    metadata = {name: ask("metadata", run="wide", name=name).decode() for name in infos}
    assert sorted(metadata["embedding"].split()) == ["α", "β", "γ"]
    assert metadata["embedding"] == metadata["embedding_pca200"]
    with pytest.raises(urllib.error.HTTPError):
        ask("tensor", run="wide", name="no such embedding")
