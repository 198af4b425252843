"""Speech sets: named ones, synthetic digits that need no file, and folders of WAV files."""

import dataclasses
import functools
import os
import pathlib

import numpy as np

from zoo import errors
from zoo.data import speech_folders, synthesiser
from zoo.data.base import SPLITS, Split
from zoo.data.sets import data_root
from zoo.frontends.wav import as_wavs

SYNTHETIC = "spoken_digits_synthetic"


@dataclasses.dataclass(frozen=True, eq=False)
class SpeechSplit(Split):
    """Clips with their words, who spoke them and where they come from.

    Args:
        items: WAV files (`bytes`) or paths (`str`) [N].
        labels: word of each clip [N].
        speakers: who spoke it [N], `""` where that is not known.
        sources: the collection that it comes from [N], `""` where there is one only.
    """

    speakers: np.ndarray = ()
    sources: np.ndarray = ()

    def __post_init__(self):
        super().__post_init__()
        for name in ("speakers", "sources"):
            values = np.array(list(getattr(self, name)) or [""] * len(self), object)
            if len(values) != len(self):
                raise ValueError(f"{name} must be one for each item; got {len(values)} for {len(self)} items")
            object.__setattr__(self, name, values)

    def take(self, rows):
        """Return the `SpeechSplit` of some rows, numbers or booleans [N]."""
        return SpeechSplit(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))


@dataclasses.dataclass(frozen=True, eq=False)
class SpeechData:
    """A speech set in three splits, with what is known of it.

    Args:
        name: name in the catalogue, with the speaker that is left out, or the folder.
        train, validation, test: `SpeechSplit`. The words of all are the same ones.
        baseline: what is known to be reached on test, by what measured it.
        licence: terms of use, in words.
        note: what a reader of the scores must know.
        synthetic: whether the clips are made by a program.
        skipped: (path, why) of the files that could not be read.
    """

    name: str
    train: SpeechSplit
    validation: SpeechSplit
    test: SpeechSplit
    baseline: dict = dataclasses.field(default_factory=dict)
    licence: str = "yours"
    note: str = ""
    synthetic: bool = False
    skipped: tuple = ()


@dataclasses.dataclass(frozen=True)
class Entry:
    """One named set: what is known of it."""

    about: str
    baseline: dict
    licence: str
    note: str


CATALOGUE = {
    "fsdd": Entry(
        "Spoken digits, 5 speakers, 2,500 clips",
        {"accuracy, 24 log-mel frames + logistic regression": 0.932},
        "CC BY-SA 4.0 (Free Spoken Digit Dataset)",
        "The official test set has the speakers of train. With speaker= one is left out: the same baseline is then 0.51 to 0.71.",
    ),
    "spoken_words": Entry(
        "Nine spoken words, several hundred speakers, 1,290 clips",
        {"accuracy, 24 log-mel frames + logistic regression": 0.897},
        "Apache-2.0 (Picovoice: six wake words); CC BY 4.0 (Google Speech Commands 0.01: bed, cat, happy)",
        "The two sources sound different, so a word may be told by its source: compare within a source too.",
    ),
    "speech_commands_toy": Entry(
        "35 spoken words, 10 clips each",
        {"accuracy, 24 log-mel frames + logistic regression": 0.343, "recall@1 over all 350 clips": 0.397},
        "CC BY 4.0 (Google Speech Commands 0.02)",
        "Few-shot: look at all splits together, as words that were never trained on.",
    ),
}
MADE = Entry(
    "SYNTHETIC spoken digits of twelve voices that zoo makes itself; needs no file",
    {},
    "written for this project, no restriction",
    "SYNTHETIC: formants and noise, easier than recordings; for a first look, never the only evidence.",
)


def speech_sets():
    """Return the names of the speech sets, the one that needs no file first."""
    return [SYNTHETIC, *CATALOGUE]


