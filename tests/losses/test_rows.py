"""Row functions: chunks equal the whole, and the closed gradient equals the backend's own."""

import backend
import numpy as np
import pytest
from keras import ops

from zoo import geometry, mining
from zoo.losses import rows

RANDOM = np.random.default_rng(0)
X, LABELS = RANDOM.normal(size=(13, 4)).astype("float32"), RANDOM.integers(0, 4, 13).astype("int32")
X[3] = X[5]
WEIGHTS = RANDOM.normal(size=13).astype("float32")  # of the anchors, as sample weights are


def row_function(similarity, positives, negatives):
    """Sum of s^2 over positives minus sum of exp(s) over negatives, and the number of positives."""
    positives, negatives = ops.cast(positives, similarity.dtype), ops.cast(negatives, similarity.dtype)
    cost = ops.sum(positives * ops.square(similarity) - negatives * ops.exp(similarity), axis=1)
    slopes = 2.0 * positives * similarity - negatives * ops.exp(similarity)
    return ops.stack([cost, ops.sum(positives, axis=1)], axis=1), slopes


def whole(x, distance):
    similarity = geometry.similarity_matrix(x, distance)
    labels = ops.convert_to_tensor(LABELS)
    return row_function(similarity, mining.positive_mask(labels), mining.negative_mask(labels))[0]


@pytest.mark.parametrize("distance", geometry.DISTANCES)
@pytest.mark.parametrize("chunk", [None, 1, 4, 13, 40])
@pytest.mark.parametrize("jit", [False, True] if backend.NAME != "torch" else [False])  # torch compiles for minutes
def test_values_and_gradients_equal_those_of_the_whole_matrix(distance, chunk, jit):
    def weighted(outputs):
        return ops.sum(outputs[:, 0] * ops.convert_to_tensor(WEIGHTS))

    def ours(x):
        return weighted(rows.differentiate(row_function, x, ops.convert_to_tensor(LABELS), distance, 2, chunk))

    value, (gradient,) = backend.value_and_gradient(ours, X, jit=jit)
    expected, (slopes,) = backend.value_and_gradient(lambda x: weighted(whole(x, distance)), X)
    assert value == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(gradient, slopes, atol=2e-5 * np.abs(slopes).max())


@pytest.mark.parametrize("chunk", [None, 5])
def test_a_scan_returns_every_column_without_a_gradient(chunk):
    def columns(x):
        return rows.scan(lambda *row: row_function(*row)[0], x, ops.convert_to_tensor(LABELS), "cosine", 2, chunk)

    x = ops.convert_to_tensor(X)
    np.testing.assert_allclose(backend.to_numpy(columns(x)), backend.to_numpy(whole(x, "cosine")), rtol=1e-5)
    _, (gradient,) = backend.value_and_gradient(lambda x: ops.sum(columns(x)) + ops.sum(x), X)
    np.testing.assert_array_equal(gradient, np.ones_like(X))
