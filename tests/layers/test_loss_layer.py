"""Loss layer and normalization."""

import backend
import keras
import numpy as np
import pytest
from contract import model_with_loss
from keras import ops

import zoo


def test_health_is_reported_over_the_epoch():
    layer = zoo.layers.LossLayer(zoo.losses.get("batchhard", margin=0.2))
    x = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [1, 1]], "float32")
    layer(np.array([0, 0, 1, 1, 2]), x)
    health = {key: float(metric.result()) for key, metric in layer.health.items()}
    assert health["valid_anchors"] == 4 and health["active_fraction"] == 0
    assert health["positive_share"] == pytest.approx(4 / 20)
    assert health["mean_s_ap"] == pytest.approx(1, abs=1e-6)
    assert health["mean_s_an"] == pytest.approx(np.sqrt(0.5), abs=1e-6)
    assert health["embedding_std"] == pytest.approx(x.std(axis=0).mean(), abs=1e-6)


def test_class_scores_belong_to_the_layer():
    layer = zoo.layers.LossLayer(zoo.losses.get("softmax"), classes=3)
    x = np.eye(4, dtype="float32")
    value = layer(np.array([0, 1, 2, 0]), x)
    assert len(layer.trainable_weights) == 2
    assert float(value) == pytest.approx(float(zoo.losses.get("softmax")([0, 1, 2, 0], layer.scores(x))))


@pytest.mark.parametrize("loss, classes, words", [("softmax", None, "classes"), ("hinge", 0, "classes"), ("epshn", 3, "compares")])
def test_classes_are_asked_for_where_they_are_needed(loss, classes, words):
    with pytest.raises(ValueError, match=words):
        zoo.layers.LossLayer(zoo.losses.get(loss), classes=classes)


def test_in_a_functional_model_with_several_inputs():
    keras.utils.set_random_seed(0)
    items, labels = keras.Input((4,)), keras.Input((), dtype="int32")
    embedding = keras.layers.Dense(3)(items)
    model = model_with_loss([items, labels], labels, embedding, zoo.layers.LossLayer(zoo.losses.get("batchhard")))
    model.compile("adam")
    x, y = np.random.default_rng(0).normal(size=(16, 4)), np.arange(16) % 4
    history = model.fit([x, y], y, batch_size=16, epochs=5, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] and "active_fraction" in history


def test_normalize_is_finite_at_zero_and_keeps_float64():
    x = np.array([[0.0, 0.0], [3.0, 4.0], [1e-20, 0.0]])
    unit = backend.to_numpy(zoo.geometry.normalize(x))
    assert unit.dtype == "float64"
    np.testing.assert_allclose(unit[1], [0.6, 0.8])
    _, (gradient,) = backend.value_and_gradient(lambda x: ops.sum(zoo.geometry.normalize(x)), x)
    assert np.isfinite(gradient).all() and np.abs(gradient).max() <= 1e4


@pytest.mark.parametrize("name, key", [("sct", "hn_ratio"), ("nearestneighbor", "pair_share")])
def test_what_a_loss_alone_can_tell_is_reported_too(name, key):
    layer = zoo.layers.LossLayer(zoo.losses.get(name))
    layer(np.array([0, 0, 1, 1]), np.array([[1, 0], [0.9, 0.1], [0, 1], [0.2, 0.9]], "float32"))
    assert 0 <= float(layer.health[key].result()) <= 1
