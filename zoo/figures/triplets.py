"""The triplet scatter: each item's nearest of its own class against its nearest of another class."""

import pathlib

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from zoo import errors
from zoo.figures import checks
from zoo.figures.animate import figure_png, save_gif, save_html
from zoo.figures.classes import legend, shorten
from zoo.figures.fonts import glyph_note
from zoo.figures.loss_plane import DIAGONAL, GOAL, Plane, draw_arrows, loss_on_plane
from zoo.figures.style import caption, heading, new_figure, panel_title, styled
from zoo.metrics.triplets import TripletPoints

MOST_PANELS = 4
PANEL = 3.3  # inches
RIGHT, WRONG, BAND, ARROW = "#0072B2", "#D55E00", "#F2E6B1", "#1B1B1B"
ARC = {"color": "#7A7A7A", "linestyle": ":", "linewidth": 1.2}
ABOUT = (
    "Each dot is one item: its cosine to the nearest item of its own class (right) and of another class (up), itself left "
    "out. Above the dashed line the nearest neighbor is of another class. Shaded: semi-hard negatives, {band}. "
    "The dotted arc lies at distance 1 from the goal."
)


@styled
def triplet_scatter(
    panels, epoch=None, margin=None, arrows=None, low=None, most=5000, seed=0, title="Triplet scatter", note="", font="auto"
):
    """Draw the nearest positive and the nearest negative of every item, train and test side by side.

    Args:
        panels: dict of title to `zoo.metrics.TripletPoints`, at most 4; for instance "train" and "test".
        epoch: number or `str` for the heading; 0 is the untrained state. Left out where it is `None`.
        margin: width of the semi-hard band, as a difference of cosines; a margin on squared distances of unit vectors is
            twice that. `None` for the whole triangle below the diagonal, as EPSHN has it.
        arrows: a loss, or its `Plane` from `loss_on_plane`, whose way down is drawn; or `None`.
        low: lowest similarity on both axes; the highest is 1. Left out, -0.2 or the lowest value.
        most: dots in a panel; beyond it they are sampled, the same items for the same `seed`.
        seed: of that choice.
        title: heading; the epoch follows.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`. The title of a panel gives its Recall@1, of all its items, with the 95 % interval.

    Raises:
        ValueError: for other panels, more than 4 of them, or numbers out of range.

    Example:

    >>> import zoo
    >>> points = zoo.metrics.triplet_points(np.eye(3)[[0, 0, 1, 1, 2]], [0, 0, 1, 1, 1])
    >>> figure = zoo.figures.triplet_scatter({"test": points}, epoch=3)
    >>> figure.axes[0].get_title("left")
    'test\\nRecall@1 0.800 [0.376, 0.964]'

    Reference: Liu, Xuan, Zhang, Stylianou, Pless 2019, "Visualizing How Embeddings Generalize" (arXiv 1909.07464).
    """
    panels = _checked(panels)
    low = _low(panels.values(), low)
    arrows = _arrows(arrows, low)
    figure = new_figure(PANEL * len(panels), PANEL + 0.7)
    grid = figure.subplots(1, len(panels), squeeze=False)[0]
    said = []
    for axes, (name, points) in zip(grid, panels.items()):
        chosen = np.random.default_rng(seed).permutation(len(points.rows))[: errors.whole("most", most)]
        _draw(axes, points, chosen, low, margin, arrows)
        panel_title(axes, f"{name}\nRecall@1 {points.recall}", PANEL - 0.3, font)
        said.append(_counts(name, points, chosen, low))
    grid[0].set_ylabel("similarity to the nearest of another class")
    heading(figure, title + ("" if epoch is None else f"\n{_moment(epoch)}"), font)
    legend(figure, [], _entries(arrows), font)
    band = "less similar than the positive" + ("" if margin is None else f", by less than {margin:g}")
    about = [ABOUT.format(band=band), "Arrows: the way down of the loss, as long as it is steep." if arrows else ""]
    words = "".join([title, note, *panels])
    caption(figure, " ".join(filter(None, [*about, *said, note, glyph_note(words, font)])), font)
    return figure


def _checked(panels):
    panels = checks.panels("panels", panels, MOST_PANELS)
    for name, points in panels.items():
        if not isinstance(points, TripletPoints):
            raise ValueError(
                f"panels[{name!r}]: expected TripletPoints, got {type(points).__name__}; "
                "zoo.metrics.triplet_points makes them"
            )
    return panels


def _moment(epoch):
    """What a frame is called: `epoch 3`, or a name as it is."""
    return f"epoch {epoch}" if str(epoch).isdigit() else shorten(str(epoch))


def _low(many, low):
    """The lowest similarity on the axes: what was given, or all values in steps of 0.05."""
    if low is not None:
        return errors.number("low", low, -1.0, 0.99)
    values = min(min(points.own.min(), points.other.min()) for points in many)
    return float(min(-0.2, np.floor(values * 20) / 20))


def _arrows(arrows, low):
    return arrows if arrows is None or isinstance(arrows, Plane) else loss_on_plane(arrows, points=2, low=low)


