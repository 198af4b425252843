"""Sentences with the images they find, and images with the sentences they find, right ones and wrong ones told apart."""

import textwrap

import numpy as np

from zoo.figures.classes import legend
from zoo.figures.fonts import glyph_note, put_text
from zoo.figures.sheet import MOST_NEIGHBORS, MOST_QUERIES, QUERY, RIGHT, TILE, WRONG, frame_line, mark, tile
from zoo.figures.style import broken, caption, heading, new_figure, styled

SENTENCE = 2.1  # inches of the column of sentences
LIST = 6.0  # inches of a list of sentences
LINE = 0.19  # inches
SIZE = 8  # points


@styled
def images_of_captions(
    captions, images, nearest, right, labels=None, similarity=None, title="Sentences and the images they find", note="",
    font="auto",
):  # fmt: skip
    """Draw sentences and the images that they find, a row a sentence.

    Args:
        captions: the sentences that ask, `str` [Q], at most 20.
        images: the images [M], each as `zoo.export.thumbnails.thumbnail` takes it: a file, a path or pixels.
        nearest: rows of the images found, nearest first, integers [Q, k], k at most 12.
        right: whether each of them matches, booleans [Q, k].
        labels: names of the images [M], written below them, or `None`.
        similarity: of sentence and image [Q, k], written below, or `None`.
        title: heading.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`. Images that match are framed green, with a ✓, others dashed in red, with a ✗.

    Raises:
        ValueError: lengths that do not fit, rows that do not exist, or what is no image.

    Example:

    >>> import zoo
    >>> images = np.zeros((2, 8, 8), "uint8")
    >>> figure = zoo.figures.images_of_captions(["a black square"], images, [[1, 0]], [[True, False]])
    >>> [text.get_text() for axes in figure.axes for text in axes.texts]
    ['a black square', '✓', '', '✗', '']
    """
    nearest, right, similarity = _checked(captions, "captions", nearest, right, similarity, len(images), "images")
    figure = new_figure(SENTENCE + TILE * nearest.shape[1] + 0.3, (TILE + 0.3) * len(captions) + 0.6)
    widths = [SENTENCE, *[TILE] * nearest.shape[1]]
    grid = figure.subplots(len(captions), len(widths), squeeze=False, width_ratios=widths)
    words = [title, note, *captions]
    for row, sentence in enumerate(captions):
        grid[row, 0].set_axis_off()
        text = "\n".join(_wrapped(sentence))
        put_text(grid[row, 0].text(0, 0.5, "", ha="left", va="center", fontsize=SIZE), text, font)
        for column, number in enumerate(nearest[row]):
            axes, fits = grid[row, column + 1], right[row, column]
            mark(axes, fits)
            name = "" if labels is None else str(labels[number])
            said = "" if similarity is None else f"{similarity[row, column]:.3f}"
            tile(axes, images[number], f"images[{number}]", name, RIGHT if fits else WRONG, font, said)
            words.append(name)
    grid[0, 0].set_title("sentence", loc="left")
    for column in range(nearest.shape[1]):
        grid[0, column + 1].set_title(str(column + 1), loc="center")
    heading(figure, title, font)
    legend(figure, [], [(frame_line(RIGHT), "✓ matches"), (frame_line(WRONG), "✗ does not")], font)
    _note(figure, note, words, font)
    return figure


