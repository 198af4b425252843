"""Ranks by counting against full lists in float64, where scores are far apart, near, equal, many and few."""

import concurrent.futures

import numpy as np
import pytest

from zoo.neighbors import blocks, counting, knn, ranks, symmetric
from zoo.neighbors.exact import Gallery
from zoo.neighbors.scaled import Scaled

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


def random_case(rng):
    """Rows and labels of one kind or another: spread, near, with copies, with zero rows, of few or many classes."""
    n, d = int(rng.integers(64, 400)), int(rng.integers(1, 24))
    labels = rng.integers(0, max(1, int(n / rng.choice([1, 2, 5, 15, 50]))), n)
    rows = rng.normal(size=(n, d)) + rng.choice([0, 1, 3]) * rng.normal(size=(n, d))[labels]
    if rng.random() < 0.3:
        rows = rng.normal(size=d) + rng.choice([1e-7, 1e-5, 1e-3]) * rows
    copied = rng.integers(0, n, (2, int(n * rng.choice([0, 0.1, 0.5, 3]))))
    rows[copied[0]] = rows[copied[1]]
    rows[rng.random(n) < rng.choice([0, 0.02, 0.3])] = 0
    if rng.random() < 0.2:
        rows = np.round(rows)
    return rows.astype(rng.choice(["float32", "float64"])), np.unique(labels, return_inverse=True)[1]


@pytest.mark.parametrize("seed", range(4))
def test_half_the_product_gives_the_same(seed, monkeypatch):
    rng, ends = np.random.default_rng(seed), []
    whole = symmetric.Tiles.search

    def search(self, pool):
        found = whole(self, pool)
        ends.append("given up" if found is None else "some left" if len(found.lost) else "whole")
        return found

    monkeypatch.setattr(symmetric.Tiles, "search", search)
    for _ in range(50):
        rows, labels = random_case(rng)
        monkeypatch.setattr(symmetric, "TILE", int(rng.choice([16, 32, 48])))
        monkeypatch.setattr(symmetric, "PAIRS", np.inf)
        monkeypatch.setattr(symmetric, "MANY", int(rng.choice([3, 128])))
        monkeypatch.setattr(symmetric, "CROWDED", int(rng.choice([1, 64])))
        monkeypatch.setattr(counting, "FINISH", int(rng.choice([37, 4096])))
        monkeypatch.setattr(counting, "BLOCK", 4 * len(rows) * 37)
        rows, labels = (np.tile(x, (4, 1)[: x.ndim]) if len(x) < 4 * symmetric.TILE else x for x in (rows, labels))
        distance, own, calls = str(rng.choice(["cosine", "dot"])), np.arange(len(rows)), len(ends)
        expected = ranks(rows, rows.copy(), labels, labels, own, distance, threads=1)
        assert len(ends) == calls
        for threads in (1, 2):
            found = ranks(rows, rows, labels, labels, own, distance, threads)
            for name in found._fields:
                np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), name)
        assert len(ends) == calls + 2
    assert set(ends) == {"whole", "some left", "given up"}


@pytest.mark.parametrize("few", [0, 10**9])
def test_looking_into_few_groups_or_all_gives_the_same(few, monkeypatch):
    rng = np.random.default_rng(few)
    monkeypatch.setattr(symmetric, "TILE", 16)
    monkeypatch.setattr(symmetric, "PAIRS", np.inf)
    for _ in range(30):
        rows, labels = random_case(rng)
        expected = ranks(rows, rows.copy(), labels, labels, np.arange(len(rows)))
        monkeypatch.setattr(symmetric, "FEW", few)
        for a, b in zip(ranks(rows, rows, labels, labels, np.arange(len(rows))), expected, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("kinds", "given_up"), [(600, False), (24, True)])
