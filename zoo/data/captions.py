"""Images with captions: named sets, and folders of Flickr8k, Flickr30k and COCO as they are published."""

import dataclasses
import io
import os
import pathlib
import re
import warnings

import numpy as np

from zoo import errors
from zoo.data import caption_layouts
from zoo.data.base import SPLITS, _objects
from zoo.data.sets import data_root

CELLS = 2**32  # of a matrix of matches, beyond which ids must do
DIGITS = (400, 500, 600)  # where training, validation and test end
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclasses.dataclass(frozen=True, eq=False)
class CaptionSplit:
    """Images and their captions.

    Args:
        images: files (`bytes`) or paths (`str`) [I], kept as an object array; or stored features [I, F].
        captions: sentences [K], kept as an object array of `str`.
        caption_image: id of the image, or of the group of images, that caption k belongs to, integers [K].
        image_ids: id of each image [I]; None for 0 to I - 1.
        labels: class of each image [I], or None.
    """

    images: np.ndarray
    captions: np.ndarray
    caption_image: np.ndarray
    image_ids: np.ndarray | None = None
    labels: np.ndarray | None = None

    def __post_init__(self):
        images = self.images if getattr(self.images, "ndim", 1) > 1 else _objects(self.images)
        ids = np.arange(len(images)) if self.image_ids is None else np.asarray(self.image_ids, np.int64)
        owner = np.asarray(self.caption_image, np.int64).reshape(-1)
        values = {"images": images, "captions": _objects(self.captions), "caption_image": owner, "image_ids": ids}
        if self.labels is not None:
            values["labels"] = _objects(self.labels)
        for name, value, of in (("caption_image", owner, "captions"), ("image_ids", ids, "images")):
            if len(value) != len(values[of]):
                raise ValueError(f"{name} must hold one id for each of {len(values[of])} {of}, not {len(value)}")
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __len__(self):
        return len(self.captions)

    @property
    def own(self):
        """What belongs together, as ids of captions [K] and of images [I]: equal ids match."""
        return self.caption_image, self.image_ids

    def matches(self):
        """Return what matches, equal texts included: booleans [K, I].

        Caption k matches image i when one of the captions of i reads as k does, but for case, spaces and punctuation.

        Raises:
            ValueError: more than 2^32 pairs; `own` needs no matrix.
        """
        if len(self.captions) * len(self.images) > CELLS:
            raise ValueError(
                f"{len(self.captions)} captions and {len(self.images)} images make too large a matrix; use `own`, the ids"
            )
        ids = np.unique(np.concatenate([self.caption_image, self.image_ids]))
        owner, image = np.searchsorted(ids, self.caption_image), np.searchsorted(ids, self.image_ids)
        _, text = np.unique([plain(caption) for caption in self.captions], return_inverse=True)
        says = np.zeros((text.max(initial=-1) + 1, len(ids)), bool)  # which group has a caption that reads so
        says[text, owner] = True
        return says[text][:, image]

    def of(self, image):
        """Return the rows of the captions that belong to an image, integers."""
        return np.flatnonzero(self.caption_image == self.image_ids[image])


@dataclasses.dataclass(frozen=True, eq=False)
class CaptionData:
    """Images with captions in three splits, with what is known of them.

    Args:
        name: name of the set, or the folder.
        train, validation, test: `CaptionSplit`.
        baseline: figures by what measured them.
        licence: terms of use, in words.
        note: what a reader of the scores must know.
        skipped: (what, why) of the images and captions that were left out.
    """

    name: str
    train: CaptionSplit
    validation: CaptionSplit
    test: CaptionSplit
    baseline: dict = dataclasses.field(default_factory=dict)
    licence: str = "yours"
    note: str = ""
    skipped: tuple = ()


def caption_sets():
    """Return the names of the sets of images with captions, the one that needs no file first."""
    return ["digits", "ucm_captions", "grocery81"]


