"""knn against a loop over pairs in float64, on easy data and where products cancel."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.neighbors import DISTANCES, knn


def similarity(query, row, distance):
    """One pair, summed without rounding."""
    query, row = [float(v) for v in query], [float(v) for v in row]
    if distance in ("cosine", "dot"):
        dot = math.fsum(a * b for a, b in zip(query, row, strict=True))
        lengths = math.sqrt(math.fsum(a * a for a in query)) * math.sqrt(math.fsum(b * b for b in row))
        return dot if distance == "dot" else (dot / lengths if lengths else 0.0)
    square = math.fsum((a - b) ** 2 for a, b in zip(query, row, strict=True))
    return -math.sqrt(square) if distance == "euclidean" else -square


def loop_knn(queries, gallery, k, distance, exclude=None):
    indices, values = [], []
    for i, query in enumerate(queries):
        pairs = [(-similarity(query, row, distance), j) for j, row in enumerate(gallery)]
        if exclude is not None:
            del pairs[exclude[i]]
        pairs = sorted(pairs)[:k]
        indices.append([j for _, j in pairs])
        values.append([-value for value, _ in pairs])
    return np.array(indices), np.array(values)


def rows(n, d, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(dtype)


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 7, 60])
def test_equals_loop(distance, dtype, k):
    queries, gallery = rows(23, 5, 1, dtype), rows(60, 5, 2, dtype)
    index, value = knn(queries, gallery, k, distance, chunk=13)
    expected, values = loop_knn(queries, gallery, k, distance)
    assert index.dtype == np.int64 and value.dtype == np.float32
    np.testing.assert_array_equal(index, expected)
    np.testing.assert_allclose(value, values, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("distance", DISTANCES)
def test_own_row_is_left_out_by_index(distance):
    x = rows(30, 4)
    x[20:] = x[:10]  # duplicates: each is the nearest of the other, and must not be left out for it
    index, _ = knn(x, x, 29, distance, chunk=8, exclude=np.arange(30))
    assert not (index == np.arange(30)[:, None]).any()
    if distance != "dot":
        assert index[:10, 0].tolist() == list(range(20, 30))
        assert index[20:, 0].tolist() == list(range(10))


@pytest.mark.parametrize("distance", ["euclidean", "squared_euclidean"])
def test_near_duplicates_far_from_the_origin_do_not_swap(distance):
    # |q|^2 + |g|^2 - 2 q.g is near 1e8 here and the squared distances near 1e-4: float32 has nothing left, and
    # float64 too little where the difference of two distances is 1e-12 of them.
    base = np.full(16, 2500.0)
    steps = np.linspace(1.0, 1.0 + 1e-9, 40)[np.random.default_rng(0).permutation(40)]
    gallery = np.tile(base, (40, 1))
    gallery[:, 3] += 0.01 * steps
    index, value = knn(base[None], gallery, 40, distance, chunk=7)
    expected, values = loop_knn(base[None], gallery, 40, distance)
    np.testing.assert_array_equal(index, expected)
    np.testing.assert_allclose(value, values, rtol=1e-6)


@pytest.mark.parametrize("distance", ["euclidean", "squared_euclidean"])
def test_float32_near_duplicates_keep_their_order(distance):
    x = np.random.default_rng(3).normal(size=(1, 64)).astype(np.float32) + np.float32(300)
    gallery = np.repeat(x, 50, axis=0)
    for row, steps in enumerate(np.random.default_rng(4).permutation(50)):
        for _ in range(steps):
            gallery[row, 0] = np.nextafter(gallery[row, 0], np.float32(np.inf))
    index, value = knn(x, gallery, 50, distance, chunk=11)
    expected, values = loop_knn(x, gallery, 50, distance)
    np.testing.assert_array_equal(index, expected)
    assert value[0, 0] == 0
    np.testing.assert_allclose(value, values, rtol=1e-6)


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("k", [1, 3, 40])
def test_equal_rows_come_in_index_order(distance, k):
    index, value = knn(rows(5, 4), np.tile(rows(1, 4, 9), (100, 1)), k, distance, chunk=16)
    np.testing.assert_array_equal(index, np.tile(np.arange(k), (5, 1)))
    assert (value == value[:, :1]).all()


@pytest.mark.parametrize("distance", DISTANCES)
def test_own_row_is_left_out_where_all_rows_are_equal(distance):
    index, _ = knn(np.ones((60, 3)), np.ones((60, 3)), 5, distance, chunk=16, exclude=np.arange(60))
    assert index.tolist() == [[j for j in range(6) if j != i][:5] for i in range(60)]


def test_zero_rows_have_cosine_zero():
    gallery = np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    index, value = knn(np.array([[2.0, 0.0], [0.0, 0.0]]), gallery, 3)
    assert index.tolist() == [[1, 0, 2], [0, 1, 2]]
    assert value.tolist() == [[1, 0, -1], [0, 0, 0]]


@pytest.mark.parametrize("scale", [1e20, 1e-20, 1e200, 1e-200])
def test_cosine_of_very_long_and_very_short_rows(scale):
    x = rows(20, 6, dtype=np.float64)
    np.testing.assert_array_equal(knn(x * scale, x, 5)[0], knn(x, x, 5)[0])


def test_golden_values_of_the_eight_vectors():
    angles = np.radians([0, 20, 35, 60, 80, 200, 215, 300])
    x = np.array([1, 2, 1, 1.5, 1, 1, 2, 1])[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    index, value = knn(x, x, 1, exclude=np.arange(8))
    assert index[:, 0].tolist() == [1, 2, 1, 4, 3, 6, 5, 0]
    np.testing.assert_allclose(value[0, 0], math.cos(math.radians(20)), rtol=1e-6)


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("collapse", [0.0, 1e-7, 1.0])
def test_blocks_do_not_change_the_answer(distance, collapse):
    # collapse 0 and 1e-7: all rows equal, or equal up to the last float32 bits, as a collapsed model gives them.
    gallery = (1 + collapse * rows(160, 24)).astype(np.float32)
    gallery[100:150] = gallery[:50]
    queries, own = gallery[:40], np.arange(40)
    answers = [knn(queries, gallery, 20, distance, chunk, own) for chunk in (1, 33, 159, 160, 4096)]
    for index, value in answers[1:]:
        np.testing.assert_array_equal(index, answers[0][0])
        np.testing.assert_array_equal(value, answers[0][1])
    for i in range(0, 40, 13):  # one query alone is answered as within a block
        alone, _ = knn(queries[i : i + 1], gallery, 20, distance, 50, own[i : i + 1])
        np.testing.assert_array_equal(alone[0], answers[0][0][i])


@settings(max_examples=60, deadline=None)
@given(data=st.data(), distance=st.sampled_from(["dot", "squared_euclidean"]))
def test_integers_with_many_ties_equal_the_loop(data, distance):
    d, n, m = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 6)), data.draw(st.integers(2, 40))
    seed, k = data.draw(st.integers(0, 10**6)), data.draw(st.integers(1, m - 1))
    random = np.random.default_rng(seed)
    queries, gallery = random.integers(-2, 3, (n, d)), random.integers(-2, 3, (m, d))
    exclude = data.draw(st.sampled_from([None, random.integers(0, m, n)]))
    index, value = knn(queries, gallery, k, distance, data.draw(st.integers(1, m)), exclude)
    expected, values = loop_knn(queries, gallery, k, distance, exclude)
    np.testing.assert_array_equal(index, expected)
    np.testing.assert_array_equal(value, values)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), distance=st.sampled_from(DISTANCES), chunk=st.integers(1, 50))
def test_permuting_the_gallery_permutes_the_answer(seed, distance, chunk):
    random = np.random.default_rng(seed)
    queries, gallery, order = random.normal(size=(9, 4)), random.normal(size=(40, 4)), random.permutation(40)
    index, value = knn(queries, gallery, 6, distance, chunk)
    moved, same = knn(queries, gallery[order], 6, distance, chunk)
    np.testing.assert_array_equal(order[moved], index)
    np.testing.assert_array_equal(same, value)


def test_memory_stays_far_below_the_full_matrix():
    gallery = rows(20_000, 64)
    tracemalloc.start()
    knn(gallery[:3000], gallery, 10, exclude=np.arange(3000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3000 * 20_000 * 4 / 2  # half of the float32 matrix of the queries; 7 % of all against all
    assert peak < 100e6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"k": 5}, ["k=5", "4 rows"]),
        ({"k": 4, "exclude": [0, 1, 2]}, ["k=4", "3 rows", "own row"]),
        ({"k": 0}, ["k=0"]),
        ({"distance": "cosin"}, ["distance 'cosin'", "did you mean 'cosine'"]),
        ({"gallery": np.ones((4, 3))}, ["2 dimensions", "3", "same model"]),
        ({"queries": [[1, 2], [1, 2], [np.nan, 1], [np.inf, 1]]}, ["queries", "row 2", "2 of 4"]),
        ({"gallery": [[1, 2], [1, np.inf]]}, ["gallery", "row 1"]),
        ({"gallery": np.ones((0, 2))}, ["k=1", "0 rows"]),
        ({"queries": [1.0, 2.0]}, ["queries", "(2,)"]),
        ({"queries": [["a", "b"]]}, ["queries", "real numbers"]),
        ({"exclude": [0, 1]}, ["exclude", "3 integers", "(2,)"]),
        ({"exclude": [0, 1, 4]}, ["exclude", "0 and 3", "4"]),
        ({"exclude": [0, 1, -1]}, ["exclude", "-1"]),
        ({"chunk": 0}, ["chunk", "0"]),
        ({"gallery": np.full((4, 2), 1e200), "distance": "euclidean"}, ["gallery", "1e150"]),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    call = {"queries": np.ones((3, 2)), "gallery": np.ones((4, 2)), "k": 1} | arguments
    with pytest.raises(ValueError) as error:
        knn(**call)
    for word in words:
        assert word in str(error.value)


def test_no_queries_give_an_empty_answer():
    index, value = knn(np.ones((0, 2)), np.ones((4, 2)), 2)
    assert index.shape == value.shape == (0, 2)
