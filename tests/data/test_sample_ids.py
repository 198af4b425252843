"""Sample ids of PK batches: what they are, and that a short class no longer gives an image itself as its positive."""

import warnings

import keras
import numpy as np
import pytest

import zoo
from zoo.data import pk_batches
from zoo.data.samplers import SAMPLERS

ITEMS = np.random.default_rng(0).normal(size=(12, 6)).astype("float32")
LABELS = np.repeat([10, 20, 30, 40], [2, 2, 3, 5])  # short classes


def make(**settings):
    return pk_batches(ITEMS, LABELS, **({"classes": 2, "per_class": 4, "sample_ids": True} | settings))


@pytest.mark.parametrize("repeats", [True, False])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_labels_are_class_and_row(sampler, repeats):
    sizes = {"npair": {"per_class": 2}, "facenet": {"others": 2}}.get(sampler, {})
    batches = make(sampler=sampler, repeats=repeats, **sizes)
    for step in range(5):
        (x, y), rows = batches.batch(step), batches.indices(step)
        assert y.dtype == np.int32 and y.tolist() == [[LABELS[row], row] for row in rows]
        np.testing.assert_array_equal(x, ITEMS[rows])
        plain = make(sampler=sampler, repeats=repeats, sample_ids=False, **sizes)
        np.testing.assert_array_equal(y[:, 0], plain.batch(step)[1])


@pytest.mark.parametrize("base", [0, 2**24, 2**31 - 3, 2**40, -(2**62)])
def test_ids_of_copies_made_beforehand(base):
    ids = np.arange(12) // 2 + base
    batches = make(sample_ids=ids)
    rows, given = batches.indices(0), batches.batch(0)[1][:, 1]
    np.testing.assert_array_equal(given[:, None] == given[None, :], ids[rows][:, None] == ids[rows][None, :])
    assert given.dtype == np.int32 and (base >= 2**31 - 6 or base < 0 or given.tolist() == ids[rows].tolist())


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (np.arange(11), r"one integer an item, shape \(12,\); got int64 of shape \(11,\)"),
        (np.arange(12.0), "got float64"),
        (np.arange(12)[:, None], r"shape \(12, 1\)"),
        (list("abcdefghijkl"), "got <U1.*zoo.data.encode"),
        (None, "sample_ids must be True, False or one integer an item"),
    ],
)
def test_bad_ids_are_refused(ids, words):
    with pytest.raises(ValueError, match=words):
        make(sample_ids=ids)


@pytest.mark.parametrize("transform", [None, lambda items, seed: items])
def test_a_dataset_has_static_shapes(transform):
    dataset = make().dataset(transform)
    assert [tuple(spec.shape) for spec in dataset.element_spec] == [(8, 6), (8, 2)]
    np.testing.assert_array_equal(next(iter(dataset))[1], make().batch(0)[1])
    assert tuple(make(repeats=False).dataset(transform).element_spec[1].shape) == (None, 2)


def model(loss, **settings):
    keras.utils.set_random_seed(0)
    return zoo.Embedder(keras.layers.Dense(4), zoo.layers.LossLayer(zoo.losses.get(loss, **settings)), embedding_dim=3)


def fit(loss, batches, callbacks=(), **settings):
    embedder = model(loss, **settings)
    embedder.compile("sgd")
    return embedder.fit(batches, epochs=1, verbose=0, callbacks=list(callbacks)).history


def test_a_sample_that_comes_twice_is_not_its_own_positive():
    share = {}
    for ids in (False, True):
        batches = pk_batches(ITEMS[:4], LABELS[:4], classes=2, per_class=4, steps=3, sample_ids=ids)
        share[ids] = fit("batchhard", batches)["positive_share"][0]
    assert share == pytest.approx({False: 3 / 7, True: 2 / 6})  # of 3 classmates one is the row itself again
    hard = fit("ephn", pk_batches(ITEMS, LABELS, classes=2, per_class=8, sample_ids=True), duplicate_threshold=None)
    assert hard["mean_s_ap"][0] < 0.999  # the nearest positive would be a copy


@pytest.mark.parametrize("loss", ["epshn", "contrastive", "softmax"])
def test_fit_takes_arrays_and_data_sets(loss):
    classes = {"classes": 41} if loss == "softmax" else {}
    embedder = zoo.build(f"convnet_{loss}", size=16, blocks=2, filters=4, **classes)
    images = np.random.default_rng(0).integers(0, 255, (12, 16, 16, 3)).astype("uint8")
    y = np.stack([LABELS, np.arange(12) + 2**40], axis=1)
    history = embedder.fit(images, y, batch_size=12, epochs=1, verbose=0, validation_data=(images, y)).history
    assert np.isfinite([*history["loss"], *history["val_loss"]]).all()
    batches = pk_batches(images, LABELS, classes=2, per_class=4, sample_ids=True)
    assert np.isfinite(embedder.fit(batches, epochs=2, verbose=0).history["loss"]).all()


def test_the_alarm_says_that_copies_do_not_count():
    batches = make(sample_ids=LABELS, steps=12)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit("triplet", batches, [zoo.callbacks.BatchHealth()])
    assert any("share a class, copies by sample ids not counted" in str(warning.message) for warning in caught)
