"""The two logits of a two-class model, beside the line that they lie near by construction."""

import numpy as np
from matplotlib.lines import Line2D

from zoo.figures import checks
from zoo.figures.classes import class_styles, legend, scatter, shorten
from zoo.figures.fonts import glyph_note, put_text
from zoo.figures.style import caption, heading, new_figure, panel_title, styled

WHY = (
    "The gradient of cross-entropy, and of the multi-class hinge, on the two logits sums to zero. The weights' sum, "
    "and with it the logits' sum, hardly moves from where initialization put it, so points lie near y = −x. That is "
    "no sign of separability: compare the accuracy, and the spread along the line (y − x) with that across it (x + y)."
)
PANEL = 3.0  # inches
SUM_LINE = {"color": "#3A3A3A", "linestyle": "--", "linewidth": 1.2}
DECISION_LINE = {"color": "#8A8A8A", "linestyle": "-", "linewidth": 0.8}


@styled
def two_logits(panels, class_names, columns=2, title="The two logits before the softmax", note="", font="auto"):
    """Draw a grid of panels, a dot a query, with the lines y = -x (dashed) and y = x (decision).

    Args:
        panels: dict of title to (logits (N, 2), labels (N,)), row by row; for instance a row a model, train and
            test as columns, 400 points each.
        class_names: the two names.
        columns: panels in a row. Panels of a row share their limits.
        title: heading.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`. The title of each panel gives its accuracy.

    Raises:
        ValueError: for wrong shapes, NaN, or other than two class names.
    """
    if len(class_names) != 2:
        raise ValueError(f"class_names: expected 2 names, got {len(class_names)}; for more classes see plane_features")
    panels = {name: _panel(name, panel, class_names) for name, panel in checks.panels("panels", panels).items()}
    if columns < 1:
        raise ValueError(f"columns: expected at least 1, got {columns}")
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    styles = class_styles(np.concatenate([labels for _, labels in panels.values()]), class_names)
    figure = new_figure(max(PANEL * columns, 4.2), (PANEL + 0.3) * rows + 0.4)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.ravel()[len(panels) :]:
        axes.remove()
    items = list(panels.items())
    for i, row in enumerate(grid):
        _draw_row(row, items[i * columns : (i + 1) * columns], styles, class_names, font)
    heading(figure, title, font)
    lines = [(Line2D([], [], **SUM_LINE), "y = −x"), (Line2D([], [], **DECISION_LINE), "y = x, decision")]
    legend(figure, styles, lines, font)
    words = "".join([title, note, *panels, *map(str, class_names)])
    caption(figure, " ".join(filter(None, [WHY, note, glyph_note(words, font)])), font)
    return figure


def _panel(name, panel, class_names):
    if not isinstance(panel, (tuple, list)) or len(panel) != 2:
        raise ValueError(f"panels[{name!r}]: expected (logits, labels), got {type(panel).__name__}")
    logits = checks.matrix(f"panels[{name!r}] logits", panel[0], 2)
    return logits, checks.class_ids(f"panels[{name!r}] labels", panel[1], len(logits), class_names)


def _draw_row(row, items, styles, class_names, font):
    reach = 1.08 * max(np.abs(logits).max() for _, (logits, _) in items) or 1.0
    for axes, (name, (logits, labels)) in zip(row, items):
        _draw(axes, name, logits, labels, reach, styles, class_names, font)


def _draw(axes, name, logits, labels, reach, styles, class_names, font):
    scatter(axes, logits, labels, styles, size=3.5)
    ends = np.array([-reach, reach])
    axes.plot(ends, -ends, **SUM_LINE)
    axes.plot(ends, ends, **DECISION_LINE)
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    axes.locator_params(nbins=5)
    accuracy = (logits.argmax(axis=1) == labels).mean()
    along, across = (logits[:, 1] - logits[:, 0]).std(), logits.sum(axis=1).std()
    panel_title(axes, f"{name}\naccuracy {accuracy:.3f}", PANEL - 0.7, font)
    put_text(axes.set_xlabel(""), f"x, logit of {shorten(str(class_names[0]))}", font)
    put_text(axes.set_ylabel(""), f"y, logit of {shorten(str(class_names[1]))}", font)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    spread = f"std of y − x: {along:.2g}\nstd of x + y: {across:.2g}"
    axes.text(0.03, 0.03, spread, transform=axes.transAxes, va="bottom", fontsize=7, bbox=box)
