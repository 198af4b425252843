"""A two-dimensional feature layer, points by class, with the direction of each class' weights (Liu et al., 2016)."""

import numpy as np
from matplotlib.lines import Line2D

from zoo.figures import checks
from zoo.figures.classes import class_styles, legend, scatter
from zoo.figures.fonts import glyph_note
from zoo.figures.style import caption, heading, new_figure, panel_title, styled

ABOUT = "Each dot is one item in the two-dimensional layer before the logits; the axes have the same scale."
RAYS = (
    "A ray is the direction of a class' weight vector, in the color of the class; its length means nothing. "
    "Nearer to a class' ray, and farther out along it, is a larger logit."
)
PANEL = 3.4  # inches


@styled
def plane_features(features, labels, class_names, weights=None, title="Two-dimensional features", note="", font="auto"):
    """Draw features of two dimensions by class, with class weight directions as rays from the origin.

    Args:
        features: (N, 2), or a dict of panel title to such an array.
        labels: class ids or class names (N,), or a dict with the same keys.
        class_names: list of `str`, C of them, shared by all panels.
        weights: kernel of the layer that makes the logits, (2, C), or a dict with the same keys, or `None`.
        title: heading.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: for wrong shapes, NaN, ids without a name, or dicts with different keys.

    Reference: Liu, Wen, Yu, Yang, Large-Margin Softmax Loss for Convolutional Neural Networks, 2016.
    """
    panels = _panels(features, labels, weights, class_names)
    columns = 2 if len(panels) == 4 else min(len(panels), 3)
    rows = -(-len(panels) // columns)
    styles = class_styles(np.concatenate([ids for _, ids, _ in panels.values()]), class_names)
    figure = new_figure(max(PANEL * columns, 4.2), (PANEL + 0.1) * rows + 0.4)
    all_axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in all_axes[len(panels) :]:
        axes.remove()
    for axes, (name, panel) in zip(all_axes, panels.items()):
        _draw(axes, *panel, styles)
        panel_title(axes, name, PANEL - 0.6, font)
    heading(figure, title, font)
    with_rays = any(kernel is not None for *_, kernel in panels.values())
    ray = [(Line2D([], [], color="#3A3A3A", linewidth=2), "class weights")] if with_rays else []
    legend(figure, styles, ray, font)
    words = "".join([title, note, *panels, *(style.name for style in styles)])
    about = [ABOUT, RAYS] if with_rays else [ABOUT]
    caption(figure, " ".join(filter(None, [*about, note, glyph_note(words, font)])), font)
    return figure


def _panels(features, labels, weights, class_names):
    single = not isinstance(features, dict)
    if single:
        features, labels, weights = {"": features}, {"": labels}, {"": weights}
    weights = dict.fromkeys(features) if weights is None else weights
    panels = {}
    for title in checks.panels("features", features):
        for name, value in (("labels", labels), ("weights", weights)):
            if not isinstance(value, dict) or title not in value:
                raise ValueError(f"{name}: expected a dict with the keys of features, got none for {title!r}")
        where = "" if single else f"[{title!r}]"
        points = checks.matrix(f"features{where}", features[title], 2)
        ids = checks.class_ids(f"labels{where}", labels[title], len(points), class_names)
        panels[title] = points, ids, _kernel(f"weights{where}", weights[title], class_names)
    return panels


def _kernel(name, kernel, class_names):
    if kernel is None:
        return None
    kernel = checks.matrix(name, kernel)
    if kernel.shape != (2, len(class_names)):
        raise ValueError(f"{name}: expected shape (2, {len(class_names)}), a column a class, got {kernel.shape}")
    return kernel


def _draw(axes, points, ids, kernel, styles):
    reach = 1.08 * np.abs(points).max() or 1.0
    scatter(axes, points, ids, styles, size=3.5)
    axes.axhline(0, color="#B0B0B0", linewidth=0.7, zorder=1)
    axes.axvline(0, color="#B0B0B0", linewidth=0.7, zorder=1)
    lengths = 0 if kernel is None else np.linalg.norm(kernel, axis=0)
    for style in styles:
        for i in style.ids:
            if kernel is not None and lengths[i] > 0:
                end = 0.95 * reach * kernel[:, i] / lengths[i]
                for color, width in (("white", 4.5), (style.color, 2.2)):  # a white rim, or dots swallow the ray
                    axes.plot([0, end[0]], [0, end[1]], color=color, linewidth=width, solid_capstyle="round", zorder=3)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="feature 1", ylabel="feature 2")
    axes.locator_params(nbins=5)
