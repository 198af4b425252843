"""Paths of triplets, distances to the goal and similarities of pairs: lines and bins hold what was measured."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from zoo.figures import distance_histogram, similarity_histograms, triplet_paths
from zoo.figures.runs import RUNS
from zoo.metrics import similarity_counts, triplet_points

RANDOM = np.random.default_rng(0)
PATHS = {"first order": RANDOM.uniform(0, 1, (6, 3, 2)), "second order": RANDOM.uniform(0, 1, (4, 3, 2))}
NAMES = ["rose", "lily", "a class of quite a long name"]
BLUE, GREEN, RED = (style.color for style in RUNS[:3])
LABELS = np.arange(60) % 12


def measured(noise):
    return np.random.default_rng(1).normal(size=(12, 5))[LABELS] + noise * RANDOM.normal(size=(60, 5))


def lines(axes, color, marker):
    found = [line for line in axes.lines if to_hex(line.get_color()).upper() == color]
    return [line.get_xydata() for line in found if line.get_marker() == marker]


def test_each_panel_has_the_path_of_its_item_from_blue_to_the_color_of_the_run():
    figure = triplet_paths(PATHS, NAMES, columns=2)
    assert [axes.get_title("left").replace("\n", " ") for axes in figure.axes] == NAMES
    for i, axes in enumerate(figure.axes):
        for (_, path), color, marker in zip(PATHS.items(), (GREEN, RED), "s^"):
            (way,), (end,) = lines(axes, color, "."), lines(axes, color, marker)
            np.testing.assert_array_equal(way, path[:, i])
            np.testing.assert_array_equal(end, path[-1:, i])
        starts = np.concatenate(lines(axes, BLUE, "o"))
        np.testing.assert_array_equal(starts, [path[0, i] for path in PATHS.values()])
        assert axes.get_xlim() == axes.get_ylim() == (-0.2, 1.0)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "end: first order", "end: second order", "start", "goal (1, 0)",
    ]  # fmt: skip
    assert figure.axes[2].get_xlabel() and figure.axes[1].get_xlabel() and not figure.axes[0].get_xlabel()


def test_images_stand_above_their_panels():
    images = [np.full((8, 8), shade, "uint8") for shade in (0, 100, 200)]
    figure = triplet_paths(PATHS, NAMES, images, low=-1.0)
    for axes, shade in zip(figure.axes, (0, 100, 200)):
        (inset,) = axes.child_axes
        assert (inset.images[0].get_array() == shade).all()
        assert inset.get_window_extent().y0 >= axes.get_window_extent().y1
        assert not inset.get_window_extent().overlaps(axes._left_title.get_window_extent())
        assert axes.get_xlim() == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"runs": {}}, "runs: expected a dict"),
        ({"runs": {"a": np.zeros((4, 2, 2))}}, r"runs\['a'\]: expected shape \(epochs, 3, 2\), .*, got \(4, 2, 2\)"),
        ({"runs": {"a": np.full((4, 3, 2), np.nan)}}, r"runs\['a'\]: expected finite numbers"),
        ({"runs": dict.fromkeys("abcdefgh", PATHS["first order"])}, "runs: expected at most 7 entries, got 8"),
        ({"images": [b""]}, "images: expected 3, one a name, got 1"),
        ({"images": [b"no"] * 3}, r"images\[0\]: expected a file"),
        ({"columns": 0}, "columns must be a whole number"),
        ({"low": 2}, "low must lie between"),
    ],
)
def test_bad_paths_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        triplet_paths(**{"runs": PATHS, "names": NAMES, **change})


def steps(axes):
    return [patch.get_data() for patch in axes.patches]


def test_distances_are_counted_in_common_bins_with_medians_as_ticks():
    runs = {name: triplet_points(measured(noise), LABELS) for name, noise in (("start", 1.0), ("1st", 0.5), ("2nd", 0.2))}
    figure = distance_histogram(runs)
    axes = figure.axes[0]
    edges = np.arange(0, 2.25, 0.02)
    for points, data, patch, style in zip(runs.values(), steps(axes), axes.patches, RUNS):
        counts = np.histogram(points.distance, edges)[0]
        held = np.flatnonzero(counts)
        np.testing.assert_allclose(data.values, 100 * counts[held[0] : held[-1] + 1] / 60)
        np.testing.assert_allclose(data.edges, edges[held[0] : held[-1] + 2], atol=1e-12)
        np.testing.assert_allclose(data.values.sum(), 100)
        assert to_hex(patch.get_edgecolor()).upper() == style.color and not patch.get_fill()
    ticks = [line.get_xdata()[0] for line in axes.lines]
    np.testing.assert_allclose(ticks, [np.median(points.distance) for points in runs.values()])
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == [f"{name}: median {tick:.2f}" for name, tick in zip(runs, ticks)]
    with pytest.raises(ValueError, match=r"runs\['a'\]: expected TripletPoints, got list"):
        distance_histogram({"a": [1.0]})


def test_the_longest_distance_has_a_bin():
    points = triplet_points([[1.0, 0], [-1.0, 0], [1.0, 0]], [0, 0, 1])
    assert points.distance[0] == pytest.approx(5**0.5)
    axes = distance_histogram({"a": points}).axes[0]
    assert steps(axes)[0].values.sum() == pytest.approx(100) and axes.get_xlim()[1] >= 5**0.5


def test_similarities_of_all_four_kinds_are_drawn():
    panels = {name: similarity_counts(measured(noise), LABELS) for name, noise in (("before", 1.0), ("after", 0.2))}
    figure = similarity_histograms(panels)
    for axes, (name, counts) in zip(figure.axes, panels.items()):
        assert axes.get_title("left") == name and len(counts.same) == 111
        whole = {}
        for kind, data in zip(("same", "other", "nearest_same", "nearest_other"), steps(axes)):
            place = np.searchsorted(counts.edges, data.edges[0])
            whole[kind] = np.zeros(111)
            whole[kind][place : place + len(data.values)] = data.values
        for kind, shares in whole.items():
            values = getattr(counts, kind)
            np.testing.assert_allclose(shares, 100 * values / values.sum())
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {
        "pairs of one class", "pairs of two classes", "nearest of its class", "nearest of another class",
    }  # fmt: skip
    assert "111 bins" in figure.get_supxlabel()


def test_bad_counts_are_named():
    counts = similarity_counts(measured(1.0), LABELS)
    with pytest.raises(ValueError, match=r"panels\['a'\]: expected SimilarityCounts, got ndarray"):
        similarity_histograms({"a": np.zeros(3)})
    with pytest.raises(ValueError, match="panels: expected the same number of bins in each, got {'a': 111, 'b': 9}"):
        similarity_histograms({"a": counts, "b": similarity_counts(measured(1.0), LABELS, bins=9)})
