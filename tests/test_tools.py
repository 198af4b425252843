"""The tools that compare ours with other libraries, as far as they go without them."""

import csv
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import bench_losses  # noqa: E402
import degenerate_table  # noqa: E402
from peers import build, cases, client, tables, worker  # noqa: E402

from zoo import registry  # noqa: E402

OURS, THEIRS, FLOOR = ("zoo", "batchhard"), ("tfa", "batchhard"), ("zoo", "floor")
ROUNDS = [
    {OURS: (0.002, 0.002), THEIRS: (0.010, 0.005), FLOOR: (0.001, 0.001)},
    {OURS: (0.008, 0.002), THEIRS: (0.020, 0.005), FLOOR: (0.002, 0.001)},
    {OURS: (0.001, 0.002), THEIRS: (0.100, 0.005)},
]


def rows(n=512, notes=(), values=(("zoo", 0.25), ("tfa", 0.5))):
    run = dict.fromkeys(tables.RUN_COLUMNS, "x") | {"load": "1.0"}
    return [row | run for row in bench_losses.time_rows("batchhard", n, ROUNDS, dict(values), dict(notes))]


def test_ratios_are_taken_within_a_round():
    own, peer = rows()
    assert (own["library"], own["ms"], own["x_floor"], own["ratio"]) == ("zoo", "2", "3", "")
    assert (peer["ratio"], peer["low"], peer["high"], peer["cpu"]) == ("0.2", "0.105", "0.3", "0.4")
    assert peer["rounds"] == 3 and peer["x_floor"] == "10"


def test_a_peer_that_computes_something_else_is_noted():
    assert rows()[1]["note"] == ""  # squared distances are twice the cosine ones
    assert rows(values=(("zoo", 0.25), ("tfa", 0.3)))[1]["note"] == "value 0.3, ours 0.5"
    assert bench_losses.disagreement("circle", "tfsim", {"zoo": 1.0, "tfsim": 9.0}) == "another definition"


@pytest.mark.parametrize(
    "n, ratio, cpu, expected",
    [
        (512, "0.4", "0.3", ("<= 0.4", "met")),
        (512, "0.41", "0.5", ("<= 0.4", "missed")),
        (512, "0.2", "0.41", ("<= 0.4", "met, cpu missed")),
        (512, "", "", ("<= 0.4", "")),
        (128, "9", "9", ("", "")),
    ],
)
def test_verdicts(n, ratio, cpu, expected):
    assert tables.verdict({"case": "batchhard", "library": "tfa", "n": n, "ratio": ratio, "cpu": cpu}) == expected


def test_parts_of_a_run_are_merged_into_one_file_and_one_table(tmp_path):
    columns = tables.TIME_KEY, tables.TIME_COLUMNS, tables.time_table
    bench_losses.keep(tmp_path, "times", rows(1024), *columns)
    bench_losses.keep(tmp_path, "times", rows(512), *columns)
    again = [row | {"ratio": "0.9", "cpu": "0.9"} if row["library"] == "tfa" else row for row in rows(1024)]
    skipped = rows(2048, notes=[("tfa", "memory")])
    skipped[1] |= dict.fromkeys(("ms", "x_floor", "ratio", "low", "high", "cpu"), "")
    bench_losses.keep(tmp_path, "times", again + skipped, *columns)
    kept = tables.read(tmp_path / "times.csv")
    expected = [(library, n) for n in ("512", "1024", "2048") for library in ("zoo", "tfa")]
    assert [(row["library"], row["n"]) for row in kept] == expected
    assert kept[3]["ratio"] == "0.9"
    text = (tmp_path / "times.txt").read_text()
    summary, table = text.split("\n\n")[1:]
    assert summary.splitlines()[1].split() == ["batch-hard", "tfa", "0.9", "1024", "<=", "0.4", "missed"]
    assert table.splitlines()[1].split() == "batch-hard tfa 512 2 3 20 10 0.2 0.105..0.3 0.4 <= 0.4 met".split()
    assert table.splitlines()[3].split() == "batch-hard tfa 2048 2 3 - - - - - <= 0.4 memory".split()
    assert not list(tmp_path.glob("*.new"))


def test_the_table_of_memory_knows_its_targets():
    row = dict.fromkeys(tables.MEMORY_COLUMNS, "") | {"case": "semihard", "library": "zoo"}
    small, large = ({"n": "4096", "mib": "300", "bytes_a_pair": "18.7"}, {"n": "8192", "mib": "5000", "bytes_a_pair": "78"})
    lines = tables.memory_table([row | small, row | large, row | large | {"chunk": "512"}])
    assert lines[1].endswith("<= 20 bytes a pair     met") and lines[2].endswith("<= 4 GiB  missed")
    assert lines[3].split()[-1] == "78"


def test_cases_name_losses_peers_and_settings_that_exist():
    for key, case in cases.CASES.items():
        assert set(case.targets) <= set(case.peers) <= set(cases.LIBRARIES), key
        assert case.floor in cases.FLOORS
        if case.name in registry.LOSSES:
            assert set(case.settings) <= set(registry.defaults(registry.LOSSES[case.name].path)), key
    for name in build.NAMES:
        assert "==" in build.requirements(name).read_text(encoding="utf-8")


