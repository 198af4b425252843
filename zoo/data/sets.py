"""The named text sets, and `load`, which reads them or a TSV of the user's own."""

import dataclasses
import os
import pathlib

from zoo import errors
from zoo.data import intents, tsv
from zoo.data.base import SPLITS, TextData, split_data

SVM = "character 1-3-gram tf-idf + linear SVM"
RESEARCH = 'released "for research use", cite Zhang et al. 2017; no formal licence'
TASKS = ("navigation", "intent")
PROJECT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Entry:
    """One named set: where it is, which column is the label, what is known of it."""

    about: str
    file: str
    label: str
    navigation: frozenset
    baseline: dict  # figures of the linear SVM by task: published with the set, or by tools/intent_baselines.py
    licence: str
    note: str = ""
    task: str = "intent"
    leave_out: frozenset = frozenset()  # labels whose rows the intent task does not have


CATALOGUE = {
    "nav_zh": Entry(
        "Chinese queries, navigation versus every other task; very unbalanced",
        "nav_zh/nav_zh.tsv",
        "source_intent",
        frozenset({"map", "map/ROUTE", "map/POSITION", "transport_query"}),
        {"navigation": {"macro_f1": 0.848}, "intent": {"accuracy": 0.792, "macro_f1": 0.627}},
        f"mix of CC BY 4.0 (c) Amazon.com Inc. or its affiliates (MASSIVE 1.x, from SLURP) and of data {RESEARCH}",
        "182 of 18,728 queries are navigation: read macro-F1 and average precision, not accuracy.",
        task="navigation",
    ),
    "nav_zh_synthetic": Entry(
        "Chinese queries made from templates and real place names, navigation versus other, 1:1",
        "nav_zh/nav_zh_synthetic.tsv",
        "label",
        frozenset({"navigation"}),
        {"navigation": {"accuracy": 0.944}, "intent": {"accuracy": 0.944}},
        "written for this project, no restriction",
        "Synthetic: for volume and for pictures, never the only evidence.",
        task="navigation",
    ),
    "smp_ecdt_zh": Entry(
        "Chinese queries to a voice assistant, 31 domains",
        "smp_ecdt_zh/smp_ecdt_zh.tsv",
        "domain",
        frozenset({"map"}),
        {"intent": {"accuracy": 0.894, "macro_f1": 0.905}, "navigation": {"accuracy": 0.994, "macro_f1": 0.953}},
        RESEARCH,
        "Research only: do not ship weights trained on it.",
    ),
    "massive_zh": Entry(
        "Chinese queries to a voice assistant, 60 intents",
        "massive_zh/massive_zh.tsv",
        "intent",
        frozenset({"transport_query"}),
        {"intent": {"accuracy": 0.835}, "navigation": {"accuracy": 0.990, "macro_f1": 0.831}},
        "CC BY 4.0 (c) Amazon.com Inc. or its affiliates (MASSIVE 1.x, from SLURP)",
        "187 of the 2,974 test texts also occur in train, as published; transport_query holds timetables too.",
    ),
    "clinc150": Entry(
        "English queries to an assistant, 150 intents and out-of-scope queries",
        "clinc150/clinc150.tsv",
        "intent",
        frozenset({"directions", "distance", "traffic", "current_location"}),
        {"intent": {"accuracy": 0.923}, "navigation": {"accuracy": 0.994, "macro_f1": 0.921}},
        "CC BY 3.0",
        "The intent task leaves out the out-of-scope rows (oos), as its baseline does; for navigation they are other.",
        leave_out=frozenset({"oos"}),
    ),
    "snips7": Entry(
        "English queries to an assistant, 7 intents",
        "snips7/snips7.tsv",
        "intent",
        frozenset(),
        {"intent": {"accuracy": 0.983}},
        "CC0 1.0",
    ),
    "snips7_multi": Entry(
        "English queries with one to three intents each; the set of intents is the label",
        "snips7/snips7_multi.tsv",
        "intents",
        frozenset(),
        {"intent": {"accuracy": 0.740, "macro_f1": 0.439}},
        "CC0 1.0",
        "A label is a sorted set joined by '#'; there are 63, unbalanced.",
    ),
    "hwu64": Entry(
        "English queries to a home assistant, 64 intents",
        "hwu64/hwu64.tsv",
        "intent",
        frozenset({"transport_query"}),
        {"intent": {"accuracy": 0.871}, "navigation": {"accuracy": 0.993, "macro_f1": 0.892}},
        "CC BY 4.0",
    ),
}

