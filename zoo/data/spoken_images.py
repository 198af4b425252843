"""Speech beside images that show what it says: spoken captions, or words of which every clip matches every image."""

import dataclasses
import os
import pathlib

import numpy as np

from zoo import errors
from zoo.data import spoken_folders, spoken_layouts
from zoo.data.base import SPLITS, Split
from zoo.data.sets import data_root
from zoo.data.speech import CATALOGUE, SYNTHETIC, SpeechSplit, load_speech

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
DRAWERS = {"train": range(1, 15), "validation": range(15, 18), "test": range(18, 21)}  # of Omniglot, 20 a character
NOTES = {
    "digits_synthetic": "SYNTHETIC speech, made by zoo, beside scikit-learn's real images of 8 x 8 pixels: a first look.",
    "spoken_digits": "Speakers of test occur in train, their clips do not; images of test are MNIST's official ones.",
    "spoken_words": "Words are given characters of Omniglot by their order, see load_spoken_images: what a character looks "
    "like has nothing to do with how its word sounds, so only words seen in training can be found.",
}


@dataclasses.dataclass(frozen=True, eq=False)
class SpokenImages:
    """Clips and images in three splits; they match where their labels are equal, or as `matches` says.

    Args:
        name: name in the catalogue, or the folder.
        speech: dict of split name to `SpeechSplit`.
        images: dict of split name to `Split` of images uint8 [H, W], of a folder of paths.
        licence: terms of use, in words.
        note: what a reader of the scores must know.
        synthetic: whether the clips are made by a program.
        matches: dict of split name to what matches, see `zoo.data.Matches`; None where equal labels do.
        skipped: (path, why) of the clips and images that were left out.
    """

    name: str
    speech: dict
    images: dict
    licence: str
    note: str
    synthetic: bool = False
    matches: dict | None = None
    skipped: tuple = ()

    @property
    def words(self):
        """The labels that clips and images of train have, sorted."""
        return sorted(set(self.speech["train"].labels) & set(self.images["train"].labels))

    def ids(self, split):
        """Return numbers of the clips and of the images of a split, int64 each, equal where they match.

        Without `matches` they are places in `words`; where a clip matches several images of its own, booleans [N, M].
        """
        if self.matches is not None:
            return self.matches[split]
        number = {word: i for i, word in enumerate(self.words)}
        sides = self.speech[split].labels, self.images[split].labels
        return tuple(np.array([number[label] for label in labels], np.int64) for labels in sides)


def spoken_image_sets():
    """Return the names of the sets, the one that needs no file first."""
    return list(NOTES)


def load_spoken_images(name_or_folder, root=None, most=200, seed=0, check=True):
    """Read speech and images that belong together by what they say and show.

    A folder is one of these. Clips are WAV files; the files that say what belongs together may lie one folder below:

    - the Flickr Audio Caption Corpus: `wav2capt.txt` with the folder `wavs`, Flickr8k's three lists
      (`Flickr_8k.trainImages.txt`) and its images, in `Flicker8k_Dataset` or `images`
    - Places Audio Captions, `train.json` and `val.json` or `train_2020.json` and `dev_seen_2020.json`, perhaps with test; or
      SpokenCOCO, `SpokenCOCO_train.json` and `SpokenCOCO_val.json`. Files are looked for at the base paths that the JSON
      has, then below the folder. Without a file of test, validation is cut in two as COCO's written captions are.
    - `pairs.tsv` with a header `audio<TAB>image`, perhaps also `split`, `label` and `speaker`, paths from its folder. Without
      `split` a tenth of the images, the last by name, is test and a tenth before them validation.
    - `speech/WORD/clip.wav` and `images/WORD/image.jpg`, each perhaps with `train`, `validation` and `test` above WORD: every
      clip of a word matches every image of it. Without those folders a tenth of each word's clips, and of its images, is test
      and a tenth validation, one at least, by a hash of their names; clips `SPEAKER_nohash_0.wav` of one speaker stay together.

    A clip matches the images that it stands beside, so clips of one image share an id. Labels are those of `pairs.tsv` or
    the words, else what the first caption of the image says where that is written, else the name of the image.

    `"digits_synthetic"`, also `"spoken_digits_synthetic"`, has spoken digits that zoo makes and scikit-learn's images, and
    needs no file;
    `"spoken_digits"` has those of fsdd and MNIST. `"spoken_words"` has the words of fsdd, spoken_words and
    speech_commands_toy; the k-th word in alphabetical order is given the k-th character of Omniglot's training alphabets,
    of whose 20 drawings persons 1 to 14 are train, 15 to 17 validation and 18 to 20 test.

    Args:
        name_or_folder: one of `spoken_image_sets()`, or a folder.
        root: folder of the named sets; by default see `data_root`.
        most: images of a word in a split of a named set, drawn by `seed`.
        seed: of the draw.
        check: decode every image and read the head of every clip of a folder once, and leave out what cannot be read.

    Returns:
        `SpokenImages`; clips are WAV files, images uint8 [H, W], ink is bright. Those of a folder are paths; what is missing
        or broken, and what is then without a match, is left out with a warning that counts and names it.

    Raises:
        ValueError: an unknown name, a line or an entry that does not fit, a split without a pair.
        FileNotFoundError: a file is missing; the message says what was looked for.

    Example:

    >>> data = load_spoken_images("digits_synthetic")
    >>> data.words[:3], data.images["test"].items.shape[1:], data.synthetic
    (['eight', 'five', 'four'], (8, 8), True)

    Source: Harwath and Glass 2015, Deep multimodal semantic embeddings for speech and images (Flickr); Harwath, Torralba
    and Glass 2016 (Places); Hsu et al. 2021, Text-free image-to-speech synthesis using learned segmental units (SpokenCOCO).
    """
    name = os.fspath(name_or_folder)
    name = "digits_synthetic" if name == SYNTHETIC else name  # as `load_speech` calls its clips
    if name not in NOTES:
        return _folder(name, isinstance(name_or_folder, pathlib.PurePath) or set(name) & set("/\\."), check)
    if name == "digits_synthetic":
        speech, images = _speech([SYNTHETIC], root), _sklearn()
        licence = "speech: written for this project; images: scikit-learn's digits, CC BY 4.0"
    elif name == "spoken_digits":
        speech, images = _speech(["fsdd"], root), _packed("mnist", root)
        licence = f"speech: {CATALOGUE['fsdd'].licence}; images: CC BY-SA 3.0 (MNIST)"
    else:
        speech = _speech(list(CATALOGUE), root)
        words = sorted(set().union(*(part.labels for part in speech.values())))
        images = _characters(words, root)
        licence = f"speech: {'; '.join(entry.licence for entry in CATALOGUE.values())}; images: MIT (Omniglot)"
    images = {split: _some(part, most, seed) for split, part in images.items()}
    return SpokenImages(name, speech, images, licence, NOTES[name], name == "digits_synthetic")