@styled
def captions_of_images(
    images, captions, nearest, right, labels=None, similarity=None, title="Images and the sentences they find", note="",
    font="auto",
):  # fmt: skip
    """Draw images and the sentences that they find, a row an image.

    Args:
        images: the images that ask [Q], at most 20, each as `zoo.export.thumbnails.thumbnail` takes it.
        captions: the sentences, `str` [M].
        nearest: rows of the sentences found, nearest first, integers [Q, k], k at most 12.
        right: whether each of them matches, booleans [Q, k].
        labels: names of the images [Q], or `None`.
        similarity: of image and sentence [Q, k], written before it, or `None`.
        title, note, font: as in `images_of_captions`.

    Returns:
        `matplotlib.figure.Figure`. A ✓ and green letters mark what matches, a ✗ and red ones what does not.

    Raises:
        ValueError: as `images_of_captions`.

    Example:

    >>> import zoo
    >>> captions = ["a black square", "a red ball"]
    >>> figure = zoo.figures.captions_of_images(np.zeros((1, 8, 8), "uint8"), captions, [[0, 1]], [[True, False]])
    >>> [text.get_text() for text in figure.axes[1].texts]
    ['✓', 'a black square', '✗', 'a red ball']
    """
    nearest, right, similarity = _checked(images, "images", nearest, right, similarity, len(captions), "captions")
    count = nearest.shape[1]
    height = max(TILE + 0.35, LINE * count + 0.15)
    figure = new_figure(TILE + 0.3 + LIST, height * len(images) + 0.6)
    grid = figure.subplots(len(images), 2, squeeze=False, width_ratios=[TILE + 0.3, LIST])
    for row in range(len(images)):
        name = "" if labels is None else str(labels[row])
        tile(grid[row, 0], images[row], f"images[{row}]", name, QUERY, font)
        axes = grid[row, 1]
        axes.set(xlim=(0, LIST), ylim=(height, 0))
        axes.set_axis_off()
        for place, number in enumerate(nearest[row]):
            look = RIGHT if right[row, place] else WRONG
            y = (height - LINE * count) / 2 + LINE * (place + 0.5)
            said = "" if similarity is None else f"{similarity[row, place]:.3f}  "
            text = said + broken(str(captions[number]), columns=72, most=1)[0]
            axes.text(0.05, y, "✓" if right[row, place] else "✗", va="center", fontsize=SIZE, color=look["edgecolor"])
            put_text(axes.text(0.3, y, "", va="center", fontsize=SIZE, color=look["edgecolor"]), text, font)
    grid[0, 1].set_title("sentences, nearest first", loc="left")
    heading(figure, title, font)
    words = [title, note, *map(str, labels if labels is not None else ()), *(captions[i] for i in nearest.ravel())]
    _note(figure, f"✓ reads like one of the image's own sentences, ✗ does not. {note}".strip(), words, font)
    return figure


def _wrapped(sentence, columns=30, most=6):
    """A sentence in lines for its column; … where it is longer."""
    return broken(sentence, columns, most) or textwrap.wrap(sentence, columns) or [""]


def _note(figure, note, words, font):
    if text := " ".join(filter(None, [note, glyph_note("".join(words), font)])):
        caption(figure, text, font)


def _checked(queries, name, nearest, right, similarity, count, of):
    """Nearest, right and similarity as arrays of one shape [Q, k]."""
    nearest, right = np.asarray(nearest), np.asarray(right)
    if nearest.ndim != 2 or not nearest.size or nearest.dtype.kind not in "iu":
        raise ValueError(f"nearest: expected integers [Q, k], got {nearest.dtype} of shape {nearest.shape}")
    if len(nearest) != len(queries):
        raise ValueError(f"nearest: expected {len(queries)} rows, one for each of {name}, got {len(nearest)}")
    if len(queries) > MOST_QUERIES or nearest.shape[1] > MOST_NEIGHBORS:
        raise ValueError(
            f"nearest: expected at most {MOST_QUERIES} queries and {MOST_NEIGHBORS} found, got shape {nearest.shape}; draw "
            "several pictures"
        )
    if nearest.min() < 0 or nearest.max() >= count:
        raise ValueError(f"nearest: expected rows 0 to {count - 1} of {of}, got {nearest.min()} to {nearest.max()}")
    if right.shape != nearest.shape or right.dtype != bool:
        raise ValueError(f"right: expected booleans of shape {nearest.shape}, got {right.dtype} of shape {right.shape}")
    if similarity is not None and np.shape(similarity) != nearest.shape:
        raise ValueError(f"similarity: expected shape {nearest.shape} as nearest has, got {np.shape(similarity)}")
    return nearest, right, None if similarity is None else np.asarray(similarity)
