"""Results of many trainings: a metric over learning rates, and a table of scores with their intervals."""

import numpy as np

from zoo.figures import checks
from zoo.figures.classes import shorten
from zoo.figures.fonts import drawable, glyph_note, put_text
from zoo.figures.runs import run_legend, run_styles
from zoo.figures.style import caption, heading, new_figure, panel_title, styled

MOST_PANELS = 5
ROW = 0.24  # inches
MOST_TICKS = 7  # more rates would run into each other
POINT, REFERENCE = "#0072B2", "#D55E00"


@styled
def rate_sweep(results, metric="Recall@1", rate="learning rate", title="Sweep of the learning rate", note="", font="auto"):
    """Draw a metric against the learning rate for several losses; seeds are a band from the lowest to the highest.

    Args:
        results: dict of loss name to (rates [R], values [R] or [seeds, R]), at most 8. Rates are above 0.
        metric: what the values are called.
        rate: what the rates are called.
        title: heading.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`. The legend gives each loss' best rate, which has the larger mark.

    Raises:
        ValueError: for rates that are not above 0, other shapes, NaN and infinity.

    Example:

    >>> import zoo
    >>> figure = zoo.figures.rate_sweep({"epshn": ([0.01, 0.1, 1.0], [[0.5, 0.7, 0.2], [0.5, 0.6, 0.3]])})
    >>> figure.legends[0].get_texts()[0].get_text()
    'epshn: best at 0.1'
    """
    results, styles = run_styles("results", results)
    figure = new_figure(5.0, 3.6)
    axes = figure.subplots()
    names, seeds, tried = {}, set(), set()
    for name, result in results.items():
        rates, values = _checked(f"results[{name!r}]", result)
        style, mean = styles[name], values.mean(axis=0)
        look = {"color": style.color, "marker": style.marker}
        if len(values) > 1:
            axes.fill_between(rates, values.min(axis=0), values.max(axis=0), color=style.color, alpha=0.15, linewidth=0)
        axes.plot(rates, mean, **look, linewidth=1.5, markersize=4)
        axes.plot(rates[[mean.argmax()]], mean[[mean.argmax()]], **look, linestyle="none", markersize=8.5, zorder=3)
        names[name] = f"{name}: best at {rates[mean.argmax()]:.3g}"
        seeds.add(len(values))
        tried.update(rates)
    axes.set_xscale("log")
    if len(tried) <= MOST_TICKS:
        axes.set_xticks(sorted(tried), [f"{tick:.3g}" for tick in sorted(tried)])
        axes.minorticks_off()
    else:
        axes.locator_params(axis="x", numticks=8)
    axes.locator_params(axis="y", nbins=6)
    put_text(axes.set_xlabel(""), f"{rate} (logarithmic)", font)
    put_text(axes.set_ylabel(""), metric, font)
    heading(figure, title, font)
    run_legend(figure, styles, marker=True, font=font, names=names)
    counted = str(min(seeds)) if len(seeds) == 1 else f"{min(seeds)} to {max(seeds)}"
    about = f"Line: mean over seeds ({counted} of them); band: from the lowest to the highest. " * (max(seeds) > 1)
    about += "The larger mark is the best mean."
    words = "".join([title, note, metric, rate, *results])
    caption(figure, " ".join(filter(None, [about, note, glyph_note(words, font)])), font)
    return figure


def _checked(name, result):
    """Rates [R], rising, and values [seeds, R]."""
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        raise ValueError(f"{name}: expected (rates, values), got {type(result).__name__}")
    rates, values = np.asarray(result[0], np.float64), np.asarray(result[1], np.float64)
    if rates.ndim != 1 or not len(rates) or not (rates > 0).all() or not np.isfinite(rates).all():
        raise ValueError(f"{name} rates: expected numbers above 0 [R], got {np.array2string(rates, threshold=6)}")
    values = checks.matrix(f"{name} values", np.atleast_2d(values))
    if values.shape[1] != len(rates):
        raise ValueError(f"{name} values: expected [{len(rates)}] or [seeds, {len(rates)}], got shape {values.shape}")
    order = np.argsort(rates)
    return rates[order], values[:, order]


