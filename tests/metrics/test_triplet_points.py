"""Points of the triplet scatter, paths of triplets and counts of similarities, against plain loops."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.metrics import follow_triplets, retrieval, similarity_counts, triplet_points


def unit(x):
    return np.asarray(x, float) / np.linalg.norm(x, axis=1, keepdims=True)


def loop_points(x, y, gallery=None, gallery_y=None):
    """(row, own, other, positive, negative) by loops; rows without a positive are left out."""
    alone = gallery is None
    others, other_y = (x, y) if alone else (gallery, gallery_y)
    found = []
    for i, row in enumerate(unit(x)):
        cosines = [(float(row @ g), -j) for j, g in enumerate(unit(others)) if not (alone and i == j)]
        own = [c for c in cosines if other_y[-c[1]] == y[i]]
        rest = [c for c in cosines if other_y[-c[1]] != y[i]]
        if own:
            found.append((i, max(own)[0], max(rest)[0], -max(own)[1], -max(rest)[1]))
    return found


def sample(n, classes, seed=0, width=5):
    random = np.random.default_rng(seed)
    y = random.integers(0, classes, n)
    return random.normal(size=(n, width)) + random.normal(size=(classes, width))[y], y


def check(points, expected):
    rows, own, other, positives, negatives = zip(*expected)
    np.testing.assert_array_equal(points.rows, rows)
    np.testing.assert_allclose(points.own, own, atol=1e-12)
    np.testing.assert_allclose(points.other, other, atol=1e-12)
    np.testing.assert_array_equal(points.positives, positives)
    np.testing.assert_array_equal(points.negatives, negatives)


@pytest.mark.parametrize(("n", "classes", "chunk"), [(60, 2, 4096), (90, 40, 16), (50, 30, 1), (50, 7, 9)])
def test_points_equal_a_loop_whatever_the_blocks(n, classes, chunk):
    x, y = sample(n, classes)
    points, expected = triplet_points(x, y, chunk=chunk), loop_points(x, y)
    check(points, expected)
    assert points.singletons == n - len(expected)
    np.testing.assert_allclose(points.distance, np.sqrt((1 - points.own) ** 2 + points.other**2))


def test_a_gallery_leaves_nothing_out():
    x, y = sample(30, 9)
    gallery, gallery_y = sample(44, 7, seed=1)
    gallery[3] = x[5]
    check(triplet_points(x, y, gallery, gallery_y, chunk=8), loop_points(x, y, gallery, gallery_y))
    assert triplet_points(x, y, x, y).own.min() == pytest.approx(1)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 25), st.integers(2, 6))
def test_recall_is_that_of_retrieval_with_many_ties(seed, n, classes):
    random = np.random.default_rng(seed)
    x, y = random.integers(-1, 2, size=(n, 3)) * random.choice([1.0, 3.0, 0.1]), random.integers(0, classes, n)
    if len(set(y)) < 2 or len(set(y)) == n:
        return
    points, report = triplet_points(x, y, chunk=8), retrieval(x, y)
    assert points.recall == report["recall@1"]
    assert points.singletons == report.info["singletons"]
    assert (points.own[points.right] >= points.other[points.right] - 1e-12).all()
    assert (points.own[~points.right] <= points.other[~points.right] + 1e-12).all()


def test_duplicates_count_and_an_item_is_not_its_own_neighbor():
    points = triplet_points([[1.0, 0], [2.0, 0], [0, 1.0]], ["a", "a", "b"])
    assert points.own.tolist() == [1, 1] and points.other.tolist() == [0, 0] and points.singletons == 1
    assert points.positives.tolist() == [1, 0]


@pytest.mark.parametrize("chunk", [1, 3, 4096])
def test_of_equal_rows_the_lower_one_is_taken(chunk):
    rows = np.array([0, 0, 1, 1, 0])
    points = triplet_points([[0, 1.0], [1.0, 0], [1.0, 0], [1.0, 0]], [1, 0, 0, 0], np.eye(2)[rows], rows, chunk)
    assert points.positives.tolist() == [2, 0, 0, 0] and points.negatives.tolist() == [0, 2, 2, 2]


def test_memory_stays_bounded():
    x, y = np.random.default_rng(0).normal(size=(6000, 8)), np.arange(6000) // 2
    tracemalloc.start()
    triplet_points(x, y, chunk=1024)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * 2**20, "a block of 128 x 1024 products, not 6000 x 6000"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.eye(3), [0, 0, 0]), "labels: expected items of two classes or more"),
        ((np.eye(3), [0, 1, 2]), "labels: none of the 3 items has another one of its class"),
        ((np.eye(3), [0, 1]), "labels has 2 entries but embeddings has 3"),
        ((np.full((2, 2), np.nan), [0, 1]), "embeddings has a value that is not finite"),
        ((np.zeros((0, 2)), []), "embeddings has no rows"),
        ((np.eye(3), [0, 0, 1], np.eye(2), [0, 1]), "embeddings have 3 dimensions but gallery has 2"),
        ((np.eye(3), [0, 0, 1], np.eye(3)), "gallery and gallery_labels belong together"),
    ],
)
def test_bad_input_is_named(arguments, message):
    for function in (triplet_points, similarity_counts):
        with pytest.raises(ValueError, match=message):
            function(*arguments)


def test_paths_keep_the_triplet_that_is_nearest_after_training():
    y = np.arange(20) % 4
    history = [np.random.default_rng(seed).normal(size=(20, 6)) for seed in range(3)]
    paths = follow_triplets(history, y, [7, 0])
    assert paths.shape == (3, 2, 2)
    last = triplet_points(history[-1], y)
    for place, item in enumerate((7, 0)):
        i = last.rows.tolist().index(item)
        for epoch, x in enumerate(history):
            u = unit(x)
            expected = [u[item] @ u[last.positives[i]], u[item] @ u[last.negatives[i]]]
            np.testing.assert_allclose(paths[epoch, place], expected, atol=1e-12)
    np.testing.assert_allclose(paths[-1], [[last.own[i], last.other[i]] for i in (7, 0)], atol=1e-12)


def test_paths_take_their_partners_from_a_gallery():
    rng = np.random.default_rng(0)
    y, z = np.arange(6) % 3, np.arange(9) % 3
    queries, galleries = ([rng.normal(size=(n, 4)) for _ in range(2)] for n in (6, 9))
    paths = follow_triplets(queries, y, [4], galleries, z)
    last = triplet_points(queries[-1], y, galleries[-1], z)
    for epoch in range(2):
        anchor, held = unit(queries[epoch])[4], unit(galleries[epoch])
        np.testing.assert_allclose(paths[epoch, 0], [anchor @ held[last.positives[4]], anchor @ held[last.negatives[4]]])
    with pytest.raises(ValueError, match="gallery_history: expected 2 epochs"):
        follow_triplets(queries, y, [4], galleries[:1], z)


@pytest.mark.parametrize(
    ("history", "items", "message"),
    [
        ([], [0], "history: expected at least one epoch"),
        ([np.eye(4)], [3], "items: row 3 is the only one of its class"),
        ([np.eye(4)], [4], "items: row 4 is not one of the 4 rows"),
        ([np.eye(4)], [-1], "items: row -1 is not one of the 4 rows"),
        ([np.eye(4)], [0.5], "items: expected integers"),
        ([np.eye(4)], [], "items: expected integers"),
        ([np.eye(5), np.eye(4)], [0], "history: expected the same 4 items in every epoch, got 5 in epoch 0"),
    ],
)
def test_bad_paths_are_named(history, items, message):
    with pytest.raises(ValueError, match=message):
        follow_triplets(history, [0, 0, 0, 1], items)


@pytest.mark.parametrize("chunk", [4096, 16])
def test_counts_equal_numpy_histograms_of_all_pairs(chunk):
    x, y = sample(70, 9)
    y[:2] = 99, 98  # singletons
    counts = similarity_counts(x, y, chunk=chunk)
    assert counts.edges.tolist() == np.linspace(-1, 1, 112).tolist()
    cosines, (i, j) = unit(x) @ unit(x).T, np.triu_indices(70, 1)
    for found, wanted in ((counts.same, y[i] == y[j]), (counts.other, y[i] != y[j])):
        np.testing.assert_array_equal(found, np.histogram(cosines[i, j][wanted], counts.edges)[0])
    points = triplet_points(x, y)
    np.testing.assert_array_equal(counts.nearest_same, np.histogram(points.own, counts.edges)[0])
    np.testing.assert_array_equal(counts.nearest_other, np.histogram(points.other, counts.edges)[0])
    assert counts.same.sum() + counts.other.sum() == 70 * 69 // 2 and counts.nearest_same.sum() == 68


def test_counts_with_a_gallery_are_of_all_pairs():
    x, y = sample(20, 3)
    counts = similarity_counts(x, y, x, y, chunk=8)
    assert counts.same.sum() + counts.other.sum() == 400 and counts.nearest_same[-1] == 20
