"""Folders of images with captions as they are published, to (split, image, captions) of every image."""

import json
import pathlib

import numpy as np

from zoo import errors

SPLITS = {"train": "train", "restval": "restval", "val": "validation", "validation": "validation", "dev": "validation",
          "test": "test"}  # fmt: skip
HELD_OUT = 1000  # images of validation and of test where a list of captions comes without splits
COCO_HELD_OUT = 5000
EXPECTED = (
    "Flickr8k.token.txt with Flickr_8k.trainImages.txt, Flickr_8k.devImages.txt and Flickr_8k.testImages.txt; "
    "results_20130124.token; dataset_flickr8k.json, dataset_flickr30k.json or dataset_coco.json; captions_train2014.json with "
    "captions_val2014.json (or 2017); train_ims.npy with train_caps.txt, also of dev and test"
)


def read(folder):
    """Return rows (split, image, captions) of a folder: the split's name, the path or the features of an image, its captions.

    Raises:
        FileNotFoundError: none of the files that say which caption belongs to which image, or half of them.
        ValueError: a line or an entry that does not fit.
    """
    folder = pathlib.Path(folder)
    for pattern, reader in LAYOUTS.items():
        if files := found(folder, pattern):
            return reader(folder, files[0])
    raise FileNotFoundError(f"{str(folder)!r} holds no captions of a known kind; expected, or one folder below: {EXPECTED}")


def known(folder):
    """Whether a folder, or one below it, holds captions of a known kind."""
    return any(found(pathlib.Path(folder), pattern) for pattern in LAYOUTS)


def found(folder, pattern):
    """Return the files of a folder, then of those one below it, whose name has a pattern."""
    return sorted([*folder.glob(pattern), *folder.glob(f"*/{pattern}")])


def _karpathy(folder, path):
    """`dataset_*.json`: every image with its split and sentences."""
    images = read_json(path, "images")["images"]
    places = Places(folder)
    rows = []
    for i, image in enumerate(images):
        try:
            split, name = image["split"], image["filename"]
            captions = [sentence.get("raw") or " ".join(sentence["tokens"]) for sentence in image["sentences"]]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}: images[{i}] needs filename, split and sentences with raw; it lacks {error}") from error
        if split not in SPLITS:
            raise ValueError(f"{path}: images[{i}]: {errors.unknown('split', split, SPLITS)}")
        rows.append((SPLITS[split], places(f"{image.get('filepath', '')}/{name}".strip("/")), captions))
    return rows


def _coco(folder, path):
    """`captions_train2014.json` and its val; of val's images in the order of their ids half are validation, half test."""
    other = path.with_name(path.name.replace("train", "val"))
    if not other.is_file():
        raise FileNotFoundError(f"{str(path)!r} needs {other.name!r} beside it, from which validation and test are cut")
    places, rows = Places(folder), []
    for part, file in (("train", path), ("val", other)):
        images = sorted(read_json(file, "images")["images"], key=lambda image: image["id"])
        captions = {image["id"]: [] for image in images}
        for i, note in enumerate(read_json(file, "annotations")["annotations"]):
            if note.get("image_id") not in captions:
                raise ValueError(f"{file}: annotations[{i}] has image_id {note.get('image_id')!r}, which no image has")
            captions[note["image_id"]].append(note["caption"])
        for i, image in enumerate(images):
            split = "train" if part == "train" else validation_part(i, len(images))
            rows.append((split, places(image["file_name"]), captions[image["id"]]))
    return rows


