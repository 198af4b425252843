"""Which directions embeddings fill: their spectrum, what retrieval needs of it, and single rotated coordinates."""

import numpy as np

from zoo.figures import checks
from zoo.figures.fonts import glyph_note
from zoo.figures.runs import run_legend, run_styles
from zoo.figures.style import caption, heading, new_figure, panel_title, styled
from zoo.metrics.labels import codes
from zoo.metrics.spectrum import RecallByDims, effective_rank, rotation, smallest_dims

PANEL = 2.9  # inches
RIGHT_OF = 64  # more dimensions have a logarithmic axis
ABOUT_SPECTRUM = (
    "Left: squared singular values, divided by their sum. Right: their sum up to a direction; dotted: 99 %. "
    "Effective rank, not centered and centered, of "
)
ABOUT_PRUNING = (
    "Directions are the right singular vectors of the training embeddings, the largest first. Band: 95 % interval. "
    "A mark is the smallest number that keeps {keep:.4g} % of the Recall@1 of all of them."
)
ABOUT_COORDINATES = (
    "A dot is one item. Coordinates are those of the rotation by singular vectors: the first holds most of the embeddings, "
    "the last least. Classes in the order of their names; both panels have the same scale."
)
DOT = {"linestyle": "none", "marker": ".", "markersize": 3.5, "markeredgewidth": 0, "alpha": 0.6}


@styled
def spectrum_curves(embeddings, title="Spectrum of the embeddings", note="", font="auto"):
    """Draw the singular values of embeddings and their cumulative sums, not centered and centered.

    Args:
        embeddings: dict of name to real numbers [N, D], at most 8; for instance one an embedding size.
        title: heading.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`. The caption gives each effective rank. Directions that hold nothing are left out on
        the left, where the axis is logarithmic.

    Raises:
        ValueError: for other shapes, NaN and infinity.

    Example:

    >>> import zoo
    >>> len(zoo.figures.spectrum_curves({"8": np.random.default_rng(0).normal(size=(50, 8))}).axes)
    4
    """
    embeddings, styles = run_styles("embeddings", embeddings)
    rows = {name: checks.matrix(f"embeddings[{name!r}]", x) for name, x in embeddings.items()}
    figure = new_figure(2 * PANEL + 0.4, 2 * PANEL)
    grid = figure.subplots(2, 2, sharex=True)
    for pair, center in zip(grid, (False, True)):
        for name, x in rows.items():
            shares = rotation(x, center).energy
            place = np.arange(1, len(shares) + 1)
            look = {"color": styles[name].color, "linestyle": styles[name].line, "linewidth": 1.5}
            pair[0].plot(place[shares > 0], shares[shares > 0], **look)
            pair[1].plot(place, 100 * np.cumsum(shares), **look)
        pair[0].set(yscale="log", ylabel="share of the squares")
        pair[0].locator_params(axis="y", numticks=7)
        pair[1].axhline(99, color="#7A7A7A", linestyle=":", linewidth=1)
        pair[1].set(ylim=(0, 102), yticks=range(0, 101, 20), ylabel="up to here, %")
        panel_title(pair[0], "centered" if center else "not centered", PANEL, font)
    for axes in grid[1]:
        axes.set_xlabel("direction")
    _dimension_axis(grid[1, 0], max(x.shape[1] for x in rows.values()))
    heading(figure, title, font)
    run_legend(figure, styles, font=font)
    ranks = {name: (effective_rank(x), effective_rank(x, center=True)) for name, x in rows.items()}
    ranks = "; ".join(f"{name}: {plain:.1f} and {centered:.1f}" for name, (plain, centered) in ranks.items())
    words = "".join([title, note, *rows])
    caption(figure, " ".join(filter(None, [ABOUT_SPECTRUM + ranks + ".", note, glyph_note(words, font)])), font)
    return figure


