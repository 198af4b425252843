"""Hidden folders, version numbers and what a killed process leaves."""

import os
import pathlib
import signal

import pytest

from zoo.export.staging import PREFIX, publish, staging, versions, writing

RACER = """
import pathlib, sys, time
from zoo.export.staging import publish, staging
parent = pathlib.Path(sys.argv[1])
with staging(parent) as folder:
    (folder / "bundle").mkdir()
    (folder / "bundle" / "who").write_text(sys.argv[2])
    while not (parent / "go").exists():
        time.sleep(0.001)
    print(publish(folder / "bundle", parent).name)
"""
VICTIM = """
import pathlib, sys, time
from zoo.export.staging import staging
with staging(pathlib.Path(sys.argv[1])) as folder:
    (folder / "half").write_text("of it")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_processes_that_publish_at_once_each_get_a_number(child, tmp_path):
    racers = [child(None, "-c", RACER, tmp_path, str(i), folder=pathlib.Path.cwd()) for i in range(6)]
    while len(list(tmp_path.glob(PREFIX + "*/bundle/who"))) < 6:
        assert all(racer.poll() is None for racer in racers)
    (tmp_path / "go").touch()
    numbers = [int(racer.communicate(timeout=30)[0]) for racer in racers]
    assert sorted(numbers) == versions(tmp_path) == [1, 2, 3, 4, 5, 6]
    assert [(tmp_path / str(number) / "who").read_text() for number in numbers] == list("012345")
    assert {entry.name for entry in tmp_path.iterdir()} == {"go", *"123456"}


def test_a_number_that_was_taken_in_between_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.export.staging.versions", lambda parent: [])  # what an exporter saw a moment ago
    for expected in ("1", "2", "3"):
        with staging(tmp_path) as folder:
            (folder / "bundle").mkdir()
            (folder / "bundle" / "who").write_text(expected)
            assert publish(folder / "bundle", tmp_path).name == expected
    assert (tmp_path / "1" / "who").read_text() == "1"


def test_leftovers_go_when_their_process_is_gone_and_not_before(child, tmp_path):
    victim = child(None, "-c", VICTIM, tmp_path, folder=pathlib.Path.cwd())
    assert victim.stdout.readline() == "ready\n"
    with staging(tmp_path):
        assert len(list(tmp_path.glob(PREFIX + "*/half"))) == 1  # alive: left alone
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert len(list(tmp_path.iterdir())) == 1
    with staging(tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]
    assert list(tmp_path.iterdir()) == []


def test_the_next_number_is_one_above_the_highest_of_any_kind(tmp_path):
    (tmp_path / "2").mkdir()
    (tmp_path / "7").touch()  # a file, which cannot be renamed on to
    (tmp_path / "old").mkdir()
    with staging(tmp_path) as folder:
        (folder / "bundle").mkdir()
        assert publish(folder / "bundle", tmp_path).name == "8"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_neither_the_folder_nor_its_new_parents(tmp_path, error):
    with pytest.raises(error), staging(tmp_path / "new" / "name") as folder:
        (folder / "half").mkdir()
        raise error
    assert list(tmp_path.iterdir()) == []


def test_parents_that_were_there_stay(tmp_path):
    (tmp_path / "name").mkdir()
    with pytest.raises(ValueError), staging(tmp_path / "name" / "deeper"):
        raise ValueError
    assert list((tmp_path / "name").iterdir()) == []


def test_a_path_below_a_file_is_named(tmp_path):
    file = tmp_path / "file"
    file.write_text("content")
    for path in (file, file / "below", file / "far" / "below"):
        with pytest.raises(OSError, match=f"cannot write into '{path}': '{file}' is a file; give another folder"):
            with staging(path):
                raise AssertionError("the work began")
    assert file.read_text() == "content" and os.listdir(tmp_path) == ["file"]


def test_an_error_of_the_disk_names_the_place():
    with pytest.raises(OSError, match="'some/where' could not be written, and nothing new was left there") as caught:
        with writing("some/where", KeyError):
            raise OSError(28, "No space left on device")
    assert caught.value.errno == 28
    with pytest.raises(OSError, match="could not be written"), writing("x", KeyError):
        raise KeyError("what TensorFlow says")
