"""Images of any kind as small squares, and many of them on one sheet."""

import io
import math
import os

import numpy as np
from PIL import Image

SHEET = 8192  # pixels of a side; TensorBoard's page refuses larger sheets
SIZE = 48  # pixels of a thumbnail where the sheet has room
KINDS = "a file (bytes), a path (str) or pixels [H, W] or [H, W, C] with C = 1, 3 or 4"


def thumbnail(image, size=SIZE, name="image"):
    """Return an image as a square, scaled to fit, in the middle of a white ground.

    Args:
        image: an encoded file (`bytes`), a path (`str` or `pathlib.Path`), or pixels from 0 to 255, [H, W] or
            [H, W, C] with C = 1 (gray), 3 or 4 (with alpha, laid over white). Booleans are black and white.
        size: pixels of a side S.
        name: what errors call the image.

    Returns:
        uint8 [S, S, 3].

    Raises:
        ValueError: what is no image, or pixels of another shape or outside 0 to 255.

    Example:

    >>> thumbnail(np.zeros((10, 20), "uint8"), size=4)[:, :, 0]
    array([[255, 255, 255, 255],
           [  0,   0,   0,   0],
           [  0,   0,   0,   0],
           [255, 255, 255, 255]], dtype=uint8)
    """
    return np.asarray(_squared(_opened(image, size, name), size))


def middle_square(image, size=SIZE, name="image"):
    """Return the middle square of an image, scaled, uint8 [size, size, 3]; arguments as in `thumbnail`.

    Example:

    >>> middle_square(np.arange(6, dtype="uint8").reshape(1, 6) * 40, size=1)[0, 0].tolist()
    [80, 80, 80]
    """
    opened = _opened(image, size, name)
    side = min(opened.size)
    left, top = ((long - side) // 2 for long in opened.size)
    square = opened.crop((left, top, left + side, top + side))
    return np.asarray(square.resize((size, size), Image.Resampling.LANCZOS))


def sprite_sheet(images, size, rows=None):
    """Return thumbnails as one square sheet, row by row from the top left; places that stay empty are white.

    Args:
        images: images, each as `thumbnail` takes it.
        size: pixels of a thumbnail's side.
        rows: which of them in which order, integers [N]; all in their own order if left out.

    Returns:
        `PIL.Image.Image`, ceil(sqrt(N)) thumbnails wide and high.

    Raises:
        ValueError: what is no image.

    Example:

    >>> sprite_sheet(np.zeros((5, 8, 8)), size=10).size
    (30, 30)
    """
    rows = range(len(images)) if rows is None else rows
    side = math.ceil(math.sqrt(len(rows)))
    sheet = Image.new("RGB", (side * size, side * size), "white")
    for place, number in enumerate(rows):
        down, right = divmod(place, side)
        image = _squared(_opened(images[number], size, f"images[{number}]"), size)
        sheet.paste(image, (right * size, down * size))
    return sheet


def thumbnail_size(count, most=SIZE):
    """Return the pixels of a side, at most `most`, with which `count` thumbnails fit on one sheet; at least 1.

    Example:

    >>> thumbnail_size(100), thumbnail_size(100_000)
    (48, 25)
    """
    return max(1, min(most, SHEET // math.ceil(math.sqrt(count))))


def _squared(image, size):
    scale = size / max(image.size)
    fitted = image.resize([max(1, round(side * scale)) for side in image.size], Image.Resampling.LANCZOS)
    square = Image.new("RGB", (size, size), "white")
    square.paste(fitted, ((size - fitted.width) // 2, (size - fitted.height) // 2))
    return square


def _opened(image, size, name):
    """An RGB image of Pillow."""
    if not isinstance(image, (bytes, str, os.PathLike)):
        return _over_white(_from_pixels(image, name))
    try:
        with Image.open(io.BytesIO(image) if isinstance(image, bytes) else image) as opened:
            opened.draft("RGB", (2 * size, 2 * size))  # a large JPEG is decoded small, which is many times quicker
            return _over_white(opened)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        shown = f"{len(image)} bytes" if isinstance(image, bytes) else repr(os.fspath(image))
        raise ValueError(f"{name}: expected {KINDS}, got {shown} that Pillow cannot read ({error}); leave it out") from error


def _over_white(image):
    if image.mode.startswith("I;16"):  # Pillow would cut off above 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(ground, image).convert("RGB")
    return image.convert("RGB")


def _from_pixels(pixels, name):
    try:
        pixels = np.asarray(pixels)
        pixels = pixels * np.uint8(255) if pixels.dtype.kind == "b" else pixels.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: expected {KINDS}, got {type(pixels).__name__}; give it in one of these forms") from None
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim not in (2, 3) or 0 in pixels.shape or (pixels.ndim == 3 and pixels.shape[2] not in (3, 4)):
        raise ValueError(f"{name}: expected {KINDS}, got shape {pixels.shape}; put the channels last")
    if not (pixels.min() >= 0 and pixels.max() <= 255):  # NaN too
        raise ValueError(
            f"{name}: expected pixels from 0 to 255, got {pixels.min():.4g} to {pixels.max():.4g}; "
            "give the images before they are normalized"
        )
    return Image.fromarray(np.round(pixels).astype(np.uint8))
