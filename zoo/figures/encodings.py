"""PCA of encodings over the epochs: one fixed projection a model, fixed limits, one frame an epoch.

A projection fitted anew at each epoch would turn and flip between frames; here it is fitted once, on the
final epoch, and the limits hold for all epochs.
"""

import pathlib
from typing import NamedTuple

import numpy as np
from sklearn.decomposition import PCA

from zoo.figures import checks
from zoo.figures.animate import figure_png, save_gif, save_html
from zoo.figures.classes import class_styles, legend, scatter, shorten
from zoo.figures.fonts import glyph_note
from zoo.figures.style import caption, heading, new_figure, panel_title, styled

MOST_PANELS = 6
PANEL = 3.1  # inches
LIMITS_NOTE = (
    "Each panel: one PCA fitted on the final epoch, the same for every epoch; the share of the final epoch's variance "
    "is on the axes. Limits: 1 to 99 % quantiles over all epochs plus 10 %."
)


class Projection(NamedTuple):
    """A fixed linear map to the plane: (x - mean) @ axes; `explained` is each axis' share of the variance."""

    mean: np.ndarray  # (D,)
    axes: np.ndarray  # (D, 2)
    explained: tuple

    def transform(self, encodings):
        """Return encodings (M, D) as points (M, 2)."""
        encodings = checks.matrix("encodings", encodings, columns=len(self.mean))
        return (encodings - self.mean) @ self.axes


def fit_projection(encodings):
    """Fit the one PCA of a model on the encodings of its final epoch.

    Args:
        encodings: (M, D), M and D at least 2.

    Returns:
        Projection. Where all encodings are equal (collapse) its explained shares are 0.

    Raises:
        ValueError: for other shapes, NaN and infinity.
    """
    encodings = checks.matrix("encodings", encodings)
    if min(encodings.shape) < 2:
        raise ValueError(f"encodings: expected at least 2 rows and 2 columns, got shape {encodings.shape}")
    if np.ptp(encodings, axis=0).max() == 0:  # sklearn would divide by a variance of zero
        return Projection(encodings.mean(axis=0), np.eye(encodings.shape[1], 2), (0.0, 0.0))
    solver = "covariance_eigh" if len(encodings) > encodings.shape[1] else "full"  # both exact; each quick on its side
    pca = PCA(n_components=2, svd_solver=solver).fit(encodings)
    return Projection(pca.mean_, pca.components_.T, tuple(float(share) for share in pca.explained_variance_ratio_))


def fixed_limits(points_by_epoch):
    """Return ((x low, x high), (y low, y high)): 1 to 99 % quantiles over all epochs, plus 10 % on each side.

    Args:
        points_by_epoch: list of (M, 2) arrays.
    """
    points = np.concatenate([checks.matrix("points_by_epoch", points, 2) for points in points_by_epoch])
    low, high = np.quantile(points, (0.01, 0.99), axis=0)
    room = np.maximum(0.1 * (high - low), 1e-3 * np.abs(points).max() or 1.0)  # all points in one place: not zero wide
    return tuple((float(a), float(b)) for a, b in zip(low - room, high + room))