@styled
def pruning_curves(curves, keep=0.995, title="Recall@1 against kept dimensions", note="", font="auto"):
    """Draw Recall@1 against the number of rotated coordinates that are kept, and mark how many are enough.

    Args:
        curves: dict of name to `zoo.metrics.RecallByDims`, as `recall_by_dims` returns it, at most 8.
        keep: share of the Recall@1 of all coordinates that must be left.
        title: heading.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`. The legend says how many dimensions are enough.

    Raises:
        ValueError: for other values than RecallByDims, or `keep` outside 0 to 1.

    Example:

    >>> import zoo
    >>> curve = zoo.metrics.RecallByDims([1, 2, 4], [0.5, 0.8, 0.8], [0.4, 0.7, 0.7], [0.6, 0.9, 0.9])
    >>> zoo.figures.pruning_curves({"test": curve}).legends[0].get_texts()[0].get_text()
    'test: 2 of 4'
    """
    curves, styles = run_styles("curves", curves)
    figure = new_figure(5.0, 3.6)
    axes = figure.subplots()
    names = {}
    for name, curve in curves.items():
        if not isinstance(curve, RecallByDims):
            raise ValueError(
                f"curves[{name!r}]: expected RecallByDims, got {type(curve).__name__}; zoo.metrics.recall_by_dims makes it"
            )
        dims, recall, low, high = checks.matrix(f"curves[{name!r}]", np.stack([np.asarray(part) for part in curve]))
        style, enough = styles[name], smallest_dims(dims, recall, keep)
        axes.fill_between(dims, low, high, color=style.color, alpha=0.12, linewidth=0)
        axes.plot(dims, recall, color=style.color, linestyle=style.line, linewidth=1.5)
        height = recall[np.flatnonzero(dims == enough)[0]]
        axes.plot([enough], [height], color=style.color, marker=style.marker, markersize=7, linestyle="none", zorder=3)
        names[name] = f"{name}: {enough} of {int(dims.max())}"
    axes.set(xlabel="coordinates kept", ylabel="Recall@1", ylim=(0, min(1.0, axes.get_ylim()[1] + 0.02)))
    axes.locator_params(axis="y", nbins=6)
    _dimension_axis(axes, max(np.max(curve.dims) for curve in curves.values()))
    heading(figure, title, font)
    run_legend(figure, styles, marker=False, font=font, names=names)
    about = ABOUT_PRUNING.format(keep=100 * keep)
    caption(figure, " ".join(filter(None, [about, note, glyph_note("".join([title, note, *curves]), font)])), font)
    return figure


@styled
def rotated_coordinates(
    embeddings, labels, center=False, title="First and last rotated coordinate", note="", font="auto"
):
    """Draw each item's first and last coordinate after the rotation by singular vectors, against its class.

    Args:
        embeddings: real numbers [N, D].
        labels: classes, integers or strings [N].
        center: whether the rotation is centered.
        title: heading.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: for other shapes, NaN and infinity, or lengths that differ.

    Example:

    >>> import zoo
    >>> figure = zoo.figures.rotated_coordinates(np.diag([3.0, 2.0, 1.0]), ["a", "b", "c"])
    >>> [axes.get_title("left") for axes in figure.axes]
    ['coordinate 1', 'coordinate 3']
    """
    rows = checks.matrix("embeddings", embeddings)
    (ids,), classes = codes(labels=labels)
    if len(ids) != len(rows):
        raise ValueError(f"labels: expected {len(rows)}, one a row of the embeddings, got {len(ids)}")
    rotated = rotation(rows, center).apply(rows)
    figure = new_figure(2 * PANEL + 0.6, PANEL + 0.5)
    for axes, column in zip(figure.subplots(1, 2, sharey=True), (0, rotated.shape[1] - 1)):
        axes.plot(ids, rotated[:, column], color="#0072B2", **DOT)
        axes.axhline(0, color="#7A7A7A", linewidth=0.8, zorder=1)
        panel_title(axes, f"coordinate {column + 1}", PANEL, font)
        axes.set_xlabel(f"class, 1 to {len(classes)}" if len(classes) > 1 else "class")
        axes.set(xlim=(-0.03 * len(classes) - 0.5, 1.03 * len(classes) - 0.5), xticks=[0, len(classes) - 1])
        axes.set_xticklabels(["1", str(len(classes))])
    figure.axes[0].set_ylabel("value")
    figure.axes[0].locator_params(axis="y", nbins=6)
    heading(figure, title, font)
    caption(figure, " ".join(filter(None, [ABOUT_COORDINATES, note, glyph_note(title + note, font)])), font)
    return figure


def _dimension_axis(axes, most):
    """From 1 to the largest number; logarithmic where small numbers would be crowded."""
    axes.set_xlim(1, max(most, 2))
    if most > RIGHT_OF:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:.0f}")
        axes.locator_params(axis="x", numticks=12)
    else:
        axes.locator_params(axis="x", nbins=8, integer=True)
