"""Utterances put together from single words: deterministic, Zipf, and no recording in two splits."""

import numpy as np
import pytest

from zoo import data
from zoo.data import utterances
from zoo.frontends import as_wavs


@pytest.fixture
def tones(monkeypatch):
    """Words that are tones, one frequency a word, a loudness of their own for each split."""

    def wave(word, take, split):
        time = np.arange(1600) / 8000
        tone = np.sin(2 * np.pi * (300 + 250 * word + {"train": 0, "validation": 80, "test": 160}[split] + take) * time)
        return np.concatenate([np.zeros(800), 9000 * tone, np.zeros(2400)]).astype("int16")

    def load(name, root=None):
        assert name == utterances.SYNTHETIC
        parts = []
        for split in ("train", "validation", "test"):
            rows = [(word, take) for word in range(6) for take in range(3 if word < 2 else 2)]
            clips = as_wavs([wave(word, take, split) for word, take in rows], 8000)
            parts.append(data.SpeechSplit(clips, [f"word {word}" for word, _ in rows]))
        return data.SpeechData(name, *parts)

    monkeypatch.setattr(utterances, "load_speech", load)


def frequencies(item):
    """The loudest frequencies of an utterance, Hz, one a word."""
    found, signal = [], utterances.samples(item)
    for start in range(0, len(signal) - 400, 200):
        window = signal[start : start + 400]
        if np.abs(window).max() > 3000:
            found.append(np.abs(np.fft.rfft(window, 8000)).argmax())
    return set(found)


def test_targets_are_the_words_that_are_heard_from_recordings_of_the_split_alone(tones):
    found = data.load_utterances(synthetic=True, counts=(30, 10, 10), words=(2, 3))
    assert found.words[:2] == ["word 0", "word 1"] and found.recordings.tolist() == [3, 3, 2, 2, 2, 2]
    for split, shift in (("train", 0), ("validation", 80), ("test", 160)):
        part = getattr(found, split)
        assert set(part.targets.sum(axis=1)) <= {2, 3}
        for item, target in zip(part.items, part.targets, strict=True):
            heard = {word for word in range(6) for f in frequencies(item) if abs(f - 300 - 250 * word - shift) <= 20}
            assert heard == set(np.flatnonzero(target)), (split, sorted(frequencies(item)))


def test_the_same_seed_gives_the_same_set_and_another_one_another(tones):
    one, same, other = (data.load_utterances(True, counts=(8, 2, 2), seed=seed) for seed in (1, 1, 2))
    assert one.train.items.tolist() == same.train.items.tolist() != other.train.items.tolist()
    np.testing.assert_array_equal(one.test.targets, same.test.targets)


def test_words_are_drawn_by_the_law(tones):
    counts = data.load_utterances(True, counts=(600, 1, 1), exponent=1.5, words=(1, 1)).train.targets.sum(axis=0)
    expected = np.arange(1, 7) ** -1.5
    np.testing.assert_allclose(counts / 600, expected / expected.sum(), atol=0.05)
    even = data.load_utterances(True, counts=(600, 1, 1), exponent=0, words=(1, 1)).train.targets.sum(axis=0)
    assert even.max() < 1.6 * even.min()


def test_silence_around_a_word_is_cut_and_silence_alone_stays():
    clip = np.concatenate([np.zeros(4000), 1000 * np.sin(np.arange(1600)), np.zeros(4000)])
    cut = utterances.trimmed(clip)
    assert 1600 <= len(cut) <= 1600 + 2 * 4 * utterances.FRAME and np.abs(cut).max() == pytest.approx(32767)
    assert len(utterances.trimmed(np.zeros(900))) == 900


def test_bad_numbers_are_refused(tones):
    for settings in ({"words": (3, 2)}, {"words": (2, 7)}, {"exponent": -1}, {"counts": (1, 0, 1)}):
        with pytest.raises(ValueError, match="expected"):
            data.load_utterances(True, **settings)
