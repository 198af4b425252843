"""Batches of P classes with K samples: values, promises, bad input, and what Keras does with them."""

import collections
import warnings

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data import PKBatches, pk_batches

ITEMS = np.arange(60)
LABELS = np.repeat([10, 20, 30, 40, 50, 60], 10)


def make(**settings):
    return pk_batches(ITEMS, LABELS, **({"classes": 3, "per_class": 4} | settings))


def test_every_batch_is_p_classes_by_k_samples():
    batches = make()
    for step in range(50):
        rows = batches.indices(step)
        x, y = batches.batch(step)
        assert rows.dtype == np.int64 and rows.shape == (12,) and len(set(rows.tolist())) == 12
        assert x.tolist() == rows.tolist() and y.tolist() == LABELS[rows].tolist()
        assert sorted(collections.Counter(y.tolist()).values()) == [4, 4, 4]


def test_batch_is_a_function_of_seed_and_step():
    one, again, other = make(seed=5), make(seed=5), make(seed=6)
    later = [again.indices(step).tolist() for step in (9, 3, 0)]
    assert later == [one.indices(step).tolist() for step in (9, 3, 0)]
    assert one.indices(3).tolist() != other.indices(3).tolist()
    assert len({tuple(one.indices(step)) for step in range(100)}) == 100
    assert make(seed=2**64 - 1).indices(2**40).shape == (12,)


def test_seeds_and_steps_do_not_mix():
    """(seed 0, step 1) is not (seed 1, step 0), as it would be if the two were added."""
    drawn = {tuple(make(seed=seed).indices(step)) for seed in range(8) for step in range(8)}
    assert len(drawn) == 64


def test_every_class_and_sample_is_drawn_evenly():
    batches = make()
    seen = collections.Counter(row for step in range(500) for row in batches.indices(step).tolist())
    assert set(seen) == set(range(60)) and min(seen.values()) > 60 and max(seen.values()) < 140  # 100 expected


def test_pinned_batch():
    """The values of a batch are part of the promise that a run resumes; a change of them must be seen."""
    assert make(seed=1).indices(2).tolist() == PINNED


PINNED = [8, 9, 4, 0, 21, 25, 22, 27, 19, 14, 18, 13]


@pytest.mark.parametrize(("size", "count"), [(2, 5), (3, 4), (3, 7), (4, 4), (5, 2)])
def test_short_classes_repeat_evenly(size, count):
    batches = pk_batches(np.arange(2 * size), np.repeat([0, 1], size), classes=2, per_class=count)
    for step in range(20):
        seen = collections.Counter(batches.indices(step).tolist())
        for members in (range(size), range(size, 2 * size)):
            times = [seen[row] for row in members]
            assert sum(times) == count and max(times) - min(times) <= 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=4, max_size=60), st.integers(2, 3), st.integers(2, 6), st.integers(0, 99))
