"""Cosines to class weights, the loss layer that owns them, and prefixes of the embedding."""

import backend
import keras
import numpy as np
import oracles_scores
import pytest
from keras import ops

import zoo

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(6, 4)).astype("float32")
Y = np.array([0, 1, 2, 0, 1, 2])


def unit(x, axis):
    return x / np.linalg.norm(x, axis=axis, keepdims=True)


@pytest.mark.parametrize("lengths", [None, "features", "both"])
def test_cosines_and_lengths_are_those_of_the_weights(lengths):
    layer = zoo.layers.CosineLogits(3, lengths=lengths)
    out = backend.to_numpy(layer(X))
    kernel = backend.to_numpy(layer.kernel)
    cosines = unit(X, 1) @ unit(kernel, 0)
    assert layer.compute_output_shape(X.shape) == out.shape
    np.testing.assert_allclose(out if lengths is None else out[..., 0], cosines, atol=1e-6)
    if lengths is not None:
        length = np.linalg.norm(X, axis=1)[:, None] * (1 if lengths == "features" else np.linalg.norm(kernel, axis=0))
        np.testing.assert_allclose(out[..., 1], np.broadcast_to(length, (6, 3)), rtol=1e-5)
    again = zoo.layers.CosineLogits.from_config(layer.get_config())
    assert again.lengths == lengths and again.classes == 3


@pytest.mark.parametrize("lengths", [None, "features", "both"])
def test_zero_rows_and_zero_weights_have_a_finite_gradient(lengths):
    layer = zoo.layers.CosineLogits(3, lengths=lengths)
    layer.build((None, 4))
    layer.kernel.assign(np.concatenate([np.zeros((4, 1)), RANDOM.normal(size=(4, 2))], axis=1))
    x = np.concatenate([np.zeros((1, 4)), X]).astype("float32")
    out = backend.to_numpy(layer(x))
    assert np.isfinite(out).all() and not out[0].any()
    for gradient in backend.value_and_gradient(lambda x: ops.sum(layer(x)), x, weights=[layer.kernel])[1]:
        assert np.isfinite(gradient).all() and np.abs(gradient).max() < 1e6


@pytest.mark.parametrize("name", ["cosface", "arcface", "sphereface", "lsoftmax", "proxynca", "proxyanchor"])
def test_the_loss_layer_owns_the_class_weights(name):
    layer = zoo.layers.LossLayer(zoo.losses.get(name), classes=3)
    value = float(layer(Y, X))
    kernel = backend.to_numpy(layer.scores.kernel)
    outputs = unit(X, 1) @ unit(kernel, 0)
    if layer.loss.lengths is not None:
        length = np.linalg.norm(X, axis=1)[:, None] * (np.linalg.norm(kernel, axis=0) if name == "lsoftmax" else np.ones(3))
        outputs = np.stack([outputs, length], axis=2)
    assert value == pytest.approx(oracles_scores.ORACLES[name](Y, outputs), rel=1e-4)
    assert len(layer.trainable_weights) == 1 and len(layer.non_trainable_weights) >= len(layer.values)


@backend.text
def test_class_scores_of_angular_softmax_are_plain_products():
    model = zoo.build("bilstm_lsoftmax", classes=3, units=4, char_dim=4, embedding_dim=4)
    model.adapt(["abc"])
    expected = model.predict(["abc", "b"]) @ np.asarray(model.loss_layer.scores.kernel)
    np.testing.assert_allclose(model.class_scores(["abc", "b"]), expected, atol=1e-5)


