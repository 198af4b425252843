"""An export is whole or absent: two at once, a killed one, a disk that takes only a part."""

import hashlib
import os
import pathlib
import signal
import time

import numpy as np
import pytest
import tensorflow as tf
from bundle_texts import ITEMS, LABELS

from zoo.export import card
from zoo.export.ask import query
from zoo.export.saved_model import export
from zoo.export.staging import PREFIX, versions

COMMON = """
import pathlib, resource, sys, time
import zoo
from zoo.export.saved_model import export
file, folder = sys.argv[1], pathlib.Path(sys.argv[2])
model = zoo.load_model(file)
gallery = (["导航去火车站", "讲个笑话"], ["go", "other"])
print("loaded", flush=True)
while not (folder / "go").exists():
    time.sleep(0.001)
print("exported", export(model, folder / "both", gallery=gallery).name, flush=True)
"""
LIMITED = COMMON + """
for limit in (1_000, 50_000):  # the variables do not fit, the graph does not fit
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        export(model, folder / "limited" / "name")
        print("no error at", limit)
    except OSError as error:
        print("OSError", str(folder / "limited" / "name") in str(error), error, flush=True)
"""
ENDLESS = COMMON + """
while True:
    export(model, folder / "both", gallery=gallery)
"""


def said(process, word):
    """Return what follows `word` in the next line of the process that begins with it."""
    for line in process.stdout:  # TensorFlow has something to say as well
        if line.startswith(word):
            return line.removeprefix(word).strip()
    raise AssertionError(f"the process ended before it said {word!r}")


def content(folder):
    return {path: hashlib.sha256(path.read_bytes()).digest() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def outcome(model, child, tmp_path_factory):
    """Two processes export one model to one path at once; then one meets limits and one is killed in its next."""
    folder = tmp_path_factory.mktemp("crash")
    model.save(folder / "model.keras")
    limited, endless = (
        child(None, "-c", code, folder / "model.keras", folder, folder=pathlib.Path.cwd())
        for code in (LIMITED, ENDLESS)
    )
    for process in (limited, endless):
        said(process, "loaded")
    (folder / "go").touch()
    numbers = {said(process, "exported") for process in (limited, endless)}
    while not list((folder / "both").glob(PREFIX + "*/bundle/*")):
        assert endless.poll() is None
        time.sleep(0.001)
    endless.send_signal(signal.SIGKILL)
    endless.wait()
    report, _ = limited.communicate(timeout=120)
    return {"folder": folder, "numbers": numbers, "report": report}


def test_two_at_once_write_two_whole_versions(model, outcome):
    both = outcome["folder"] / "both"
    assert outcome["numbers"] == {"1", "2"}
    for number in "12":
        served = tf.saved_model.load(str(both / number)).signatures["embed"](tf.constant(ITEMS))["embedding"]
        np.testing.assert_allclose(served, model.predict(ITEMS), atol=1e-5)
    # The same model, exported by two processes, is the same bundle.
    assert card.fingerprint(both / "1") == card.fingerprint(both / "2")


def test_a_file_size_limit_is_an_error_and_leaves_nothing(outcome):
    lines = outcome["report"].splitlines()
    assert sum(line.startswith("OSError True") for line in lines) == 2, outcome["report"]
    assert not (outcome["folder"] / "limited").exists()


def test_a_killed_exporter_leaves_whole_versions_and_the_next_one_cleans_up(model, outcome):
    killed = outcome["folder"] / "both"
    before = versions(killed)
    assert before[:2] == [1, 2] and len(list(killed.glob(PREFIX + "*"))) == 1
    for number in before:
        assert query(killed / str(number), ["回家"])[0]["label"] in ("go", "other")
    assert export(model, killed, gallery=(ITEMS, LABELS)).name == str(before[-1] + 1)
    assert sorted(map(int, os.listdir(killed))) == [*before, before[-1] + 1]


def test_an_interruption_at_the_end_leaves_the_versions_that_are_there(model, bundle, monkeypatch):
    before = content(bundle.parent)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(card, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export(model, bundle.parent)
    assert content(bundle.parent) == before and os.listdir(bundle.parent) == ["1"]


def test_a_file_that_was_cut_short_never_gets_a_number(model, tmp_path, monkeypatch):
    import keras

    write_out = type(keras.export.ExportArchive()).write_out

    def cut(self, path, **settings):
        write_out(self, path, **settings)
        (data,) = pathlib.Path(path).glob("variables/variables.data*")
        os.truncate(data, data.stat().st_size // 2)

    monkeypatch.setattr(type(keras.export.ExportArchive()), "write_out", cut)
    with pytest.raises(OSError, match="was not written whole and is removed"):
        export(model, tmp_path / "name")
    assert os.listdir(tmp_path) == []


def test_a_path_that_cannot_be_written_is_refused_before_any_work(tmp_path):
    import zoo

    model = zoo.build("bilstm_epshn", units=4)
    model.adapt(ITEMS)
    model.predict(["a"])
    model.head[0].bias.assign(np.full(128, np.nan))  # refused as soon as anything is computed
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file' is a file"):
        export(model, tmp_path / "file" / "name")
