"""Vectors and their labels as TensorBoard's embedding projector takes them."""

import os
import pathlib
import re
import time
import warnings

import numpy as np

from zoo import errors
from zoo.export.staging import staging, sync, writing
from zoo.export.strings import as_text
from zoo.export.thumbnails import SHEET, SIZE, sprite_sheet, thumbnail_size

ROWS = 100_000  # TensorBoard's page fetches no more.
WIDTH = 200  # Above it the page projects at random before its PCA.
EMPTY = "(empty)"
SPRITE = "sprite.png"
BREAKS = re.compile(r"[\t\n\r\v\f\0\x1c-\x1e\x85\u2028\u2029]")


def write_projector(
    folder, embeddings, metadata, name="embedding", overwrite=False, images=None, image_size=None
):
    """Write one run of the projector: vectors, metadata, images, configuration and the event file that makes it a run.

    TensorBoard remembers the shape of a run that it has shown, so a new state of the same vectors belongs into
    a new folder. Rows are shuffled, in the same way for the same number of rows, since the page computes some of
    its pictures on the first rows alone; above 100,000 rows the first 100,000 of the shuffled ones are written.
    Vectors wider than 200 are written a second time as their first 200 principal components.

    Images become thumbnails on one square sheet of at most 8192 x 8192 pixels, which the page takes, in the order of
    the rows. They are 48 pixels wide, and smaller where the sheet has no room; 100,000 of them have 25 pixels.
    With an `image_size` they keep it, and rows that the sheet has no room for are left out.

    Args:
        folder: the run's folder, for instance `"runs/cars/epoch_003"`; it is written whole or not at all.
        embeddings: finite numbers [N, D].
        metadata: dict of column name to its N values. Tabs and line breaks become spaces, empty cells "(empty)".
        name: the embedding's name on the page.
        overwrite: replace a run that is there.
        images: N images, each an encoded file (`bytes`), a path (`str`), or pixels from 0 to 255, [H, W] or [H, W, C];
            or `None`.
        image_size: pixels of a thumbnail's side, or `None` for 48 or as many as fit.

    Returns:
        `pathlib.Path` of the folder.

    Raises:
        ValueError: lengths differ, values are not finite, or an image cannot be read.
        FileExistsError: `folder` is there and `overwrite` is not set.
        OSError: `folder` cannot be written.

    Example:

    >>> write_projector("runs/words", [[0.0, 1.0], [1.0, 0.0]], {"text": ["to", "fro"], "label": ["a", "b"]})
    PosixPath('runs/words')
    """
    folder = pathlib.Path(folder)
    vectors = _checked(embeddings, metadata, name)
    image_size = _image_size(images, image_size, len(vectors))
    if not overwrite and folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise FileExistsError(f"{str(folder)!r} is there already; give a new folder, or overwrite=True to replace it")
    if (folder.parent / "checkpoint").is_file():
        warnings.warn(
            f"{str(folder.parent)!r} holds a TensorFlow checkpoint: TensorBoard will list its variables as embeddings",
            stacklevel=2,
        )
    most, why = _most_rows(image_size)
    rows = np.random.default_rng(0).permutation(len(vectors))[:most]
    if len(vectors) > most:
        warnings.warn(f"of {len(vectors):,} rows a sample of {most:,} is written: {why}", stacklevel=2)
    tables = {name: vectors[rows]}
    if vectors.shape[1] > WIDTH and len(vectors) > 1:
        tables[f"{name}_pca{WIDTH}"] = _principal(tables[name])
    columns = {str(column): [values[row] for row in rows] for column, values in metadata.items()}
    with staging(folder.parent) as hidden, writing(folder):
        run = hidden / "run"
        run.mkdir()
        _write(run, tables, columns, image_size)
        if image_size:
            sprite_sheet(images, image_size, rows).save(run / SPRITE, "PNG")
        event = _write_event(hidden / "event")
        sync(hidden)
        moves = [(folder, hidden / "before")] if folder.exists() else []
        # The event file comes last and makes the folder a run: a TensorBoard that looks on sees all of it or nothing.
        _move(*moves, (run, folder), (hidden / "event", folder / event))
    return folder


