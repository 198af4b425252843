"""Folders of images with spoken captions as they are published, to clips, pictures, and the keys by which they match."""

import os
import pathlib
import re
import typing

from zoo import errors
from zoo.data import image_layouts, speech_folders
from zoo.data.base import SPLITS
from zoo.data.caption_layouts import (
    FLICKR8K, Places, flickr8k_lists, found, last_held_out, read_json, token_captions, validation_part,
)  # fmt: skip
from zoo.data.tsv import SPLIT_NAMES, share, split_class, tab_lines

FORMAT = "Begin with a header line that names the columns audio and image, and perhaps split, label and speaker"
EXPECTED = (
    "wav2capt.txt with the folder wavs and Flickr8k's three lists; train.json with val.json or dev.json (Places Audio "
    "Captions, also train_2020.json), or SpokenCOCO_train.json with SpokenCOCO_val.json; pairs.tsv with a header "
    "audio<TAB>image; speech/WORD/clip.wav with images/WORD/image.jpg"
)
TRAIN = re.compile(r"(\w+_)?train(_\w+)?\.json")
HELD = {"validation": "val|valid|validation|dev", "test": "test"}  # how the others are called
SIDES = ("speech", "images")


class Clip(typing.NamedTuple):
    """A spoken caption and the keys of the pictures of its split that it matches."""

    split: str
    path: str
    keys: tuple
    speaker: str = ""


class Picture(typing.NamedTuple):
    """An image; the label is its class, or what the first of its captions says, or `""`."""

    split: str
    key: str
    path: str
    label: str = ""


def read(folder):
    """Return the `Clip`s and `Picture`s of a folder, whether their files are there or not.

    Raises:
        FileNotFoundError: none of the files that say what belongs together, half of them, or not one of the clips or
            images that they name.
        ValueError: a line or an entry that does not fit.
    """
    folder = pathlib.Path(folder)
    for pattern, reader in LAYOUTS.items():
        if files := found(folder, pattern):
            return reader(folder, files[0])
    if lists := _train_lists(folder):
        return _lists(folder, lists[0])
    if _has_words(folder):
        return _words(folder)
    raise FileNotFoundError(
        f"{str(folder)!r} holds no spoken captions of a known kind; expected, or one folder below: {EXPECTED}"
    )


def known(folder):
    """Whether a folder, or one below it, holds spoken captions of a known kind."""
    folder = pathlib.Path(folder)
    return any(found(folder, pattern) for pattern in LAYOUTS) or bool(_train_lists(folder)) or _has_words(folder)


def _flickr(folder, path):
    """Flickr Audio Caption Corpus: `name.wav image.jpg #0` a line."""
    spoken = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fields = line.split()
        if fields and (len(fields) != 3 or not fields[2].startswith("#")):
            raise ValueError(f"{path}:{number}: expected name.wav image.jpg #0, got {line[:60]!r}")
        if fields:
            spoken.setdefault(fields[1], []).append(fields[0])
    lists = found(folder, FLICKR8K.format("train"))
    named = flickr8k_lists(lists[0].parent if lists else path.parent, path)
    speakers, texts = path.with_name("wav2spk.txt"), found(folder, "Flickr8k.token.txt")
    speakers = dict(line.split(maxsplit=1) for line in _lines(speakers)) if speakers.is_file() else {}
    texts = token_captions(texts[0]) if texts else {}
    files = _placed("images", [name for _, name in named], Places(folder, path.parent), path)
    asked = [(split, name, wav) for split, name in named for wav in spoken.get(name, [])]
    wavs = _placed("clips", [wav for *_, wav in asked], Places(path.parent, folder, usual=("wavs", "")), path)
    pictures = [Picture(split, name, files[name], next(iter(texts.get(name, ())), "")) for split, name in named]
    return [Clip(split, wavs[wav], (name,), speakers.get(wav, "").strip()) for split, name, wav in asked], pictures


def _lines(path):
    return [line for line in path.read_text(encoding="utf-8").splitlines() if len(line.split()) > 1]


def _train_lists(folder):
    """The JSON files of training captions, that with the most splits beside it first."""
    files = [path for path in found(folder, "*train*.json") if TRAIN.fullmatch(path.name) and _tells_of_clips(path)]
    return sorted(files, key=lambda path: (-len(_beside(path)), len(path.name), path.name))


def _tells_of_clips(path):
    with open(path, "rb") as file:
        return b'"wav"' in file.read(2**16)


def _beside(path):
    """The files of validation and of test by split, `dev_seen_2020.json` and `dev_unseen_2020.json` for `train_2020.json`."""
    before, after = map(re.escape, re.split(r"train(?=_|\.)", path.name, maxsplit=1))
    others = {}
    for split, words in HELD.items():
        pattern = re.compile(rf"{before}(?:{words})(?:_seen|_unseen)?\d*{after}")
        if files := sorted(one for one in path.parent.glob("*.json") if pattern.fullmatch(one.name)):
            others[split] = files
    return others


