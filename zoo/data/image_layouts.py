"""Folders of images as people and benchmarks lay them out, to rows of (split or None, label, path)."""

import os
import pathlib

FORMATS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")
SPLITS = {"train": "train", "val": "validation", "validation": "validation", "test": "test", "gallery": "gallery"}


def read(folder):
    """Return (split or None, label, path) of every image of a folder, in the order of its lists or names."""
    folder = pathlib.Path(folder)
    for mark, reader in LAYOUTS.items():
        if (folder / mark).is_file():
            return reader(folder)
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    if names and set(names) <= set(SPLITS) and "train" in names:
        return [(SPLITS[name], label, path) for name in names for label, path in _classes(folder / name)]
    return [(None, label, path) for label, path in _classes(folder)]


def _classes(folder):
    """(label, path) of the images in the folders of a folder; other files are passed over."""
    for label in sorted(entry.name for entry in os.scandir(folder) if entry.is_dir()):
        for base, folders, files in os.walk(folder / label):
            folders.sort()
            for name in sorted(files):
                if name.lower().endswith(FORMATS):
                    yield label, os.path.join(base, name)


def _table(path, skip=0):
    """Lines of a list, split at spaces; the last field may hold none."""
    lines = path.read_text(encoding="utf-8").splitlines()[skip:]
    return [line.split() for line in lines if line.strip()]


def _cub(folder):
    """CUB-200-2011: classes 1 to 100 train, 101 to 200 test."""
    labels = dict(_table(folder / "image_class_labels.txt"))
    rows = []
    for number, name in _table(folder / "images.txt"):
        label = int(labels[number])
        rows.append(("train" if label <= 100 else "test", f"{label:03d}", str(folder / "images" / name)))
    return rows


def _cars(folder):
    """Cars196: classes 1 to 98 train, 99 to 196 test."""
    from scipy.io import loadmat

    rows = []
    for note in loadmat(folder / "cars_annos.mat", squeeze_me=True)["annotations"].ravel():
        label = int(note["class"])
        rows.append(("train" if label <= 98 else "test", f"{label:03d}", str(folder / str(note["relative_im_path"]))))
    return rows


def _products(folder):
    """Stanford Online Products: two lists of image, class, super class, path."""
    rows = []
    for split, name in (("train", "Ebay_train.txt"), ("test", "Ebay_test.txt")):
        rows += [(split, label, str(folder / path)) for _, label, _, path in _table(folder / name, skip=1)]
    return rows


def _in_shop(folder):
    """In-Shop clothes retrieval: one list of image, item and its part: train, query or gallery."""
    parts = {"train": "train", "query": "test", "gallery": "gallery"}
    inside = folder / "Img" if (folder / "Img").is_dir() else folder
    table = _table(_partition(folder), skip=2)  # the number of images, then the header
    return [(parts[part], item, str(inside / path)) for path, item, part in table]


def _partition(folder):
    return next(path for path in (folder / PARTITION, folder / "Eval" / PARTITION) if path.is_file())


PARTITION = "list_eval_partition.txt"
LAYOUTS = {
    "image_class_labels.txt": _cub,
    "cars_annos.mat": _cars,
    "Ebay_train.txt": _products,
    PARTITION: _in_shop,
    f"Eval/{PARTITION}": _in_shop,
}


def readable(rows):
    """Split rows into those whose file is a whole image and (path, why) of the others."""
    from PIL import Image

    kept, skipped = [], []
    for row in rows:
        try:
            with Image.open(row[2]) as image:
                image.load()
            kept.append(row)
        except FileNotFoundError:
            skipped.append((row[2], "missing"))
        except Exception as error:  # Pillow raises many kinds: broken data, bombs, unknown formats
            skipped.append((row[2], f"{type(error).__name__}: {error}".replace(f" {row[2]!r}", "")))
    return kept, skipped
