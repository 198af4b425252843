"""retrieval against a loop over queries, golden values and hand-made tables."""

import math
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.metrics import retrieval


RANDOM = np.random.default_rng(1).normal(size=(4, 4))


def loop_retrieval(queries, labels, gallery, gallery_labels, k, alone):
    """Cosine by plain loops in float64; each query sorts (similarity, index)."""
    hits, average, precision = [], [], []
    for i, query in enumerate(np.asarray(queries, float)):
        ranking = []
        for j, row in enumerate(np.asarray(gallery, float)):
            if not (alone and i == j):
                ranking.append((-(query / np.linalg.norm(query)) @ (row / np.linalg.norm(row)), j))
        same = [gallery_labels[j] == labels[i] for _, j in sorted(ranking)]
        positives = sum(same)
        hits.append([any(same[:number]) for number in k])
        if positives:
            average.append(sum(sum(same[: r + 1]) / (r + 1) for r in range(positives) if same[r]) / positives)
            precision.append(sum(same[:positives]) / positives)
    expected = {f"recall@{n}": sum(h[c] for h in hits) / len(average) for c, n in enumerate(k)}
    expected |= {f"recall@{n}_all": sum(h[c] for h in hits) / len(hits) for c, n in enumerate(k)}
    return expected | {"map@r": np.mean(average), "r_precision": np.mean(precision)}


def sample(n, classes, seed=0):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, n)
    return random.normal(size=(n, 6)) + random.normal(size=(classes, 6))[labels], labels


def check(report, expected):
    assert report.keys() == expected.keys()
    for name, value in expected.items():
        assert report[name].value == pytest.approx(value, abs=1e-12), name
        assert report[name].low <= value <= report[name].high


@pytest.mark.parametrize(("n", "classes"), [(60, 2), (80, 11), (90, 60)])
def test_leave_one_out_equals_loop(n, classes):
    x, y = sample(n, classes)
    report = retrieval(x, y, k=(1, 2, 8))
    check(report, loop_retrieval(x, y, x, y, (1, 2, 8), alone=True))
    counts = np.bincount(y)
    assert report.info == {
        "queries": n,
        "singletons": int((counts == 1).sum()),
        "classes": int((counts > 0).sum()),
        "gallery": n,
        "classes_only_in_queries": 0,
    }
    assert report["recall@1"].n == report["map@r"].n == n - report.info["singletons"]
    assert report["recall@1_all"].n == n


def test_queries_and_gallery_equal_loop():
    (x, y), (g, h) = sample(40, 9, 1), sample(70, 7, 2)
    report = retrieval(x, y, g, h, k=(1, 5))
    check(report, loop_retrieval(x, y, g, h, (1, 5), alone=False))
    assert report.info["gallery"] == 70
    assert report.info["classes_only_in_queries"] == len(set(y) - set(h)) > 0
    assert report.info["singletons"] == sum(label not in h for label in y)


def test_golden_values_of_the_eight_vectors():
    angles = np.radians([0, 20, 35, 60, 80, 200, 215, 300])
    x = np.array([1, 2, 1, 1.5, 1, 1, 2, 1])[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    report = retrieval(x, [0, 0, 1, 0, 1, 2, 1, 3])
    assert report["recall@1_all"].value == pytest.approx(0.125)
    assert report["recall@1"].value == pytest.approx(0.166667, abs=1e-6)
    assert report.info["singletons"] == 2


def test_map_at_r_by_hand():
    # Gallery in order of distance from the query: same, other, same, same; R = 3: (1/1 + 2/3) / 3 and 2/3.
    gallery = np.radians([10, 20, 30, 40])
    gallery = np.stack([np.cos(gallery), np.sin(gallery)], axis=1)
    report = retrieval([[1.0, 0.0]], ["a"], gallery, ["a", "b", "a", "a"])
    assert report["map@r"].value == pytest.approx(5 / 9)
    assert report["r_precision"].value == pytest.approx(2 / 3)


def test_gallery_that_repeats_the_queries():
    x, _ = sample(20, 20)
    report = retrieval(x, np.arange(20), np.vstack([x, -x]), np.tile(np.arange(20), 2))
    assert report["recall@1"].value == 1
    assert report["r_precision"].value == pytest.approx(0.5)


def test_own_row_is_left_out_by_index_not_by_rank():
    # Rows 0 and 1 are the same point of different classes. Dropping the first rank instead of the own row would
    # leave row 1 its own copy as a hit.
    x = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.1, 1.0]])
    assert retrieval(x, [0, 1, 0, 1])["recall@1"].value == 0


