"""Ranks by counting against full lists in float64, where scores are far apart, near, equal, many and few."""

import numpy as np
import pytest

from zoo.neighbors import counting, knn, ranks

RNG = np.random.default_rng(0)


def by_lists(queries, gallery, query_class, gallery_class, own, distance):
    """The same from whole sorted lists."""
    count = len(gallery) - (own is not None)
    nearest, _ = knn(queries, gallery, count, distance, exclude=own)
    first, precision, average = [], [], []
    for i, row in enumerate(gallery_class[nearest] == query_class[:, None]):
        wanted = row.sum()
        first.append(row.argmax() if wanted else -1)
        top = row[:wanted]
        precision.append(top.mean() if wanted else np.nan)
        average.append((top * np.cumsum(top) / np.arange(1, wanted + 1)).sum() / wanted if wanted else np.nan)
    return np.array(first), np.array(precision), np.array(average)


def near(n, d, scale, offset=0.0):
    return (RNG.normal(size=d) + scale * RNG.normal(size=(n, d)) + offset).astype("float32")


SETS = {
    "spread": RNG.normal(size=(300, 16)).astype("float32"),
    "within the error of float32": near(300, 16, 1e-7),
    "within the error of float64": RNG.normal(size=16) + 1e-15 * RNG.normal(size=(300, 16)),
    "far from the origin": near(300, 16, 1.0, 1000.0),
    "all equal": np.ones((300, 16), "float32"),
    "few different rows": RNG.normal(size=(7, 16)).astype("float32")[RNG.integers(0, 7, 300)],
    "zero rows": np.where(RNG.random((300, 1)) < 0.5, 0, RNG.normal(size=(300, 16))).astype("float32"),
    "lengths from 1e-20 to 1e20": (RNG.normal(size=(300, 16)) * 10.0 ** RNG.integers(-20, 20, (300, 1))),
}


@pytest.mark.parametrize("distance", ["cosine", "dot", "euclidean", "squared_euclidean"])
@pytest.mark.parametrize("classes", [2, 40, 200])
@pytest.mark.parametrize("name", SETS)
def test_it_equals_whole_lists(name, classes, distance, monkeypatch):
    monkeypatch.setattr(counting, "BLOCK", 4 * 300 * 37)  # several blocks, the last one short
    rows, labels = SETS[name], RNG.integers(0, classes, 300)
    for own in (np.arange(300), None):
        gallery, kinds = (rows, labels) if own is not None else (rows[:120], labels[:120])
        found = ranks(rows, gallery, labels, kinds, own, distance, threads=2)
        first, precision, average = by_lists(rows, gallery, labels, kinds, own, distance)
        np.testing.assert_array_equal(found.first, first)
        np.testing.assert_allclose(found.precision, precision)
        np.testing.assert_allclose(found.average, average)
        assert (found.fewest <= found.first).all() and (found.first <= found.most).all()


@pytest.mark.parametrize("group", [1, 5, 64])
@pytest.mark.parametrize("crowded", [-1, 10**9])
def test_neither_groups_nor_the_wider_product_change_anything(group, crowded, monkeypatch):
    rows, labels = SETS["few different rows"] + near(300, 16, 1e-7), RNG.integers(0, 30, 300)
    expected = ranks(rows, rows, labels, labels, np.arange(300))
    monkeypatch.setattr(counting, "GROUP", group)
    monkeypatch.setattr(counting, "CROWDED", crowded)
    for a, b in zip(ranks(rows, rows, labels, labels, np.arange(300)), expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_ties_are_counted_both_ways():
    rows = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    found = ranks(rows, rows, np.array([0, 1, 0, 1, 1]), np.array([0, 1, 0, 1, 1]), np.arange(5))
    assert found.fewest.tolist() == [0, 0, 0, 0, 0]
    assert found.first.tolist() == [1, 2, 0, 1, 1]  # by index
    assert found.most.tolist() == [2, 2, 2, 2, 2]


def test_memory_is_bounded():
    import tracemalloc

    rows, labels = RNG.normal(size=(20_000, 8)).astype("float32"), np.arange(20_000) // 5
    tracemalloc.start()
    ranks(rows, rows, labels, labels, np.arange(20_000), threads=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 160 * 2**20  # a matrix of all pairs takes 1.5 GiB
