"""Utterances of several words, put together from recordings of single words: an unbalanced set with known words."""

import dataclasses
import io
import wave

import numpy as np

from zoo.data.base import SPLITS
from zoo.data.speech import CATALOGUE, SYNTHETIC, load_speech
from zoo.frontends.wav import as_wavs

RATE, FRAME = 8000, 80  # samples per second; of a frame, 10 ms
QUIET = 10 ** (-30 / 20)  # frames below this share of the loudest are silence
MARGIN = 3  # frames of it that are kept at both ends
GAP = 0.05, 0.25  # seconds between two words
COUNTS = (1000, 200, 400)


@dataclasses.dataclass(frozen=True, eq=False)
class UtteranceSplit:
    """Utterances with the words in them.

    Args:
        items: WAV files (`bytes`) [N].
        targets: booleans [N, C]: whether utterance i holds word w.
    """

    items: np.ndarray
    targets: np.ndarray

    def __len__(self):
        return len(self.items)


@dataclasses.dataclass(frozen=True, eq=False)
class UtteranceData:
    """A set of utterances in three splits.

    Args:
        name: `"utterances"` or `"utterances_synthetic"`.
        words: the words [C], the most frequent first, as they are drawn.
        train, validation, test: `UtteranceSplit`; no recording is in two of them.
        recordings: of each word, how many recordings train draws from, int64 [C].
        licence: terms of use, in words.
        note: what a reader of the scores must know.
        synthetic: whether the words are spoken by a program.
    """

    name: str
    words: list
    train: UtteranceSplit
    validation: UtteranceSplit
    test: UtteranceSplit
    recordings: np.ndarray
    licence: str
    note: str
    synthetic: bool = False


def load_utterances(synthetic=False, root=None, counts=COUNTS, exponent=1.1, words=(2, 4), seed=0):
    """Put words from fsdd, spoken_words and speech_commands_toy together to utterances, drawn by a Zipf law.

    The word of rank r is drawn with a probability proportional to r^-exponent; words with more recordings have the lower
    ranks, equal ones go by the alphabet. The words of an utterance are distinct and in any order, may be spoken by
    different people, and come from the recordings of the utterance's split; silence around a word is cut off, and
    between two there are 0.05 to 0.25 seconds of it.

    Args:
        synthetic: take zoo's own spoken digits, which need no file.
        root: folder of the named sets; by default see `data_root`.
        counts: utterances to train on, to validate on, and to test.
        exponent: of the Zipf law, at least 0; with 0 all words are alike.
        words: fewest and most words in an utterance.
        seed: of all draws; the same seed gives the same set.

    Returns:
        `UtteranceData`.

    Raises:
        ValueError: numbers out of range.
        FileNotFoundError: a file is missing.

    Example:

    >>> data = load_utterances(synthetic=True, counts=(20, 5, 5))
    >>> len(data.train), data.train.targets.shape, int(data.train.targets.sum(axis=1).min())
    (20, (20, 10), 2)
    """
    names = [SYNTHETIC] if synthetic else list(CATALOGUE)
    sets = [load_speech(name, root) for name in names]
    clips = {split: {} for split in SPLITS}
    for data in sets:
        for split in SPLITS:
            part = getattr(data, split)
            for item, label in zip(part.items, part.labels, strict=True):
                clips[split].setdefault(label, []).append(item)
    known = sorted(clips["train"], key=lambda word: (-len(clips["train"][word]), word))
    known = [word for word in known if all(word in clips[split] for split in SPLITS)]
    if not 1 <= words[0] <= words[1] <= len(known):
        raise ValueError(f"words={words}: expected the fewest and the most, from 1 to the {len(known)} words there are")
    if exponent < 0 or min(counts) < 1 or len(counts) != len(SPLITS):
        raise ValueError(f"exponent={exponent}, counts={counts}: expected at least 0, and three counts of at least 1")
    drawn = enumerate(zip(SPLITS, counts, strict=True))
    parts = [_split(clips[split], known, count, exponent, words, (seed, i)) for i, (split, count) in drawn]
    note = f"Utterances of {words[0]} to {words[1]} words from recordings of single words, Zipf exponent {exponent}."
    note = ("SYNTHETIC speech. " if synthetic else "") + note
    recordings = np.array([len(clips["train"][word]) for word in known])
    licence = "; ".join(data.licence for data in sets)
    return UtteranceData("utterances" + "_synthetic" * synthetic, known, *parts, recordings, licence, note, synthetic)


def _split(clips, words, count, exponent, lengths, seed):
    """So many utterances from the recordings of one split."""
    rng = np.random.default_rng(seed)
    chance = np.arange(1, len(words) + 1) ** -float(exponent)
    targets, waves, ready = np.zeros((count, len(words)), bool), [], {}
    for row in targets:
        chosen = rng.choice(len(words), rng.integers(lengths[0], lengths[1] + 1), replace=False, p=chance / chance.sum())
        row[chosen] = True
        parts = []
        for word in chosen:
            place = int(rng.integers(len(clips[words[word]])))
            if (word, place) not in ready:
                ready[word, place] = trimmed(samples(clips[words[word]][place]))
            gap = np.zeros(int(rng.uniform(*GAP) * RATE))
            parts += [gap, ready[word, place] * rng.uniform(0.5, 1.0)]
        waves.append(np.round(np.concatenate(parts[1:])).astype("int16"))
    items = np.empty(count, object)
    items[:] = as_wavs(waves, RATE)
    return UtteranceSplit(items, targets)


def samples(item):
    """Return the samples of a WAV file of 16-bit mono speech, float64 [T]."""
    with wave.open(io.BytesIO(item)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)


def trimmed(clip):
    """Return a clip [T] without the silence around it, its highest sample at full scale.

    Example:

    >>> len(trimmed(np.concatenate([np.zeros(8000), np.ones(800), np.zeros(8000)])))
    1280
    """
    frames = np.pad(clip, (0, -len(clip) % FRAME)).reshape(-1, FRAME)
    loudness = np.sqrt((frames**2).mean(axis=1))
    loud = np.flatnonzero(loudness > QUIET * loudness.max())
    if not len(loud):  # silence
        return clip
    clip = clip[max(0, loud[0] - MARGIN) * FRAME : (loud[-1] + 1 + MARGIN) * FRAME]
    return clip * (32767 / np.abs(clip).max())
