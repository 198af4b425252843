"""A map of embeddings by t-SNE, with a color for each class."""

from typing import NamedTuple

import numpy as np

from zoo import errors
from zoo.figures import checks
from zoo.figures.classes import class_styles, legend, scatter
from zoo.figures.fonts import glyph_note
from zoo.figures.style import caption, heading, new_figure, panel_title, styled
from zoo.neighbors.exact import Gallery

MOST_PANELS = 4
PANEL = 3.6  # inches
COMPONENTS = 50  # to which PCA takes the embeddings before t-SNE
ABOUT = (
    "t-SNE keeps neighbors together. The distance between two clusters, their size and their density mean nothing, nor "
    "do the axes."
)


class TsneMap(NamedTuple):
    """Embeddings in the plane.

    Attributes:
        points: float64 [n, 2].
        rows: which embeddings they are, rising, int64 [n].
        perplexity: the number of neighbors that t-SNE aimed at.
    """

    points: np.ndarray
    rows: np.ndarray
    perplexity: float


def fit_tsne(embeddings, most=5000, seed=0, start=None):
    """Lay out embeddings in the plane by t-SNE on unit vectors, after PCA to 50 dimensions.

    The distance of unit vectors orders pairs as the cosine does. Perplexity: min(30, (n - 1) / 3).

    Args:
        embeddings: real numbers [N, D], N at least 4 and D at least 2.
        most: embeddings that are laid out; beyond it they are sampled, the same for the same `seed`.
        seed: of that choice and of t-SNE.
        start: positions to start from [n, 2], such as the points of another model's map of the same items, so that the
            two maps can be compared; the new one is then turned to lie like it. Left out, the first two principal
            components.

    Returns:
        `TsneMap`. Where all embeddings are equal, all points are at the origin.

    Raises:
        ValueError: for other shapes, NaN and infinity.

    Example:

    >>> import zoo
    >>> zoo.figures.fit_tsne(np.random.default_rng(0).normal(size=(40, 8))).points.shape
    (40, 2)

    Reference: van der Maaten, Hinton 2008, "Visualizing data using t-SNE".
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    rows = checks.matrix("embeddings", embeddings)
    if len(rows) < 4 or rows.shape[1] < 2:
        raise ValueError(f"embeddings: expected at least 4 rows and 2 columns, got shape {rows.shape}")
    chosen = np.sort(np.random.default_rng(seed).permutation(len(rows))[: errors.whole("most", most, 4)])
    x = Gallery(rows[chosen], "cosine", name="embeddings").rows
    perplexity = min(30.0, (len(x) - 1) / 3)
    if np.ptp(x, axis=0).max() == 0:  # scikit-learn would divide by a deviation of zero
        return TsneMap(np.zeros((len(x), 2)), chosen, perplexity)
    if min(x.shape) > COMPONENTS:
        solver = "covariance_eigh" if len(x) > x.shape[1] else "full"  # both exact; each quick on its side
        x = PCA(COMPONENTS, svd_solver=solver).fit_transform(x)
    first = "pca"
    if start is not None:
        start = _checked_start(start, len(x))
        first = 1e-4 * start / (start[:, 0].std() or 1.0)  # as small as scikit-learn makes its own
    found = TSNE(perplexity=perplexity, init=first, random_state=seed).fit_transform(x).astype(np.float64)
    return TsneMap(found if start is None else _turned(found, start), chosen, perplexity)


def _checked_start(start, count):
    start = checks.matrix("start", start, 2)
    if len(start) != count:
        raise ValueError(f"start: expected {count} positions, one an embedding that is laid out, got {len(start)}")
    return start


def _turned(points, like):
    """Points turned and mirrored so that they lie as near to `like` as they can, which changes no distance."""
    points = points - points.mean(axis=0)
    left, _, right = np.linalg.svd(points.T @ (like - like.mean(axis=0)))
    return points @ left @ right


@styled
def tsne_map(panels, labels, class_names=None, title="t-SNE", note="", font="auto"):
    """Draw maps of embeddings with a color and a marker for each class.

    Args:
        panels: dict of title to `TsneMap`, as `fit_tsne` returns it, at most 4.
        labels: class ids or class names of all embeddings [N], or a dict of these with the same keys.
        class_names: list of `str`; the ids or names themselves if left out. The 20 largest classes have a color.
        title: heading.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: for other panels, or labels that do not fit.

    Example:

    >>> import zoo
    >>> labels = np.arange(40) % 2
    >>> found = zoo.figures.fit_tsne(np.random.default_rng(0).normal(size=(40, 8)) + 5 * labels[:, None])
    >>> figure = zoo.figures.tsne_map({"test": found}, labels, ["rose", "lily"])
    >>> [text.get_text() for text in figure.legends[0].get_texts()]
    ['rose', 'lily']
    """
    panels = checks.panels("panels", panels, MOST_PANELS)
    names, ids = _classes(panels, labels, class_names)
    styles = class_styles(np.concatenate(list(ids.values())), names)
    columns = 2 if len(panels) == 4 else len(panels)
    rows = -(-len(panels) // columns)
    figure = new_figure(max(PANEL * columns, 4.2), (PANEL + 0.2) * rows + 0.4)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, panel) in zip(grid, panels.items()):
        scatter(axes, panel.points, ids[name], styles, size=float(np.clip(140 / len(panel.points) ** 0.5, 2.5, 6)))
        panel_title(axes, name, PANEL - 0.5, font)
        axes.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim", xlabel="t-SNE 1", ylabel="t-SNE 2")
        axes.margins(0.04)
    heading(figure, title, font)
    legend(figure, styles, font=font)
    said = "; ".join(f"{name}: {len(p.points):,} items, perplexity {p.perplexity:.3g}" for name, p in panels.items()) + "."
    words = "".join([title, note, *panels, *(style.name for style in styles)])
    caption(figure, " ".join(filter(None, [ABOUT, said, note, glyph_note(words, font)])), font)
    return figure


def _classes(panels, labels, class_names):
    """Class names, and the ids of the points of each panel."""
    given = labels if isinstance(labels, dict) else dict.fromkeys(panels, labels)
    flat = {}
    for name, panel in panels.items():
        if not isinstance(panel, TsneMap):
            raise ValueError(f"panels[{name!r}]: expected a TsneMap, got {type(panel).__name__}; fit_tsne makes it")
        if name not in given:
            raise ValueError(f"labels: expected a dict with the keys of panels, got none for {name!r}")
        flat[name] = np.asarray(given[name]).reshape(-1)
        if len(flat[name]) <= panel.rows.max():
            raise ValueError(f"labels: expected one a row of the embeddings, got {len(flat[name])} for {name!r}")
        flat[name] = flat[name][panel.rows]
    if class_names is None:
        class_names = np.unique(np.concatenate([values.astype(str) for values in flat.values()]))
        flat = {name: values.astype(str) for name, values in flat.items()}
    names = [str(name) for name in class_names]
    return names, {name: checks.class_ids("labels", values, len(values), names) for name, values in flat.items()}
