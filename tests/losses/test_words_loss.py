"""Weighted multi-label cross-entropy against plain loops."""

import backend
import keras
import numpy as np
import oracles
import oracles_scores
import pytest
from keras import ops

import zoo

RANDOM = np.random.default_rng(5)
Z = RANDOM.normal(size=(7, 6)) * 3
HOT = (RANDOM.random((7, 6)) < 0.4).astype("float64")
HOT[3] = 0  # an item without any word
COUNTS = {"frequencies": (400, 100, 30, 2, 0, 999), "items": 1000}


@pytest.mark.parametrize("weighting", ["balanced", "inverse", "sqrt", "effective", None])
@pytest.mark.parametrize("form", ["sigmoid", "softmax"])
@pytest.mark.parametrize("labels", [HOT, RANDOM.random((7, 6))], ids=["hot", "soft"])
def test_values_and_gradients_equal_plain_loops(weighting, form, labels):
    settings = {"weighting": weighting, "form": form, **COUNTS}
    loss = zoo.losses.get("words", **settings)
    value, (gradient,) = backend.value_and_gradient(lambda z: loss(labels, z), Z)
    assert value == pytest.approx(oracles_scores.words(labels, Z, **settings), rel=1e-6)
    expected = oracles.gradient(lambda z: oracles_scores.words(labels, z, **settings), Z)
    np.testing.assert_allclose(gradient, expected, atol=1e-6)
    assert not gradient[:, 4].any()  # the word that never occurs


def test_without_weights_it_is_the_framework_s():
    ours = zoo.losses.get("words", reduction=None)(HOT, Z)
    theirs = ops.sum(ops.binary_crossentropy(HOT, Z, from_logits=True), axis=1)
    np.testing.assert_allclose(backend.to_numpy(ours), backend.to_numpy(theirs), rtol=1e-9)


@pytest.mark.skipif(backend.NAME != "tensorflow", reason="holds the loss against functions of TensorFlow")
def test_with_one_weight_for_all_it_is_tensorflow_s():
    import tensorflow as tf

    ours = zoo.losses.get("words", reduction=None)(HOT, Z)
    theirs = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(labels=HOT, logits=Z), axis=1)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    q = (1000 - 250) / 250
    ours = zoo.losses.get("words", frequencies=(250,) * 6, items=1000, reduction=None)(HOT, Z)
    np.testing.assert_allclose(ours, tf.reduce_sum(tf.nn.weighted_cross_entropy_with_logits(HOT, Z, q), axis=1), rtol=1e-9)


@pytest.mark.parametrize("form", ["sigmoid", "softmax"])
def test_any_logit_gives_a_finite_loss_and_gradient(form):
    loss, labels = zoo.losses.get("words", form=form), np.array([[0, 1, 1], [1, 0, 1]])
    z = np.array([[1e30, -1e30, 0.0], [-1e4, 1e4, 0.0]], "float32")
    value, (gradient,) = backend.value_and_gradient(lambda z: loss(labels, z), z)
    assert np.isfinite(value) and np.isfinite(gradient).all()


def test_floors_clips_and_means():
    q, c = zoo.losses.get("words", **COUNTS).word_weights()
    np.testing.assert_allclose(q[:4], [600 / 400, 9, 970 / 30, 50])
    assert q[5] == 1 / 50 and c.tolist() == [1, 1, 1, 1, 0, 1]
    for weighting in ("inverse", "sqrt", "effective"):
        q, c = zoo.losses.get("words", weighting=weighting, **COUNTS).word_weights()
        assert (q == 1).all() and c[4] == 0 and c.sum() / 5 == pytest.approx(1) and c[3] == c.max()
    inverse = zoo.losses.get("words", weighting="inverse", **COUNTS).word_weights()[1]
    assert inverse[3] / inverse[0] == pytest.approx(400 / 5)  # counts below 5 are taken for 5