def _lists(folder, path):
    """Places Audio Captions and SpokenCOCO: JSON files, one or more a split."""
    others = _beside(path)
    if "validation" not in others:
        names = [path.name.replace("train", word) for word in ("val", "dev", "test")]
        raise FileNotFoundError(f"{str(path)!r} needs {names[0]!r} or {names[1]!r} beside it, and {names[2]!r}, without which "
                                "validation is cut in two")  # fmt: skip
    clips, pictures = [], []
    for split, files in {"train": [path], **others}.items():
        spoken, labels = {}, {}
        for file in files:
            _captions(folder, file, spoken, labels)
        part = dict.fromkeys(spoken, split)
        if split == "validation" and "test" not in others:
            names = sorted(spoken)  # for COCO the order of the ids, and so the cut of its written captions
            cut = [validation_part(i, len(names)) for i in range(len(names))]
            part = {name: "train" if one == "restval" else one for name, one in zip(names, cut, strict=True)}
        pictures += [Picture(part[image], image, *labels[image]) for image in spoken]
        clips += [Clip(part[image], wav, (image,), speaker) for image, some in spoken.items() for wav, speaker in some]
    return clips, pictures


def _captions(folder, file, spoken, labels):
    """Add the entries of one file to (wav, speaker) by image, and to (path, what its first caption says) by image."""
    content, entries = read_json(file, "data"), []
    for i, entry in enumerate(content["data"]):
        try:
            for one in entry.get("captions") or [entry.get("caption") or entry]:
                said = one.get("text") or one.get("asr_text") or ""
                entries.append((entry["image"], one["wav"], one.get("speaker") or "", said))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{file}: data[{i}] needs image and wav, or captions with wav each; it lacks {error}") from error
    images, wavs, speakers, texts = zip(*entries, strict=True) if entries else ([],) * 4
    files = [_based(what, names, content, file, folder) for what, names in (("image", images), ("audio", wavs))]
    for image, wav, speaker, text in zip(images, wavs, speakers, texts, strict=True):
        spoken.setdefault(image, []).append((files[1][wav], speaker))
        labels.setdefault(image, (files[0][image], text))


def _based(what, names, content, file, folder):
    """Where files are: at the base path of a list, or else below its folder or that of the user."""
    given = content.get(f"{what}_base_path")
    roots = [file.parent / given] if given else []
    usual = Places.FOLDERS if what == "image" else ("", "wavs")
    note = f"; its {what}_base_path {given!r} is no folder here" if given and not roots[0].is_dir() else ""
    places = Places(*roots, folder, file.parent, usual=usual)
    return _placed({"image": "images", "audio": "clips"}[what], names, places, file, note)


def _placed(what, names, places, path, note=""):
    """The path of each name; `FileNotFoundError` where not one is there."""
    paths = {name: places(name) for name in dict.fromkeys(names)}
    if paths and not any(map(os.path.isfile, paths.values())):
        first, looked = next(iter(paths)), ", ".join(map(str, places.folders))
        what = f"none of its {len(paths)} {what} is here, the first {first!r}"
        raise FileNotFoundError(f"{path}: {what}; looked in {looked or 'no folder that is there'}{note}")
    return paths


def _table(_, path):
    """`pairs.tsv`: paths from the file's folder; a clip may stand beside several images, and an image beside several clips."""
    (number, head), *lines = tab_lines(path, FORMAT) or [(1, [])]
    columns = {name.strip().lower(): i for i, name in enumerate(head)}
    for name in ("audio", "image"):
        if name not in columns:
            raise ValueError(f"{path}:{number}: the header {head} names no column {name}. {FORMAT}")
    rows = []
    for number, fields in lines:
        if len(fields) != len(head):
            raise ValueError(f"{path}:{number}: {len(fields)} columns, expected {len(head)}")
        row = {name: fields[i].strip() for name, i in columns.items()}
        if not row["audio"] or not row["image"]:
            raise ValueError(f"{path}:{number}: audio or image is empty; write a path, or remove the line")
        if "split" in row and row["split"].lower() not in SPLIT_NAMES:
            raise ValueError(f"{path}:{number}: {errors.unknown('split', row['split'], SPLITS)}")
        rows.append(row)
    drawn = {name: split for split, name in last_held_out({row["image"] for row in rows})}
    clips, pictures = {}, {}
    for row in rows:
        split = SPLIT_NAMES[row["split"].lower()] if "split" in row else drawn[row["image"]]
        image, wav = (str(path.parent / row[name]) for name in ("image", "audio"))
        pictures.setdefault((split, image), Picture(split, image, image, row.get("label", "")))
        before = clips.get((split, wav), Clip(split, wav, (), row.get("speaker", "")))
        clips[split, wav] = before._replace(keys=tuple(dict.fromkeys((*before.keys, image))))
    return list(clips.values()), list(pictures.values())


def _has_words(folder):
    return all((folder / name).is_dir() for name in SIDES)


def _words(folder):
    """`speech/WORD/*.wav` and `images/WORD/*.jpg`: every clip of a word matches every image of it."""
    speech, images = (folder / name for name in SIDES)
    spoken, shown = _cut(speech_folders.listed(speech)), _cut(image_layouts.read(images))
    clips = [Clip(split, path, (word,), speech_folders.speaker(path)) for split, word, path in spoken]
    return clips, [Picture(split, word, path, word) for split, word, path in shown if split in SPLITS]


def _cut(rows):
    """Rows (split or None, word, path) with a split each: of each word a tenth is test and a tenth validation, one at least."""
    words, place = {}, {}
    for split, word, path in rows:
        if split is None and speech_folders.speaker(path):  # clips of one speaker stay together
            place[path] = speech_folders.drawn(path)
        elif split is None:
            words.setdefault(word, []).append((share(os.path.basename(path)), path))
    for members in words.values():
        place |= split_class(sorted(members))
    return [(split or place[path], word, path) for split, word, path in rows]


LAYOUTS = {"wav2capt.txt": _flickr, "pairs.tsv": _table}