def _checked(embeddings, metadata, name):
    vectors = np.asarray(embeddings)
    if vectors.ndim != 2 or 0 in vectors.shape:
        raise ValueError(f"embeddings: expected numbers [N, D] with at least one row, got shape {vectors.shape}")
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"embeddings: expected finite numbers, got NaN or infinity in {int((~finite).sum())} of {len(vectors)} "
            f"rows, the first of them row {int(np.argmin(finite))}"
        )
    if not metadata:
        raise ValueError("metadata: expected at least one column, for instance {'label': labels}, got none")
    for column, values in metadata.items():
        if len(values) != len(vectors):
            raise ValueError(f"metadata[{column!r}]: expected {len(vectors)} values, one a row, got {len(values)}")
    if not name:
        raise ValueError("name: expected a name for the embedding, got an empty one; TensorBoard cannot reach it then")
    return vectors


def _image_size(images, size, count):
    """Pixels of a thumbnail's side, or None where there are no images."""
    if images is None:
        if size is not None:
            raise ValueError(f"image_size: expected None where there are no images, got {size!r}; give images too")
        return None
    if len(images) != count:
        raise ValueError(f"images: expected {count} images, one a row, got {len(images)}")
    if size is None:
        return thumbnail_size(min(count, ROWS), SIZE)
    if errors.whole("image_size", size) > SHEET:
        raise ValueError(f"image_size: expected at most {SHEET} pixels, the side of the whole sheet, got {size}")
    return size


def _most_rows(image_size):
    """How many rows can be shown, and why no more."""
    places = ROWS if image_size is None else (SHEET // image_size) ** 2
    if places < ROWS:
        return places, f"a sheet of {SHEET} x {SHEET} pixels holds no more images of {image_size} pixels"
    return ROWS, "TensorBoard shows no more"


def _principal(vectors):
    from sklearn.decomposition import PCA

    solver = "covariance_eigh" if len(vectors) > vectors.shape[1] else "full"  # both exact; each quick on its side
    return PCA(min(WIDTH, *vectors.shape), svd_solver=solver).fit_transform(np.asarray(vectors, np.float64))


def _write(run, tables, columns, image_size):
    from google.protobuf import text_format
    from tensorboard.plugins.projector import ProjectorConfig

    _write_metadata(run / "metadata.tsv", columns)
    config = ProjectorConfig()
    for number, (name, vectors) in enumerate(tables.items()):
        path = "vectors.tsv" if number == 0 else f"vectors_{number + 1}.tsv"
        np.savetxt(run / path, vectors, fmt="%.6g", delimiter="\t")
        # Names, not paths: the plugin refuses what lies outside the configuration's own folder.
        added = config.embeddings.add(
            tensor_name=name, tensor_path=path, metadata_path="metadata.tsv", tensor_shape=vectors.shape
        )
        if image_size:
            added.sprite.image_path = SPRITE
            added.sprite.single_image_dim.extend([image_size, image_size])
    (run / "projector_config.pbtxt").write_text(text_format.MessageToString(config, as_utf8=True), encoding="utf-8")


def _write_event(path):
    """Write the event file without which TensorBoard does not see a folder, and return the name it must have."""
    # TensorBoard's own EventFileWriter would import TensorFlow for this one record.
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    now = time.time()
    with open(path, "wb") as file:  # an empty one does not count
        RecordWriter(file).write(Event(wall_time=now, file_version="brain.Event:2").SerializeToString())
    return f"events.out.tfevents.{int(now):010d}.zoo"


def _move(*moves):
    """Rename each source to its target, and all of them back where one fails."""
    done = []
    try:
        for source, target in moves:
            os.rename(source, target)
            done.append((source, target))
    except BaseException:
        for source, target in reversed(done):
            os.rename(target, source)
        raise


def _write_metadata(path, columns):
    table = [[_cell(value) for value in as_text(values)] for values in columns.values()]
    lines = ["\t".join(line) for line in zip(*table, strict=True)]
    if len(columns) > 1:  # TensorBoard takes the first line for a header only where it holds a tab.
        lines.insert(0, "\t".join(map(_cell, columns)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _cell(value):
    value = BREAKS.sub(" ", value)
    return value if value.strip() else EMPTY  # The page drops blank lines and would shift the rows below.