@backend.text
def test_annealing_follows_its_schedule_and_is_saved(tmp_path):
    schedule = zoo.losses.AnnealingDecay(base=100.0, rate=1.0, power=1.0, minimum=5.0)
    model = zoo.build("bilstm_sphereface", classes=2, annealing=schedule, units=4, char_dim=4, embedding_dim=4)
    model.adapt(["abc"])
    assert float(model.loss_layer.values["annealing"]) == 100
    model.fit(["abc", "b", "c", "a"], [0, 1, 0, 1], batch_size=1, epochs=1, verbose=0)
    assert float(model.loss_layer.values["annealing"]) == pytest.approx(25)  # at step 3: 100 / (1 + 3)
    model.save(tmp_path / "m.keras")
    again = zoo.load_model(tmp_path / "m.keras")
    assert float(again.loss_layer.values["annealing"]) == pytest.approx(25)
    again.fit(["abc"], [0], verbose=0)
    assert float(again.loss_layer.values["annealing"]) == pytest.approx(20)


def prefix_losses(name, layer, dims):
    for k in dims:
        x, kernel = X[:, :k], layer.scores and backend.to_numpy(layer.scores.kernel)[:k]
        if layer.scores is None:
            yield float(layer.loss(Y, x))
        elif name == "softmax":
            yield float(layer.loss(Y, x @ kernel + backend.to_numpy(layer.scores.bias)))
        else:
            yield float(layer.loss(Y, unit(x, 1) @ unit(kernel, 0)))


@pytest.mark.parametrize("name", ["softmax", "cosface", "proxyanchor", "batchhard", "epshn"])
def test_a_matryoshka_layer_is_the_mean_over_prefixes_that_share_their_weights(name):
    loss = zoo.losses.get(name)
    classes = 3 if loss.takes_scores else None
    layer = zoo.layers.LossLayer(loss, classes, matryoshka=(1, 2, 4))
    value = float(layer(Y, X))
    assert value == pytest.approx(np.mean(list(prefix_losses(name, layer, (1, 2, 4)))), rel=1e-5)
    again = zoo.layers.LossLayer.from_config(layer.get_config())
    assert again.matryoshka == (1, 2, 4)
    whole = zoo.layers.LossLayer(loss, classes)
    whole(Y, X)
    assert [w.shape for w in whole.trainable_weights] == [w.shape for w in layer.trainable_weights]


@backend.text
def test_a_matryoshka_model_learns_short_embeddings_and_is_saved(tmp_path):
    keras.utils.set_random_seed(0)
    texts = [f"{verb}{i}" for verb in ("play ", "drive to ", "call ") for i in range(8)]
    labels = np.repeat([0, 1, 2], 8)
    for name, settings in (("bilstm_arcface", {"classes": 3, "scale": 16.0}), ("bilstm_triplet", {"margin": 0.3})):
        model = zoo.build(name, matryoshka=(2, 6), units=8, char_dim=8, embedding_dim=6, learning_rate=1e-2, **settings)
        model.adapt(texts)
        history = model.fit(texts, labels, batch_size=24, epochs=30, verbose=0).history
        assert history["loss"][-1] < history["loss"][0] and "active_fraction" in history
        short = model.predict(texts)[:, :2]
        assert zoo.metrics.retrieval(short, labels, k=(1,))["recall@1"].value > 0.9
        model.loss_layer.set(margin=0.1)
        model.save(tmp_path / "m.keras")
        again = zoo.load_model(tmp_path / "m.keras")
        assert again.loss_layer.matryoshka == (2, 6) and float(again.loss_layer.values["margin"]) == pytest.approx(0.1)
        np.testing.assert_allclose(again.predict(texts), model.predict(texts), atol=1e-6)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: zoo.layers.CosineLogits(0), "classes"),
        (lambda: zoo.layers.CosineLogits(2, lengths="none"), "unknown lengths"),
        (lambda: zoo.layers.LossLayer(zoo.losses.get("cosface")), "classes"),
        (lambda: zoo.layers.LossLayer(zoo.losses.get("triplet"), matryoshka=(4, 2)), "rise"),
        (lambda: zoo.layers.LossLayer(zoo.losses.get("triplet"), matryoshka=(1, 2))(Y, X), "whole embedding, 4"),
    ],
)
def test_bad_settings_are_refused_by_name(call, words):
    with pytest.raises(ValueError, match=words):
        call()
