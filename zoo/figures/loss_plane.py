"""Losses on the triplet plane: what an anchor pays for its similarity to a positive and to a negative."""

from typing import NamedTuple

import numpy as np

from zoo.backends import compiled
from zoo.figures import checks
from zoo.figures.style import caption, heading, new_figure, panel_title, styled

PANEL = 2.5  # inches
DIAGONAL = {"color": "#3A3A3A", "linestyle": "--", "linewidth": 1}
GOAL = {"marker": "*", "markersize": 10, "color": "#1B1B1B", "clip_on": False, "linestyle": "none"}
CAPTION = (
    "One anchor with one positive and one negative, all of unit length. Lines: equal loss, {levels} levels from the "
    "lowest to the highest value of the panel, darker is higher. Arrows: the way down, as long as it is steep. Above "
    "the dashed line the negative is nearer than the positive. Star: the goal (1, 0)."
)


class Plane(NamedTuple):
    """A loss over similarities to a positive (columns) and to a negative (rows).

    Attributes:
        values: what the anchor pays (G, G).
        grid: the G similarities.
        slopes: derivatives by both similarities (A, A, 2), at `places`.
        places: the A similarities where the slopes were taken.
    """

    values: np.ndarray
    grid: np.ndarray
    slopes: np.ndarray
    places: np.ndarray


def loss_on_plane(loss, points=19, arrows=10, low=-0.2):
    """Evaluate a loss over a grid of similarities, from the loss itself; slopes are its differences.

    Args:
        loss: a `zoo.losses.Loss` on embeddings, class scores or two towers.
        points: points a side G.
        arrows: points a side A where the slope is taken.
        low: the lowest similarity; the highest is 1.

    Returns:
        `Plane`.

    Example:

    >>> import zoo
    >>> plane = zoo.figures.loss_on_plane(zoo.losses.get("batchhard", margin=0.2), points=4, arrows=2)
    >>> round(float(plane.values[-1, -1]), 3), plane.slopes.shape
    (0.2, (2, 2, 2))
    """
    grid = np.linspace(low, 1.0, points)
    places = np.linspace(low + 0.06, 0.94, arrows)
    value = _value_of(loss)
    slopes = [[_slope(value, np.array([ap, an])) for ap in places] for an in places]
    return Plane(np.array([[value(ap, an) for ap in grid] for an in grid]), grid, np.array(slopes), places)


def _slope(value, at, step=1e-3):
    """Derivatives by both similarities; at a jump, where anchors are left out, those of the side without it."""
    here, sides = value(*at), []
    for direction in np.eye(2) * step:
        up, down = value(*(at + direction)) - here, here - value(*(at - direction))
        sides.append(min(up, down, key=abs) / step)
    return sides


def _value_of(loss):
    """What the anchor alone, the first row of the batch, pays at two similarities: a function of them."""
    from keras import ops  # a picture of stored arrays needs no backend

    labels = np.array({"towers": [0, 1], "embeddings": [0, 0, 1]}.get(loss.takes, [0]))
    pay = compiled(lambda x: loss.checked_terms(labels, x).values[0])
    return lambda ap, an: float(ops.convert_to_numpy(pay(ops.convert_to_tensor(_batch(loss, ap, an)))))


def _batch(loss, ap, an):
    """A batch in which the anchor has these similarities to its positive and to its negative."""
    if loss.takes_scores:
        scores = np.array([[ap, an]])
        return scores if loss.takes in ("scores", "cosines") else np.stack([scores, np.ones_like(scores)], axis=2)
    up, side = np.sqrt(max(0.0, 1 - ap**2)), np.sqrt(max(0.0, 1 - an**2))
    anchor, positive, negative = np.array([[1, 0, 0, 0], [ap, up, 0, 0], [an, 0, side, 0]])
    if loss.takes == "towers":
        return np.array([[anchor, positive], [[0, 0, 0, 1], negative]], "float32")
    return np.stack([anchor, positive, negative])


@styled
def triplet_plane(panels, columns=4, levels=12, title="Losses on the triplet plane", note=""):
    """Draw the level lines and the downhill arrows of losses, a panel each.

    Args:
        panels: dict of title to `Plane`, as `loss_on_plane` returns it.
        columns: panels in a row.
        levels: level lines in a panel.
        title: heading.
        note: further sentence for the caption.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: wrong shapes or values that are not finite.

    Reference: Xuan et al. 2020, Hard negative examples are hard, but useful (the plane and its vector field).
    """
    panels = checks.panels("panels", panels)
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(PANEL * columns, (PANEL + 0.25) * rows + 0.4)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for i, axes in enumerate(grid.ravel()):
        if i >= len(panels):
            axes.remove()
    for i, (name, plane) in enumerate(panels.items()):
        axes = grid[i // columns, i % columns]
        checks.matrix(f"panels[{name!r}] values", plane.values, len(plane.grid))
        checks.matrix(f"panels[{name!r}] slopes", plane.slopes.reshape(len(plane.places), -1), 2 * len(plane.places))
        _draw(axes, plane, levels)
        panel_title(axes, name, PANEL - 0.5)
        if i + columns >= len(panels):
            axes.set_xlabel("similarity to the positive")
            axes.tick_params(labelbottom=True)
        if i % columns == 0:
            axes.set_ylabel("to the negative")
    heading(figure, title)
    caption(figure, " ".join(filter(None, [CAPTION.format(levels=levels), note])))
    return figure


def _draw(axes, plane, levels):
    low, high = plane.values.min(), plane.values.max()
    if high > low:
        lines = np.linspace(low, high, levels + 2)
        axes.contourf(plane.grid, plane.grid, plane.values, lines, cmap="Blues")
        axes.contour(plane.grid, plane.grid, plane.values, lines[1:-1], colors="#5A7FA6", linewidths=0.5)
    draw_arrows(axes, plane)
    ends = [plane.grid[0], plane.grid[-1]]
    axes.plot(ends, ends, **DIAGONAL)
    axes.plot([1], [0], **GOAL)
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    axes.grid(False)


def draw_arrows(axes, plane, width=0.008, color="#B4451F"):
    """Draw the way down of a `Plane` as arrows, as long as it is steep; `width` is a share of that of the axes."""
    steepness = np.sort(np.linalg.norm(plane.slopes, axis=2), axis=None)
    # The steepest points may lie on a jump, where a loss starts to leave anchors out: cut there, not shrink the rest.
    longest = steepness[int(0.9 * len(steepness))] or steepness[-1] or 1.0
    down = -plane.slopes / longest
    down /= np.maximum(np.linalg.norm(down, axis=2, keepdims=True), 1.0)
    return axes.quiver(
        plane.places, plane.places, down[..., 0], down[..., 1],
        angles="xy", scale_units="xy", scale=1 / 0.13, width=width, color=color, pivot="mid",
    )  # fmt: skip