def test_duplicates_of_the_own_class_are_hits():
    x, _ = sample(15, 15)
    assert retrieval(np.vstack([x, x]), np.tile(np.arange(15), 2))["recall@1"].value == 1


def test_no_positive_is_nan_with_a_warning():
    with pytest.warns(UserWarning, match="no query has a positive"):
        report = retrieval(np.eye(4), [1, 2, 3, 4], k=(1, 2))
    for name in ("recall@1", "recall@2", "map@r", "r_precision"):
        assert math.isnan(report[name].value) and report[name].n == 0
    assert report["recall@1_all"].value == 0 and report["recall@1_all"].n == 4
    assert report.info["singletons"] == 4
    assert "undefined" in str(report)


@pytest.mark.parametrize("kind", [np.int32, np.uint64, str, object, bool])
def test_any_kind_of_label(kind):
    x, y = sample(40, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert retrieval(x, y.astype(kind).reshape(-1, 1)) == retrieval(x, y)


@pytest.mark.parametrize("base", [2**24, 2**53, -(2**62)])
def test_large_ids_do_not_collide(base):
    x, y = sample(40, 3)
    assert retrieval(x, y + base) == retrieval(x, y)
    # uint64 beside int64 would become float64 in numpy.
    wide = (y + abs(base)).astype(np.uint64)
    assert retrieval(x, wide, x[:20], (y + abs(base))[:20]) == retrieval(x, y, x[:20], y[:20])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(3, 40), classes=st.integers(1, 6))
def test_permuting_the_rows_changes_nothing(seed, n, classes):
    random = np.random.default_rng(seed)
    x, y, order = random.normal(size=(n, 4)), random.integers(0, classes, n), random.permutation(n)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        before, after = retrieval(x, y, k=(1, 2)), retrieval(x[order], y[order], k=(1, 2))
    for name in before:
        assert after[name].value == pytest.approx(before[name].value, nan_ok=True), name


def test_blocks_of_queries_change_nothing(monkeypatch):
    x, y = sample(80, 5)
    x[40:60] = x[:20]
    whole = retrieval(x, y, k=(1, 3))
    monkeypatch.setattr("zoo.neighbors.counting.BLOCK", 4 * 80 * 7)
    assert retrieval(x, y, k=(1, 3)) == whole


def test_ties_are_reported_both_ways():
    report = retrieval(np.ones((4, 3)), [0, 0, 1, 1], k=(1, 2))
    assert report.info["ties"] == {"recall@1": (0.0, 1.0), "recall@2": (0.0, 1.0)}
    assert "ties" not in retrieval(np.eye(4) + 0.1 * RANDOM, [0, 0, 1, 1]).info


def test_memory_is_bounded_when_a_class_is_half_of_the_data():
    x, y = sample(4000, 2)
    tracemalloc.start()
    retrieval(x, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4000 * 4000 * 8  # the ranked indices alone would take half of this, their similarities the other


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"k": (1, 4)}, ["4", "3 rows"]),
        ({"k": ()}, ["k=()"]),
        ({"labels": [0, 1]}, ["labels has 2", "4"]),
        ({"labels": np.zeros((4, 2))}, ["labels", "(4, 2)"]),
        ({"labels": [0, 1, np.nan, 1]}, ["labels", "row 2"]),
        ({"gallery": np.eye(4)}, ["gallery_labels"]),
        ({"gallery": np.eye(4), "gallery_labels": [1, 2, 3]}, ["gallery_labels has 3", "4"]),
        ({"gallery": np.eye(4), "gallery_labels": list("abcd")}, ["labels has numbers", "gallery_labels has strings"]),
        ({"gallery": np.eye(5), "gallery_labels": range(5)}, ["4 dimensions", "5"]),
        ({"embeddings": np.diag([1, 1, np.inf, 1])}, ["embeddings", "row 2"]),
        ({"embeddings": np.ones((0, 4)), "labels": []}, ["embeddings", "no rows"]),
        ({"distance": "euclid"}, ["distance 'euclid'", "euclidean"]),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError) as error:
        retrieval(**({"embeddings": np.eye(4), "labels": [0, 1, 0, 1]} | arguments))
    for word in words:
        assert word in str(error.value)
