"""Both sides of a model of two towers in one space of TensorBoard's projector."""

import numpy as np
from PIL import Image, ImageDraw

from zoo.export.projector import write_projector
from zoo.export.strings import as_text
from zoo.export.thumbnails import SIZE

GROUNDS = ("#FFF3C4", "#D6E9FF", "#E3F3DC")  # of the tiles of what is no image, one for each side
INK = "#333333"


def project_towers(folder, model, items, labels, name="embedding", overwrite=False):
    """Write one run of the projector with the embeddings of both sides, to be colored by modality or by label.

    Columns: item (a text, the end of a path or a number), modality (`text`, `speech` or `image`), label. Images are shown as
    thumbnails; a text or a clip is a colored tile with its label, since it has no picture. Where the model compares by the
    cosine, vectors are scaled to unit length, so that the page's distances are the model's.

    Args:
        folder: the run's folder, written whole or not at all, as by `zoo.export.write_projector`.
        model: a `TwoTowers`.
        items: dict from kind to raw items, of one side or of both, for instance `{"text": texts, "image": images}`.
        labels: dict from kind to labels, one for each item, of one meaning on both sides.
        name: the embedding's name on the page.
        overwrite: replace a run that is there.

    Returns:
        `pathlib.Path` of the folder.

    Raises:
        ValueError: kinds that the model does not have, lengths that differ.
    """
    if not items or set(items) != set(labels) or not set(items) <= set(model.towers):
        raise ValueError(
            f"items and labels: expected dicts of {' and '.join(model.towers)}, got {sorted(items)} and {sorted(labels)}"
        )
    vectors, pictures, columns = [], [], {"item": [], "modality": [], "label": []}
    for kind, ground in zip(model.towers, GROUNDS, strict=False):
        if kind not in items:
            continue
        frontend, some = model.towers[kind].frontend, as_text(map(_word, labels[kind]))
        if len(some) != len(items[kind]):
            raise ValueError(f"labels[{kind!r}]: expected {len(items[kind])}, one for each item, got {len(some)}")
        embeddings = np.asarray(model.towers[kind].predict(items[kind], verbose=0), np.float64)
        if model.distance == "cosine":
            lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
            embeddings = np.divide(embeddings, lengths, out=np.zeros_like(embeddings), where=lengths > 0)
        vectors.append(embeddings)
        image = frontend is not None and frontend.kind == "image" and frontend.is_raw(items[kind])
        tiles = {} if image else {label: label_tile(label, ground) for label in set(some)}
        pictures += list(items[kind]) if image else [tiles[label] for label in some]
        columns["item"] += [str(i) for i in range(len(some))] if frontend is None else frontend.names(items[kind])
        columns["modality"] += [kind] * len(some)
        columns["label"] += some
    return write_projector(folder, np.concatenate(vectors), columns, name, overwrite, images=pictures)


def label_tile(label, ground=GROUNDS[0], size=SIZE):
    """Return a square tile with a label written on it, uint8 [size, size, 3], in letters that fit as far as they can.

    Example:

    >>> label_tile("five").shape
    (48, 48, 3)
    """
    image = Image.new("RGB", (size, size), ground)
    drawing = ImageDraw.Draw(image)
    text = label.encode("latin-1", "replace").decode("latin-1")  # all that Pillow's own font has
    for points in range(size // 2, 6, -2):
        left, top, right, bottom = drawing.textbbox((0, 0), text, font_size=points)
        if right - left <= size - 4:
            break
    drawing.text(((size - right + left) / 2 - left, (size - bottom + top) / 2 - top), text, INK, font_size=points)
    return np.asarray(image)


def _word(label):
    return label if isinstance(label, (str, bytes)) else str(label)