def _folder(name, is_path, check):
    """Read a folder of the user's own; what is none is an error, of a path or of a name."""
    if not os.path.isdir(name):
        if is_path:
            raise FileNotFoundError(f"there is no folder {name!r} of spoken captions; expected {spoken_layouts.EXPECTED}")
        raise ValueError(f"{errors.unknown('set of speech and images', name, NOTES)}. A folder is accepted too")
    speech, images, matches, skipped = spoken_folders.read(name, check)
    return SpokenImages(name, speech, images, "yours", "", matches=matches, skipped=tuple(skipped))


def _speech(names, root):
    """The clips of several sets, split by split."""
    sets = [load_speech(name, root) for name in names]
    found = {}
    for split in SPLITS:
        parts = [getattr(data, split) for data in sets]
        columns = [np.concatenate([getattr(part, field) for part in parts]) for field in ("items", "labels", "speakers")]
        sources = np.concatenate([np.full(len(part), name, object) for name, part in zip(names, parts, strict=True)])
        found[split] = SpeechSplit(*columns, sources)
    return found


def _sklearn():
    """scikit-learn's digits: of every ten images in their order six are train, two validation and two test."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images, place = np.round(digits.images * (255 / 16)).astype("uint8"), np.arange(len(digits.images)) % 10
    labels = np.array(DIGITS, object)[digits.target]
    rows = {"train": place < 6, "validation": (place >= 6) & (place < 8), "test": place >= 8}
    return {split: Split(images[chosen], labels[chosen]) for split, chosen in rows.items()}


def _arrays(name, root):
    path = data_root(root) / name / f"{name}.npz"
    if not path.is_file():
        raise FileNotFoundError(f"the set {name!r} belongs at {str(path)!r}, where there is no file")
    with np.load(path) as file:
        return {key: file[key] for key in file.files}


def _packed(name, root):
    arrays = _arrays(name, root)
    labels = arrays["class_names"].astype(object)[arrays["label"]]
    parts = {split: arrays["split"] == i for i, split in enumerate(SPLITS)}
    return {split: Split(arrays["image"][rows], labels[rows]) for split, rows in parts.items()}


def _characters(words, root):
    """Drawings of one character of the training alphabets for each word."""
    arrays = _arrays("omniglot", root)
    characters = np.unique(arrays["label"][arrays["split"] == 0])[: len(words)]
    word = dict(zip(characters.tolist(), words, strict=True))
    found = {}
    for split, persons in DRAWERS.items():
        rows = np.isin(arrays["label"], characters) & np.isin(arrays["drawer"], list(persons))
        found[split] = Split(arrays["image"][rows], [word[label] for label in arrays["label"][rows].tolist()])
    return found


def _some(part, most, seed):
    """At most so many images of each label, in their order."""
    order = np.random.default_rng(seed).permutation(len(part))
    kept = [order[part.labels[order] == label][:most] for label in np.unique(part.labels)]
    rows = np.sort(np.concatenate(kept))
    return Split(part.items[rows], part.labels[rows])