@styled
def encoding_frame(
    panels, labels, class_names, epoch, limits, explained=None, title="Encodings by PCA", note="", font="auto"
):
    """Draw one epoch: a panel a model, points colored by class.

    Args:
        panels: dict of title to points (M, 2), at most 6.
        labels: class ids (M,), or class names.
        class_names: list of `str`, one a class id.
        epoch: number or `str`, for the heading; 0 is the untrained state.
        limits: dict of title to what `fixed_limits` returns.
        explained: dict of title to the two shares of a Projection; on the axes if given.
        title: heading, the epoch follows.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: for wrong shapes, NaN, ids without a name, more than 6 panels, or a panel without limits.
    """
    panels = {
        name: checks.matrix(f"panels[{name!r}]", p, 2)
        for name, p in checks.panels("panels", panels, MOST_PANELS).items()
    }
    for name in panels:
        if name not in limits:
            raise ValueError(f"limits: expected an entry for each of panels, got none for {name!r}; see fixed_limits")
    ids = {name: checks.class_ids("labels", labels, len(points), class_names) for name, points in panels.items()}
    styles = class_styles(next(iter(ids.values())), class_names)
    columns = len(panels) if len(panels) <= 3 else -(-len(panels) // 2)
    rows = -(-len(panels) // columns)
    figure = new_figure(max(PANEL * columns, 4.2), PANEL * rows + 0.5)
    all_axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in all_axes[len(panels) :]:
        axes.remove()
    for axes, (name, points) in zip(all_axes, panels.items()):
        scatter(axes, points, ids[name], styles, size=2.6 if len(points) > 800 else 4)
        _label_axes(axes, name, limits[name], explained, font)
    # a line of its own for the epoch, or a longer number could wrap the title and change the frame's size;
    # before the legend widens the figure, because they share the top
    heading(figure, f"{title}\nepoch {shorten(str(epoch))}", font)
    legend(figure, styles, font=font)
    words = "".join([title, note, *panels, *(style.name for style in styles)])
    caption(figure, " ".join(filter(None, [LIMITS_NOTE, note, glyph_note(words, font)])), font)
    return figure


def _label_axes(axes, name, limits, explained, font):
    panel_title(axes, name, PANEL - 0.5, font)
    axes.set(xlim=limits[0], ylim=limits[1])
    axes.locator_params(nbins=5)
    shares = (explained or {}).get(name)
    for i, set_label in enumerate((axes.set_xlabel, axes.set_ylabel)):
        set_label(f"component {i + 1}" + (f" ({_percent(shares[i])})" if shares else ""))


def _percent(share):
    return "<1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"


def animate_encodings(history, labels, path, epochs=None, class_names=None, per_class=2000, seed=0, fps=2,
                      title="Encodings by PCA", note="", font="auto"):  # fmt: skip
    """Write PATH.gif and PATH.html: the encodings of every model, one frame an epoch.

    Args:
        history: dict of model name to a list over epochs of encodings (M, D), the untrained state first.
        labels: class ids (M,), or class names.
        path: of the files, without their ending.
        epochs: one label a frame; 0, 1, 2, ... if left out.
        class_names: list of `str`; the class ids or names themselves if left out.
        per_class: points of each class that are drawn, chosen by `seed`; the fit uses all.
        seed: of that choice; the same points in every frame.
        fps: frames a second.
        title: heading.
        note: further sentence for the caption.
        font: as in `encoding_frame`.

    Returns:
        The two `pathlib.Path`s, GIF and HTML.

    Raises:
        ValueError: naming the model and epoch, for NaN or wrong shapes, or models with different numbers of epochs.
        OSError: when a file cannot be written.
    """
    history = _checked_history(history)
    frames = len(next(iter(history.values())))
    epochs = [str(epoch) for epoch in (range(frames) if epochs is None else epochs)]
    if len(epochs) != frames:
        raise ValueError(f"epochs: expected {frames}, one a frame, got {len(epochs)}")
    labels, names = _classes(labels, class_names, rows=len(next(iter(history.values()))[0]))
    chosen = _choose(labels, per_class, seed)
    points, limits, explained = _project(history, chosen)
    pngs = []
    for i, epoch in enumerate(epochs):
        panels = {name: steps[i] for name, steps in points.items()}
        figure = encoding_frame(panels, labels[chosen], names, epoch, limits, explained, title, note, font)
        pngs.append(figure_png(figure))
    gif = save_gif(pngs, pathlib.Path(f"{path}.gif"), fps=fps)
    about = f"{title}: scatter plots of {len(chosen)} points by class for {', '.join(history)}"
    return gif, save_html(pngs, pathlib.Path(f"{path}.html"), [f"epoch {e}" for e in epochs], title, about, fps)


def _checked_history(history):
    history = checks.panels("history", history, MOST_PANELS)
    lengths = {name: len(steps) for name, steps in history.items()}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        raise ValueError(f"history: expected the same number of epochs, at least one, for each model, got {lengths}")
    history = {
        name: [checks.matrix(f"history[{name!r}][{i}]", x) for i, x in enumerate(steps)]
        for name, steps in history.items()
    }
    rows = {len(x) for steps in history.values() for x in steps}
    if len(rows) > 1:
        raise ValueError(f"history: expected the same items in every epoch of every model, got {sorted(rows)} rows")
    return history


def _classes(labels, class_names, rows):
    if class_names is None:
        class_names, labels = np.unique(labels, return_inverse=True)
    names = [str(name) for name in class_names]
    return checks.class_ids("labels", labels, rows, names), names


def _project(history, chosen):
    fits = {name: fit_projection(steps[-1]) for name, steps in history.items()}
    points = {name: [fits[name].transform(x)[chosen] for x in steps] for name, steps in history.items()}
    limits = {name: fixed_limits(steps) for name, steps in points.items()}
    return points, limits, {name: fit.explained for name, fit in fits.items()}


def _choose(labels, per_class, seed):
    if per_class < 1:
        raise ValueError(f"per_class: expected at least 1, got {per_class}")
    order = np.random.default_rng(seed).permutation(len(labels))
    return np.sort(np.concatenate([order[labels[order] == c][:per_class] for c in np.unique(labels)]))