def load_speech(name_or_folder, root=None, speaker=None, check=True):
    """Read a set of spoken words.

    Args:
        name_or_folder: one of `speech_sets()`, or a folder: of classes (`folder/word/clip.wav`), of splits of classes
            (`folder/train/word/clip.wav`, also `validation` or `val`, and `test`), or of Speech Commands as it is published,
            with its lists. A folder of classes is cut clip by clip: of each word about a tenth is test and a tenth
            validation; clips of one speaker, `SPEAKER_nohash_0.wav`, stay together.
        root: folder of the named sets; by default see `data_root`.
        speaker: for `"fsdd"`, the speaker that is left out: all clips of that speaker are test, of the others takes 5 to 9
            are validation and the rest is train.
        check: read the head of every file of a folder once, and leave out those that are no WAV files.

    Returns:
        `SpeechData`; items of named sets are WAV files as `bytes`, items of a folder are paths.

    Raises:
        ValueError: an unknown name or speaker, or a folder without two classes of clips.
        FileNotFoundError: the folder, or that of the named sets, is missing.

    Example:

    >>> from zoo.data import load_speech
    >>> data = load_speech("spoken_digits_synthetic")
    >>> len(data.train), len(set(data.test.labels)), data.synthetic
    (320, 10, True)
    """
    name = os.fspath(name_or_folder)
    if speaker is not None and name != "fsdd":
        raise ValueError(f"speaker: only 'fsdd' is cut by speakers, not {name!r}; leave it out")
    if name == SYNTHETIC:
        return _synthetic()
    if name in CATALOGUE:
        return _named(name, root, speaker)
    if not os.path.isdir(name):
        if isinstance(name_or_folder, pathlib.PurePath) or set(name) & set("/\\."):
            raise FileNotFoundError(f"there is no folder {name!r} of speech")
        raise ValueError(f"{errors.unknown('speech set', name, speech_sets())}. A folder of classes is accepted too")
    rows, skipped = speech_folders.read(name, check)
    if len({label for _, label, _ in rows}) < 2:
        kinds = len({label for _, label, _ in rows})
        raise ValueError(f"{name!r} holds clips of {kinds} words; two are the least. Expected folder/word/clip.wav")
    parts = []
    for split in SPLITS:
        chosen = [(path, label, speech_folders.speaker(path)) for part, label, path in rows if part == split]
        parts.append(SpeechSplit(*zip(*chosen, strict=True)) if chosen else SpeechSplit([], []))
    return SpeechData(name, *parts, skipped=tuple(skipped))


def _named(name, root, speaker):
    """Read one of the packed sets."""
    entry, path = CATALOGUE[name], data_root(root) / name / f"{name}.npz"
    if not path.is_file():
        raise FileNotFoundError(f"the set {name!r} belongs at {str(path)!r}, where there is no file")
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    whole, offset = arrays["audio"], arrays["offset"]
    files = as_wavs([whole[a:b] for a, b in zip(offset[:-1], offset[1:], strict=True)], int(arrays["rate"]))
    named = {key: arrays[f"{key}_names"][arrays[key]] for key in ("speaker", "source") if f"{key}_names" in arrays}
    speakers = named.get("speaker", arrays["speaker"]).tolist()
    words, sources = arrays["class_names"][arrays["label"]].tolist(), named.get("source", np.array([])).tolist()
    clips = SpeechSplit(files, words, speakers, sources)
    split, baseline = arrays["split"].copy(), dict(entry.baseline)
    if speaker is not None:
        if speaker not in set(speakers):
            raise ValueError(errors.unknown("speaker", speaker, set(speakers)))
        split = np.where(clips.speakers == speaker, 2, np.where(split == 1, 1, 0))
        name, baseline = f"fsdd without {speaker}", {}
    parts = [clips.take(split == i) for i in range(len(SPLITS))]
    return SpeechData(name, *parts, baseline=baseline, licence=entry.licence, note=entry.note)


@functools.cache
def _synthetic():
    parts = []
    for split in SPLITS:
        waves, words, voices = zip(*synthesiser.generate(split), strict=True)
        parts.append(SpeechSplit(as_wavs(waves, synthesiser.RATE), words, voices, ["synthetic"] * len(words)))
    return SpeechData(SYNTHETIC, *parts, licence=MADE.licence, note=MADE.note, synthetic=True)