def test_alike_rows_end_half_the_product_after_the_sample(kinds, given_up, monkeypatch):
    # 100 copies of a row are 6 in a sample of a sixteenth: too few there to lose a query, too many in all.
    monkeypatch.setattr(symmetric, "TILE", 144)
    monkeypatch.setattr(symmetric, "CROWDED", 24)
    computed, tile = [], symmetric.Tiles._tile
    monkeypatch.setattr(symmetric.Tiles, "_tile", lambda self, at: computed.append(at) or tile(self, at))
    rows = RNG.normal(size=(kinds, 16)).astype("float32")[np.arange(2400) % kinds]
    labels = RNG.permutation(2400) // 3
    found = ranks(rows, rows, labels, labels, np.arange(2400), threads=2)
    assert len(computed) == (17 if given_up else 17 * 18 // 2)
    for a, b in zip(found, ranks(rows, rows.copy(), labels, labels, np.arange(2400)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
@pytest.mark.parametrize("longest", [0, 4, 30])
@pytest.mark.parametrize("cosine", [True, False])
def test_scaled_rows_are_near_the_exact_ones(kind, longest, cosine):
    rows = RNG.normal(size=(700, 9)) * 10.0 ** RNG.uniform(-longest, longest, (700, 1))
    with np.errstate(over="ignore"):
        rows = np.where(RNG.random((700, 1)) < 0.1, 0, rows).astype(kind)
    rows = np.where(np.isfinite(rows), rows, 0).astype(kind)
    scorer, places = Gallery(np.zeros((0, 9)), "cosine" if cosine else "dot"), RNG.permutation(700)[:300]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        scaled = Scaled(rows, scorer, pool)
    expected = scorer._prepare(rows[places], "rows")
    np.testing.assert_allclose(scaled.take(places), expected, rtol=2**-23, atol=1e-38)
    np.testing.assert_allclose(scaled.length[places], np.linalg.norm(expected, axis=1), rtol=1e-6)
    out = np.ones((300, 9), np.float32)
    assert scaled.take(places, out) is out and np.array_equal(out, scaled.take(places))
    assert (scaled.rows is rows) == (kind == "float32" and (not cosine or longest < 30))


@pytest.mark.parametrize("off", [0.9, 1.2])  # of what the bound on the error has room for
def test_rows_of_unit_length_are_taken_as_they_are(off):
    dims = 64
    rows = RNG.normal(size=(300, dims))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows = (rows * (1 + off * dims * np.finfo(np.float32).eps / 8 * RNG.choice([-1, 1], (300, 1)))).astype(np.float32)
    scorer = Gallery(np.zeros((0, dims)), "cosine")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        scaled = Scaled(rows, scorer, pool)
    assert (scaled.scale is None) == (off < 1) and (scaled.length == 1).all()
    taken, exact = scaled.take(np.arange(300)), scorer._prepare(rows, "rows")
    assert np.abs(taken @ taken.T - exact @ exact.T).max() < (dims + 8) * np.finfo(np.float32).eps


def test_packed_pairs_are_ordered_by_query_and_falling_score():
    query = RNG.integers(0, 9, 500).astype(np.int32)
    score = np.concatenate([RNG.normal(size=496), [0.0, -np.inf, np.inf, -1e-40]]).astype(np.float32)
    key = blocks.packed(query, score)
    order = np.argsort(key)
    np.testing.assert_array_equal(order, np.lexsort((-score, query)))
    for found, expected in zip(blocks.unpacked(key[order]), (query[order], score[order]), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_half_the_product_keeps_no_copy_of_the_rows(monkeypatch):
    import tracemalloc

    monkeypatch.setattr(symmetric, "TILE", 192)
    rows, labels = RNG.normal(size=(6000, 512)).astype("float32"), np.arange(6000) // 3
    tracemalloc.start()
    ranks(rows, rows, labels, labels, np.arange(6000), threads=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < rows.nbytes


def test_half_the_product_is_taken_for_small_classes_only(monkeypatch):
    monkeypatch.setattr(symmetric, "TILE", 64)
    n = 4 * symmetric.TILE
    assert symmetric.fits(np.arange(n) // 5) and symmetric.fits(np.arange(n))
    assert not symmetric.fits(np.arange(n - 1) // 5) and not symmetric.fits(np.arange(n) // 100)
    monkeypatch.setattr(symmetric, "Tiles", None)
    rows, labels = np.zeros((n, 1), "float32"), np.arange(n)
    for own, distance in ((None, "cosine"), (np.arange(n)[::-1], "cosine"), (np.arange(n), "euclidean")):
        ranks(rows, rows, labels, labels, own, distance)
    with pytest.raises(TypeError):
        ranks(rows, rows, labels, labels, np.arange(n))


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
