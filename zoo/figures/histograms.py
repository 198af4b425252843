"""Histograms of the triplet scatter: distances to the goal of several runs, and similarities of pairs."""

import numpy as np
from matplotlib.patches import Patch

from zoo.figures import checks
from zoo.figures.fonts import glyph_note
from zoo.figures.runs import RunStyle, run_legend, run_styles
from zoo.figures.style import caption, heading, new_figure, panel_title, styled
from zoo.metrics.triplets import SimilarityCounts, TripletPoints

WIDTH = 0.02  # of a bin of distances
LONGEST = np.sqrt(5)  # from (-1, ±1) to the goal
ABOUT_DISTANCES = (
    "Distance of an item's point (similarity to the nearest of its class, similarity to the nearest of another class) to "
    "the goal (1, 0), in bins of 0.02; less is better. Ticks at the top are medians."
)
ABOUT_PAIRS = (
    "Cosines in {bins} bins on [-1, 1]; each of the four sums to 100 %. Nearest: one value an item, itself left out. "
    "Retrieval is right where an item's nearest of its class is more similar than its nearest of another class."
)
KINDS = {
    "same": ("pairs of one class", RunStyle("#0072B2", "-", "")),
    "other": ("pairs of two classes", RunStyle("#D55E00", "-", "")),
    "nearest_same": ("nearest of its class", RunStyle("#003F63", (0, (4, 1.2)), "")),
    "nearest_other": ("nearest of another class", RunStyle("#7A3600", (0, (1.3, 1)), "")),
}
FILLED = {"alpha": 0.35, "linewidth": 0}


@styled
def distance_histogram(runs, title="Distance to the goal (1, 0)", note="", font="auto"):
    """Draw how far the items of several runs are from the goal of the triplet plane, as outlines on common bins.

    Args:
        runs: dict of run name to `zoo.metrics.TripletPoints`, the start first; at most 8.
        title: heading.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`. Bins are 0.02 wide; the legend gives the medians.

    Raises:
        ValueError: for other values than TripletPoints, or too many.

    Example:

    >>> import zoo
    >>> points = zoo.metrics.triplet_points(np.eye(3)[[0, 0, 1, 1, 2]], [0, 0, 1, 1, 1])
    >>> figure = zoo.figures.distance_histogram({"start": points})
    >>> figure.legends[0].get_texts()[0].get_text()
    'start: median 0.00'
    """
    runs, styles = run_styles("runs", runs)
    for name, points in runs.items():
        if not isinstance(points, TripletPoints):
            raise ValueError(
                f"runs[{name!r}]: expected TripletPoints, got {type(points).__name__}; zoo.metrics.triplet_points makes them"
            )
    edges = np.arange(np.ceil(LONGEST / WIDTH) + 1) * WIDTH
    figure = new_figure(5.6, 3.5)
    axes = figure.subplots()
    names, longest = {}, 1.0
    for name, points in runs.items():
        counts = np.histogram(points.distance, edges)[0]
        median = float(np.median(points.distance))
        style = styles[name]
        _outline(axes, 100 * counts / counts.sum(), edges, style)
        axes.plot([median] * 2, [0.93, 1.0], color=style.color, linewidth=2.2, transform=axes.get_xaxis_transform())
        names[name] = f"{name}: median {median:.2f}"
        longest = max(longest, points.distance.max())
    axes.set(xlabel="distance to (1, 0)", ylabel="% of items in a bin", xlim=(0, min(longest + 0.05, edges[-1])))
    axes.set_ylim(0, axes.get_ylim()[1] * 1.1)  # room for the ticks of the medians
    axes.locator_params(nbins=6)
    heading(figure, title, font)
    run_legend(figure, styles, font=font, names=names)
    caption(figure, " ".join(filter(None, [ABOUT_DISTANCES, note, glyph_note("".join([title, note, *runs]), font)])), font)
    return figure


@styled
def similarity_histograms(panels, title="Similarities", note="", font="auto"):
    """Draw how similar pairs of one class, pairs of two classes, and each item's nearest of both are.

    Args:
        panels: dict of title to `zoo.metrics.SimilarityCounts`, at most 6, drawn below each other on one axis.
        title: heading.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: for other values than SimilarityCounts, or other bins in one of them.

    Example:

    >>> import zoo
    >>> counts = zoo.metrics.similarity_counts(np.eye(3)[[0, 0, 1, 1, 2]], [0, 0, 1, 1, 1])
    >>> len(zoo.figures.similarity_histograms({"test": counts}).axes[0].patches)
    4
    """
    panels = checks.panels("panels", panels, 6)
    for name, counts in panels.items():
        if not isinstance(counts, SimilarityCounts):
            raise ValueError(
                f"panels[{name!r}]: expected SimilarityCounts, got {type(counts).__name__}; "
                "zoo.metrics.similarity_counts makes them"
            )
    sizes = {name: len(counts.edges) - 1 for name, counts in panels.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"panels: expected the same number of bins in each, got {sizes}; count them alike")
    figure = new_figure(5.6, 2.1 * len(panels) + 0.9)
    grid = figure.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0]
    for axes, (name, counts) in zip(grid, panels.items()):
        for kind, (_, style) in KINDS.items():
            values = getattr(counts, kind)
            shares = 100 * values / max(values.sum(), 1)
            if kind in ("same", "other"):
                axes.stairs(shares, counts.edges, fill=True, **FILLED, color=style.color)
            else:
                _outline(axes, shares, counts.edges, style)
        panel_title(axes, name, 4.5, font)
        axes.set_ylabel("% in a bin")
        axes.locator_params(nbins=5)
    grid[-1].set(xlabel="cosine similarity", xlim=_range(panels.values()))
    heading(figure, title, font)
    areas = [(Patch(**FILLED, color=KINDS[kind][1].color), KINDS[kind][0]) for kind in ("same", "other")]
    run_legend(figure, dict(KINDS[kind] for kind in ("nearest_same", "nearest_other")), areas, font=font)
    about = ABOUT_PAIRS.format(bins=next(iter(sizes.values())))
    caption(figure, " ".join(filter(None, [about, note, glyph_note("".join([title, note, *panels]), font)])), font)
    return figure


def _outline(axes, shares, edges, style):
    """Steps from the first to the last bin that holds anything; beyond them a line on the axis would hide others."""
    held = np.flatnonzero(shares)
    first, last = (held[0], held[-1] + 1) if len(held) else (0, 1)
    axes.stairs(shares[first:last], edges[first : last + 1], color=style.color, linestyle=style.line, linewidth=1.5)


def _range(many):
    """From the lowest bin that anything lies in, at most -0.2, to 1."""
    low = min(c.edges[np.flatnonzero(c.same + c.other + c.nearest_same + c.nearest_other)[0]] for c in many)
    return min(-0.2, low), 1.0
