"""Image sets: named ones, class folders, and the folder layouts of the retrieval benchmarks."""

import dataclasses
import logging
import os
import pathlib
import warnings

import numpy as np

from zoo import errors
from zoo.data import image_layouts
from zoo.data.base import SPLITS, Split
from zoo.data.sets import data_root

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class ImageData:
    """An image set in three splits, with what is known of it.

    Args:
        name: name in the catalogue, or the folder.
        train, validation, test: `Split`; items are encoded files (`bytes`), paths (`str`) or pixels (uint8 [N, H, W]).
            Classes of validation and test do not occur in train.
        gallery: `Split` in which the neighbors of `test` are looked up, where that is not `test` itself; else None.
        baseline: Recall@1 on test by what measured it.
        licence: terms of use, in words.
        note: what a reader of the scores must know.
        skipped: (path, why) of the files that could not be read.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    gallery: Split | None = None
    baseline: dict = dataclasses.field(default_factory=dict)
    licence: str = "yours"
    note: str = ""
    skipped: tuple = ()


@dataclasses.dataclass(frozen=True)
class Entry:
    """One named set: its file, the column of the splits, what is known of it."""

    about: str
    baseline: dict
    licence: str
    note: str = ""
    split: str = "split"


CATALOGUE = {
    "flowers102": Entry(
        "Photographs of flowers, 81 kinds, 96 pixels",
        {"pixels": 0.378, "colors": 0.705, "MobileNet, not trained further": 0.910},
        "research only: no licence stated by the authors; photographers keep their rights",
        "Color alone is a strong cue.",
    ),
    "caltech101": Entry(
        "Photographs of objects, 79 kinds, 96 pixels",
        {"pixels": 0.465, "colors": 0.270, "MobileNet, not trained further": 0.908},
        "CC BY 4.0 (Li, Andreeto, Ranzato, Perona 2022)",
    ),
    "grocery81": Entry(
        "Phone photographs of groceries, 81 products",
        {"pixels": 0.174, "colors": 0.475, "MobileNet, not trained further": 0.412},
        "MIT (c) 2019 Marcus Klasson",
        "Photographs of one shelf are nearly equal: queries and gallery come from other shops.",
        split="class_split",
    ),
    "omniglot": Entry(
        "Drawings of characters, 1,281 kinds, 28 pixels",
        {"pixels": 0.239},
        "MIT (c) 2015 Brenden Lake",
    ),
}
DIGITS = Entry(
    "Written digits of 8 pixels that scikit-learn brings; needs no file",
    {},
    "CC BY 4.0 (Alpaydin, Kaynak 1998)",
    "Pixels alone reach 0.99: for a first look, not for comparing losses.",
)


def image_sets():
    """Return the names of the image sets, the one that needs no file first."""
    return ["digits", *CATALOGUE]


def load_images(name_or_folder, root=None, validation=0.1, check=True):
    """Read an image set whose test classes are not among its training classes.

    Args:
        name_or_folder: one of `image_sets()`, or a folder: of classes (`folder/class/image.jpg`), of splits of classes
            (`folder/train/class/image.jpg`, also `validation` or `val`, and `test`), or of CUB-200-2011, Cars196, Stanford
            Online Products or In-Shop as they are published. A folder of classes is cut by class, in the order of their
            names: half train, a tenth validation, the rest test.
        root: folder of the named sets; by default see `data_root`.
        validation: share of the training classes, the last ones, that becomes validation where a folder brings none;
            0 trains on all of them, as the published protocols do.
        check: decode every file of a folder once, and leave out those that are no images or break off.

    Returns:
        `ImageData`; items of a folder are paths.

    Raises:
        ValueError: an unknown name, or a folder without two classes of images.
        FileNotFoundError: the folder, or that of the named sets, is missing.

    Example:

    >>> from zoo.data import load_images
    >>> data = load_images("digits")
    >>> data.train.items.shape, sorted(set(data.test.labels))
    ((901, 8, 8), ['7', '8', '9'])
    """
    errors.number("validation", validation, 0.0, 0.9)
    name = os.fspath(name_or_folder)
    if name == "digits":
        return _digits()
    if name in CATALOGUE:
        return _named(name, root)
    if not os.path.isdir(name):
        if isinstance(name_or_folder, pathlib.PurePath) or set(name) & set("/\\."):
            raise FileNotFoundError(f"there is no folder {name!r} of images")
        raise ValueError(f"{errors.unknown('image set', name, image_sets())}. A folder of classes is accepted too")
    rows = image_layouts.read(name)
    skipped = []
    if check:
        rows, skipped = image_layouts.readable(rows)
        if skipped:
            shown = "; ".join(f"{path}: {why}" for path, why in skipped[:5])
            more = f"; and {len(skipped) - 5} more" if len(skipped) > 5 else ""
            warnings.warn(f"{len(skipped)} files of {name} are left out: {shown}{more}", stacklevel=2)
    parts = _cut(rows, validation, name)
    return ImageData(name, *(parts[key] for key in SPLITS), gallery=parts.get("gallery"), skipped=tuple(skipped))


def _cut(rows, share, name):
    """Rows (split or None, label, path) to `Split`s by name; classes are cut where the folder says nothing."""
    labels = sorted({label for _, label, _ in rows})
    if len(labels) < 2:
        raise ValueError(f"{name!r} holds images of {len(labels)} classes; two are the least. Expected folder/class/image.jpg")
    if all(split is None for split, _, _ in rows):
        half = max(1, len(labels) // 2)
        place = {label: "train" if i < half else "test" for i, label in enumerate(labels)}
        place |= dict.fromkeys(labels[half : half + len(labels) // 10], "validation") if share else {}
        rows = [(place[label], label, path) for _, label, path in rows]
    elif share and not any(split == "validation" for split, _, _ in rows):
        trained = sorted({label for split, label, _ in rows if split == "train"})
        last = set(trained[len(trained) - int(share * len(trained)) :])
        rows = [("validation" if s == "train" and label in last else s, label, path) for s, label, path in rows]
    found = {}
    for split, label, path in rows:
        found.setdefault(split, []).append((path, label))
    parts = {split: Split(*zip(*found[split], strict=True)) for split in found}
    return dict.fromkeys(SPLITS, Split([], [])) | parts


def _named(name, root):
    """Read one of the packed sets."""
    entry, path = CATALOGUE[name], data_root(root) / name / f"{name}.npz"
    if not path.is_file():
        raise FileNotFoundError(f"the set {name!r} belongs at {str(path)!r}, where there is no file")
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    labels = arrays["class_names"][arrays["label"]].astype(object)
    if "image" in arrays:
        items = arrays["image"]
    else:
        whole, offset = arrays["jpeg"].tobytes(), arrays["offset"]
        items = np.empty(len(labels), object)
        items[:] = [whole[a:b] for a, b in zip(offset[:-1], offset[1:], strict=True)]
    parts = {part: arrays[entry.split] == i for i, part in enumerate(SPLITS)}
    if entry.split == "class_split":  # the official splits are photographs of different shops
        shops = arrays["split"]
        parts["gallery"] = parts["test"] & (shops == 0)
        parts["test"] = parts["test"] & (shops == 2)
    splits = {part: Split(items[rows], labels[rows]) for part, rows in parts.items()}
    return ImageData(name, **splits, baseline=dict(entry.baseline), licence=entry.licence, note=entry.note)


def _digits():
    from sklearn.datasets import load_digits

    digits = load_digits()
    images, labels = (digits.images * (255 / 16)).astype("uint8"), digits.target.astype(str).astype(object)
    parts = [np.isin(digits.target, wanted) for wanted in ((0, 1, 2, 3, 4), (5, 6), (7, 8, 9))]
    splits = [Split(images[rows], labels[rows]) for rows in parts]
    return ImageData("digits", *splits, licence=DIGITS.licence, note=DIGITS.note)
