"""Every sampler against its rule."""

import collections

import numpy as np
import pytest

from zoo.data import pk_batches
from zoo.data.samplers import SAMPLERS

LABELS = np.repeat([10, 11, 12, 13, 14, 15], [2, 3, 5, 8, 13, 1])  # the last class is a singleton
ROWS = np.arange(len(LABELS))
pytestmark = pytest.mark.filterwarnings("ignore:1 of 6 classes have one sample")


def draw(sampler, **settings):
    settings = {"classes": 3, "per_class": 4, "others": 3 if sampler == "facenet" else 0} | settings
    return pk_batches(ROWS, LABELS, sampler=sampler, **settings)


@pytest.mark.parametrize("sampler", [s for s in SAMPLERS if s != "npair"])
def test_a_batch_is_a_function_of_seed_and_step(sampler):
    batches, again = draw(sampler, seed=3), draw(sampler, seed=3)
    order = [again.indices(step) for step in (7, 2, 30, 0)]  # in any order, in another object
    for step, rows in zip((7, 2, 30, 0), order, strict=True):
        np.testing.assert_array_equal(batches.indices(step), rows)
        assert len(rows) == 12 + (3 if sampler == "facenet" else 0)
    assert (batches.indices(0) != draw(sampler, seed=4).indices(0)).any()
    assert (batches.indices(0) != batches.indices(1)).any()


def test_a_short_class_is_gone_through_evenly_or_drawn_with_replacement():
    for sampler, even in (("pk", True), ("m_per_class", False)):
        batches = draw(sampler, classes=5, per_class=4)
        counts = [collections.Counter(rows[LABELS[rows] == 10].tolist()) for rows in map(batches.indices, range(40))]
        assert all(sum(count.values()) == 4 for count in counts)
        assert all(sorted(count.values()) == [2, 2] for count in counts) == even
        for rows in map(batches.indices, range(40)):  # a class that has enough is not repeated
            assert len(set(rows[LABELS[rows] == 13].tolist())) == 4


def test_npair_has_two_samples_of_each_class():
    batches = pk_batches(ROWS, LABELS, classes=5, sampler="npair")
    rows = batches.indices(0)
    assert sorted(collections.Counter(LABELS[rows].tolist()).items()) == [(label, 2) for label in range(10, 15)]
    assert len(set(rows.tolist())) == 10
    with pytest.raises(ValueError, match="per_class must be 2"):
        pk_batches(ROWS, LABELS, classes=5, per_class=4, sampler="npair")


def test_balanced_filled_brings_every_class_to_the_size_of_the_largest():
    batches = draw("balanced_filled", classes=2, per_class=4)
    assert len(batches) == 5 * 16 // 8  # 13 up to whole groups of 4 is 16
    rows = np.concatenate([batches.indices(step) for step in range(len(batches))])
    counts = collections.Counter(LABELS[rows].tolist())
    assert counts == dict.fromkeys(range(10, 15), 16)
    assert set(rows.tolist()) == set(ROWS[:-1].tolist())  # every sample but the singleton
    for step in range(len(batches)):
        groups = LABELS[batches.indices(step)].reshape(2, 4)
        assert (groups == groups[:, :1]).all()


def test_balanced_sample_takes_one_group_of_a_class():
    batches = draw("balanced_sample", classes=2, per_class=4)
    assert len(batches) == (2 + 3 + 4 + 4 + 4) // 8
    for epoch in range(3):
        rows = np.concatenate([batches.indices(epoch * len(batches) + step) for step in range(len(batches))])
        counts = collections.Counter(LABELS[rows].tolist())
        assert len(set(rows.tolist())) == len(rows) == 16 and max(counts.values()) == 4
        assert sum(counts[label] < min(4, size) for label, size in ((10, 2), (11, 3), (12, 5), (13, 8), (14, 13))) <= 1


def test_facenet_adds_rows_of_other_classes_singletons_too():
    batches = draw("facenet", classes=2, per_class=3, others=8)
    seen = set()
    for rows in map(batches.indices, range(60)):
        chosen, others = set(LABELS[rows[:6]].tolist()), rows[6:]
        assert len(chosen) == 2 and len(set(others.tolist())) == 8
        assert not chosen & set(LABELS[others].tolist())
        seen |= set(LABELS[others].tolist())
    assert seen == {10, 11, 12, 13, 14, 15}


@pytest.mark.parametrize(
    "settings, words",
    [
        (dict(sampler="balanced"), ["sampler", "balanced_filled"]),
        (dict(sampler="pk", others=3), ["others", "facenet"]),
        (dict(sampler="facenet", others=12), ["others=12", "11 rows"]),
        (dict(sampler="facenet", others=-1), ["others", "-1"]),
        (dict(sampler="balanced_sample", classes=5), ["per_class=4", "smaller"]),
    ],
)
def test_settings_that_do_not_fit_are_named(settings, words):
    with pytest.raises(ValueError) as error:
        draw(**({"classes": 2} | settings))
    assert all(word in str(error.value) for word in words), error.value


def test_without_repeats_no_row_comes_twice_and_small_classes_give_what_they_have():
    labels = np.repeat([0, 1, 2], [2, 3, 20])
    batches = pk_batches(np.arange(25.0)[:, None], labels, 3, 8, steps=4, repeats=False)
    for step in range(4):
        rows = batches.indices(step)
        assert len(rows) == len(set(rows)) == 13
        assert np.bincount(labels[rows]).tolist() == [2, 3, 8]
    shapes = {tuple(x.shape) for x, _ in batches.dataset()}
    assert shapes == {(13, 1)} and batches.dataset().element_spec[0].shape[0] is None
