"""Speech beside images: equal labels match, splits share no clip and no image."""

import numpy as np
import pytest

from zoo import data
from zoo.data import spoken_images


@pytest.fixture
def packed(tmp_path):
    """Small files of the layout of the named sets."""
    rng = np.random.default_rng(0)

    def speech(name, words):
        count = 6 * len(words)
        label = np.tile(np.arange(len(words)), 6)
        audio = rng.integers(-9, 9, 400 * count).astype("int16")
        split = np.repeat([0, 0, 0, 0, 1, 2], len(words))
        save(name, audio=audio, offset=400 * np.arange(count + 1), rate=8000, label=label, speaker=np.arange(count),
             split=split, class_names=words)  # fmt: skip

    def save(name, **arrays):
        (tmp_path / name).mkdir()
        np.savez(tmp_path / name / f"{name}.npz", **arrays)

    speech("fsdd", list(spoken_images.DIGITS))
    speech("spoken_words", ["bed", "cat"])
    speech("speech_commands_toy", ["bed", "yes", "zero"])
    save("mnist", image=rng.integers(0, 255, (60, 28, 28)).astype("uint8"), label=np.tile(np.arange(10), 6),
         split=np.repeat([0, 1, 2], 20), class_names=list(spoken_images.DIGITS))  # fmt: skip
    save("omniglot", image=rng.integers(0, 255, (400, 28, 28)).astype("uint8"), label=np.repeat(np.arange(20), 20),
         drawer=np.tile(np.arange(1, 21), 20), split=np.repeat([0, 2], 200 + np.array([80, -80])))  # fmt: skip
    return tmp_path


def test_synthetic_digits_need_no_file_and_say_what_they_are():
    found = data.load_spoken_images("digits_synthetic", most=20)
    assert found.synthetic and "SYNTHETIC" in found.note and len(found.words) == 10
    assert len(found.images["train"]) == 200
    speech, images = found.ids("test")
    assert set(speech) == set(images) == set(range(10))
    assert found.words[speech[0]] == found.speech["test"].labels[0]


def test_spoken_digits_pair_by_word(packed):
    found = data.load_spoken_images("spoken_digits", packed)
    assert {split: len(part) for split, part in found.speech.items()} == {"train": 40, "validation": 10, "test": 10}
    assert {split: len(part) for split, part in found.images.items()} == {"train": 20, "validation": 20, "test": 20}
    assert found.words == sorted(spoken_images.DIGITS) and not found.synthetic


def test_words_are_given_characters_in_order_and_drawers_keep_to_their_split(packed):
    found = data.load_spoken_images("spoken_words", packed)
    assert found.words == sorted({*spoken_images.DIGITS, "bed", "cat", "yes"})
    assert {split: len(part) / 13 for split, part in found.images.items()} == {"train": 14, "validation": 3, "test": 3}
    with np.load(packed / "omniglot/omniglot.npz") as file:
        image, label = file["image"], file["label"]
    second = found.images["train"].items[found.images["train"].labels == found.words[1]]
    np.testing.assert_array_equal(second, image[label == 1][:14])
    sources = {source: set(found.speech["train"].labels[found.speech["train"].sources == source]) for source in
               ("fsdd", "spoken_words", "speech_commands_toy")}  # fmt: skip
    assert sources["spoken_words"] == {"bed", "cat"} and "zero" in sources["speech_commands_toy"]


def test_unknown_names_and_missing_files_are_said(tmp_path):
    with pytest.raises(ValueError, match="spoken_digits"):
        data.load_spoken_images("spoken_digit")
    with pytest.raises(FileNotFoundError, match="fsdd"):
        data.load_spoken_images("spoken_digits", tmp_path)
