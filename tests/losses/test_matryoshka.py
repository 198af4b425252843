"""The mean of a loss over prefixes."""

import backend
import keras
import numpy as np
import pytest
from keras import ops

import zoo

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(12, 8)), np.arange(12) % 4
DIMS = (2, 4, 8)


@pytest.mark.parametrize(
    "name, settings", [("triplet", {}), ("batchhard", {"margin": 0.5}), ("epshn", {}), ("semihard", {})]
)
@pytest.mark.parametrize("weights", [None, (1.0, 2.0, 5.0)])
def test_it_is_the_weighted_mean_of_the_losses_of_the_prefixes(name, settings, weights):
    inner = zoo.losses.get(name, **settings)
    loss = zoo.losses.Matryoshka(inner, DIMS, weights)
    shares = np.array(weights or (1.0, 1.0, 1.0)) / sum(weights or (3.0,))

    def mean(x):
        return sum(share * inner(Y, x[:, :k]) for share, k in zip(shares.tolist(), DIMS, strict=True))

    value, (gradient,) = backend.value_and_gradient(lambda x: loss(Y, x), X)
    expected, (slope,) = backend.value_and_gradient(mean, X)
    assert value == pytest.approx(expected, rel=backend.within(1e-9, torch=1e-6))
    np.testing.assert_allclose(gradient, slope, atol=backend.within(1e-9, torch=1e-6))


def test_rows_that_are_anchors_for_some_sizes_only_count_for_those():
    class Half(zoo.losses.Loss):
        def terms(self, labels, embeddings):
            values = embeddings[:, 0] + float(embeddings.shape[1])
            valid = ops.cast(ops.arange(4) < embeddings.shape[1], values.dtype)
            return zoo.losses.Terms(values, valid, {})

    x = np.arange(8.0).reshape(4, 2)
    first, both = x[0, 0] + 1, x[:2, 0].mean() + 2
    assert float(zoo.losses.Matryoshka(Half(), (1, 2))(np.zeros(4, "int32"), x)) == pytest.approx((first + both) / 2)
    total = float(zoo.losses.Matryoshka(Half(), (1, 2), reduction="sum")(np.zeros(4, "int32"), x))
    assert total == pytest.approx((first + 2 * both) / 2)


def test_no_valid_pair_gives_zero_with_zero_gradient():
    loss = zoo.losses.Matryoshka(zoo.losses.get("triplet"), (1, 4))
    value, (gradient,) = backend.value_and_gradient(lambda x: loss(np.arange(4), x), np.eye(4))
    assert value == 0 and not gradient.any()


def test_margins_are_weights_of_the_layer_and_survive_a_config():
    loss = zoo.losses.Matryoshka(zoo.losses.get("triplet", margin=0.3, distance="euclidean"), DIMS, (1, 1, 2))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.dims == DIMS and again.weights == (1, 1, 2) and again.margin == 0.3 and again.distance == "euclidean"
    layer = zoo.layers.LossLayer(again)
    before = float(layer(Y, X.astype("float32")))
    layer.set(margin=2.0)
    expected = zoo.losses.Matryoshka(zoo.losses.get("triplet", margin=2.0, distance="euclidean"), DIMS, (1, 1, 2))
    assert float(layer(Y, X.astype("float32"))) == pytest.approx(float(expected(Y, X)), rel=1e-5) and before > 0
    assert float(layer.health["valid_anchors"].result()) == 12


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda loss: zoo.losses.Matryoshka(loss, (4, 4)), "rise"),
        (lambda loss: zoo.losses.Matryoshka(loss, ()), "rise"),
        (lambda loss: zoo.losses.Matryoshka(loss, (2, 2.5)), "whole number"),
        (lambda loss: zoo.losses.Matryoshka(loss, (2, 8), (1,)), "weights"),
        (lambda loss: zoo.losses.Matryoshka(loss, (2, 8), (1, 0)), "weights"),
        (lambda loss: zoo.losses.Matryoshka(loss, (2, 4))(Y, X), "whole embedding, 8, not with 4"),
        (lambda loss: zoo.losses.Matryoshka(zoo.losses.get("softmax"), (2, 4)), "LossLayer"),
    ],
)
def test_bad_settings_are_refused_by_name(call, words):
    with pytest.raises(ValueError, match=words):
        call(zoo.losses.get("triplet"))
