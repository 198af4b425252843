"""evaluate: the same figures by hand, and a table that can be read."""

import types

import numpy as np
import pytest

from zoo.metrics import Report, classification, evaluate, retrieval
from zoo.neighbors import knn, vote


class Doubling:
    """A model that embeds the texts "x y" as (2x, 2y)."""

    distance = "euclidean"

    def predict(self, items, batch_size=32, verbose="auto"):
        return np.array([[2 * float(number) for number in text.split()] for text in items], np.float32)


def texts(n, classes, seed):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, n)
    points = random.normal(size=(n, 2)) + 3 * labels[:, None]
    return np.array([f"{x} {y}" for x, y in points], object), np.array([f"c{label}" for label in labels], object)


def test_leave_one_out_is_retrieval_of_the_embeddings():
    items, labels = texts(40, 3, 0)
    expected = retrieval(Doubling().predict(items), labels, k=(1, 2, 4, 8), distance="euclidean")
    report = evaluate(Doubling(), (items, labels))
    assert isinstance(report, Report) and report == expected and report.info == expected.info
    assert report != evaluate(None, (Doubling().predict(items), labels))  # cosine without a model


def test_with_a_gallery_its_neighbors_vote():
    (items, labels), (rows, row_labels) = texts(30, 4, 1), texts(50, 3, 2)
    report = evaluate(Doubling(), (items, labels), (rows, row_labels), k=(1, 2), neighbors=3)
    embedded = [Doubling().predict(part) for part in (items, rows)]
    expected = retrieval(embedded[0], labels, embedded[1], row_labels, k=(1, 2), distance="euclidean")
    nearest, similarity = knn(*embedded, 3, "euclidean")
    answers = classification(labels, vote(row_labels[nearest], similarity)[0])
    assert report == expected | {"knn_accuracy": answers["accuracy"], "knn_macro_f1": answers["macro_f1"]}
    assert report.info["classes_only_in_queries"] == 1
    assert report.info["singletons"] == (labels == "c3").sum()
    assert report.info["neighbors"] == 3


def test_a_class_only_in_the_queries_is_wrong():
    report = evaluate(None, (np.eye(2), ["a", "new"]), (np.eye(2), ["a", "b"]), k=1, neighbors=1)
    assert report["knn_accuracy"].value == report["recall@1_all"].value == 0.5
    assert report["recall@1"].value == 1
    assert report["knn_macro_f1"].value == pytest.approx(1 / 3)  # a 1, new 0, b 0


def test_split_objects_are_taken_as_pairs():
    items, labels = texts(20, 2, 3)
    split = types.SimpleNamespace(items=items, labels=labels)
    assert evaluate(Doubling(), split) == evaluate(Doubling(), (items, labels))


def test_the_table_is_aligned_and_has_every_interval():
    items, labels = texts(30, 3, 4)
    report = evaluate(Doubling(), (items, labels), (items, labels), k=(1, 2))
    lines = str(report).split("\n")
    assert lines[0].split() == ["metric", "value", "95%", "interval", "n"]
    assert len(lines) == len(report) + 2
    at = lines[0].index("95%")
    for line, (name, score) in zip(lines[1:-1], report.items(), strict=True):
        assert line.startswith(name) and line[at] == "[" and len(line) == len(lines[0])
        assert f"{score.value:.3f}" in line and f"[{score.low:.3f}, {score.high:.3f}]" in line
    assert "queries: 30" in lines[-1] and "singletons: 0" in lines[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"data": np.eye(3)}, ["data", "(items, labels)", "ndarray"]),
        ({"data": ([], [])}, ["data", "at least one", "0 and 0"]),
        ({"data": (np.eye(3), [0, 1])}, ["data", "got 3 and 2"]),
        ({"data": (np.array(["a", "b"]), [0, 1])}, ["without a model", "data"]),
        ({"gallery": (np.eye(3), [0, 1, 2]), "neighbors": 5}, ["neighbors=5", "3 rows"]),
        ({"k": (1, 8)}, ["8", "2 rows"]),
        ({"data": (np.diag([1, np.nan, 1]), [0, 1, 1])}, ["embeddings of data", "row 1"]),
        ({"model": types.SimpleNamespace(predict=lambda items, verbose=0: np.eye(2))}, ["model predicts", "2"]),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    call = {"model": None, "data": (np.eye(3), [0, 1, 1]), "k": 1} | arguments
    with pytest.raises(ValueError) as error:
        evaluate(**call)
    for word in words:
        assert word in str(error.value)


def test_small_galleries_lower_the_defaults():
    x = np.eye(3, dtype="float32")
    report = evaluate(None, (x, [0, 1, 2]), gallery=(x, [0, 1, 2]))
    assert report.info["neighbors"] == 3 and "recall@2" in report and "recall@4" not in report
