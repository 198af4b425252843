"""How several runs are told apart in one picture: a color, a line and a marker each, in a fixed order."""

from typing import NamedTuple

from matplotlib.lines import Line2D

from zoo.figures import checks
from zoo.figures.classes import legend


class RunStyle(NamedTuple):
    """How one run is drawn."""

    color: str
    line: object
    marker: str


# Okabe and Ito's colors: blue for the start, green and red for what comes of it; then the others.
RUNS = (
    RunStyle("#0072B2", "-", "o"),
    RunStyle("#009E73", (0, (5, 1.5)), "s"),
    RunStyle("#D55E00", (0, (5, 1.5, 1, 1.5)), "^"),
    RunStyle("#CC79A7", (0, (1.5, 1)), "D"),
    RunStyle("#E69F00", (0, (8, 2)), "v"),
    RunStyle("#56B4E9", (0, (4, 1, 1, 1, 1, 1)), "P"),
    RunStyle("#3A3A3A", (0, (2, 2)), "X"),
    RunStyle("#8C6D31", (0, (7, 1, 2, 1)), "*"),
)


def run_styles(name, runs, skip=0):
    """Return (dict of title to value, dict of title to RunStyle) of the dict `runs`, which errors call `name`.

    Args:
        name: what errors call the argument.
        runs: dict of title to what is drawn.
        skip: styles that are left out at the beginning.
    """
    runs = checks.panels(name, runs, len(RUNS) - skip)
    return runs, dict(zip(runs, RUNS[skip:]))


def run_legend(figure, styles, extra=(), marker=False, font="auto", names=None):
    """Write the legend of runs to the right of all panels; the figure grows by its width.

    Args:
        styles: dict of title to RunStyle.
        extra: pairs of (handle, `str`) that follow the runs.
        marker: whether runs are told apart by markers on a solid line, or by the line.
        names: dict of title to the text for it; the title where there is none.
    """
    entries = [
        (
            Line2D([], [], color=s.color, linestyle="-" if marker else s.line, marker=s.marker * marker, markersize=5),
            (names or {}).get(title, title),
        )
        for title, s in styles.items()
    ]
    legend(figure, [], [*entries, *extra], font)
