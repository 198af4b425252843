"""The alarm: small models trained into each state, and healthy training that it leaves alone."""

import warnings

import keras
import numpy as np
import pytest
from contract import model_with_loss

import zoo
from zoo.callbacks.health import collapse_value


def small_model(loss, rate, towers=False, words=None):
    keras.utils.set_random_seed(0)
    items, ids = keras.Input((6,)), keras.Input((words,) if words else (), dtype="int32")
    unit = zoo.layers.L2Normalize()
    embed = [unit(keras.layers.Dense(4)(keras.layers.Dense(16, "tanh")(items))) for _ in range(1 + towers)]
    model = model_with_loss([items, ids], ids, tuple(embed) if towers else embed[0], zoo.layers.LossLayer(loss, words))
    model.compile(keras.optimizers.Adam(rate))
    return model


RANDOM = np.random.default_rng(0)
NOISE = RANDOM.normal(size=(64, 6)).astype("float32")


def train(loss, labels, rate=0.01, epochs=60, towers=False, x=NOISE, **options):
    """Messages of the alarm and the number of epochs that ran."""
    alarm = zoo.callbacks.BatchHealth(**{"patience": 20, **options})
    model = small_model(loss, rate, towers, *labels.shape[1:])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = model.fit([x, labels], labels, batch_size=16, epochs=epochs, verbose=0, callbacks=[alarm], shuffle=False)
    said = [str(w.message) for w in caught if "collapsed" in str(w.message) or "valid anchor" in str(w.message)]
    return said, len(history.history["loss"])


@pytest.mark.parametrize(
    "labels, words",
    [(np.arange(64), "no two samples of a batch share a class"), (np.zeros(64, "int32"), "one class only")],
)
@pytest.mark.parametrize("action", ["warn", "stop"])
def test_batches_without_anchors(labels, words, action):
    said, epochs = train(zoo.losses.get("triplet"), labels, epochs=6, action=action)
    assert len(said) == 1 and words in said[0] and "pk_batches" in said[0]
    assert epochs == (6 if action == "warn" else 3)  # 10 steps of 4 an epoch


def test_rows_without_a_label():
    said, _ = train(zoo.losses.get("words", form="softmax"), np.zeros((64, 3), "int32"), epochs=6)
    assert len(said) == 1 and "no row of a batch has a label" in said[0]


def test_a_collapsed_space_stops_training():
    labels = np.random.default_rng(3).integers(0, 4, 64)  # noise cannot be told apart: the hardest triplets pull all into one point
    loss = zoo.losses.get("batchhard", margin=0.5)
    said, epochs = train(loss, labels, rate=0.05, epochs=200, action="stop", tolerance=0.02)
    assert len(said) == 1 and "collapsed" in said[0] and "learning rate" in said[0] and epochs < 600


def test_plain_l1_stops_at_the_share_of_matches():
    random = np.random.default_rng(2)
    x, labels = random.normal(size=(1024, 6)), random.integers(0, 16, 1024)
    said, epochs = train(zoo.losses.get("manytomany_l1"), labels, epochs=60, towers=True, x=x, action="stop")
    assert len(said) == 1 and "share of matches" in said[0] and epochs < 60


def test_healthy_training_is_left_alone():
    labels = np.arange(64) % 4
    x = (np.eye(6)[labels] * 3 + NOISE * 0.1).astype("float32")
    said, epochs = train(zoo.losses.get("triplet"), labels, x=x, epochs=40, action="stop")
    assert said == [] and epochs == 40


@pytest.mark.parametrize(
    "name, settings",
    [("triplet", {}), ("batchhard", {}), ("batchhard", {"margin": "soft"})]
    + [("epshn", {"margin": 0.1, "duplicate_threshold": None})]
    + [(n, {"denominator": d}) for n in ("ranking", "maxranking", "maxmargin") for d in ("batch", "sum")],
)
def test_the_value_at_collapse_is_the_loss_of_equal_embeddings(name, settings):
    layer = zoo.layers.LossLayer(zoo.losses.get(name, **settings))
    towers = registry_takes_towers(name)
    labels = np.arange(8) if towers else np.arange(8) % 2
    x = np.full((8, 2, 4) if towers else (8, 4), 0.5, "float32")
    value = float(layer(labels, x))
    assert collapse_value(layer, float(layer.health["valid_anchors"].result())) == pytest.approx(value, rel=1e-4)


def registry_takes_towers(name):
    return zoo.registry.LOSSES[name].takes == "towers"


def test_what_it_needs_is_said():
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="LossLayer"):
        model.fit(NOISE, NOISE[:, :1], verbose=0, callbacks=[zoo.callbacks.BatchHealth()])
    with pytest.raises(ValueError, match="did you mean 'stop'"):
        zoo.callbacks.BatchHealth("stopp")
