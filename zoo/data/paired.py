"""Data of two sides as models of two towers take them, whatever the sides are: captions or speech beside images."""

import dataclasses
import os

import numpy as np

from zoo import errors
from zoo.data import caption_layouts, spoken_layouts
from zoo.data.base import SPLITS
from zoo.data.captions import caption_sets, load_captions
from zoo.data.matches import Matches
from zoo.data.spoken_images import load_spoken_images, spoken_image_sets

MATRIX = 2**28  # pairs up to which equal texts are looked for; beyond, a caption's own image is its only match


@dataclasses.dataclass(frozen=True, eq=False)
class PairSplit:
    """Items of two sides, and which match.

    Args:
        items: dict from kind, the side that asks first, to items [N] and [M]; what `TwoTowers.adapt` takes.
        labels: dict from kind to labels of one meaning on both sides; what `zoo.export.project_towers` takes.
        matches: a pair of ids or booleans [N, M], see `zoo.data.Matches`.
    """

    items: dict
    labels: dict
    matches: object

    def __len__(self):
        return len(next(iter(self.items.values())))

    @property
    def sides(self):
        """((items, items), matches), which `zoo.evaluate` takes."""
        return tuple(self.items.values()), self.matches

    def some(self, most):
        """Return (items, labels) of at most so many items of the second side, evenly from all, and one match of each."""
        (first, second), matches = self.items.values(), self.matches
        flipped = matches[::-1] if isinstance(matches, tuple) else matches.T
        partners, ends = Matches(flipped, len(second), len(first)).partners()
        asked = np.flatnonzero(np.diff(ends))
        asked = asked[np.unique(np.linspace(0, len(asked) - 1, min(most, len(asked))).astype(int))]
        # In turn, so that images of one word come with different clips of it.
        turn = ends[asked] + np.arange(len(asked)) % np.diff(ends)[asked]
        rows = dict(zip(self.items, (np.unique(partners[turn]), asked), strict=True))
        return tuple({kind: part[kind][rows[kind]] for kind in rows} for part in (self.items, self.labels))


@dataclasses.dataclass(frozen=True, eq=False)
class PairData:
    """Items of two sides in three splits.

    Args:
        name: name of the set, or the folder.
        train, validation, test: `PairSplit`.
        licence: terms of use, in words.
        note: what a reader of the scores must know.
    """

    name: str
    train: PairSplit
    validation: PairSplit
    test: PairSplit
    licence: str = "yours"
    note: str = ""

    def gallery(self):
        """Return (items, labels) of the second side, of all splits: what a bundle is to search."""
        *_, kind = self.train.items
        parts = [getattr(self, split) for split in SPLITS]
        return tuple(np.concatenate([part[kind] for part in column]) for column in zip(*((p.items, p.labels) for p in parts)))


def load_pairs(name_or_folder, kind="text", root=None):
    """Read what a model of two towers is trained on.

    Captions match the images that they belong to, and those of which a caption reads as they do where a split has at most
    2^28 pairs. Their label is the class of their image, or its first caption where classes are not known. Spoken words
    match the images that bear them, and spoken captions the images that they belong to.

    Args:
        name_or_folder: for captions what `load_captions` takes, for speech what `load_spoken_images` takes: a name, or a
            folder. For captions Flickr8k, Flickr30k, COCO or stored features; for speech Flickr Audio (`wav2capt.txt`),
            Places Audio or SpokenCOCO (`train.json`, `SpokenCOCO_train.json`), `pairs.tsv`, or `speech/WORD` with
            `images/WORD`.
        kind: `"text"` or `"speech"`, the side that asks.
        root: folder of the named sets; by default see `data_root`.

    Returns:
        `PairData`.

    Raises:
        ValueError, FileNotFoundError: as those functions.

    Example:

    >>> data = load_pairs("digits")
    >>> {kind: len(items) for kind, items in data.test.items.items()}, str(data.test.labels["text"][0])
    ({'text': 300, 'image': 100}, '8')
    """
    if kind == "text":
        data = load_captions(name_or_folder, root)
        parts = [_captions(getattr(data, split)) for split in SPLITS]
    elif kind == "speech":
        data = load_spoken_images(name_or_folder, root)
        parts = [_speech(data, split) for split in SPLITS]
    else:
        raise ValueError(errors.unknown("kind", kind, ("text", "speech")))
    return PairData(data.name, *parts, data.licence, data.note)


def has_pairs(name_or_folder, kind="text"):
    """Whether `load_pairs` knows this name, or the layout of this folder; folders of classes have no pairs."""
    name = os.fspath(name_or_folder)
    if name in {"text": caption_sets, "speech": spoken_image_sets}.get(kind, list)():
        return True
    layouts = {"text": caption_layouts, "speech": spoken_layouts}.get(kind)
    return layouts is not None and os.path.isdir(name) and layouts.known(name)


def _captions(split):
    ids, owner = split.image_ids.tolist(), split.caption_image.tolist()
    if split.labels is not None:
        label = dict(zip(ids, split.labels, strict=True))
    else:
        label = dict(zip(owner[::-1], split.captions[::-1], strict=True))  # the first one stays
    labels = [np.array([label.get(one, "") for one in side], object) for side in (owner, ids)]
    small = len(split.captions) * len(split.images) <= MATRIX
    items = {"text": split.captions, "image": split.images}
    return PairSplit(items, dict(zip(items, labels, strict=True)), split.matches() if small else split.own)


def _speech(data, split):
    sides = {"speech": data.speech[split], "image": data.images[split]}
    items = {kind: part.items for kind, part in sides.items()}
    return PairSplit(items, {kind: part.labels for kind, part in sides.items()}, data.ids(split))
