"""Texts with labels from a tab-separated file of the user's own; every error names the file and the line."""

import hashlib
import os
import typing
import warnings

from zoo import errors
from zoo.data.base import SPLITS, TextData, split_data

SPLIT_NAMES = {"train": "train", "training": "train", "test": "test", "testing": "test"} | dict.fromkeys(
    ("validation", "valid", "val", "dev"), "validation"
)
FORMAT = "Write label<TAB>text on every line, or begin with a header line that names the columns label and text"


class Row(typing.NamedTuple):
    """One line of the file; `split` is `None` where the file has no such column."""

    label: str
    text: str
    split: str | None
    line: int


def read_tsv(path):
    """Read `label<TAB>text` lines, or lines under a header that names label (or intent), text and perhaps split.

    UTF-8, with or without a byte order mark; lines end in LF or CRLF; quotes mean nothing; blank lines are skipped; a
    text may be empty. A text that has two labels is warned about.

    Args:
        path: the file.

    Returns:
        list of `Row`, in the order of the file.

    Raises:
        FileNotFoundError, IsADirectoryError: there is no such file, or it is a folder.
        ValueError: what is wrong, as FILE:LINE, and what to do.
    """
    lines = tab_lines(path)
    columns, first = _header(path, lines)
    rows = [_row(path, number, fields, columns) for number, fields in lines[first:]]
    if not rows:
        raise ValueError(f"{path}: has no rows{' below the header' if first else ''}. {FORMAT}")
    _warn_conflicts(path, rows)
    return rows


def load_tsv(path, task=None):
    """Read a TSV into three splits: those that it names, or a split by hash of the text (see `split_rows`).

    Without validation rows about a tenth of train is taken for them. Warned about by name: a class with one
    example, and a class that only the validation or test split has.

    Args:
        path: the file, see `read_tsv`.
        task: `"intent"` (default) or `"navigation"`, where one label is `navigation`.

    Returns:
        `TextData`.

    Raises:
        ValueError: a wrong line, only one label, no rows to train on or to test on.
    """
    rows = read_tsv(path)
    labels = {row.label for row in rows}
    if len(labels) < 2:
        raise ValueError(f"{path}: every row has the label {rows[0].label!r}. Add rows of at least one other label")
    if task == "navigation" and "navigation" not in labels:
        raise ValueError(f"task='navigation': {path} has no label 'navigation'; its labels are {_some(labels)}")
    splits = split_rows(rows) if rows[0].split is None else _given_splits(path, rows)
    _warn_rare(path, rows, splits)
    joined = [(split, row.label, row.text) for split, row in zip(splits, rows, strict=True)]
    navigation = frozenset({"navigation"} & labels)
    parts, navigation = split_data(joined, task or "intent", navigation)
    for part, wanted in zip(parts, SPLITS, strict=True):
        if not len(part) and wanted != "validation":
            raise ValueError(
                f"{path}: no rows for {wanted}. Without a split column a label needs three different texts to be "
                "tested; with one, some rows must say train and some test"
            )
    note = "Split by hash of the text." if rows[0].split is None else "Split as the file says."
    return TextData(str(path), task or "intent", *parts, navigation, {}, "terms of the file's owner", note)


def split_rows(rows):
    """Give every row a split by the hash of its text: about 80 % train, 10 % validation, 10 % test.

    Equal texts come into one split. A text counts for the first label that it has. A class with three distinct texts or
    more has at least one in each split; a class with fewer stays in train.

    Args:
        rows: list of `Row` (N,); their own splits are not looked at.

    Returns:
        list of `"train"`, `"validation"` or `"test"` (N,).
    """
    texts = {}
    for row in rows:
        texts.setdefault(row.text, row.label)
    classes = {}
    for text, label in texts.items():
        classes.setdefault(label, []).append(text)
    place = {}
    for members in classes.values():
        place.update(split_class(sorted((share(text), text) for text in members)))
    return [place[row.text] for row in rows]


def split_class(members):
    """Return the split of each text of one class, from (share, text) pairs sorted by share."""
    if len(members) < 3:
        return {text: "train" for _, text in members}
    place = {text: "train" if share < 0.8 else "validation" if share < 0.9 else "test" for share, text in members}
    # The shares are sorted, so the first text is the nearest to train, the last to test, the one before to validation.
    place[members[0][1]] = "train"
    place[members[-1][1]] = "test"
    if "validation" not in place.values():
        place[members[-2][1]] = "validation"
    return place


