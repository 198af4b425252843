"""Pairs of two towers: similarities of matches and of others over epochs, and ROC curves."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from zoo.figures import checks
from zoo.figures.fonts import glyph_note, put_text
from zoo.figures.runs import run_legend, run_styles
from zoo.figures.style import caption, heading, new_figure, panel_title, styled

BINS = 40
MATCH, OTHER = "#0072B2", "#D55E00"
MOST_ROWS, MOST_COLUMNS = 6, 6


@styled
def match_histograms(
    runs, limits=None, similarity="similarity", title="Similarity of matches and of others", note="", font="auto"
):
    """Draw how similar pairs that match and all others are, a row a run, a column an epoch.

    Args:
        runs: dict of run title to dict of epoch title to (similarities of matches [n], of others [m]); at most 6 of each.
        limits: dict of run title to (lowest, highest) of the horizontal axis; other runs have the range of their values.
        similarity: what is compared, the name of the horizontal axis.
        title: heading.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`. Each of both histograms sums to 100 %; ticks at the top are means.

    Raises:
        ValueError: no pairs of a kind, other shapes, NaN and infinity.

    Example:

    >>> import zoo
    >>> figure = zoo.figures.match_histograms({"balanced": {"epoch 0": ([0.5, 0.6], [0.4, 0.5, 0.6])}})
    >>> len(figure.axes)
    1
    """
    runs = {name: _checked(f"runs[{name!r}]", run) for name, run in checks.panels("runs", runs, MOST_ROWS).items()}
    columns = max(map(len, runs.values()))
    figure = new_figure(1.9 * columns + 0.8, 1.55 * len(runs) + 0.6)
    grid = figure.subplots(len(runs), columns, squeeze=False)
    for row, (name, run) in zip(grid, runs.items()):
        low, high = (limits or {}).get(name) or _range(run)
        edges = np.linspace(low, high, BINS + 1)
        for axes, (epoch, pair) in zip(row, run.items()):
            for values, color in zip(pair, (MATCH, OTHER)):
                shares = 100 * np.histogram(np.clip(values, low, high), edges)[0] / len(values)
                axes.stairs(shares, edges, fill=True, color=color, alpha=0.4, linewidth=0)
                axes.plot([np.clip(values.mean(), low, high)] * 2, [0.92, 1.0], color=color, linewidth=2.2,
                          transform=axes.get_xaxis_transform())  # fmt: skip
            axes.set(xlim=(low, high), ylim=(0, axes.get_ylim()[1] * 1.12))
            axes.locator_params(nbins=4)
            panel_title(axes, f"{name}\n{epoch}" if axes is row[0] else f"\n{epoch}", 1.8 * columns, font)
        for axes in row[len(run) :]:
            axes.remove()
        row[0].set_ylabel("% in a bin")
    for axes in grid[-1][: len(runs[list(runs)[-1]])]:
        put_text(axes.set_xlabel(""), similarity, font)
    heading(figure, title, font)
    kinds = (MATCH, "pairs that match"), (OTHER, "all others")
    run_legend(figure, {}, [(Patch(color=color, alpha=0.4, linewidth=0), text) for color, text in kinds], font=font)
    about = f"{BINS} bins; each histogram sums to 100 %, whatever the share of matches. Ticks at the top are means."
    words = "".join([title, note, similarity, *runs, *(epoch for run in runs.values() for epoch in run)])
    caption(figure, " ".join(filter(None, [about, note, glyph_note(words, font)])), font)
    return figure


@styled
def roc_curves(curves, title="ROC curves", positive="pairs that match", negative="other pairs", note="", font="auto"):
    """Draw ROC curves of several runs, with the area under each.

    Args:
        curves: dict of title to `zoo.metrics.RocCurve`, or (false rates [P], true rates [P], area); at most 8.
        title: heading.
        positive, negative: what the positives and the negatives are, for the axes.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`. The legend gives the areas.

    Raises:
        ValueError: rates outside 0 to 1, or falling; other shapes.

    Example:

    >>> import zoo
    >>> curve = zoo.metrics.roc_curve([True, False, True, False], [0.9, 0.8, 0.7, 0.1])
    >>> zoo.figures.roc_curves({"balanced": curve}).legends[0].get_texts()[0].get_text()
    'balanced: AUC 0.750'
    """
    curves, styles = run_styles("curves", curves)
    figure = new_figure(4.2, 4.0)
    axes, names = figure.subplots(), {}
    axes.plot([0, 1], [0, 1], color="#999999", linestyle=":", linewidth=1.2)
    for name, curve in curves.items():
        false, true, area = _curve(f"curves[{name!r}]", curve)
        axes.plot(false, true, color=styles[name].color, linestyle=styles[name].line, linewidth=1.6)
        names[name] = f"{name}: AUC {area:.3f}"
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    put_text(axes.set_xlabel(""), f"share of {negative} accepted", font)
    put_text(axes.set_ylabel(""), f"share of {positive} accepted", font)
    heading(figure, title, font)
    run_legend(figure, styles, [(Line2D([], [], color="#999999", linestyle=":"), "chance: AUC 0.5")], font=font, names=names)
    about = "A point for each threshold; equal scores share one, joined by a straight line."
    words = "".join([title, note, positive, negative, *curves])
    caption(figure, " ".join(filter(None, [about, note, glyph_note(words, font)])), font)
    return figure


def _checked(name, run):
    return {epoch: _both(f"{name}[{epoch!r}]", pair) for epoch, pair in checks.panels(name, run, MOST_COLUMNS).items()}


def _both(name, pair):
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ValueError(f"{name}: expected (similarities of matches, of others), got {type(pair).__name__}")
    parts = zip(("matches", "others"), pair)
    return [checks.matrix(f"{name}, {which}", np.reshape(values, (-1, 1)))[:, 0] for which, values in parts]


def _range(run):
    values = np.concatenate([part for pair in run.values() for part in pair])
    low, high = float(values.min()), float(values.max())
    return (low, high) if high - low > 1e-6 else (low - 0.5, high + 0.5)


def _curve(name, curve):
    if not isinstance(curve, (tuple, list)) or len(curve) != 3:
        raise ValueError(f"{name}: expected (false rates, true rates, area), got {type(curve).__name__}")
    points = checks.matrix(name, np.stack([np.asarray(part, np.float64) for part in curve[:2]], axis=1), 2)
    if points.min() < 0 or points.max() > 1 or (np.diff(points, axis=0) < 0).any():
        raise ValueError(f"{name}: expected rates from 0 to 1 that do not fall; zoo.metrics.roc_curve makes them")
    return points[:, 0], points[:, 1], float(curve[2])