def test_properties(labels, classes, per_class, seed):
    counts = collections.Counter(labels)
    usable = {label for label, count in counts.items() if count > 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if len(usable) < classes:
            with pytest.raises(ValueError, match=f"classes={classes}.*{len(usable)} have"):
                pk_batches(np.arange(len(labels)), labels, classes, per_class, seed=seed)
            return
        batches = pk_batches(np.arange(len(labels)), labels, classes, per_class, seed=seed)
    x, y = batches.batch(seed)
    assert np.array(labels)[x].tolist() == y.tolist()
    assert set(y.tolist()) <= usable and sorted(collections.Counter(y.tolist()).values()) == [per_class] * classes
    for label in set(y.tolist()):
        drawn = collections.Counter(x[y == label].tolist())
        assert max(drawn.values()) == -(-per_class // counts[label])


def test_string_labels_are_encoded():
    labels = np.array(["去", "b", "a"] * 4, dtype=object)
    batches = pk_batches([f"t{i}" for i in range(12)], labels, classes=3, per_class=2)
    x, y = batches.batch(0)
    assert batches.class_names == ["a", "b", "去"] and y.dtype == np.int32
    assert [labels[int(text[1:])] for text in x] == [batches.class_names[code] for code in y]
    assert x.dtype == object and isinstance(x[0], str)


def test_small_integers_pass_through():
    batches = make()
    assert batches.class_names is None and batches.labels.dtype == np.int32
    assert batches.labels.tolist() == LABELS.tolist()
    big = [2**24, 2**24, 2**24 + 1, 2**24 + 1, -(2**31), -(2**31)]
    batches = pk_batches(ITEMS[:6], big, classes=3, per_class=2)
    assert sorted(set(batches.batch(0)[1].tolist())) == sorted(set(big))


@pytest.mark.parametrize(
    "ids",
    [[2**31, 2**31 + 1], [2**53, 2**53 + 1], [2**63, 2**63 + 1], [-1, 2**63, 2**63 + 1], [-(2**70), 2**70]],
)
@pytest.mark.parametrize("as_array", [False, True])
def test_huge_integers_stay_apart(ids, as_array):
    labels = [one for one in ids for _ in range(2)]
    if as_array:
        labels = np.array(labels, dtype=object if max(map(abs, ids)) >= 2**63 else np.int64)
    batches = pk_batches(ITEMS[: len(labels)], labels, classes=len(ids), per_class=2)
    assert batches.class_names == sorted(ids) and batches.labels.dtype == np.int32
    assert [batches.class_names[code] for code in batches.labels] == list(labels)


@pytest.mark.parametrize(
    "labels",
    [LABELS[:, None], LABELS.astype(float), LABELS.astype(np.uint8), LABELS.tolist(), LABELS.astype(np.uint64)],
    ids=["(N, 1)", "whole floats", "uint8", "list", "uint64"],
)
def test_kinds_of_labels(labels):
    batches = pk_batches(ITEMS, labels, classes=3, per_class=4)
    assert batches.labels.tolist() == LABELS.tolist() and batches.class_names is None


def test_string_labels_of_shape_n_1():
    batches = pk_batches(ITEMS[:4], np.array([["a"], ["b"], ["a"], ["b"]]), classes=2, per_class=2)
    assert batches.labels.tolist() == [0, 1, 0, 1]


def test_items_of_any_shape():
    images = np.arange(60 * 2 * 3).reshape(60, 2, 3).astype("float32")
    x, _ = pk_batches(images, LABELS, classes=2, per_class=3).batch(0)
    assert x.shape == (6, 2, 3) and x.dtype == np.float32
    x, _ = pk_batches(list(images), LABELS, classes=2, per_class=3).batch(0)
    assert x.shape == (6, 2, 3)


BAD = [
    ({"per_class": 1}, "per_class must be at least 2; got 1; a sample needs another"),
    ({"classes": 1}, "classes must be at least 2; got 1"),
    ({"classes": 2.0}, r"classes must be an integer; got 2\.0"),
    ({"per_class": "4"}, "per_class must be an integer; got '4'"),
    ({"per_class": True}, "per_class must be an integer; got True"),
    ({"steps": 0}, "steps must be at least 1; got 0"),
    ({"seed": -1}, "seed must be from 0 to"),
    ({"seed": None}, "seed must be an integer; got None"),
    ({"classes": 7}, "classes=7 asks for more classes than there are: 6 have two.*Set classes=6"),
    ({"preprocess": "lower"}, "preprocess must be callable or None; got str"),
    ({"items": ITEMS[:-1]}, "59 items and 60 labels"),
    ({"items": []}, r"items must hold at least one sample; got shape \(0,\)"),
    ({"items": "text"}, "got one of them"),
    ({"items": ["a", None] * 30}, r"items\[1\] must be a text or a file like the others; got NoneType"),
    ({"items": [[1], [1, 2]] * 30}, "items must all have one shape"),
    ({"labels": []}, "labels must hold at least one label"),
    ({"labels": np.eye(60)}, r"labels must have shape \(N,\) or \(N, 1\); got \(60, 60\); one-hot.*argmax"),
    ({"labels": np.array(3)}, r"got \(\)"),
    ({"labels": np.full(60, 0.5)}, r"labels\[0\] is 0\.5"),
    ({"labels": [1.0] * 59 + [float("nan")]}, r"labels\[59\] is nan"),
    ({"labels": [float("inf")] * 60}, r"labels\[0\] is inf"),
    ({"labels": ["a", 1] * 30}, r"labels must all be strings; labels\[1\] is 1 \(int\)"),
    ({"labels": [1, None] * 30}, r"labels\[1\] is None"),
]


@pytest.mark.parametrize(("settings", "words"), BAD, ids=[words[:40] for _, words in BAD])
def test_bad_input(settings, words):
    settings = {"items": ITEMS, "labels": LABELS, "classes": 3, "per_class": 4} | settings
    with pytest.raises(ValueError, match=words):
        pk_batches(**settings)


def test_classes_with_one_sample_are_left_out():
    labels = ["a"] * 3 + ["b"] * 3 + ["single"]
    with pytest.warns(UserWarning, match="1 of 3 classes have one sample and are left out.*'single'$") as caught:
        batches = pk_batches(list("abcdefg"), labels, classes=2, per_class=2)
    assert len(caught) == 1 and caught[0].filename == __file__
    assert all(6 not in batches.indices(step) for step in range(30))
    assert batches.class_names == ["a", "b", "single"]


def test_mostly_single_classes():
    labels = [1, 1, 2, 2, *range(100, 109)]
    with pytest.warns(UserWarning, match="9 of 11.*100, 101, 102, 103, 104 and 4 more; that is more than half"):
        pk_batches(np.arange(13), labels, classes=2, per_class=2)


def test_no_warning_without_reason():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        batches = make()
    assert len(batches) == 5


def test_length_and_indexing():
    assert len(make()) == 60 // 12 and len(make(steps=9)) == 9 and len(make(classes=6, per_class=30)) == 1
    batches = make(steps=3)
    assert isinstance(batches, PKBatches)
    assert [x.tolist() for x, _ in batches] == [batches.batch(step)[0].tolist() for step in range(3)]
    for index in (-1, 3):
        with pytest.raises(IndexError, match="from 0 to 2"):
            batches[index]
    with pytest.raises(ValueError, match="step must be"):
        batches.indices(-1)


def widths(texts):
    """Turn texts into ids of the width of the widest, as a frontend does."""
    width = max(map(len, texts))
    return np.array([[1] * len(text) + [0] * (width - len(text)) for text in texts], dtype=np.int32)


def test_preprocess_gives_one_shape():
    texts = ["x" * (1 + i // 2) for i in range(60)]
    batches = pk_batches(texts, LABELS, classes=2, per_class=2, preprocess=widths)
    for step in range(len(batches)):
        x, _ = batches[step]
        assert x.shape == (4, 30) and x.sum(axis=1).tolist() == [1 + i // 2 for i in batches.indices(step)]
        assert batches.batch(step)[0].shape[1] == max(1 + i // 2 for i in batches.indices(step))
    images = pk_batches(np.ones((60, 3)), LABELS, classes=2, per_class=2, preprocess=lambda x: x * 2)
    assert images.batch(0)[0].tolist() == [[2.0] * 3] * 4



def test_a_dataset_goes_on_epoch_by_epoch_with_texts_as_wide_as_their_batch():
    texts = ["x" * (1 + i // 2) for i in range(60)]
    batches = pk_batches(texts, LABELS, classes=2, per_class=2, steps=3, preprocess=widths)
    dataset = batches.dataset()
    assert int(dataset.cardinality()) == 3
    for first in (0, 3):
        for step, (x, y) in enumerate(dataset, start=first):
            expected_x, expected_y = batches.batch(step)
            np.testing.assert_array_equal(x, expected_x)
            np.testing.assert_array_equal(y, expected_y)
    batches.position = lambda: 40
    np.testing.assert_array_equal(next(iter(dataset))[1], batches.batch(40)[1])


def trained_steps(batches, epochs, shuffle=False, resumed_at=None):
    """Fit a tiny model and return, epoch by epoch, the numbers of the batches it was trained on."""
    number = {tuple(batches.indices(step)): step for step in range(60)}
    seen = []

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def train_step(self, *arguments):
            x = np.asarray(arguments[-1][0])
            seen[-1].append(number[tuple(x[:, 0].astype(int))])
            return super().train_step(*arguments)

    model = Model()
    model.compile("sgd", "mse", run_eagerly=True)
    begin = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append([]))
    if resumed_at is not None:
        batches.position = lambda: int(model.optimizer.iterations) + resumed_at
    model.fit(batches, epochs=epochs, shuffle=shuffle, callbacks=[begin], verbose=0)
    return seen


def rows():
    return pk_batches(ITEMS[:, None].astype("float32"), LABELS, classes=3, per_class=4, steps=4)


def test_fit_goes_on_with_fresh_batches_every_epoch():
    batches = rows()
    assert trained_steps(batches, 3) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert trained_steps(batches, 1) == [[12, 13, 14, 15]]  # a second fit goes on too


def test_fit_with_shuffle_keeps_the_batches_of_the_epoch():
    seen = trained_steps(rows(), 3, shuffle=True)
    assert [sorted(epoch) for epoch in seen] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]


def test_fit_with_position_resumes():
    assert trained_steps(rows(), 2, resumed_at=0) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert trained_steps(rows(), 2, resumed_at=20) == [[20, 21, 22, 23], [24, 25, 26, 27]]


def test_fit_compiled_with_texts_of_many_widths():
    texts = ["x" * (1 + i // 2) for i in range(60)]
    batches = pk_batches(texts, LABELS, classes=2, per_class=2, steps=8, preprocess=widths)
    layers = [keras.layers.Embedding(2, 4), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile("sgd", "mse")
    history = model.fit(batches, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
