"""Batches of matching pairs: what they hold, that they are a function of (seed, step), what is refused."""

import collections

import numpy as np
import pytest

import zoo

CAPTIONS = [f"caption {k}" for k in range(15)]
IMAGE_OF = np.repeat(np.arange(5), 3)
IMAGES = np.arange(5.0)[:, None] * np.ones((1, 4))
PAIRING = IMAGE_OF, np.arange(5)
DIGITS = np.array([0, 1, 2, 0, 1, 2, 0, 1]), np.array([0, 0, 1, 1, 2, 2, 2, 9])


def test_every_caption_comes_once_an_epoch_with_its_image():
    batches = zoo.data.pair_batches(CAPTIONS, IMAGES, PAIRING, size=5)
    assert len(batches) == 3 and batches.unmatched == 0
    seen = collections.Counter()
    for step in range(6):
        (captions, images), ids = batches.batch(step)
        assert ids.dtype == "int32" and images.shape == (5, 4)
        for caption, image, one in zip(captions, images, ids, strict=True):
            assert image[0] == IMAGE_OF[CAPTIONS.index(caption)] == one
            seen[caption] += 1
        if step == 2:
            assert set(seen.values()) == {1} and len(seen) == 15
    assert set(seen.values()) == {2}
    assert batches.batch(0)[0][0].tolist() != batches.batch(3)[0][0].tolist()  # a new order


def test_images_are_drawn_evenly_from_those_that_match():
    batches = zoo.data.pair_batches(np.arange(8), np.arange(8), DIGITS, size=4)
    drawn = collections.Counter()
    for step in range(600):
        (queries, images), ids = batches.batch(step)
        assert (DIGITS[0][queries] == DIGITS[1][images]).all()
        assert len(set(queries)) == 4
        drawn.update(zip(queries.tolist(), images.tolist(), strict=True))
    twos = [drawn[2, image] for image in (4, 5, 6)]
    assert sum(twos) == 300 and min(twos) > 70
    assert not any(image == 7 for _, image in drawn)  # nothing matches it


def test_a_matrix_says_the_same_and_gives_booleans():
    ids, matrix = DIGITS, np.equal.outer(*DIGITS)
    by_ids = zoo.data.pair_batches(np.arange(8), np.arange(8), ids, size=4, seed=5)
    by_matrix = zoo.data.pair_batches(np.arange(8), np.arange(8), matrix, size=4, seed=5)
    for step in range(5):
        (a, b), labels = by_ids.batch(step)
        (c, d), relevant = by_matrix.batch(step)
        np.testing.assert_array_equal([a, b], [c, d])
        assert relevant.dtype == bool
        np.testing.assert_array_equal(relevant, np.equal.outer(labels, labels))


def test_classes_and_per_class():
    batches = zoo.data.pair_batches(np.arange(8), np.arange(8), DIGITS, classes=2, per_class=3)
    for step in range(20):
        (queries, images), ids = batches.batch(step)
        assert collections.Counter(ids.tolist()).most_common()[0][1] == 3 and len(set(ids.tolist())) == 2
        assert (DIGITS[0][queries] == DIGITS[1][images]).all() and len(queries) == 6
    assert len(batches) == 1


def test_a_batch_is_a_function_of_seed_and_step():
    def make(seed):
        return zoo.data.pair_batches(CAPTIONS, IMAGES, PAIRING, size=4, seed=seed)

    one, other = make(1), make(1)
    for step in (7, 0, 3):  # in any order
        np.testing.assert_array_equal(one.indices(step), other.indices(step))
    assert any(not np.array_equal(make(2).indices(step), one.indices(step)) for step in range(3))


def test_epochs_go_on_where_the_last_one_ended_or_where_the_model_is():
    batches = zoo.data.pair_batches(CAPTIONS, IMAGES, PAIRING, size=5, steps=2)
    batches.on_epoch_end()  # as Keras does before the first epoch
    for start in (0, 2, 4):
        batches.on_epoch_begin()
        assert batches.start == start
        np.testing.assert_array_equal(batches[1][1], batches.batch(start + 1)[1])
        batches.on_epoch_end()
    batches.position = lambda: 11
    batches.on_epoch_begin()
    assert batches.start == 11


def test_the_data_set_has_the_same_batches():
    batches = zoo.data.pair_batches([*CAPTIONS[:-1], "\ud800"], IMAGES, PAIRING, size=5)
    found = list(batches.dataset(lambda items, seed: items))
    for step, ((captions, images), ids) in enumerate(found):
        (_, expected), labels = batches.batch(step)
        np.testing.assert_array_equal(images, expected)
        np.testing.assert_array_equal(ids, labels)
        assert captions.dtype == "string"
    assert len(found) == 3


def test_preprocess_takes_the_pair():
    batches = zoo.data.pair_batches(CAPTIONS, IMAGES, PAIRING, size=5, preprocess=lambda pair: (len(pair[0]), pair[1] + 1))
    (count, images), ids = batches[0]
    assert count == 5
    np.testing.assert_array_equal(images[:, 0], ids + 1)


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"size": 16}, ["size=16", "15 queries"]),
        ({"size": 1}, ["size", "at least 2"]),
        ({"matches": ([1] * 15, [2] * 5)}, ["no query matches"]),
        ({"matches": None}, ["pair of ids"]),
        ({"matches": (IMAGE_OF[:4], np.arange(5))}, ["15 ids", "first"]),
        ({"classes": 2}, ["classes and per_class"]),
        ({"classes": 6, "per_class": 2}, ["classes=6", "5"]),
        ({"classes": 2, "per_class": 2, "matches": np.ones((15, 5), bool)}, ["matrix"]),
        ({"steps": 0}, ["steps"]),
        ({"seed": -1}, ["seed"]),
        ({"preprocess": 3}, ["preprocess"]),
        ({"queries": "one"}, ["list"]),
    ],
)
def test_bad_input_is_refused_by_name(settings, words):
    with pytest.raises(ValueError) as error:
        zoo.data.pair_batches(**{"queries": CAPTIONS, "images": IMAGES, "matches": PAIRING, "size": 4, **settings})
    assert all(word in str(error.value) for word in words), error.value
