"""The mean of a loss over chunks of an embedding, on the labels or on random groups of classes."""

import backend
import keras
import numpy as np
import pytest

import zoo

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(24, 8)), np.arange(24) % 8


@pytest.mark.parametrize("name", ["triplet", "batchhard", "epshn"])
@pytest.mark.parametrize("settings", [{}, {"classes": 8, "meta_classes": 3}])
def test_it_is_the_mean_of_the_losses_of_the_chunks(name, settings):
    inner = zoo.losses.get(name)
    loss = zoo.losses.Chunked(inner, 4, **settings)
    labels = [Y] * 4 if loss.groups is None else [row[Y] for row in loss.groups]

    def mean(x):
        return sum(inner(labels[i], x[:, 2 * i : 2 * i + 2]) for i in range(4)) / 4

    value, (gradient,) = backend.value_and_gradient(lambda x: loss(Y, x), X)
    expected, (slope,) = backend.value_and_gradient(mean, X)
    assert value == pytest.approx(expected, rel=backend.within(1e-9, torch=1e-6))
    np.testing.assert_allclose(gradient, slope, atol=backend.within(1e-9, torch=1e-6))


def test_groups_are_even_differ_between_chunks_and_follow_the_seed():
    loss = zoo.losses.Chunked(zoo.losses.get("triplet"), 4, classes=42)
    assert loss.meta_classes == 10 and loss.groups.shape == (4, 42)
    for row in loss.groups:
        sizes = np.bincount(row, minlength=10)
        assert sizes.max() - sizes.min() <= 1
    assert len(np.unique(loss.groups, axis=0)) == 4
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    np.testing.assert_array_equal(again.groups, loss.groups)
    assert (zoo.losses.Chunked(zoo.losses.get("triplet"), 4, classes=42, seed=1).groups != loss.groups).any()
    assert zoo.losses.Chunked(zoo.losses.get("triplet"), 4, classes=5).meta_classes == 2


def test_chunks_have_one_length_and_the_product_is_the_mean_of_their_cosines():
    x, y = np.asarray(zoo.layers.ChunkedEmbedding(4)(X.astype("float32")), "float64"), X.reshape(24, 4, 2)
    np.testing.assert_allclose(np.linalg.norm(x.reshape(24, 4, 2), axis=2), 0.5, atol=1e-6)
    unit = y / np.linalg.norm(y, axis=2, keepdims=True)
    np.testing.assert_allclose(x @ x.T, np.einsum("ick,jck->ij", unit, unit) / 4, atol=1e-6)
    value, (gradient,) = backend.value_and_gradient(lambda x: zoo.layers.ChunkedEmbedding(2)(x)[0, 0], np.zeros((1, 4)))
    assert value == 0 and np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: zoo.losses.Chunked(zoo.losses.get("softmax"), 2), "'softmax' is on scores"),
        (lambda: zoo.losses.Chunked(zoo.losses.get("triplet"), 2, meta_classes=3), "classes=..."),
        (lambda: zoo.losses.Chunked(zoo.losses.get("triplet"), 2, classes=4, meta_classes=5), "at most classes=4"),
        (lambda: zoo.losses.Chunked(zoo.losses.get("triplet"), 3)(Y, X), "chunks=3 must divide the size of the embedding, 8"),
        (lambda: zoo.layers.ChunkedEmbedding(3)(X), "chunks=3 must divide the size of the embedding, 8"),
        (lambda: zoo.losses.Chunked(zoo.losses.get("triplet"), 2, classes=7)(Y, X), r"labels must lie in 0\.\.6"),
    ],
)
def test_bad_chunks_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