EMBEDDED = Entry(
    "Chinese and English queries that zoo writes itself, 9 intents; needs no file",
    "",
    "intent",
    frozenset({"navigation"}),
    {"intent": {"accuracy": 0.896, "macro_f1": 0.890}, "navigation": {"accuracy": 0.929, "macro_f1": 0.915}},
    "written for this project, no restriction",
    "Generated: the test split has places and sentence patterns of its own, but real queries are more varied.",
    task="navigation",
)

def names():
    """Return the names of the sets, the embedded one first."""
    return ["embedded", *CATALOGUE]


def describe(name):
    """Return one sentence about a named set.

    Args:
        name: one of `names()`.

    Returns:
        `str`.

    Raises:
        ValueError: there is no such set.
    """
    return _entry(name).about


def baseline(name, task):
    """Return the figures of the linear SVM on a named set for a task, with `what` measured them."""
    return dict(_entry(name).baseline[task], what=SVM)


def load(name_or_path, task=None, root=None):
    """Read a text set in its three splits.

    Args:
        name_or_path: one of `names()`, or the path of a TSV file (`label<TAB>text`, see `read_tsv`).
        task: `"navigation"` (labels `navigation` and `other`) or `"intent"` (the labels of the set); by default what
            the set is for, `"intent"` for a file.
        root: folder of the named sets; by default see `data_root`.

    Returns:
        `TextData`; rows keep the order of their file.

    Raises:
        ValueError: unknown set or task, a task that the set does not have, a wrong line of a file.
        FileNotFoundError: the folder of the sets or the file is missing.

    Example:

    >>> data = load("embedded")
    >>> len(data.train), sorted(set(data.train.labels))
    (3200, ['navigation', 'other'])
    """
    if task is not None and task not in TASKS:
        raise ValueError(errors.unknown("task", task, TASKS))
    name = os.fspath(name_or_path)
    if name == "embedded":
        rows = [(query.split, query.intent, query.text) for query in intents.generate()]
        return _data(name, EMBEDDED, task, rows)
    if name in CATALOGUE:
        return _data(name, CATALOGUE[name], task, _named_rows(name, root))
    if isinstance(name_or_path, pathlib.PurePath) or os.path.exists(name) or set(name) & set("/\\."):
        return tsv.load_tsv(name, task)
    raise ValueError(f"{errors.unknown('data set', name, names())}. The path of a TSV file is accepted too")


def data_root(root=None):
    """Return the folder of the named sets: `root`, else the environment variable ZOO_DATA, else ../shared/data.

    The last is looked for beside the project's folder, then beside the working directory.

    Raises:
        FileNotFoundError: there is no such folder; the message says what to set.
    """
    given = root if root is not None else os.environ.get("ZOO_DATA") or None
    if given is not None:
        if os.path.isdir(given):
            return pathlib.Path(given)
        which = "root" if root is not None else "the environment variable ZOO_DATA"
        raise FileNotFoundError(f"{which} must be the folder of the data sets; there is no folder {str(given)!r}")
    for folder in (PROJECT / "../shared/data", pathlib.Path("../shared/data")):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        "the folder of the data sets is not known: set the environment variable ZOO_DATA to it, or pass root=. "
        "Without it there are the set 'embedded' and TSV files of your own"
    )


def _entry(name):
    """Return the catalogue entry of a name."""
    entry = EMBEDDED if name == "embedded" else CATALOGUE.get(name)
    if entry is None:
        raise ValueError(errors.unknown("data set", name, names()))
    return entry


def _named_rows(name, root):
    """Return (split, label, text) of every row of a named set."""
    entry, path = CATALOGUE[name], data_root(root) / CATALOGUE[name].file
    if not path.is_file():
        raise FileNotFoundError(f"{path}: the file of the data set {name!r} is missing from ZOO_DATA (or root=)")
    header, *lines = path.read_text(encoding="utf-8-sig").rstrip("\n").split("\n")
    columns = header.split("\t")
    rows = []
    for number, line in enumerate(lines, start=2):
        fields = dict(zip(columns, line.split("\t"), strict=False))
        if not {"split", entry.label, "text"} <= fields.keys() or fields["split"] not in SPLITS:
            expected = f"expected the columns split, {entry.label} and text"
            raise ValueError(f"{path}:{number}: {expected}; fetch the file again")
        rows.append((fields["split"], fields[entry.label], fields["text"]))
    return rows


def _data(name, entry, task, rows):
    """Return `TextData` of (split, label, text) rows for a task of a named set."""
    task = task or entry.task
    if task == "navigation" and not entry.navigation:
        raise ValueError(f"task='navigation': the data set {name!r} has no navigation queries; use task='intent'")
    if task == "intent":
        rows = [row for row in rows if row[1] not in entry.leave_out]
    splits, navigation = split_data(rows, task, entry.navigation)
    return TextData(name, task, *splits, navigation, baseline(name, task), entry.licence, entry.note)
