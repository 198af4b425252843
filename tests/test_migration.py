"""Every new line of MIGRATION.md runs."""

import pathlib
import re

import keras
import numpy as np
import pytest
from test_addons import DISTANCES, MANY, SAME, SHARES, SIGNATURES, TARGETS, X, Y, small_model

import zoo

ROOT = pathlib.Path(__file__).resolve().parents[1]


def migration_lines():
    text = (ROOT / "MIGRATION.md").read_text(encoding="utf-8").split("## ")[1]
    assert text.startswith("tensorflow-addons")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    return [re.findall(r"`([^`]+)`", line.split(" | ")[1])[0] for line in rows]


def test_every_new_line_of_the_migration_page_runs():
    lines = migration_lines()
    assert len(lines) >= len(SIGNATURES)
    for line in lines:
        names = {"zoo": zoo, "keras": keras, "y": Y, "x": X, "model": small_model("mse"), "logits": X @ X.T, "many": MANY}
        names |= {"same": SAME, "d": DISTANCES, "targets": TARGETS, "p": SHARES}
        exec(line, names)  # noqa: S102


def other_lines():
    text = (ROOT / "MIGRATION.md").read_text(encoding="utf-8").split("## ", 2)[2]
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    return [re.findall(r"`(zoo[^`]+)`", line.split(" | ")[1])[0] for line in rows]


@pytest.mark.parametrize("line", sorted(set(other_lines())))
def test_new_lines_for_other_libraries_run(line):
    name = re.findall(r'get\("(\w+)"', line)
    if name and name[0] not in zoo.list_losses():
        pytest.skip(f"the catalogue has no {name[0]!r} yet")
    items, labels = np.arange(64), np.arange(64) % 8
    made = eval(line, {"zoo": zoo, "x": items, "y": labels})  # noqa: S307
    assert isinstance(made, zoo.losses.Loss) or len(made.batch(0)[1]) == 32
