"""Pictures into files: PNG, GIF, and one HTML page with a slider. A file is there whole, or not at all."""

import base64
import contextlib
import html
import io
import json
import os
import pathlib
import re
import secrets

import numpy as np
from PIL import Image

from zoo.figures.page import PAGE

SHRINK = (1.0, 0.85, 0.7, 0.6, 0.5, 0.4)  # tried in turn until a GIF is small enough
PALETTE_SAMPLE = 12  # frames that the shared palette is made from


def figure_png(figure, dpi=100):
    """Return the bytes of `figure`, a matplotlib Figure, as a PNG on a white ground."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def save_png(figure, path, dpi=150):
    """Write `figure` as a PNG, whole or not at all, and return the path."""
    return write_whole(path, figure_png(figure, dpi))


def save_gif(frames, path, fps=2, hold=2.0, most_bytes=3_000_000):
    """Write an animation that repeats for ever; frame 0 is the untrained state, the last frame stays longer.

    All frames share one palette, so colors do not flicker. Pillow joins neighboring frames that are equal.

    Args:
        frames: matplotlib Figures or PNG bytes, all of one size, at least one.
        path: of the file to write.
        fps: frames a second.
        hold: seconds that the last frame stays.
        most_bytes: the frames are made smaller until the file fits, down to 40 % of their size.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        ValueError: for no frames, frames of different sizes, or a rate or time that is not positive.
        OSError: when the file cannot be written.
    """
    for name, value in (("fps", fps), ("hold", hold)):
        if not np.isfinite(value) or value <= 0:
            raise ValueError(f"{name}: expected a number above 0, got {value}")
    images = [Image.open(io.BytesIO(png)).convert("RGB") for png in _pngs(frames)]
    sizes = {image.size for image in images}
    if len(sizes) > 1:
        raise ValueError(f"frames: expected one size, got {sorted(sizes)}; draw all with the same settings")
    durations = [round(1000 / fps)] * (len(images) - 1) + [round(1000 * hold)]
    for scale in SHRINK:
        data = _encode(images, durations, scale)
        if len(data) <= most_bytes:
            break
    return write_whole(path, data)


def _pngs(frames):
    frames = [frame if isinstance(frame, bytes) else figure_png(frame) for frame in frames]
    if not frames:
        raise ValueError("frames: expected at least one figure or PNG, got none; give the untrained state as frame 0")
    return frames


def _encode(images, durations, scale):
    size = tuple(max(round(side * scale), 1) for side in images[0].size)
    images = [image.resize(size, Image.Resampling.LANCZOS) if scale < 1 else image for image in images]
    palette = _palette(images)
    frames = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0, optimize=False)
    return buffer.getvalue()


def _palette(images):
    """One palette for all frames. A color counts by the root of its pixels, or dots would lose theirs to the ground."""
    chosen = np.unique(np.linspace(0, len(images) - 1, PALETTE_SAMPLE).astype(int))
    pixels = np.concatenate([np.asarray(images[i]).reshape(-1, 3) for i in chosen])
    packed, counts = np.unique(pixels @ np.array([65536, 256, 1]), return_counts=True)
    repeated = np.repeat(packed, np.sqrt(counts).astype(int))
    sheet = np.stack([repeated >> 16, repeated >> 8 & 255, repeated & 255], axis=-1).astype(np.uint8)
    palette = Image.fromarray(sheet[None]).quantize(255, method=Image.Quantize.MEDIANCUT)
    colors = np.full((256, 3), 255)
    found = np.array(palette.getpalette()).reshape(-1, 3)[:255]
    # the ground must be exactly white, and Pillow's search is only near: leave it no light gray to choose
    colors[: len(found)] = np.where((found >= 240).all(axis=1, keepdims=True), 255, found)
    result = Image.new("P", (1, 1))
    result.putpalette(colors.ravel().tolist())
    return result


def save_html(frames, path, labels, title="Animation", description="", fps=2):
    """Write one HTML page that shows the frames with a slider, a play button and the arrow keys.

    The page holds everything it needs and works from a file, without a server and without a network.

    Args:
        frames: matplotlib Figures or PNG bytes, at least one.
        path: of the file to write.
        labels: one `str` a frame, for instance `"epoch 3"`; shown beside the slider and in the alternative text.
        title: heading of the page.
        description: what the frames show, for readers who cannot see them.
        fps: frames a second while playing.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        ValueError: for no frames, or another number of labels.
        OSError: when the file cannot be written.
    """
    frames, labels = _pngs(frames), [str(label) for label in labels]
    if len(labels) != len(frames):
        raise ValueError(f"labels: expected {len(frames)}, one a frame, got {len(labels)}")
    if not np.isfinite(fps) or fps <= 0:
        raise ValueError(f"fps: expected a number above 0, got {fps}")
    sources = ["data:image/png;base64," + base64.b64encode(png).decode("ascii") for png in frames]
    values = {
        "TITLE": html.escape(title),
        "ALT": html.escape(f"{description or title}, {labels[0]}", quote=True),
        "LABEL": html.escape(labels[0]),
        "FIRST": sources[0],
        "LAST": str(len(frames) - 1),
        # "<" must not appear inside a script element: a label may hold "</script>"
        "DATA": json.dumps(
            {"frames": sources, "labels": labels, "alt": description or title, "delay": 1000 / fps}
        ).replace("<", "\\u003c"),
    }
    page = re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], PAGE)
    return write_whole(path, page.encode("utf-8", "backslashreplace"))


def write_whole(path, data):
    """Write bytes to a temporary file beside `path` and rename it; on any failure nothing is left there.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        OSError: naming `path`, when the folder cannot be made or the file not be written.
    """
    path = pathlib.Path(path)
    temporary = path.parent / f".{path.name[:40]}.{secrets.token_hex(6)}.part"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "xb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            message = f"path: cannot write {path} ({error.strerror}); give a file in a folder that can be written"
            raise OSError(error.errno, message) from error
        raise
    return path
