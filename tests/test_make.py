"""`make demo` and `make test` on a fresh machine: a copy of the project in a path with a space."""

import csv
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import zoo

ROOT = pathlib.Path(__file__).parents[1]
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k not in ("MFLAGS", "ARGS", "VIRTUAL_ENV", "ZOO_DATA")}


def make(folder, *arguments, **settings):
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, env=ENVIRONMENT, **settings)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    folder = tmp_path_factory.mktemp("machine") / "a path with spaces"
    caches = ("__pycache__", "*.egg-info", ".pytest_cache", ".hypothesis")
    ignored = shutil.ignore_patterns(".venv", ".git", "runs", "build", *caches, "[0-9]*")
    shutil.copytree(ROOT, folder, ignore=ignored)
    return folder


@pytest.fixture(scope="module")
def demo(fresh):
    done = make(fresh, "demo", "ARGS=--epochs 2 --steps 8 --gallery 200 --features 3")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_the_whole_demo_learns(demo, fresh):
    done = make(fresh, "demo")
    assert done.returncode == 0 and len(re.findall(r"epoch \d+: loss", done.stdout)) == 12
    with open(fresh / "runs/intent_bilstm/embedded_navigation/results.csv", encoding="utf-8") as file:
        scores = {row["model"]: float(row["value"]) for row in csv.DictReader(file) if row["metric"] == "softmax accuracy"}
    assert scores and min(scores.values()) > 0.5


def test_the_demo_shows_progress_a_table_and_the_next_commands(demo):
    assert len(re.findall(r"epoch \d+: loss", demo)) == 8
    assert "Recall@1" in demo and re.search(r"0\.\d{3}-[01]\.\d{3}", demo)
    for words in ("tensorboard --logdir runs/intent_bilstm/embedded_navigation/projector", "zoo query saved_models/", "docker run", "curl"):
        assert words in demo
    assert "Traceback" not in demo


def test_the_demo_leaves_scores_pictures_projector_and_bundle(demo, fresh):
    out = fresh / "runs/intent_bilstm/embedded_navigation"
    with open(out / "results.csv", encoding="utf-8") as file:
        scores = {(row["model"], row["metric"]): float(row["value"]) for row in csv.DictReader(file)}
    assert len({model for model, _ in scores}) == 5
    assert all(0 <= value <= 1 for (_, metric), value in scores.items() if metric == "softmax accuracy")
    for name in ("encodings.gif", "encodings.html", "gates_1.png", "logits.png", "features.png", "conclusions.txt"):
        assert (out / name).stat().st_size > 100, name
    assert len(list((out / "projector").glob("epoch_*/vectors.tsv"))) == 3
    assert list(fresh.glob("saved_models/*/1/saved_model.pb"))


def test_the_printed_query_runs_as_it_stands(demo, fresh):
    (command,) = re.findall(r"^ +(\S+ query .*)$", demo, re.M)
    done = subprocess.run(command, shell=True, cwd=fresh, capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    assert zoo.data.SAMPLE_QUERIES[0] + ": " in done.stdout and len(done.stdout.splitlines()) == 11


def test_a_second_call_installs_nothing(demo, fresh):
    stamp = (fresh / ".venv/installed").stat().st_mtime_ns
    done = make(fresh, "env")
    assert done.returncode == 0 and (fresh / ".venv/installed").stat().st_mtime_ns == stamp
    assert "Building" not in done.stdout


def test_make_test_uses_the_same_environment_and_ci_calls_it(demo, fresh):
    done = make(fresh, "test", "ARGS=tests/test_floors.py")
    assert done.returncode == 0 and "passed" in done.stdout, done.stdout + done.stderr
    assert "make test" in (ROOT / ".ci/run").read_text()


@pytest.mark.parametrize("version, code", [((3, 9, 2), 2), ((3, 14, 0), 2)])
def test_a_python_that_does_not_fit_is_named(tmp_path, version, code):
    """A stand-in that says it is another version: no such Python needs to be installed."""
    python = tmp_path / "python"
    patched = f"import sys; sys.version_info = ({', '.join(map(str, version))}, 'final', 0); exec(sys.argv[1])"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{patched}" "$2"\n')
    python.chmod(0o755)
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    done = make(tmp_path, "env", f"PYTHON={python}")
    assert done.returncode == code
    assert "zoo needs Python 3.11, 3.12 or 3.13" in done.stderr and f"is Python {version[0]}.{version[1]}" in done.stderr
    assert not (tmp_path / ".venv").exists()
