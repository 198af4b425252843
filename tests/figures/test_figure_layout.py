"""Pictures of measured embeddings: nothing is cut off, nothing covers anything, Chinese is drawn or said to be missing."""

import warnings

import numpy as np
import pytest

import zoo
from zoo import figures, metrics
from zoo.figures.fonts import NO_FONT, find_cjk_font
from zoo.figures.tsne import TsneMap

RANDOM = np.random.default_rng(0)
LABELS = np.arange(60) % 12
X = RANDOM.normal(size=(12, 8))[LABELS] + 0.5 * RANDOM.normal(size=(60, 8))
RUNS = ["起点", "a run of quite a long name, second order", "$第二$"]
IMAGES = np.zeros((60, 9, 9), "uint8")
TEXT = {"title": "三元组 of embeddings " * 5, "note": "一句话 " * 30}


def draw(name, font):
    points, names = metrics.triplet_points(X, LABELS), np.array([f"类 {label} of flowers" for label in LABELS])
    look = {**TEXT, "font": font}
    nearest, similarity = zoo.neighbors.knn(X[:3], X, 4, exclude=np.arange(3))
    chosen = [0, 7, 9, 11, 13]
    path = metrics.follow_triplets([X[::-1], X, X * [1] * 8], LABELS, chosen)
    pruned = metrics.recall_by_dims(X, X, LABELS)
    tsne = TsneMap(X[:, :2], np.arange(60), 5.0)
    scores = {"花": dict.fromkeys(RUNS, (0.5, 0.4, 0.7)), "b": {"x": (0.1, 0, 1)}}
    return {
        "triplet_scatter": lambda: figures.triplet_scatter({"训练": points, "test": points}, "未训练", **look),
        "triplet_paths": lambda: figures.triplet_paths(dict.fromkeys(RUNS, path), names[chosen], IMAGES[:5], **look),
        "distance_histogram": lambda: figures.distance_histogram(dict.fromkeys(RUNS, points), **look),
        "similarity_histograms": lambda: figures.similarity_histograms(
            dict.fromkeys(RUNS, metrics.similarity_counts(X, LABELS)), **look
        ),
        "tsne_map": lambda: figures.tsne_map({"训练": tsne, "test": tsne}, names, **look),
        "neighbor_sheet": lambda: figures.neighbor_sheet(IMAGES, names, [0, 1, 2], nearest, similarity=similarity, **look),
        "spectrum_curves": lambda: figures.spectrum_curves(dict.fromkeys(RUNS, X), **look),
        "pruning_curves": lambda: figures.pruning_curves(dict.fromkeys(RUNS, pruned), **look),
        "rotated_coordinates": lambda: figures.rotated_coordinates(X, names, **look),
        "rate_sweep": lambda: figures.rate_sweep(
            dict.fromkeys(RUNS, ([1e-4, 2e-4, 4e-4, 8e-4, 1.6e-3, 3.2e-3, 6.4e-3], X[:3, :7])), metric="召回率", **look
        ),
        "score_chart": lambda: figures.score_chart(scores, **look),
    }[name]()


PICTURES = [
    "triplet_scatter", "triplet_paths", "distance_histogram", "similarity_histograms", "tsne_map", "neighbor_sheet",
    "spectrum_curves", "pruning_curves", "rotated_coordinates", "rate_sweep", "score_chart",
]  # fmt: skip


@pytest.fixture(params=PICTURES)
def picture(request):
    return lambda font="auto": draw(request.param, font)


@pytest.mark.skipif(find_cjk_font() is None, reason="no CJK font here; the extra zoo-embeddings[demo] brings one")
def test_no_glyph_is_missing_where_a_font_is_there(picture):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = picture()
        figure.canvas.draw()
    assert "no font" not in figure.get_supxlabel() and "U+" not in figure.get_supxlabel()


def test_without_a_font_the_caption_says_so(picture):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = picture(None)
        figure.canvas.draw()
    assert NO_FONT in " ".join(figure.get_supxlabel().split())


def test_nothing_is_cut_off_and_nothing_covers_another(picture):
    figure = picture()
    figure.canvas.draw()
    box, page = figure.get_tightbbox(), figure.get_size_inches()
    assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= page[0] and box.y1 <= page[1]
    panels = [axes.get_tightbbox() for axes in figure.axes]
    for legend in figure.legends:
        assert not any(legend.get_window_extent().overlaps(panel) for panel in panels)
    for other in (figure._suptitle, figure._supxlabel):
        assert not any(other.get_window_extent().overlaps(panel) for panel in panels)
    for i, panel in enumerate(panels):
        assert panel.width > 30 and panel.height > 30, "squeezed by its labels"
        assert not any(panel.overlaps(later) for later in panels[i + 1 :])


def test_every_axis_is_named_unless_it_has_no_ticks(picture):
    for axes in picture().axes:
        if axes.axison:
            below = [other for other in axes.figure.axes if other.get_window_extent().y1 < axes.get_window_extent().y0]
            assert axes.get_xlabel() or below
            left = [other for other in axes.figure.axes if other.get_window_extent().x1 < axes.get_window_extent().x0]
            assert axes.get_ylabel() or left or axes.get_yticklabels()[0].get_text()


def test_the_callers_settings_do_not_matter(picture):
    import matplotlib

    expected = np.asarray(drawn(picture()))
    with matplotlib.rc_context({"axes.facecolor": "black", "text.color": "red", "font.size": 30, "axes.titley": 3.0}):
        np.testing.assert_array_equal(np.asarray(drawn(picture())), expected)


def drawn(figure):
    figure.canvas.draw()
    return figure.canvas.buffer_rgba()
