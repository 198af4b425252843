"""Rotations by singular vectors, effective rank, and recall against kept dimensions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.metrics import effective_rank, recall_by_dims, retrieval, rotation, smallest_dims

RANDOM = np.random.default_rng(0)


def skewed(n=200, width=12, seed=0):
    random = np.random.default_rng(seed)
    y = random.integers(0, 20, n)
    x = random.normal(size=(20, width))[y] * np.linspace(3, 0.1, width) + 0.4 * random.normal(size=(n, width)) + 1
    return x / np.linalg.norm(x, axis=1, keepdims=True), y


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.booleans(), st.integers(0, 99))
def test_a_rotation_is_orthogonal_and_diagonalizes(n, width, center, seed):
    x = np.random.default_rng(seed).normal(size=(n, width)) + 2
    found = rotation(x, center)
    np.testing.assert_allclose(found.axes.T @ found.axes, np.eye(width), atol=1e-12)
    assert found.values.shape == (width,) and (np.diff(found.values) <= 1e-12).all()
    rotated = found.apply(x)
    np.testing.assert_allclose(rotated.T @ rotated, np.diag(found.values**2), atol=1e-10 * found.values[0] ** 2 + 1e-20)
    largest = found.axes[np.abs(found.axes).argmax(axis=0), np.arange(width)]
    assert (largest > 0).all()
    # the map to fewer coordinates is the same map, cut
    np.testing.assert_allclose(found.apply(x, 1), rotated[:, :1], atol=1e-12)


def test_without_centering_dot_products_and_distances_stay():
    x, _ = skewed()
    rotated = rotation(skewed(seed=1)[0]).apply(x)
    np.testing.assert_allclose(rotated @ rotated.T, x @ x.T, atol=1e-13)


def test_with_centering_distances_stay_and_dot_products_do_not():
    x, _ = skewed()
    rotated = rotation(x, center=True).apply(x)
    distances = [np.linalg.norm(z[:, None] - z[None], axis=2) for z in (x, rotated)]
    np.testing.assert_allclose(*distances, atol=1e-12)
    assert np.abs(rotated @ rotated.T - x @ x.T).max() > 0.1
    np.testing.assert_allclose(rotated.mean(axis=0), 0, atol=1e-12)


def test_the_sign_does_not_turn_with_the_sign_of_the_embeddings():
    x, _ = skewed()
    np.testing.assert_allclose(rotation(x).axes, rotation(-x).axes, atol=1e-9)


def test_values_of_any_size_are_taken():
    x, _ = skewed()
    for factor in (1e-200, 1e200):
        found = rotation(x * factor)
        np.testing.assert_allclose(found.values / factor, rotation(x).values, rtol=1e-9)
        np.testing.assert_allclose(found.energy.sum(), 1)
    assert rotation(np.zeros((3, 2))).energy.tolist() == [0, 0]
    assert np.isfinite(rotation([[1e307, -1e307]]).values).all()


def test_effective_rank_is_between_one_and_all_directions():
    assert effective_rank(np.eye(5)) == pytest.approx(5)
    assert effective_rank(np.outer(RANDOM.normal(size=9), [1.0, 2.0])) == pytest.approx(1)
    assert effective_rank(np.zeros((4, 3))) == 0
    squares = np.array([9.0, 4.0, 1.0]) / 14
    assert effective_rank(np.diag([3.0, 2.0, 1.0])) == pytest.approx(np.exp(-(squares * np.log(squares)).sum()))


def test_equal_rows_have_no_direction_once_centered():
    x = np.tile(RANDOM.normal(size=(1, 6)), (50, 1))
    assert effective_rank(x) == pytest.approx(1)
    assert effective_rank(x, center=True) == 0, "what rounding leaves of the mean is no direction"


@pytest.mark.parametrize(
    ("settings", "distance"),
    [({}, "cosine"), ({"renormalize": False}, "dot"), ({"center": True}, "cosine"),
     ({"center": True, "renormalize": False}, "euclidean")],
)  # fmt: skip
def test_recall_by_dims_is_that_of_the_truncated_vectors(settings, distance):
    (train, _), (test, y) = skewed(), skewed(seed=3)
    y[:2] = 100, 101  # without a positive
    found = recall_by_dims(train, test, y, dims=[9, 3, 1, 12], **settings)
    assert found.dims.tolist() == [1, 3, 9, 12]
    rotated = rotation(train, settings.get("center", False)).apply(test)
    for k, *numbers in zip(*found):
        score = retrieval(rotated[:, :k], y, distance=distance)["recall@1"]
        np.testing.assert_allclose(numbers, [score.value, score.low, score.high], atol=1e-12)
    if not settings.get("center"):
        assert found.recall[-1] == retrieval(test, y)["recall@1"].value, "all coordinates: nothing has changed"


def test_dims_that_are_left_out_cover_the_whole_range():
    y = np.arange(30) % 5
    assert recall_by_dims(np.eye(30), np.eye(30), y).dims.tolist() == list(range(1, 31))
    wide = RANDOM.normal(size=(30, 300))
    dims = recall_by_dims(wide, wide, y).dims
    assert dims[0] == 1 and dims[-1] == 300 and 64 <= len(dims) <= 128 and (np.diff(dims) > 0).all()


def test_the_smallest_number_of_dims_that_keeps_the_recall():
    dims, recall = [1, 2, 3, 4, 5], [0.1, 0.796, 0.7, 0.81, 0.8]
    assert smallest_dims(dims, recall) == 2
    assert smallest_dims(dims, recall, keep=1.0) == 4
    assert smallest_dims(dims[::-1], recall[::-1], keep=0.1) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rotation([[np.inf]]), "embeddings has a value that is not finite"),
        (lambda: rotation(np.zeros((0, 3))), "embeddings has no rows"),
        (lambda: rotation(np.eye(3)).apply(np.eye(2)), "embeddings: expected 3 dimensions as the rotation has, got 2"),
        (lambda: recall_by_dims(np.eye(3), np.eye(3), [0, 0]), "labels has 2 entries but test has 3"),
        (lambda: recall_by_dims(np.eye(3), np.eye(3), [0, 1, 2]), "labels: none of the 3 items"),
        (lambda: recall_by_dims(np.eye(3), np.eye(3), [0, 0, 1], dims=[0]), "dims: expected numbers from 1 to 3"),
        (lambda: recall_by_dims(np.eye(3), np.eye(3), [0, 0, 1], dims=[4]), "dims: expected numbers from 1 to 3"),
        (lambda: smallest_dims([1, 2], [0.5]), "dims and recall: expected two lists of one length"),
        (lambda: smallest_dims([1], [0.5], keep=2), "keep must lie between 0.0 and 1.0"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
