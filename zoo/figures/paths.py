"""The path of one triplet over the epochs, for several images and several runs."""

import matplotlib
import numpy as np
from matplotlib.lines import Line2D

from zoo import errors
from zoo.export.thumbnails import thumbnail
from zoo.figures import checks
from zoo.figures.fonts import glyph_note
from zoo.figures.loss_plane import DIAGONAL, GOAL
from zoo.figures.runs import RUNS, run_legend, run_styles
from zoo.figures.style import broken, caption, heading, new_figure, panel_title, styled

PANEL = 2.3  # inches
IMAGE = 96  # pixels of a thumbnail
START = RUNS[0].color
END = {"markersize": 6, "linestyle": "none", "clip_on": False}
ABOUT = (
    "Each panel: one item with the nearest of its own class and the nearest of another class after training, which a run "
    "chooses once and keeps. A line is their way through the epochs, a dot an epoch. Above the dashed line the negative "
    "is nearer. Star: the goal (1, 0)."
)


@styled
def triplet_paths(
    runs, names, images=None, columns=4, low=None, title="Paths of triplets over training", note="", font="auto"
):
    """Draw how the similarities of triplets move over the epochs, a panel an item, a line a run.

    Args:
        runs: dict of run name to cosines to the positive and to the negative, [epochs, n, 2], as
            `zoo.metrics.follow_triplets` returns them; the untrained state first. At most 7.
        names: what the n items are called, for instance their classes.
        images: n images of the items, each as `zoo.export.thumbnails.thumbnail` takes it, or `None`.
        columns: panels in a row.
        low: lowest similarity on both axes; left out, -0.2 or the lowest value.
        title: heading.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`. A start is blue, the ends of the first run green, of the second red.

    Raises:
        ValueError: for other shapes, values that are not finite, or another number of names or images.

    Example:

    >>> import zoo
    >>> path = np.array([[[0.4, 0.6]], [[0.7, 0.5]], [[0.9, 0.1]]])  # three epochs of one item
    >>> len(zoo.figures.triplet_paths({"first order": path}, ["daisy"]).axes)
    1
    """
    runs, styles = run_styles("runs", runs, skip=1)
    names = [str(name) for name in names]
    runs = {title: _checked(f"runs[{title!r}]", path, len(names)) for title, path in runs.items()}
    if images is not None and len(images) != len(names):
        raise ValueError(f"images: expected {len(names)}, one a name, got {len(images)}")
    lowest = min(path.min() for path in runs.values())
    low = min(-0.2, np.floor(lowest * 20) / 20) if low is None else errors.number("low", low, -1.0, 0.99)
    columns = min(errors.whole("columns", columns), len(names))
    rows = -(-len(names) // columns)
    figure = new_figure(max(PANEL * columns, 3.6), (PANEL + (0.35 if images is None else 0.75)) * rows + 0.4)
    grid = figure.subplots(rows, columns, squeeze=False)
    for i, axes in enumerate(grid.ravel()):
        if i >= len(names):
            axes.remove()
            continue
        _draw(axes, {title: path[:, i] for title, path in runs.items()}, styles, low)
        with matplotlib.rc_context({"axes.titley": 1.02}):  # or the title would move above the image beside it
            panel_title(axes, "\n".join(broken(names[i], 20 if images is None else 14)), PANEL, font)
        if images is not None:
            _put_image(axes, thumbnail(images[i], IMAGE, f"images[{i}]"))
        if i + columns >= len(names):
            axes.set_xlabel("to the positive")
        if i % columns == 0:
            axes.set_ylabel("to the negative")
    heading(figure, title, font)
    dot = Line2D([], [], linestyle="none", marker="o", color=START, markersize=6)
    goal = Line2D([], [], **{key: value for key, value in GOAL.items() if key != "clip_on"})
    run_legend(figure, styles, [(dot, "start"), (goal, "goal (1, 0)")], True, font, {t: f"end: {t}" for t in styles})
    words = "".join([title, note, *names, *runs])
    caption(figure, " ".join(filter(None, [ABOUT, note, glyph_note(words, font)])), font)
    return figure


def _checked(name, path, count):
    path = np.asarray(path, np.float64)
    if path.ndim != 3 or path.shape[1:] != (count, 2) or not len(path):
        raise ValueError(f"{name}: expected shape (epochs, {count}, 2), an item a name, got {path.shape}")
    checks.matrix(name, path.reshape(len(path), -1))
    return path


def _draw(axes, paths, styles, low):
    ends = [low, 1.0]
    axes.plot(ends, ends, **DIAGONAL)
    for title, path in paths.items():
        style = styles[title]
        axes.plot(*path.T, color=style.color, linewidth=1.3, marker=".", markersize=3.5, zorder=2)
        axes.plot(*path[:1].T, color=START, marker="o", zorder=4, **END)
        axes.plot(*path[-1:].T, color=style.color, marker=style.marker, zorder=5, **END)
    axes.plot([1], [0], **GOAL, zorder=3)
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    axes.locator_params(nbins=4)


def _put_image(axes, pixels):
    """Show an image above the right end of a panel, beside its title."""
    inset = axes.inset_axes([0.76, 1.02, 0.24, 0.24])
    inset.imshow(pixels)
    inset.set_axis_off()
