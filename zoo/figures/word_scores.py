"""Whether a recognizer of words knows only the frequent ones: the AUC of each word against its frequency."""

import numpy as np

from zoo.figures import checks
from zoo.figures.fonts import glyph_note, put_text
from zoo.figures.style import caption, heading, new_figure, panel_title, styled

MOST_PANELS = 9
COLUMNS = 3
POINT, LINE = "#0072B2", "#D55E00"
NAMED = 10  # words of a panel that have room for their names


@styled
def auc_by_frequency(
    panels, frequencies, words, metric="AUC", level=0.5, named=NAMED, title="AUC of each word against its frequency", note="",
    font="auto",
):
    """Draw a score of each word against how many training items hold it, a panel a run, with the words' names.

    Args:
        panels: dict of run title to scores [C], at most 9; NaN for a word without a score, which is left out and counted.
        frequencies: items that hold each word [C], above 0.
        words: names [C].
        metric: what the scores are called.
        level: a value drawn as a dotted line, chance; or None.
        named: how many words of a panel are named: the lowest scores, and the most and the least frequent words.
        title: heading.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`. The title of a panel has the rank correlation with the frequency (Spearman's).

    Raises:
        ValueError: lengths that differ, frequencies that are not above 0, infinity.

    Example:

    >>> import zoo
    >>> figure = zoo.figures.auc_by_frequency({"none": [0.6, 0.8, 0.9]}, [5, 50, 500], ["up", "go", "yes"])
    >>> figure.axes[0].get_title(loc="left")
    'none\\nrank correlation 1.00'
    """
    panels = checks.panels("panels", panels, MOST_PANELS)
    frequencies, words = np.asarray(frequencies, np.float64), [str(word) for word in words]
    if frequencies.shape != (len(words),) or not len(words) or not (np.isfinite(frequencies) & (frequencies > 0)).all():
        raise ValueError(f"frequencies: expected {len(words)} numbers above 0, one a word, got shape {frequencies.shape}")
    panels = {name: _scores(f"panels[{name!r}]", values, len(words)) for name, values in panels.items()}
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(3.3 * columns + 0.3, 2.5 * rows + 0.5)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).reshape(-1)
    low = min(float(np.nanmin(values)) for values in panels.values())
    for place, (axes, (name, values)) in enumerate(zip(grid, panels.items())):
        axes.set_xscale("log")
        axes.set(ylim=(min(low, 1.0 if level is None else level) - 0.06, 1.04))
        axes.set_xlim(frequencies.min() / 1.6, frequencies.max() * 2.6)
        _draw(axes, frequencies, values, words, level, named, font)
        axes.tick_params(labelbottom=place + columns >= len(panels))
        panel_title(axes, f"{name}\nrank correlation {rank_correlation(frequencies, values):.2f}", 3.2, font)
    for axes in grid[len(panels) :]:
        axes.remove()
    for axes in grid[max(0, len(panels) - columns) : len(panels)]:
        axes.set_xlabel("training items with the word (logarithmic)")
    for axes in grid[: len(panels) : columns]:
        put_text(axes.set_ylabel(""), metric, font)
    heading(figure, title, font)
    missing = max(int(np.isnan(values).sum()) for values in panels.values())
    about = "A point a word. Orange: straight line of least squares on the logarithm."
    about += " Dotted: chance." * (level is not None)
    about += f" {missing} words without positives among the tested items are undefined and left out." * bool(missing)
    text = "".join([title, note, metric, *panels, *words])
    caption(figure, " ".join(filter(None, [about, note, glyph_note(text, font)])), font)
    return figure


def rank_correlation(frequencies, values):
    """Spearman's rank correlation over the words that have a score; nan where fewer than two, or all are equal."""
    from scipy.stats import rankdata

    known = ~np.isnan(values)
    x, y = rankdata(frequencies[known]), rankdata(values[known])
    return float(np.corrcoef(x, y)[0, 1]) if known.sum() > 1 and np.ptp(x) > 0 and np.ptp(y) > 0 else float("nan")


def _scores(name, values, count):
    values = np.asarray(values, np.float64)
    if values.shape != (count,) or np.isinf(values).any() or np.isnan(values).all():
        raise ValueError(f"{name}: expected {count} scores, finite or nan and not all nan, got shape {values.shape}")
    return values


def _draw(axes, frequencies, values, words, level, named, font):
    known = np.flatnonzero(~np.isnan(values))
    axes.plot(frequencies[known], values[known], linestyle="none", marker="o", markersize=3.5, color=POINT, alpha=0.75)
    logs = np.log(frequencies[known])
    if len(known) > 1 and np.ptp(logs) > 0:
        slope, start = np.polyfit(logs, values[known], 1)
        ends = np.array([logs.min(), logs.max()])
        axes.plot(np.exp(ends), start + slope * ends, color=LINE, linewidth=1.2)
    if level is not None:
        axes.axhline(level, color="#555555", linestyle=":", linewidth=1.2)
    taken = []
    for i in _order(frequencies, values, known, named):
        x, y = axes.transData.transform((frequencies[i], values[i]))
        if any(abs(x - a) < 45 and abs(y - b) < 9 for a, b in taken):
            continue  # names would cover each other
        taken.append((x, y))
        text = axes.annotate("", (frequencies[i], values[i]), (3, 0), textcoords="offset points", va="center", fontsize=6.5)
        put_text(text, words[i], font)


def _order(frequencies, values, known, named):
    """Words to name: the lowest scores first, then the most and the least frequent ones, as many as asked for."""
    by_score, by_count = known[np.argsort(values[known])], known[np.argsort(-frequencies[known], kind="stable")]
    third = max(1, -(-named // 3))
    return list(dict.fromkeys([*by_score[: named - 2 * third], *by_count[:third], *by_count[::-1][:third]]))
