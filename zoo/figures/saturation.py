"""How often each gate of each unit is wide open or shut, over many queries (Karpathy, Johnson and Li, 2015)."""

import numpy as np

from zoo.figures import checks
from zoo.figures.classes import COLORS
from zoo.figures.fonts import glyph_note
from zoo.figures.gates import GATES
from zoo.figures.style import caption, heading, new_figure, panel_title, styled

PANEL = 2.7  # inches


def gate_saturation(gates_of_queries, low=0.1, high=0.9):
    """Return for each unit the share of all characters at which its gate is above `high`, and below `low`.

    Args:
        gates_of_queries: list over queries of what `bidirectional_gates` returns, arrays (T, units); T may differ.
        low: gate value below which a gate counts as shut.
        high: gate value above which a gate counts as open.

    Returns:
        dict of gate to array (units, 2): share open, share shut.

    Raises:
        ValueError: for no queries, and for bounds that are not 0 <= low <= high <= 1.
    """
    if not len(gates_of_queries):
        raise ValueError("gates_of_queries: expected the gates of at least one query, got none")
    if not 0 <= low <= high <= 1:
        raise ValueError(f"low, high: expected 0 <= low <= high <= 1, got {low} and {high}")
    result = {}
    for gate in GATES:
        values = np.concatenate(
            [checks.matrix(f"gates_of_queries[{i}]", g[gate]) for i, g in enumerate(gates_of_queries)]
        )
        result[gate] = np.stack([(values > high).mean(axis=0), (values < low).mean(axis=0)], axis=1)
    return result


@styled
def saturation_plane(saturation_by_model, low=0.1, high=0.9, title="How often each gate is open or shut", font="auto"):
    """Draw one dot a unit: share of characters with the gate open against the share with it shut.

    Args:
        saturation_by_model: dict of model name to what `gate_saturation` returns; a row a model, a column a gate.
        low: as given to `gate_saturation`; stated on the axis.
        high: as given to `gate_saturation`; stated on the axis.
        title: heading.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: for missing gates, wrong shapes, or shares outside 0 to 1.
    """
    models = checks.panels("saturation_by_model", saturation_by_model)
    figure = new_figure(PANEL * len(GATES) + 0.3, PANEL * len(models) + 0.6)
    grid = figure.subplots(len(models), len(GATES), squeeze=False, sharex=True, sharey=True)
    for row, (name, saturation) in zip(grid, models.items()):
        for axes, gate in zip(row, GATES):
            where = f"saturation_by_model[{name!r}][{gate!r}]"
            shares = checks.matrix(where, saturation.get(gate), 2)
            if shares.min() < 0 or shares.max() > 1:
                raise ValueError(f"{where}: expected shares from 0 to 1, got some outside; see gate_saturation")
            axes.plot(
                *shares.T, linestyle="none", marker="o", markersize=4, markeredgewidth=0, alpha=0.5, color=COLORS[0]
            )
            axes.plot([0, 1], [1, 0], color="#8A8A8A", linewidth=0.8)
            axes.set(xlim=(-0.04, 1.04), ylim=(-0.04, 1.04), aspect="equal")
            panel_title(axes, f"{name}\n{gate} gate", PANEL - 0.5, font)
    for axes in grid[-1]:
        axes.set_xlabel(f"share of characters, gate > {high:g}")
    for axes in grid[:, 0]:
        axes.set_ylabel(f"share, gate < {low:g}")
    heading(figure, title, font)
    about = "One dot a unit, forward and backward. On the diagonal a gate is always open or shut, at the origin never."
    caption(figure, " ".join(filter(None, [about, glyph_note("".join([title, *models]), font)])), font)
    return figure