def _given_splits(path, rows):
    """Return the splits of the file's own column; validation rows are taken from train where there are none."""
    splits = [row.split for row in rows]
    if "validation" in splits:
        return splits
    train = [index for index, split in enumerate(splits) if split == "train"]
    taken = 0
    for index, drawn in zip(train, split_rows([rows[index] for index in train]), strict=True):
        if drawn == "validation":
            splits[index], taken = "validation", taken + 1
    warnings.warn(f"{path}: no row has split validation; {taken} of {len(train)} train rows are taken", stacklevel=4)
    return splits


def _warn_rare(path, rows, splits):
    """Warn about classes with one example, and about those that training never sees."""
    examples, trained = {}, {row.label for row, split in zip(rows, splits, strict=True) if split == "train"}
    for row in rows:
        examples.setdefault(row.label, []).append(row)
    single = [f"{label!r} ({path}:{found[0].line})" for label, found in sorted(examples.items()) if len(found) == 1]
    if single:
        warnings.warn(f"{len(single)} label(s) with one example, kept as it is: {_some(single)}", stacklevel=4)
    for wanted in ("validation", "test"):
        unseen = {row.label for row, split in zip(rows, splits, strict=True) if split == wanted} - trained
        if unseen:
            warnings.warn(
                f"{path}: {len(unseen)} label(s) occur in {wanted} but not in train and will count as wrong: "
                f"{_some(map(repr, unseen))}",
                stacklevel=4,
            )


def _some(names, most=8):
    """Return names in words, the first few of many."""
    names = sorted(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def share(text):
    """Return a number in [0, 1) that depends on the text only."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8], "big") / 2**64


def tab_lines(path, form=FORMAT):
    """Return (line number, fields) of every line that is not blank; `form` says what an empty file is to hold."""
    if os.path.isdir(path):
        raise IsADirectoryError(f"{path}: is a folder; give the TSV file in it")
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path}: no such file")
    with open(path, "rb") as file:
        raw = file.read()
    if not raw:
        raise ValueError(f"{path}: is empty. {form}")
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    lines = []
    for number, line in enumerate(raw.split(b"\n"), start=1):
        try:
            text = line.removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path}:{number}: invalid UTF-8 at byte {error.start + 1} of the line. Save the file as UTF-8"
            ) from None
        if "\t" in text or text.strip():
            lines.append((number, text.split("\t")))
    return lines


def _header(path, lines):
    """Return the column numbers by name and the number of header lines (0 or 1)."""
    number, fields = lines[0] if lines else (1, [])
    names = [field.strip().lower() for field in fields]
    label = next((name for name in ("label", "intent") if name in names), None)
    if label is None and ("text" not in names or len(names) == 2):
        return {"label": 0, "text": 1}, 0
    if label is None or "text" not in names:
        if len(names) == 1:
            return {"label": 0, "text": 1}, 0  # no tab: said for the row
        missing = "label or intent" if label is None else "text"
        raise ValueError(f"{path}:{number}: the header {names} names no column {missing}. {FORMAT}")
    if len(set(names)) < len(names):
        raise ValueError(f"{path}:{number}: the header {names} names a column twice; give each its own name")
    columns = {"label": names.index(label), "text": names.index("text"), "count": len(names)}
    return columns | ({"split": names.index("split")} if "split" in names else {}), 1


def _row(path, number, fields, columns):
    """Return one `Row`, or say what is wrong with its line."""
    where = f"{path}:{number}"
    count = columns.get("count", 2)
    if len(fields) == 1:
        raise ValueError(f"{where}: no tab between label and text. {FORMAT}")
    if len(fields) != count:
        hint = "" if "count" in columns else ", or begin the file with a header line that names the columns"
        raise ValueError(f"{where}: {len(fields)} columns, expected {count}. Take tabs out of the text{hint}")
    label = fields[columns["label"]].strip()
    if not label:
        raise ValueError(f"{where}: the label is empty. Write a label before the tab, or remove the line")
    split = None
    if "split" in columns:
        given = fields[columns["split"]].strip()
        split = SPLIT_NAMES.get(given.lower())
        if split is None:
            raise ValueError(f"{where}: {errors.unknown('split', given, SPLITS)}")
    return Row(label, fields[columns["text"]], split, number)


def _warn_conflicts(path, rows):
    """Warn once where a text has two labels, with the lines of the first such pair."""
    seen, conflicts = {}, []
    for row in rows:
        before = seen.setdefault(row.text, row)
        if before.label != row.label:
            conflicts.append((before, row))
    if conflicts:
        before, row = conflicts[0]
        warnings.warn(
            f"{path}:{row.line}: the text {row.text[:40]!r} has label {row.label!r} here and {before.label!r} in line "
            f"{before.line}; {len(conflicts)} such line(s). No model can get both right: keep one of them",
            stacklevel=3,
        )