def _draw(axes, points, chosen, low, margin, arrows):
    ends = np.array([low, 1.0])
    below = np.full(2, low) if margin is None else ends - errors.number("margin", margin, 0.0, 2.0)
    axes.fill_between(ends, below, ends, color=BAND, linewidth=0, zorder=0.5)
    turn = np.linspace(np.pi / 2, 3 * np.pi / 2, 100)
    axes.plot(1 + np.cos(turn), np.sin(turn), **ARC)
    axes.plot(ends, ends, **DIAGONAL)
    x, y = points.own[chosen], points.other[chosen]
    axes.scatter(
        x, y, c=np.where(points.right[chosen], RIGHT, WRONG), s=float(np.clip(9000 / len(chosen), 2.5, 14)),
        alpha=0.6, linewidths=0, zorder=2, clip_on=bool(min(x.min(), y.min()) < low),
    )  # fmt: skip
    if arrows is not None:
        draw_arrows(axes, arrows, 0.006, ARROW).set_zorder(3)
    axes.plot([1], [0], **GOAL, zorder=4)
    axes.set(xlim=ends, ylim=ends, aspect="equal", xlabel="similarity to the nearest of its class")
    axes.locator_params(nbins=6)


def _entries(arrows):
    """Handles and names of the legend."""
    dot = {"linestyle": "none", "marker": "o", "markersize": 5}
    goal = {key: value for key, value in GOAL.items() if key != "clip_on"}
    entries = [
        (Line2D([], [], color=RIGHT, **dot), "nearest is of its class"),
        (Line2D([], [], color=WRONG, **dot), "nearest is of another class"),
        (Patch(color=BAND), "semi-hard negatives"),
        (Line2D([], [], **goal), "goal (1, 0)"),
        (Line2D([], [], **ARC), "distance 1 from the goal"),
    ]
    return entries + [(Line2D([], [], color=ARROW), "way down of the loss")] * (arrows is not None)


def _counts(name, points, chosen, low):
    total = len(points.rows) + points.singletons
    text = f"{name}: {len(chosen):,} dots of {total:,} items, {points.singletons:,} without another one of their class"
    outside = int(np.count_nonzero(np.minimum(points.own[chosen], points.other[chosen]) < low))
    return text + (f", {outside:,} dots outside the axes." if outside else ".")


def animate_triplets(history, path, epochs=None, margin=None, arrows=None, low=None, most=5000, seed=0, fps=3,
                     title="Triplet scatter", note="", font="auto"):  # fmt: skip
    """Write PATH.gif and PATH.html: the triplet scatter of every epoch, the same items and axes in all frames.

    Args:
        history: dict of panel title to a list over epochs of `zoo.metrics.TripletPoints` of the same items, the
            untrained state first.
        path: of the files, without their ending.
        epochs: one label a frame; 0, 1, 2, ... if left out.
        margin, arrows, most, seed, title, note, font: as in `triplet_scatter`.
        low: lowest similarity on the axes; left out, -0.2 or the lowest value of all epochs.
        fps: frames a second; the last one stays for two seconds.

    Returns:
        The two `pathlib.Path`s, GIF and HTML.

    Raises:
        ValueError: naming the panel, for different numbers of epochs or other items in one of them.
        OSError: when a file cannot be written.

    Example:

    >>> import zoo
    >>> x, labels = np.eye(3)[[0, 0, 1, 1, 2]], [0, 0, 1, 1, 1]
    >>> steps = [zoo.metrics.triplet_points(x + shift, labels) for shift in (1.0, 0.0)]
    >>> [file.name for file in zoo.figures.animate_triplets({"test": steps}, "scatter", epochs=["untrained", 1])]
    ['scatter.gif', 'scatter.html']
    """
    history = checks.panels("history", history, MOST_PANELS)
    frames = _frames(history)
    epochs = [str(epoch) for epoch in (range(len(frames)) if epochs is None else epochs)]
    if len(epochs) != len(frames):
        raise ValueError(f"epochs: expected {len(frames)}, one a frame, got {len(epochs)}")
    low = _low([points for panels in frames for points in panels.values()], low)
    arrows = _arrows(arrows, low)
    pngs = [
        figure_png(triplet_scatter(panels, epoch, margin, arrows, low, most, seed, title, note, font))
        for panels, epoch in zip(frames, epochs)
    ]
    gif = save_gif(pngs, pathlib.Path(f"{path}.gif"), fps=fps)
    about = f"{title}: similarity to the nearest of another class over that to the nearest of its class, "
    about += ", ".join(history)
    return gif, save_html(pngs, pathlib.Path(f"{path}.html"), [_moment(e) for e in epochs], title, about, fps)


def _frames(history):
    """A dict of panels for each epoch."""
    lengths = {name: len(steps) for name, steps in history.items()}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        raise ValueError(f"history: expected the same number of epochs, at least one, for each panel, got {lengths}")
    frames = [_checked({name: steps[i] for name, steps in history.items()}) for i in range(max(lengths.values()))]
    for i, panels in enumerate(frames):
        for name, points in panels.items():
            if not np.array_equal(points.rows, frames[0][name].rows):
                raise ValueError(
                    f"history[{name!r}][{i}]: expected the items of epoch 0, got others; "
                    "measure the same items in each epoch"
                )
    return frames