@styled
def score_chart(
    scores, metric="Recall@1", references=None, sort=True, title="Scores with their intervals", note="", font="auto"
):
    """Draw a table of scores as points with their intervals, a row a loss, a panel a data set.

    Args:
        scores: dict of loss name to `zoo.metrics.Score` or (value, low, high), or a dict of panel title to such dicts, at
            most 5. A loss without a score in a panel has an empty place there.
        metric: what the scores are called.
        references: dict of panel title to a value that is drawn as a line (without panels: that value), or `None`.
        sort: best first, by the mean lead over the mean of a panel; otherwise in the order given.
        title: heading.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: for values that are not finite, or outside their own interval.

    Example:

    >>> import zoo
    >>> figure = zoo.figures.score_chart({"triplet": (0.7, 0.68, 0.72), "epshn": zoo.metrics.wilson(80, 100)})
    >>> [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    ['epshn', 'triplet']
    """
    panels, references = _panels(scores, references)
    names = list(dict.fromkeys(name for panel in panels.values() for name in panel))
    if sort:
        names.sort(key=lambda name: -_lead(name, panels))
    figure = new_figure(3.6 * len(panels) + 1.0, ROW * len(names) + 1.4)
    grid = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, (panel_name, panel) in zip(grid, panels.items()):
        _draw(axes, panel, names, references.get(panel_name))
        if panel_name:
            panel_title(axes, panel_name, 3.0, font)
        put_text(axes.set_xlabel(""), metric, font)
    grid[0].set_yticks(range(len(names)), [drawable(shorten(name), font)[0] for name in names])
    for artist, name in zip(grid[0].get_yticklabels(), names):
        put_text(artist, shorten(name), font)
    grid[0].set_ylim(len(names) - 0.4, -0.6)
    heading(figure, title, font)
    about = "Point and line: score and its interval, in figures at the right."
    about += " Dashed: the reference." * bool(references)
    words = "".join([title, note, metric, *panels, *names])
    caption(figure, " ".join(filter(None, [about, note, glyph_note(words, font)])), font)
    return figure


def _panels(scores, references):
    scores = checks.panels("scores", scores)
    nested = [isinstance(value, dict) for value in scores.values()]
    if any(nested) and not all(nested):
        raise ValueError("scores: expected scores, or dicts of scores, got both; put all of them into panels")
    if not all(nested):
        scores = {"": scores}
        references = None if references is None else {"": references}
    panels = {
        title: {str(name): _score(f"scores[{title!r}][{name!r}]" if title else f"scores[{name!r}]", score)
                for name, score in checks.panels(f"scores[{title!r}]", panel).items()}
        for title, panel in checks.panels("scores", scores, MOST_PANELS).items()
    }  # fmt: skip
    references = {} if references is None else dict(references)
    for title in references:
        if title not in panels:
            raise ValueError(f"references: expected titles of panels, {list(panels)}, got {title!r}")
    return panels, references


def _score(name, score):
    value = np.asarray(score[:3] if isinstance(score, (tuple, list)) else score, np.float64)
    if value.shape != (3,):
        raise ValueError(f"{name}: expected a Score or (value, low, high), got {score!r:.60}")
    if not np.isfinite(value).all() or not value[1] <= value[0] <= value[2]:
        raise ValueError(f"{name}: expected a finite value inside its interval, got {value.tolist()}; leave it out")
    return value


def _lead(name, panels):
    """By how much a score is above the mean of its panel; the mean over the panels that have it."""
    means = {title: np.mean([score[0] for score in panel.values()]) for title, panel in panels.items()}
    return np.mean([panel[name][0] - means[title] for title, panel in panels.items() if name in panel])


def _draw(axes, panel, names, reference):
    for row, name in enumerate(names):
        if name in panel:
            value, low, high = panel[name]
            axes.plot([low, high], [row, row], color=POINT, linewidth=1.6, solid_capstyle="butt")
            axes.plot([value], [row], color=POINT, marker="o", markersize=5, linestyle="none")
            text = f"{value:.3f} [{low:.3f}, {high:.3f}]"
            axes.text(1.02, row, text, transform=axes.get_yaxis_transform(), va="center", fontsize=7, color="#444444")
    if reference is not None:
        axes.axvline(float(reference), color=REFERENCE, linestyle="--", linewidth=1.2, zorder=1)
    axes.grid(axis="x", visible=True)
    axes.locator_params(axis="x", nbins=5)
