"""Points by class: colors that color-blind readers can tell apart, a marker each, and the legend beside them."""

from typing import NamedTuple

import numpy as np
from matplotlib.lines import Line2D

from zoo.figures.fonts import put_text

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#3A3A3A")  # Okabe and Ito, 2008
MARKERS = ("o", "^", "s", "D", "v", "P")
MOST_CLASSES = 20  # more cannot be told apart: the smaller classes are drawn in gray
ROWS = 16  # of a legend column


class ClassStyle(NamedTuple):
    """How the points of `ids` are drawn and named."""

    ids: tuple
    name: str
    color: str
    marker: str


def class_styles(labels, class_names):
    """Return a ClassStyle for each class that occurs, the largest MOST_CLASSES of them, and one for the others.

    Args:
        labels: integer array (M,), of all panels together.
        class_names: list of `str`.
    """
    counts = np.bincount(labels, minlength=len(class_names))
    order = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
    named = sorted(int(i) for i in order if counts[i])
    styles = [
        ClassStyle((i,), str(class_names[i]), COLORS[place % len(COLORS)], MARKERS[place % len(MARKERS)])
        for place, i in enumerate(named)
    ]
    rest = tuple(int(i) for i in np.flatnonzero(counts) if i not in named)
    if rest:
        styles.insert(0, ClassStyle(rest, f"{len(rest)} other classes", "#BDBDBD", "."))
    return styles


def scatter(axes, points, labels, styles, size=3.0, alpha=0.6):
    """Draw points (M, 2) in class styles, classes interleaved so that none covers another as a whole."""
    rounds = 8 if len(styles) <= 4 else 2
    turn = np.random.default_rng(0).integers(rounds, size=len(points))
    for i in range(rounds):
        for style in styles:
            chosen = points[(turn == i) & np.isin(labels, style.ids)]
            axes.plot(*chosen.T, linestyle="none", marker=style.marker, color=style.color,
                      markersize=size, markeredgewidth=0, alpha=alpha)  # fmt: skip


def legend(figure, styles, lines=(), font="auto"):
    """Write the legend to the right of all panels, outside the dots; the figure grows by its width.

    Args:
        styles: list of ClassStyle.
        lines: pairs of (Line2D, `str`) that follow the classes.
    """
    handles = [Line2D([], [], linestyle="none", marker=s.marker, color=s.color, markersize=6) for s in styles]
    handles += [handle for handle, _ in lines]
    names = [s.name for s in styles] + [name for _, name in lines]
    columns = -(-len(handles) // ROWS)
    # matplotlib leaves out entries whose name starts with an underscore: the real names are set afterwards
    drawn = figure.legend(handles, [str(i) for i in range(len(handles))], loc="outside right upper", ncols=columns)
    for artist, name in zip(drawn.get_texts(), names):
        put_text(artist, shorten(name), font)
    width = drawn.get_window_extent(figure.canvas.get_renderer()).width / figure.dpi
    figure.set_figwidth(figure.get_figwidth() + width + 0.1)


def shorten(name, most=32):
    """Return `name`, cut in its middle where it is too long for a legend."""
    return name if len(name) <= most else f"{name[: most // 2 - 1]}…{name[-(most // 2) + 1 :]}"
