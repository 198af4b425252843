"""How runs converge: the loss of each against its steps beside a level, and a metric over epochs with seeds as a band."""

import numpy as np
from matplotlib.lines import Line2D

from zoo.figures import checks
from zoo.figures.fonts import glyph_note, put_text
from zoo.figures.runs import RUNS, run_legend, run_styles
from zoo.figures.style import caption, heading, new_figure, panel_title, styled

MOST_PANELS = 12
COLUMNS = 4
LEVEL = {"color": "#D55E00", "linestyle": "--", "linewidth": 1.3}


@styled
def convergence_curves(
    runs, levels=None, level="constant-zero level", smooth=5, title="Convergence of the loss", note="", font="auto"
):
    """Draw the loss of several runs against the step, a panel a run, seeds as lines, beside the level of a constant answer.

    Args:
        runs: dict of title to losses of the steps [T] or [seeds, T], at most 12.
        levels: dict of title to the loss of a constant answer, drawn as a dashed line; runs without one have none.
        level: what the line is called.
        smooth: steps of the running mean that is drawn.
        title: heading.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: other shapes, NaN and infinity, a level of a run that is not there.

    Example:

    >>> import zoo
    >>> figure = zoo.figures.convergence_curves({"plain L1": [0.4, 0.2, 0.1]}, {"plain L1": 0.1})
    >>> figure.axes[0].get_xlabel()
    'step'
    """
    runs = {name: _lines("runs", name, values) for name, values in checks.panels("runs", runs, MOST_PANELS).items()}
    levels = dict(levels or {})
    for name, value in levels.items():
        if name not in runs or not np.isfinite(value):
            raise ValueError(f"levels: expected finite numbers of runs in {list(runs)}, got {name!r}: {value!r}")
    columns = min(COLUMNS, len(runs))
    rows = -(-len(runs) // columns)
    figure = new_figure(2.3 * columns + 0.5, 1.9 * rows + 0.5)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True).reshape(-1)
    for place, (axes, (name, values)) in enumerate(zip(grid, runs.items())):
        for line in values:
            axes.plot(*_running(line, smooth), color=RUNS[0].color, linewidth=1.0, alpha=0.75)
        if name in levels:
            axes.axhline(levels[name], **LEVEL)
        top = max(float(np.percentile(values, 99)), levels.get(name, 0.0))
        axes.set_ylim(min(0.0, float(values.min())), 1.08 * top if top > 0 else 1.0)
        axes.locator_params(nbins=4)
        axes.tick_params(labelbottom=place + columns >= len(runs))
        panel_title(axes, name, 2.0, font)
    for axes in grid[len(runs) :]:
        axes.remove()
    for axes in grid[max(0, len(runs) - columns) : len(runs)]:
        axes.set_xlabel("step")
    for axes in grid[: len(runs) : columns]:
        axes.set_ylabel("loss")
    heading(figure, title, font)
    seeds = [(Line2D([], [], color=RUNS[0].color, linewidth=1.0), "a seed")]
    run_legend(figure, {}, [*seeds, *([(Line2D([], [], **LEVEL), level)] if levels else [])], font=font)
    about = f"Each panel has its own scale. Lines: loss of the training batch, mean over {smooth} steps, a line a seed."
    about += f" Dashed: {level}, the loss of a model that gives every pair that answer." * bool(levels)
    words = "".join([title, note, level, *runs])
    caption(figure, " ".join(filter(None, [about, note, glyph_note(words, font)])), font)
    return figure


@styled
def epoch_bands(
    runs, epochs=None, metric="AUC", level=None, level_name="chance", x="epoch", title="AUC over epochs", note="",
    font="auto",
):
    """Draw a metric over epochs for several runs; seeds are a band from the lowest to the highest.

    Args:
        runs: dict of title to values [E] or [seeds, E], at most 8; NaN leaves a gap.
        epochs: what is on the horizontal axis [E]; by default 0, 1, 2, ...
        metric: what the values are called.
        level: a value drawn as a dashed line, or None.
        level_name: what that line is called.
        x: what the horizontal axis is called.
        title: heading.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`. The legend gives each run's last mean.

    Raises:
        ValueError: other shapes, infinity, more than 8 runs.

    Example:

    >>> import zoo
    >>> figure = zoo.figures.epoch_bands({"balanced": [[0.5, 0.9], [0.5, 0.8]]}, level=0.5)
    >>> figure.legends[0].get_texts()[0].get_text()
    'balanced: 0.850'
    """
    runs, styles = run_styles("runs", runs)
    runs = {name: _lines("runs", name, values, gaps=True) for name, values in runs.items()}
    figure = new_figure(5.0, 3.4)
    axes, names = figure.subplots(), {}
    for name, values in runs.items():
        places = np.arange(values.shape[1]) if epochs is None else np.asarray(epochs, np.float64)
        if places.shape != values.shape[1:]:
            raise ValueError(f"epochs: expected {values.shape[1]} numbers for {name!r}, got shape {places.shape}")
        known = ~np.isnan(values).all(axis=0)
        mean = np.full(len(places), np.nan)
        mean[known] = np.nanmean(values[:, known], axis=0)
        style = styles[name]
        if len(values) > 1:
            low, high = np.nanmin(values[:, known], axis=0), np.nanmax(values[:, known], axis=0)
            axes.fill_between(places[known], low, high, color=style.color, alpha=0.15, linewidth=0)
        axes.plot(places, mean, color=style.color, linestyle=style.line, marker=style.marker, markersize=3.5, linewidth=1.4)
        names[name] = f"{name}: {mean[-1]:.3f}"
    extra = []
    if level is not None:
        axes.axhline(level, color="#555555", linestyle=":", linewidth=1.3)
        extra = [(Line2D([], [], color="#555555", linestyle=":"), f"{level_name}: {level:g}")]
    axes.locator_params(nbins=6)
    put_text(axes.set_xlabel(""), x, font)
    put_text(axes.set_ylabel(""), metric, font)
    heading(figure, title, font)
    run_legend(figure, styles, extra, font=font, names=names)
    most = max(len(values) for values in runs.values())
    about = f"Line: mean over seeds ({most} of them); band: from the lowest to the highest. " * (most > 1)
    about += "The legend has the last value."
    words = "".join([title, note, metric, x, level_name, *runs])
    caption(figure, " ".join(filter(None, [about, note, glyph_note(words, font)])), font)
    return figure


def _lines(argument, name, values, gaps=False):
    """Values [seeds, T], finite or with gaps."""
    values = np.atleast_2d(np.asarray(values, np.float64))
    if gaps and values.ndim == 2 and values.size and not np.isinf(values).any():
        return values
    return checks.matrix(f"{argument}[{name!r}]", values)


def _running(line, width):
    """Steps and the mean over `width` of them, the first of which begins at step 1."""
    width = max(1, min(width, len(line)))
    mean = np.convolve(line, np.full(width, 1.0 / width), mode="valid")
    return np.arange(len(mean)) + (width + 1) / 2, mean