def validation_part(i, count):
    """Return the split of validation image i of so many where there is none of test: half is that; `"restval"` is left."""
    held = min(COCO_HELD_OUT, count // 2)
    return ("validation", "test", "restval")[min(i // max(held, 1), 2)]


def token_captions(path):
    """Return the captions of each image, a dict of lists, of `image.jpg#0<TAB>caption` a line."""
    captions = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        key, tab, caption = line.partition("\t")
        name, mark, _ = key.rpartition("#")
        if not tab or not mark:
            raise ValueError(f"{path}:{number}: expected image.jpg#0<TAB>caption, got {line[:60]!r}")
        captions.setdefault(name, []).append(caption)
    return captions


def _token(folder, path):
    """Captions, and lists of the images of each split where there are some."""
    captions, places = token_captions(path), Places(folder)
    if path.name.startswith("Flickr8k") or (path.parent / FLICKR8K.format("train")).is_file():
        return [(split, places(name), captions.get(name, [])) for split, name in flickr8k_lists(path.parent, path)]
    return [(split, places(name), captions[name]) for split, name in last_held_out(captions)]


def flickr8k_lists(folder, path):
    """Return (split, image) of Flickr8k's three lists in a folder; `path` is what needs them."""
    if not (folder / FLICKR8K.format("train")).is_file():
        raise FileNotFoundError(f"{str(path)!r} needs {FLICKR8K.format('train')!r}, dev and test beside it")
    rows = []
    for part in ("train", "dev", "test"):
        lists = folder / FLICKR8K.format(part)
        if not lists.is_file():
            raise FileNotFoundError(f"{str(path)!r} needs {lists.name!r} beside it, the images of that split")
        rows += [(SPLITS[part], name) for name in lists.read_text(encoding="utf-8").split()]
    return rows


def last_held_out(names):
    """Return (split, image) of images without an official split: of their sorted names the last ones are held out."""
    names = sorted(names)
    held = min(HELD_OUT, len(names) // 10)
    first, second = len(names) - 2 * held, len(names) - held
    return [("train" if i < first else "validation" if i < second else "test", name) for i, name in enumerate(names)]


def _features(folder, path):
    """`train_ims.npy` [N, F] or [5N, F] and `train_caps.txt`, five captions an image, as VSE's code stores them."""
    rows = []
    for part in ("train", "dev", "test"):
        stored, texts = path.with_name(f"{part}_ims.npy"), path.with_name(f"{part}_caps.txt")
        for file in (stored, texts):
            if not file.is_file():
                raise FileNotFoundError(f"{str(path)!r} needs {file.name!r} beside it")
        vectors = np.load(stored, mmap_mode="r")
        lines = texts.read_text(encoding="utf-8").splitlines()
        if len(lines) == len(vectors):  # each image stands there once for each of its captions
            vectors = vectors[::5]
        if len(lines) != 5 * len(vectors):
            raise ValueError(f"{texts}: {len(lines)} captions for {len(vectors)} images; expected five an image")
        rows += [(SPLITS[part], vector, lines[5 * i : 5 * i + 5]) for i, vector in enumerate(np.asarray(vectors, "float32"))]
    return rows


class Places:
    """Finds files by their name: in some folders, or in those below them that usually hold images.

    Args:
        *roots: the folders, the most likely one first.
        usual: names of folders below each of them, `""` for itself.
    """

    FOLDERS = ("", "images", "Images", "Flicker8k_Dataset", "Flickr8k_Dataset", "flickr8k-images", "flickr30k-images",
               "flickr30k_images", "train2014", "val2014", "train2017", "val2017", "images/train2014", "images/val2014",
               "images/train2017", "images/val2017")  # fmt: skip

    def __init__(self, *roots, usual=FOLDERS):
        tried = dict.fromkeys(root / name for root in roots for name in usual)
        self.folders = [folder for folder in tried if folder.is_dir()]

    def __call__(self, name):
        for tried in dict.fromkeys((name, name.rpartition("/")[2])):
            for folder in self.folders:
                if (folder / tried).is_file():
                    return str(folder / tried)
        return str(self.folders[0] / name)


def read_json(path, key):
    """Return a file's JSON, which must hold a list of this name."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        if not isinstance(content[key], list):
            raise TypeError(f"it is {type(content[key]).__name__}")
        return content
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: expected JSON with the list {key!r}: {error}") from error


FLICKR8K = "Flickr_8k.{}Images.txt"
LAYOUTS = {
    "dataset_*.json": _karpathy,
    "Flickr8k.token.txt": _token,
    "results_20130124.token": _token,
    "captions_train20*.json": _coco,
    "train_ims.npy": _features,
}
