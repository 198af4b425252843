"""The named sets: their catalogue, their errors, and their counts where the data is at hand."""

import importlib.util
import pathlib

import pytest

import zoo.data
from zoo.data.sets import CATALOGUE

try:
    ROOT = zoo.data.data_root()
except FileNotFoundError:
    ROOT = None
needs_data = pytest.mark.skipif(ROOT is None, reason="ZOO_DATA is not set: the named sets are not at hand")

# name, task: train, validation, test, classes in train, navigation queries in test
COUNTS = {
    ("nav_zh", "navigation"): (12563, 2661, 3504, 2, 37),
    ("nav_zh_synthetic", "navigation"): (4000, 1000, 4000, 2, 2000),
    ("smp_ecdt_zh", "intent"): (2303, 770, 667, 31, 23),
    ("smp_ecdt_zh", "navigation"): (2303, 770, 667, 2, 23),
    ("massive_zh", "intent"): (11514, 2033, 2974, 60, None),
    ("clinc150", "intent"): (15000, 3000, 4500, 150, 120),
    ("clinc150", "navigation"): (15100, 3100, 5500, 2, 120),
    ("snips7", "intent"): (12243, 1366, 697, 7, 0),
    ("snips7_multi", "intent"): (12000, 1200, 2000, 63, 0),
    ("hwu64", "intent"): (7943, 1012, 1065, 64, None),
}


@needs_data
@pytest.mark.parametrize(("name", "task"), COUNTS)
def test_counts(name, task):
    data = zoo.data.load(name, task)
    train, validation, test, classes, navigation = COUNTS[name, task]
    assert (len(data.train), len(data.validation), len(data.test)) == (train, validation, test)
    assert len(set(data.train.labels)) == classes
    if navigation is not None:
        assert sum(label in data.navigation for label in data.test.labels) == navigation
    assert data.navigation <= set(data.train.labels)
    assert data.baseline["what"] and data.licence


@needs_data
def test_rows_keep_the_order_of_the_file():
    data = zoo.data.load("massive_zh")
    assert data.train.items[:2].tolist() == ["星期五早上九点叫醒我", "设个两小时后的闹钟"]
    assert data.train.labels[0] == "alarm_set"


@needs_data
def test_nav_zh_intents_agree_with_its_labels():
    two, many = zoo.data.load("nav_zh"), zoo.data.load("nav_zh", task="intent")
    assert [label in many.navigation for label in many.train.labels] == [
        label == "navigation" for label in two.train.labels
    ]
    assert "map/ROUTE" in many.navigation and len(set(many.train.labels)) > 60
    assert two.baseline["macro_f1"] == 0.848


@needs_data
def test_snips7_multi_labels_are_sets():
    labels = zoo.data.load("snips7_multi").train.labels
    assert "BookRestaurant" in labels and "GetWeather#RateBook" in labels


@pytest.mark.parametrize("name", zoo.data.names())
def test_catalogue(name):
    assert len(zoo.data.describe(name)) > 20
    if name != "embedded":
        assert CATALOGUE[name].licence and CATALOGUE[name].baseline[CATALOGUE[name].task]


def test_unknown_names():
    with pytest.raises(ValueError, match="unknown data set 'hwu46'; did you mean 'hwu64'.*path of a TSV"):
        zoo.data.load("hwu46")
    with pytest.raises(ValueError, match="unknown data set 'nav'"):
        zoo.data.describe("nav")
    with pytest.raises(ValueError, match="unknown task 'intents'; did you mean 'intent'"):
        zoo.data.load("embedded", task="intents")


@pytest.fixture
def root(tmp_path):
    (tmp_path / "snips7").mkdir()
    content = "split\tintent\ttext\ntrain\tPlayMusic\tplay\ntest\tGetWeather\train\n"
    (tmp_path / "snips7" / "snips7.tsv").write_text(content, encoding="utf-8")
    return tmp_path


def test_root_and_environment(root, monkeypatch):
    assert zoo.data.load("snips7", root=root).test.items.tolist() == ["rain"]
    monkeypatch.setenv("ZOO_DATA", str(root))
    assert zoo.data.load("snips7").train.labels.tolist() == ["PlayMusic"]
    monkeypatch.setenv("ZOO_DATA", str(root / "gone"))
    with pytest.raises(FileNotFoundError, match="environment variable ZOO_DATA must be the folder"):
        zoo.data.load("snips7")
    with pytest.raises(FileNotFoundError, match="^root must be the folder"):
        zoo.data.load("snips7", root=root / "gone")


def test_without_any_folder(tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.delenv("ZOO_DATA", raising=False)
    monkeypatch.chdir(tmp_path / "a" / "b")
    monkeypatch.setattr("zoo.data.sets.PROJECT", tmp_path / "a")
    with pytest.raises(FileNotFoundError, match="set the environment variable ZOO_DATA.*'embedded'"):
        zoo.data.data_root()
    (tmp_path / "shared" / "data").mkdir(parents=True)
    assert zoo.data.data_root().samefile(tmp_path / "shared" / "data")  # beside the project's folder


def test_file_of_a_set_is_missing_or_wrong(root):
    with pytest.raises(FileNotFoundError, match="hwu64.tsv: the file of the data set 'hwu64' is missing"):
        zoo.data.load("hwu64", root=root)
    path = root / "snips7" / "snips7.tsv"
    path.write_text("split\tintent\ttext\ntrain\tPlayMusic\tplay\ntrain\tcut", encoding="utf-8")
    with pytest.raises(ValueError, match=r"snips7.tsv:3: expected the columns split, intent and text"):
        zoo.data.load("snips7", root=root)


def test_no_navigation(root):
    with pytest.raises(ValueError, match="^task='navigation': the data set 'snips7' has no navigation queries"):
        zoo.data.load("snips7", task="navigation", root=root)


def load_tool(name):
    """Import a script of tools/."""
    path = pathlib.Path(__file__).resolve().parents[2] / "tools" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("task", ["intent", "navigation"])
def test_embedded_baseline_is_what_the_tool_measures(task):
    data = zoo.data.load("embedded", task)
    found = load_tool("intent_baselines").baseline(data)
    assert 0.8 < found["accuracy"] < 0.95
    for metric, value in found.items():
        assert data.baseline[metric] == pytest.approx(value, abs=0.004)


@needs_data
def test_published_baseline_is_near_what_the_tool_measures(capsys):
    assert load_tool("intent_baselines").main(["smp_ecdt_zh"]) is None
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [row[:2] for row in rows] == [["smp_ecdt_zh", "intent"], ["smp_ecdt_zh", "navigation"]]
    assert float(rows[0][4]) == pytest.approx(0.894, abs=0.005)
    assert float(rows[1][5]) == pytest.approx(0.953, abs=0.005)


def test_tool_leaves_out_what_a_set_does_not_have(root, monkeypatch, capsys):
    monkeypatch.setenv("ZOO_DATA", str(root))
    path = root / "snips7" / "snips7.tsv"
    path.write_text("split\tintent\ttext\n" + "train\ta\tx\ntrain\tb\ty\ntest\ta\tx\n", encoding="utf-8")
    load_tool("intent_baselines").main(["snips7"])
    assert capsys.readouterr().out.splitlines()[1].split() == ["snips7", "intent", "2", "1", "1.000", "1.000"]