def load_captions(name_or_folder, root=None, restval=True):
    """Read images with captions.

    Args:
        name_or_folder: one of `caption_sets()`; or a folder with Flickr8k (`Flickr8k.token.txt` and its three lists),
            Flickr30k (`results_20130124.token`), Karpathy's splits of them or of COCO (`dataset_*.json`), COCO's own
            (`captions_train2014.json`), or stored features as VSE's code has them (`train_ims.npy`, `train_caps.txt`).
            Images are looked for at their name and in the usual folders beside.
        root: folder of the named sets; by default see `zoo.data.data_root`.
        restval: train also on those images of COCO's validation part that are neither validation nor test.

    Returns:
        `CaptionData`; images of a folder are paths, those of stored features rows of floats. Images that are not there or
        have no captions, and captions without a word, are left out with a warning that counts and names them.

    Raises:
        ValueError: an unknown name, a line or an entry that does not fit, a split without an image.
        FileNotFoundError: the folder or one of its files is missing; the message names what is expected.

    Example:

    >>> from zoo.data import load_captions
    >>> data = load_captions("digits")
    >>> str(data.train.captions[0]), data.train.matches().shape
    ('a thin handwritten zero', (1200, 400))
    """
    name = os.fspath(name_or_folder)
    if name == "digits":
        return _digits()
    if name in caption_sets():
        path = data_root(root) / name / f"{name}.npz"
        if not path.is_file():
            raise FileNotFoundError(f"the set {name!r} belongs at {str(path)!r}, where there is no file")
        with np.load(path) as file:
            arrays = {key: file[key] for key in file.files}
        return _aerial(arrays) if name == "ucm_captions" else _groceries(arrays)
    if not os.path.isdir(name):
        if isinstance(name_or_folder, pathlib.PurePath) or set(name) & set("/\\."):
            raise FileNotFoundError(f"there is no folder {name!r} of captions; expected {caption_layouts.EXPECTED}")
        raise ValueError(f"{errors.unknown('set of captions', name, caption_sets())}. A folder is accepted too")
    rows, skipped = _kept(caption_layouts.read(name))
    if skipped:
        shown = "; ".join(f"{what}: {why}" for what, why in skipped[:5])
        more = f"; and {len(skipped) - 5} more" if len(skipped) > 5 else ""
        warnings.warn(f"{len(skipped)} images or captions of {name} are left out: {shown}{more}", stacklevel=2)
    return CaptionData(name, *_splits(rows, restval, name, skipped), skipped=tuple(skipped))


def load_features(path, name=None):
    """Read stored image features, for instance of VGG's last but one layer.

    Args:
        path: `.npy`, or `.npz` with one array or with that of the given name.
        name: of the array.

    Returns:
        float32 [N, F].

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no such array, or one that is no matrix of finite numbers.
    """
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no file {path!r} of image features; expected .npy or .npz with floats [N, F]")
    found = np.load(path)
    if hasattr(found, "files"):
        name = name or (found.files[0] if len(found.files) == 1 else "features")
        if name not in found.files:
            raise ValueError(f"{path}: {errors.unknown('array', name, found.files)}")
        found = found[name]
    if found.ndim != 2 or found.dtype.kind not in "fiu":
        raise ValueError(f"{path}: expected numbers [N, F], a row an image; got {found.dtype} of shape {found.shape}")
    if not np.isfinite(found).all():
        row = int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0])
        raise ValueError(f"{path}: row {row} has numbers that are not finite")
    return found.astype("float32")


def plain(caption):
    """Return a sentence in lower case without punctuation, by which captions are told to be equal."""
    return " ".join(re.findall(r"\w+", caption.lower())) or caption.strip()


def _kept(rows):
    """Rows whose image is there and has captions, and (what, why) of the rest."""
    kept, skipped = [], []
    for split, image, captions in rows:
        written = [" ".join(caption.split()) for caption in captions if caption.strip()]
        name = image if isinstance(image, str) else f"features {len(kept)}"
        if len(written) < len(captions):
            skipped.append((name, f"{len(captions) - len(written)} empty captions"))
        if not written:
            skipped.append((name, "no captions"))
        elif isinstance(image, str) and not os.path.isfile(image):
            skipped.append((name, f"missing, with {len(written)} captions"))
        else:
            kept.append((split, image, written))
    return kept, skipped


