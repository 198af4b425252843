"""What every reader of items returns, and the encoding of labels to integers."""

import dataclasses

import numpy as np

from zoo import errors

SPLITS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Items with their labels, in the order of their source.

    Args:
        items: texts, files or paths (N,), kept as an object array of `str` or `bytes`; or pixels (N, H, W), kept as they are.
        labels: label of each text (N,), kept as an object array of `str`.
    """

    items: np.ndarray
    labels: np.ndarray

    def __post_init__(self):
        items = self.items if getattr(self.items, "ndim", 1) > 1 else _objects(self.items)
        labels = _objects(self.labels)
        if len(items) != len(labels):
            raise ValueError(f"items and labels must have one length; got {len(items)} items and {len(labels)} labels")
        object.__setattr__(self, "items", items)
        object.__setattr__(self, "labels", labels)

    def __len__(self):
        return len(self.items)


@dataclasses.dataclass(frozen=True, eq=False)
class TextData:
    """A text set in three splits, with what is known of it.

    Args:
        name: name in the catalogue, or the path of a file.
        task: `"navigation"` (two labels, `navigation` and `other`) or `"intent"` (the labels of the set).
        train, validation, test: `Split`.
        navigation: frozenset of the labels that mean navigation; empty where none does.
        baseline: dict of floats by metric (`accuracy`, `macro_f1`), with `what` measured them; empty if unknown.
        licence: terms of use, in words.
        note: what a reader of the scores must know.
    """

    name: str
    task: str
    train: Split
    validation: Split
    test: Split
    navigation: frozenset
    baseline: dict
    licence: str
    note: str


def encode(labels, class_names=None, missing=None):
    """Turn labels into class numbers.

    Args:
        labels: labels of one kind, strings or integers (N,).
        class_names: the classes in the order of their numbers; by default the distinct labels, sorted.
        missing: number for a label that is not in `class_names`, for instance -1 for a class that only
            the test split has; by default such a label is an error.

    Returns:
        `(codes, class_names)`: int32 array (N,) and the list of classes (C).

    Raises:
        ValueError: a label is not in `class_names`, or a class is named twice.

    Example:

    >>> encode(["b", "a", "b"])
    (array([1, 0, 1], dtype=int32), ['a', 'b'])
    """
    labels = np.asarray(labels, dtype=object).tolist()
    class_names = sorted(set(labels)) if class_names is None else list(class_names)
    number = {name: code for code, name in enumerate(class_names)}
    if len(number) != len(class_names):
        raise ValueError("class_names must be distinct; a class is named twice")
    if missing is None:
        for row, label in enumerate(labels):
            if label not in number:
                raise ValueError(f"labels[{row}]: {errors.unknown('class', label, class_names)}")
    return np.array([number.get(label, missing) for label in labels], dtype=np.int32), class_names


def split_data(rows, task, navigation):
    """Sort rows into splits, with the labels of a task.

    Args:
        rows: (split, label, text) of each row (N,).
        task: `"navigation"` or `"intent"`.
        navigation: labels that mean navigation.

    Returns:
        `([train, validation, test], navigation)`: `Split`s in the order of the rows, and the frozenset of their
        labels that mean navigation.
    """
    if task == "navigation":
        rows = [(split, "navigation" if label in navigation else "other", text) for split, label, text in rows]
        navigation = frozenset({"navigation"})
    parts = []
    for wanted in SPLITS:
        chosen = [(text, label) for split, label, text in rows if split == wanted]
        parts.append(Split([text for text, _ in chosen], [label for _, label in chosen]))
    return parts, navigation


def _objects(values):
    """Return a one-dimensional object array: numpy's own string type would cut trailing zero bytes."""
    array = np.empty(len(values), dtype=object)
    array[:] = list(values)
    return array
