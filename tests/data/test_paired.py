"""Pairs for models of two towers: one form for captions, stored features and speech."""

import numpy as np
import pytest

from zoo.data import CaptionSplit, has_pairs, load_pairs, paired
from zoo.data.paired import PairSplit, _captions


def test_captions_bear_the_class_of_their_image_or_its_first_caption():
    split = CaptionSplit(["a.png", "b.png"], ["one", "two", "three"], [7, 9, 7], [9, 7], ["dog", "cat"])
    found = _captions(split)
    assert found.labels["text"].tolist() == ["cat", "dog", "cat"] and found.labels["image"].tolist() == ["dog", "cat"]
    found = _captions(CaptionSplit(["a.png", "b.png"], ["one", "two", "three"], [7, 9, 7], [9, 7]))
    assert found.labels["text"].tolist() == ["one", "two", "one"] and found.labels["image"].tolist() == ["two", "one"]
    (items, others), matches = found.sides
    assert len(found) == len(items) == 3 and len(others) == 2
    assert matches.tolist() == [[False, True], [True, False], [False, True]]


def test_too_many_pairs_for_a_matrix_are_matched_by_ids(monkeypatch):
    monkeypatch.setattr(paired, "MATRIX", 5)
    split = _captions(CaptionSplit(["a", "b"], ["one", "two", "three"], [0, 1, 0]))
    assert [part.tolist() for part in split.matches] == [[0, 1, 0], [0, 1]]


@pytest.mark.parametrize("matrix", [False, True])
def test_some_are_spread_over_all_and_each_has_a_match(matrix):
    first, second = np.repeat(np.arange(3), 5), np.repeat(np.arange(4), 10)  # nothing of the first side matches 3
    matches = first[:, None] == second if matrix else (first, second)
    sides = {"speech": np.arange(15), "image": np.arange(40)}
    items, labels = PairSplit(sides, {"speech": first, "image": second}, matches).some(12)
    assert len(items["image"]) == 12 and set(labels["image"]) == set(labels["speech"]) == {0, 1, 2}
    assert len(items["speech"]) > 8  # in turn, not one for each id
    assert np.array_equal(labels["image"], second[items["image"]]) and np.array_equal(labels["speech"], first[items["speech"]])


def test_speech_has_words_for_labels_and_the_gallery_all_images():
    data = load_pairs("spoken_digits_synthetic", "speech")
    assert data.name == "digits_synthetic" and list(data.test.items) == ["speech", "image"]
    rows, columns = data.test.matches
    assert (data.test.labels["speech"][0] == data.test.labels["image"]).tolist() == (rows[0] == columns).tolist()
    items, labels = data.gallery()
    assert items.shape == (1797, 8, 8) and len(labels) == 1797 and items[-1].tolist() == data.test.items["image"][-1].tolist()


def test_what_has_pairs(tmp_path):
    assert has_pairs("digits") and has_pairs("spoken_digits", "speech") and not has_pairs("spoken_digits")
    assert not has_pairs(tmp_path) and not has_pairs("no such folder")
    (tmp_path / "below").mkdir()
    (tmp_path / "below/Flickr8k.token.txt").touch()
    assert has_pairs(tmp_path) and not has_pairs(tmp_path, "speech")
    with pytest.raises(ValueError, match="unknown kind 'audio'"):
        load_pairs("digits", "audio")
