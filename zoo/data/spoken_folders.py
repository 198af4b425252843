"""Folders of images with spoken captions: what can be read of them, in three splits, and what matches."""

import pathlib
import warnings

import numpy as np

from zoo.data import image_layouts, speech_folders, spoken_layouts
from zoo.data.base import SPLITS, Split
from zoo.data.speech import SpeechSplit

MATRIX = 2**28  # pairs up to which a clip may match several images


def read(folder, check=True):
    """Return clips, images and matches by split, and what was left out.

    Args:
        folder: as in `zoo.data.load_spoken_images`.
        check: decode every image and read the head of every clip, and leave out what cannot be read.

    Returns:
        `(speech, images, matches, skipped)`: dicts of split name to `SpeechSplit`, to `Split` and to a pair of ids or
        booleans [N, M]; and a list of (path, why).

    Raises:
        FileNotFoundError, ValueError: as `zoo.data.spoken_layouts.read`; or a split without a pair.

    Example: two clips of one image in each split.

    >>> import PIL.Image
    >>> from zoo.frontends import as_wavs
    >>> pathlib.Path("spoken").mkdir()
    >>> lines = ["audio\\timage\\tsplit"]
    >>> for split in SPLITS:
    ...     PIL.Image.new("RGB", (4, 4)).save(f"spoken/{split}.png")
    ...     for k, file in enumerate(as_wavs([np.ones(99, "int16")] * 2, 8000)):
    ...         lines.append(f"{split}{k}.wav\\t{split}.png\\t{split}")
    ...         size = pathlib.Path(f"spoken/{split}{k}.wav").write_bytes(file)
    >>> size = pathlib.Path("spoken/pairs.tsv").write_text("\\n".join(lines))
    >>> speech, images, matches, skipped = read("spoken")
    >>> len(speech["test"]), len(images["test"]), [ids.tolist() for ids in matches["test"]]
    (2, 1, [[0, 0], [0]])
    """
    clips, pictures = spoken_layouts.read(folder)
    clips, pictures, skipped = _kept(clips, list(dict.fromkeys(pictures)), check)
    if skipped:
        shown = _shown(skipped)
        warnings.warn(f"{len(skipped)} clips or images of {folder} are left out: {shown}", stacklevel=4)
    speech, images, matches = {}, {}, {}
    for split in SPLITS:
        here = [[one for one in side if one.split == split] for side in (clips, pictures)]
        if not here[0]:
            why = f"; {len(skipped)} were left out: {_shown(skipped, 1)}" if skipped else ""
            raise ValueError(f"{str(folder)!r} has no clip with an image for {split}{why}")
        speech[split], images[split], matches[split] = _part(*here, folder)
    return speech, images, matches, skipped


def _shown(skipped, most=5):
    more = f"; and {len(skipped) - most} more" if len(skipped) > most else ""
    return "; ".join(f"{path}: {why}" for path, why in skipped[:most]) + more


def _kept(clips, pictures, check):
    """Clips and pictures that can be read and have one of the other side in their split, and (path, why) of the rest."""
    spoken = {}
    for clip in clips:
        for key in clip.keys:
            spoken[clip.split, key] = spoken.get((clip.split, key), 0) + 1
    skipped, broken = [], set()
    if check:
        sound, wrong = image_layouts.readable(pictures)
        whole = set(sound)
        others = [one for one in pictures if one not in whole]
        for (split, key, *_), (path, why) in zip(others, wrong, strict=True):
            skipped.append((path, f"{why}, with {spoken.get((split, key), 0)} clips"))
            broken.add((split, key))
        pictures = sound
    drawn, heard, kept = {(one.split, one.key) for one in pictures}, set(), []
    for clip in clips:
        places = {(clip.split, key) for key in clip.keys}
        why = speech_folders.wrong(clip.path) if check else None
        if why or not places & drawn:
            if why or not places & broken:  # else counted with the image
                skipped.append((clip.path, why or f"no image of {clip.keys[0]!r} for {clip.split}"))
            continue
        kept.append(clip._replace(keys=tuple(key for key in clip.keys if (clip.split, key) in drawn)))
        heard |= places
    silent = [one for one in pictures if (one.split, one.key) not in heard]
    skipped += [(one.path, f"no clip of it for {one.split}") for one in silent]
    return kept, [one for one in pictures if (one.split, one.key) in heard], skipped


def _part(clips, pictures, folder):
    """Clips and pictures of one split as `SpeechSplit`, `Split` and what matches."""
    labels = {}
    for one in pictures:
        labels.setdefault(one.key, one.label or pathlib.Path(one.path).stem)
    number = {key: i for i, key in enumerate(labels)}
    speech = [(clip.path, labels[clip.keys[0]], clip.speaker) for clip in clips]
    images = Split([one.path for one in pictures], [labels[one.key] for one in pictures])
    column = np.array([number[one.key] for one in pictures], np.int64)
    if all(len(clip.keys) == 1 for clip in clips):
        row = np.array([number[clip.keys[0]] for clip in clips], np.int64)
        return SpeechSplit(*zip(*speech, strict=True)), images, (row, column)
    if len(clips) * len(pictures) > MATRIX:
        raise ValueError(
            f"{str(folder)!r}: {len(clips)} clips and {len(pictures)} images make too large a matrix of matches; let every "
            "clip stand beside one image"
        )
    matrix = np.zeros((len(clips), len(pictures)), bool)  # each has a key of its own: words have one a clip
    for i, clip in enumerate(clips):
        matrix[i, [number[key] for key in clip.keys]] = True
    return SpeechSplit(*zip(*speech, strict=True)), images, matrix