def _splits(rows, restval, name, skipped):
    """Rows (split, image, captions) to `CaptionSplit`s."""
    parts = []
    for wanted in SPLITS:
        chosen = [row for row in rows if row[0] == wanted or (wanted == "train" and restval and row[0] == "restval")]
        if not chosen:
            why = f"; {len(skipped)} were left out, the first {skipped[0][0]!r}: {skipped[0][1]}" if skipped else ""
            raise ValueError(f"{name!r} has no image with captions for {wanted}{why}")
        images = [image for _, image, _ in chosen]
        images = images if isinstance(images[0], str) else np.stack(images)
        owner = np.repeat(np.arange(len(chosen)), [len(captions) for *_, captions in chosen])
        parts.append(CaptionSplit(images, [caption for *_, captions in chosen for caption in captions], owner))
    return parts


def _files(arrays, rows):
    """The encoded images of some rows of a packed set."""
    whole, offset = arrays["jpeg"].tobytes(), arrays["offset"]
    return [whole[offset[i] : offset[i + 1]] for i in rows]


def _aerial(arrays):
    owner, names, parts = arrays["caption_image"], arrays["class_names"], []
    for i in range(3):
        rows = np.flatnonzero(arrays["split"] == i)
        asked = np.flatnonzero(arrays["split"][owner] == i)
        place = np.searchsorted(rows, owner[asked])
        labels = names[arrays["label"][rows]].tolist()
        parts.append(CaptionSplit(_files(arrays, rows), arrays["caption"][asked].tolist(), place, labels=labels))
    return CaptionData(
        "ucm_captions", *parts,
        licence="research only: images USGS, public domain; captions published for research by Qu et al. 2016",
        note="Aerial photographs. Many images share a caption: equal texts count as matches.",
    )  # fmt: skip


def _groceries(arrays):
    """One text a product: each matches all photographs of its class."""
    parts = []
    for i in range(3):
        rows = np.flatnonzero(arrays["split"] == i)
        ids = arrays["label"][rows]
        classes = np.unique(ids)
        texts = arrays["description"][classes].tolist()
        labels = arrays["class_names"][ids].tolist()
        parts.append(CaptionSplit(_files(arrays, rows), texts, classes, ids, labels))
    return CaptionData(
        "grocery81", *parts, licence="MIT (c) 2019 Marcus Klasson",
        note="The same 81 texts describe the photographs of all splits; those of test come from other shops.",
    )  # fmt: skip


def _digits():
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    ink = digits.images.mean(axis=(1, 2))
    low, high = np.quantile(ink, (1 / 3, 2 / 3))
    parts, files = [], []
    for image in digits.images[:DIGITS[-1]]:
        buffer = io.BytesIO()
        Image.fromarray((image * (255 / 16)).astype("uint8")).save(buffer, "png")
        files.append(buffer.getvalue())
    for rows in np.split(np.arange(len(files)), DIGITS[:-1]):
        captions = []
        for i in rows:
            number, weight = NUMBERS[digits.target[i]], "thin" if ink[i] < low else "bold" if ink[i] > high else "plain"
            captions += [f"a {weight} handwritten {number}", f"the digit {number} in {weight} strokes"]
            captions.append(f"somebody wrote {number}")
        owner = np.repeat(np.arange(len(rows)), 3)
        labels = digits.target[rows].astype(str).tolist()
        parts.append(CaptionSplit([files[i] for i in rows], captions, owner, labels=labels))
    return CaptionData(
        "digits", *parts, licence="CC BY 4.0 (Alpaydin, Kaynak 1998)",
        note="Written digits that scikit-learn brings, with captions made from their label and the amount of ink: for a first "
        "look, no evidence.",
    )  # fmt: skip