def test_batches_are_the_same_in_every_process():
    x, labels = cases.batch("triplet64", 128)
    assert x.shape == (128, cases.D) and sorted(map(list(labels).count, set(labels))) == [64, 64]
    assert (x == cases.batch("triplet64", 128)[0]).all()


def test_ours_runs_in_a_worker_at_128_for_one_round(tmp_path, capsys):
    bench_losses.main(f"--losses batchhard --sizes 128 --rounds 1 --parts time --peers --out {tmp_path}".split())
    (row,) = tables.read(tmp_path / "loss_times.csv")
    assert row["library"] == "zoo" and float(row["ms"]) > 0 and float(row["x_floor"]) > 0 and float(row["value"]) > 0
    assert "keras" in row["versions"] and str(tmp_path) not in row["command"]
    assert "batchhard N=128: zoo" in capsys.readouterr().out


def test_a_worker_says_what_failed_and_is_killed_when_it_is_too_slow():
    asked = client.Worker("zoo")
    with pytest.raises(client.Failed) as failed:
        asked.ask("prepare", case="no such case", n=128, cap_gib=4, slowest=1)
    assert failed.value.reason == "KeyError"
    with pytest.raises(client.Failed) as failed:
        asked.ask("prepare", limit=600.0, case="floor", n=16384, cap_gib=0.5, slowest=60)
    assert failed.value.reason == "memory"
    with pytest.raises(client.Failed) as failed:
        asked.ask("prepare", limit=0.01, case="batchhard", n=512, cap_gib=4, slowest=1)
    assert failed.value.reason == "time" and asked.process is None


@pytest.mark.parametrize("case", ["supcon", "triplet", "semihard"])
def test_a_chunk_of_anchors_bounds_memory(case):
    asked = client.Worker("zoo")
    peak = asked.ask("peak", case=case, n=4096, cap_gib=4, chunk=512, limit=120)
    asked.close()
    assert peak < 10 * 4096**2  # bytes; all anchors at once take 17 to 28 for each pair


def test_one_thread_a_library():
    assert worker.SETTINGS["OMP_NUM_THREADS"] == "1"


@pytest.mark.parametrize(
    "batch, loss, answer, word",
    [
        ("one class", "batchhard", {"value": "0.0", "gradient": True}, "0, finite"),
        ("one class", "batchhard", {"value": "0.4", "gradient": True}, "not 0"),
        ("one class", "contrastive", {"value": "0.4", "gradient": True}, "finite"),
        ("zero vectors", "lifted", {"value": "nan", "gradient": False}, "NaN"),
        ("zero vectors", "lifted", {"value": "inf", "gradient": True}, "infinite"),
        ("zero vectors", "lifted", {"value": "1.0", "gradient": False}, "NaN gradient"),
        ("labels (N, 1)", "npair", {"value": "2.0", "gradient": True}, "right"),
        ("ids from 2^24 on", "npair", {"value": "2.1", "gradient": True}, "wrong: ids merge"),
        ("empty batch", "npair", {"error": "ValueError"}, "ValueError"),
    ],
)
def test_words_on_a_degenerate_batch(batch, loss, answer, word):
    assert degenerate_table.judge(batch, loss, answer, ordinary=2.0) == word


def test_a_cell_says_who_differs():
    assert degenerate_table.cell({"a": "0, finite", "b": "0, finite"}) == "0, finite"
    assert degenerate_table.cell({"a": "0, finite", "b": "finite"}) == "finite"
    assert degenerate_table.cell({"a": "0, finite", "b": "NaN", "c": "right"}) == "NaN: b; others fine"
    assert degenerate_table.cell({"a": "not 0", "b": "NaN", "c": "not 0"}) == "NaN: b; others not 0"
    assert degenerate_table.cell({"a": "ValueError", "b": "ValueError"}) == "ValueError"


def test_the_degenerate_table_is_what_ours_does_today():
    done = subprocess.run([sys.executable, ROOT / "tools/degenerate_table.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_ours_is_finite_or_refuses_in_the_degenerate_table():
    with open(ROOT / "tools/results/degenerate.csv", encoding="utf-8", newline="") as file:
        ours = [row for row in csv.DictReader(file) if row["library"] == "zoo"]
    assert {row["batch"] for row in ours} == set(degenerate_table.BATCHES)
    for row in ours:
        assert row["verdict"] in (*degenerate_table.GOOD, "ValueError"), row
        assert (row["verdict"] == "ValueError") == (row["batch"] == "empty batch"), row


def test_a_stale_readme_is_noticed(monkeypatch):
    stored = tables.read(degenerate_table.RESULTS / "degenerate.csv")
    monkeypatch.setattr(degenerate_table, "column", lambda library: [row for row in stored if row["library"] == library])
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert degenerate_table.check(stored, readme) is None
    other = readme.replace("| all rows equal | finite", "| all rows equal | NaN")
    assert "README.md is stale" in degenerate_table.check(stored, other)
    one = ("epshn", "duplicates")
    changed = [row | {"verdict": "NaN"} if (row["loss"], row["batch"]) == one else row for row in stored]
    assert "epshn on duplicates" in degenerate_table.check(changed, readme)


def test_the_page_of_losses_holds_what_was_tried():
    done = subprocess.run([sys.executable, ROOT / "tools/try_losses.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
