"""The nearest neighbors of some queries as images: the query left, right ones framed green, wrong ones dashed in red."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from zoo.export.thumbnails import thumbnail
from zoo.figures.classes import legend
from zoo.figures.fonts import glyph_note, put_text
from zoo.figures.style import broken, caption, heading, new_figure, styled

MOST_QUERIES, MOST_NEIGHBORS = 20, 12
TILE = 1.0  # inches
IMAGE = 144  # pixels of a thumbnail
LABEL = 7  # points
RIGHT = {"edgecolor": "#00875A", "linestyle": "-", "linewidth": 3.5}
WRONG = {"edgecolor": "#C8102E", "linestyle": (0, (2, 1.2)), "linewidth": 3.5}
QUERY = {"edgecolor": "#3A3A3A", "linestyle": "-", "linewidth": 1.0}


@styled
def neighbor_sheet(
    images, labels, queries, nearest, gallery=None, gallery_labels=None, similarity=None,
    title="Nearest neighbors", note="", font="auto",
):  # fmt: skip
    """Draw queries and their nearest neighbors as thumbnails, a row a query.

    Args:
        images: the items [N], each as `zoo.export.thumbnails.thumbnail` takes it: a file, a path or pixels.
        labels: their classes [N].
        queries: rows of the queries, integers [Q], at most 20.
        nearest: rows of their neighbors, nearest first, integers [Q, k], k at most 12, as `zoo.neighbors.knn` returns
            them; of the gallery where there is one.
        gallery: images of the gallery [M], or `None` where neighbors are among `images`.
        gallery_labels: their classes [M].
        similarity: of the neighbors [Q, k], written below them, or `None`.
        title: heading.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`. Below each image is its class, in the corner of a neighbor ✓ or ✗.

    Raises:
        ValueError: for rows that do not exist, too many of them, or what is no image.

    Example:

    >>> import zoo
    >>> images, labels = np.zeros((3, 8, 8), "uint8"), ["a", "a", "b"]
    >>> figure = zoo.figures.neighbor_sheet(images, labels, [0], [[1, 2]])
    >>> [text.get_text() for text in figure.axes[1].texts]
    ['✓', 'a']
    """
    if (gallery is None) != (gallery_labels is None):
        raise ValueError("gallery and gallery_labels belong together; give both or neither")
    _check_length("labels", labels, "images", images)
    queries = _rows("queries", queries, 1, len(images))
    if gallery is not None:
        _check_length("gallery_labels", gallery_labels, "gallery", gallery)
    found, classes = (images, labels) if gallery is None else (gallery, gallery_labels)
    nearest = _rows("nearest", nearest, 2, len(found))
    if len(nearest) != len(queries):
        raise ValueError(f"nearest: expected {len(queries)} rows, one a query, got {len(nearest)}")
    if similarity is not None and np.shape(similarity) != nearest.shape:
        raise ValueError(f"similarity: expected shape {nearest.shape} as nearest has, got {np.shape(similarity)}")
    figure = new_figure(max(TILE * (nearest.shape[1] + 1) + 0.5, 4.5), (TILE + 0.3) * len(queries) + 0.6)
    grid = figure.subplots(len(queries), nearest.shape[1] + 1, squeeze=False)
    words = [title, note]
    for row, (query, near) in enumerate(zip(queries, nearest)):
        name = str(labels[query])
        tile(grid[row, 0], images[query], f"images[{query}]", name, QUERY, font)
        words.append(name)
        for column, number in enumerate(near):
            right = labels[query] == classes[number]
            name = str(classes[number])
            said = "" if similarity is None else f"{np.asarray(similarity)[row, column]:.3f}"
            where = f"images[{number}]" if gallery is None else f"gallery[{number}]"
            mark(grid[row, column + 1], right)
            tile(grid[row, column + 1], found[number], where, name, RIGHT if right else WRONG, font, said)
            words.append(name)
    grid[0, 0].set_title("query", loc="center")
    for column in range(nearest.shape[1]):
        grid[0, column + 1].set_title(str(column + 1), loc="center")
    heading(figure, title, font)
    legend(figure, [], [(frame_line(RIGHT), "✓ right class"), (frame_line(WRONG), "✗ wrong class")], font)
    if text := " ".join(filter(None, [note, glyph_note("".join(words), font)])):
        caption(figure, text, font)
    return figure


def _check_length(name, labels, of, images):
    if len(labels) != len(images):
        raise ValueError(f"{name}: expected {len(images)}, one of each of {of}, got {len(labels)}")


def _rows(name, value, dimensions, count):
    value = np.asarray(value)
    shape = "[Q]" if dimensions == 1 else "[Q, k]"
    if value.ndim != dimensions or not value.size or value.dtype.kind not in "iu":
        raise ValueError(f"{name}: expected integers {shape}, got {value.dtype} of shape {value.shape}")
    if len(value) > MOST_QUERIES or (dimensions == 2 and value.shape[1] > MOST_NEIGHBORS):
        raise ValueError(
            f"{name}: expected at most {MOST_QUERIES} queries and {MOST_NEIGHBORS} neighbors, got shape {value.shape}; "
            "draw several pictures"
        )
    if value.min() < 0 or value.max() >= count:
        raise ValueError(f"{name}: expected rows 0 to {count - 1}, got {value.min()} to {value.max()}")
    return value


def tile(axes, image, where, name, frame, font, below=""):
    """Draw a thumbnail in its frame, with its name below it and, under that, `below`; errors call the image `where`."""
    pixels = thumbnail(image, IMAGE, where)
    axes.imshow(pixels, extent=(0, 1, 0, 1))
    axes.add_patch(Rectangle((0, 0), 1, 1, fill=False, clip_on=False, **frame))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_axis_off()
    lines = [*broken(name), below] if below else broken(name)
    put_text(axes.text(0.5, -0.07, "", ha="center", va="top", fontsize=LABEL), "\n".join(lines), font)


def mark(axes, right):
    """✓ or ✗ in the corner, in the default font: one with Chinese characters may lack it."""
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.2}
    frame = RIGHT if right else WRONG
    axes.text(0.06, 0.94, "✓" if right else "✗", ha="left", va="top", fontsize=8, color=frame["edgecolor"], bbox=box)


def frame_line(frame):
    """A line of a frame's color and dashes, for the legend."""
    return Line2D([], [], color=frame["edgecolor"], linestyle=frame["linestyle"], linewidth=frame["linewidth"])