@pytest.mark.parametrize("weighting", ["balanced", "inverse", "sqrt", None])
@pytest.mark.parametrize("form", ["sigmoid", "softmax"])
def test_the_layer_begins_where_frequencies_alone_cannot_lower_the_loss(weighting, form):
    counts = (40, 25, 10, 6)
    rows, labels = 100, np.zeros((100, 4), "float32")
    if form == "sigmoid":
        for word, count in enumerate(counts):
            labels[RANDOM.permutation(rows)[:count], word] = 1
    else:
        labels[np.arange(81), np.repeat(np.arange(4), counts)] = 1  # one word an item
    loss = zoo.losses.get("words", weighting=weighting, form=form, frequencies=counts, items=100)
    layer = zoo.layers.LossLayer(loss, classes=4)
    x = np.zeros((rows, 3), "float32")
    layer(labels, x)
    _, (slope,) = backend.value_and_gradient(lambda: layer(labels, x), weights=[layer.scores.bias])
    np.testing.assert_allclose(slope, 0, atol=1e-5)
    if weighting is None and form == "sigmoid":
        bias = backend.to_numpy(layer.scores.bias)
        np.testing.assert_allclose(bias, np.log(np.array(counts) / (100 - np.array(counts))), rtol=1e-5)


@backend.text
def test_a_model_learns_from_several_words_an_item_and_is_saved(tmp_path):
    keras.utils.set_random_seed(0)
    words = ["play", "call", "map"]
    labels = np.array([[i >> b & 1 for b in range(3)] for i in range(1, 8)] * 4, "float32")
    texts = [" ".join(w for w, y in zip(words, row, strict=True) if y) for row in labels]
    counts = tuple(int(n) for n in labels.sum(axis=0))
    model = zoo.build(
        "bilstm_words", classes=3, frequencies=counts, items=28, units=16, char_dim=8, embedding_dim=8, learning_rate=0.02
    )
    model.adapt(texts)
    model.fit(texts, labels, batch_size=14, epochs=60, validation_data=(texts, labels.tolist()), verbose=0)
    assert ((model.class_scores(texts) > 0) == labels).mean() > 0.95
    model.save(tmp_path / "m.keras")
    again = zoo.load_model(tmp_path / "m.keras")
    assert again.loss_layer.loss.frequencies == counts
    np.testing.assert_allclose(again.class_scores(texts), model.class_scores(texts), atol=1e-5)
    with pytest.raises(ValueError, match="one column a word"):
        model.fit(texts, np.zeros(28, "int32"), verbose=0)
    with pytest.raises(ValueError, match="from 0 to 1"):
        model.fit(texts, labels * 2, verbose=0)


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"weighting": "balance"}, ["unknown weighting", "balanced"]),
        ({"form": "tanh"}, ["unknown form", "softmax"]),
        ({"weighting": "inverse"}, ["frequencies=None", "inverse"]),
        ({"items": 10}, ["frequencies=None", "10"]),
        ({"frequencies": (1, 2)}, ["items", "None"]),
        ({"frequencies": (1, 20), "items": 10}, ["items=10"]),
        ({"frequencies": (0, 0), "items": 10}, ["above 0"]),
        ({"frequencies": (0, -1), "items": 10}, ["frequencies", "-1"]),
    ],
)
def test_bad_settings_are_refused_by_name(settings, words):
    with pytest.raises(ValueError) as error:
        zoo.losses.get("words", **settings)
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize(
    "labels, z, words",
    [
        ([0, 1], np.zeros((2, 2)), ["multi-hot", "(N, 2)"]),
        ([[0, 1]], np.zeros((2, 2)), ["(2, 2)"]),
        ([[0, 1, 0]] * 2, np.zeros((2, 2)), ["(2, 3)"]),
        ([[0, 1.5]] * 2, np.zeros((2, 2)), ["0 to 1"]),
        ([[0, float("nan")]] * 2, np.zeros((2, 2)), ["0 to 1"]),
        ([["a", "b"]] * 2, np.zeros((2, 2)), ["multi-hot"]),
        ([[0, 1]] * 2, np.full((2, 2), np.nan), ["finite", "row 0"]),
        ([[0, 1]] * 2, np.zeros(2), ["(N, D)"]),
    ],
)
def test_bad_batches_are_refused_by_name(labels, z, words):
    with pytest.raises(ValueError) as error:
        zoo.losses.get("words")(labels, z)
    assert all(word in str(error.value) for word in words), error.value


def test_counts_that_do_not_fit_the_scores_are_refused():
    with pytest.raises(ValueError, match="frequencies hold 6 words, the scores 2"):
        zoo.losses.get("words", **COUNTS)([[0, 1]], np.zeros((1, 2)))
