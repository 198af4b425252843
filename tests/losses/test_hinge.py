"""Losses on class scores against plain loops."""

import backend
import keras
import numpy as np
import oracles
import pytest

import zoo

SCORES = [[2.0, 1.5, -1.0], [-3.0, -2.0, 0.5]]


@pytest.mark.parametrize("form", ["max", "sum"])
def test_golden_values(form):
    values = zoo.losses.MulticlassHinge(form=form, reduction=None)([0, 1], SCORES)
    np.testing.assert_allclose(backend.to_numpy(values), [0.5, 3.5], atol=1e-6)


@pytest.mark.parametrize("margin", [0.0, 0.2, 1.0, 10.0])
@pytest.mark.parametrize("form", ["max", "sum"])
@pytest.mark.parametrize("squared", [False, True])
def test_any_margin_equals_plain_loops_in_value_and_gradient(margin, form, squared):
    random = np.random.default_rng(1)
    labels, scores = random.integers(0, 5, 11), random.normal(size=(11, 5)) * 3
    loss = zoo.losses.MulticlassHinge(margin=margin, form=form, squared=squared)
    value, (gradient,) = backend.value_and_gradient(lambda z: loss(labels, z), scores)
    options = dict(margin=margin, form=form, squared=squared)
    assert value == pytest.approx(oracles.multiclass_hinge(labels, scores, **options), rel=1e-6)
    expected = oracles.gradient(lambda z: oracles.multiclass_hinge(labels, z, **options), scores)
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_negative_scores_are_right_where_the_framework_is_not():
    scores, target = [[-1.0, -5.0, -5.0]], [[1.0, 0.0, 0.0]]
    assert float(zoo.losses.MulticlassHinge()([0], scores)) == 0.0
    assert float(keras.losses.CategoricalHinge()(target, scores)) == 2.0


def test_one_class_costs_nothing():
    assert float(zoo.losses.MulticlassHinge()([0, 0], [[3.0], [-1.0]])) == 0.0


def test_softmax_equals_plain_loops_and_does_not_overflow():
    random = np.random.default_rng(2)
    labels, scores = random.integers(0, 4, 9), random.normal(size=(9, 4)) * 5
    assert float(zoo.losses.SoftmaxLoss()(labels, scores)) == pytest.approx(oracles.softmax_loss(labels, scores), rel=1e-6)
    assert float(zoo.losses.SoftmaxLoss()([1], [[1e6, 0.0]])) == pytest.approx(1e6)


@pytest.mark.parametrize("name", ["softmax", "hinge"])
def test_labels_outside_the_classes_are_refused(name):
    with pytest.raises(ValueError, match="0..2, but range from 0 to 3"):
        zoo.losses.get(name)([0, 3], SCORES)
    with pytest.raises(ValueError, match="-1"):
        zoo.losses.get(name)([-1, 0], SCORES)


@pytest.mark.parametrize("margin", [0.0, 0.2, 1.0, 10.0])
@pytest.mark.parametrize("squared", [False, True])
def test_two_classes_with_one_score(margin, squared):
    random = np.random.default_rng(4)
    labels, scores = random.integers(0, 2, 9), random.normal(size=(9, 1)) * 3
    loss = zoo.losses.BinaryHinge(margin=margin, squared=squared)
    costs = [max(0.0, margin - s if y else margin + s) for y, (s,) in zip(labels, scores, strict=True)]
    assert float(loss(labels, scores)) == pytest.approx(np.mean([c**2 if squared else c for c in costs]), rel=1e-6)
    both = zoo.losses.MulticlassHinge(margin=margin, squared=squared)(labels, np.concatenate([-scores, scores], axis=1) / 2)
    assert float(loss(labels, scores[:, 0])) == pytest.approx(float(both), rel=1e-6)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert float(again(labels, scores)) == float(loss(labels, scores))
    layer = zoo.layers.LossLayer(loss, classes=1)
    assert np.isfinite(float(layer(labels, random.normal(size=(9, 3)))))


@pytest.mark.parametrize("labels, x, words", [([0, 2], np.zeros(2), "0..1"), ([0, 1], np.zeros((2, 2)), "(N, 1)")])
def test_what_the_binary_hinge_does_not_take(labels, x, words):
    with pytest.raises(ValueError) as error:
        zoo.losses.BinaryHinge()(labels, x)
    assert words in str(error.value)
