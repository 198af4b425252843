"""Spectra, pruning, sweeps and score tables: what is drawn is what was measured."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from zoo.figures import pruning_curves, rate_sweep, rotated_coordinates, score_chart, spectrum_curves
from zoo.figures.runs import RUNS
from zoo.metrics import RecallByDims, effective_rank, rotation, wilson

RANDOM = np.random.default_rng(0)
WIDE, NARROW = RANDOM.normal(size=(80, 12)) + 1, RANDOM.normal(size=(80, 3)) + 1


def texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_spectra_are_normalized_squares_and_their_sums():
    figure = spectrum_curves({"12": WIDE, "3": NARROW})
    for (left, right), center in zip((figure.axes[:2], figure.axes[2:]), (False, True)):
        assert left.get_title("left") == ("centered" if center else "not centered") and left.get_yscale() == "log"
        for x, one, many in zip((WIDE, NARROW), left.lines, right.lines):
            rows = x - x.mean(axis=0) if center else x
            squares = np.linalg.svd(rows, compute_uv=False) ** 2
            np.testing.assert_array_equal(one.get_xdata(), np.arange(1, x.shape[1] + 1))
            np.testing.assert_allclose(one.get_ydata(), squares / squares.sum())
            np.testing.assert_allclose(many.get_ydata(), 100 * np.cumsum(squares) / squares.sum())
    text = " ".join(figure.get_supxlabel().split())
    for name, x in (("12", WIDE), ("3", NARROW)):
        assert f"{name}: {effective_rank(x):.1f} and {effective_rank(x, center=True):.1f}" in text
    assert texts(figure) == ["12", "3"]


def test_directions_that_hold_nothing_are_left_out_of_the_logarithm():
    flat = np.zeros((9, 70))
    flat[:, :2] = RANDOM.normal(size=(9, 2))
    figure = spectrum_curves({"a": flat, "collapsed": np.ones((9, 70))})
    assert [len(line.get_xdata()) for line in figure.axes[0].lines] == [2, 1]
    assert [len(line.get_xdata()) for line in figure.axes[2].lines] == [2, 0]
    assert figure.axes[2].get_xscale() == "log" and figure.axes[2].get_xlim() == (1, 70)


def test_pruning_curves_mark_the_smallest_number_that_is_enough():
    recall = np.array([0.2, 0.7, 0.797, 0.79, 0.8])
    curve = RecallByDims(np.array([1, 2, 4, 6, 8]), recall, recall - 0.05, recall + 0.05)
    other = RecallByDims(np.array([1, 2]), np.array([0.1, 0.4]), np.array([0.0, 0.3]), np.array([0.2, 0.5]))
    figure = pruning_curves({"8 wide": curve, "2 wide": other})
    axes = figure.axes[0]
    lines = [line for line in axes.lines if len(line.get_xdata()) > 1]
    marks = [line.get_xydata().tolist() for line in axes.lines if len(line.get_xdata()) == 1]
    np.testing.assert_array_equal(lines[0].get_xydata(), np.transpose([curve.dims, curve.recall]))
    assert marks == [[[4, 0.797]], [[2, 0.4]]]
    assert texts(figure) == ["8 wide: 4 of 8", "2 wide: 2 of 2"]
    assert "99.5 %" in figure.get_supxlabel()
    bounds = axes.collections[0].get_paths()[0].vertices
    assert {(d, v) for d, v in zip(curve.dims, curve.low)} <= set(map(tuple, bounds))
    assert texts(pruning_curves({"8 wide": curve}, keep=1.0)) == ["8 wide: 8 of 8"]


def test_first_and_last_coordinates_stand_over_their_classes():
    labels = np.array(["b", "a", "c", "a"] * 20)
    figure = rotated_coordinates(WIDE, labels)
    rotated = rotation(WIDE).apply(WIDE)
    for axes, column in zip(figure.axes, (0, 11)):
        points = axes.lines[0].get_xydata()
        np.testing.assert_array_equal(points[:, 0], np.searchsorted(["a", "b", "c"], labels))
        np.testing.assert_allclose(points[:, 1], rotated[:, column])
        assert axes.get_title("left") == f"coordinate {column + 1}" and axes.get_xlabel() == "class, 1 to 3"
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    centered = rotated_coordinates(WIDE, labels, center=True).axes[0].lines[0].get_ydata()
    assert abs(centered.mean()) < 1e-12


RATES = [0.1, 0.001, 0.01]


def test_a_sweep_has_means_bands_and_the_best_rate():
    values = np.array([[0.5, 0.2, 0.7], [0.3, 0.4, 0.8]])
    figure = rate_sweep({"epshn": (RATES, values), "ep": (RATES, [0.9, 0.1, 0.2])})
    axes = figure.axes[0]
    assert axes.get_xscale() == "log" and axes.get_ylabel() == "Recall@1"
    curves = [line.get_xydata() for line in axes.lines if len(line.get_xdata()) > 1]
    np.testing.assert_allclose(curves[0], [[0.001, 0.3], [0.01, 0.75], [0.1, 0.4]])
    np.testing.assert_allclose(curves[1], [[0.001, 0.1], [0.01, 0.2], [0.1, 0.9]])
    (band,) = axes.collections
    edge = set(map(tuple, np.round(band.get_paths()[0].vertices, 9)))
    assert {(0.001, 0.2), (0.001, 0.4), (0.01, 0.7), (0.01, 0.8), (0.1, 0.3), (0.1, 0.5)} <= edge
    assert texts(figure) == ["epshn: best at 0.01", "ep: best at 0.1"]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0.001", "0.01", "0.1"]
    assert "mean over seeds (1 to 2 of them)" in " ".join(figure.get_supxlabel().split())
    assert "seeds" not in rate_sweep({"ep": (RATES, [0.9, 0.1, 0.2])}).get_supxlabel()


SCORES = {"triplet": wilson(70, 100), "epshn": wilson(80, 100), "npair": (0.1, 0.05, 0.2)}


def rows(axes, figure):
    """Name to (low, high, value, text) as drawn."""
    names = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    plain = [line for line in axes.lines if line.get_marker() == "None" and line.get_linestyle() == "-"]
    spans = {line.get_ydata()[0]: line.get_xdata() for line in plain}
    points = {line.get_ydata()[0]: line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"}
    shown = {text.get_position()[1]: text.get_text() for text in axes.texts}
    return {names[i]: (*spans[i], points[i], shown[i]) for i in spans}


def test_scores_are_sorted_with_their_intervals():
    figure = score_chart(SCORES, references=0.6)
    (axes,) = figure.axes
    drawn = rows(axes, figure)
    assert list(drawn) == ["epshn", "triplet", "npair"]
    for name, (low, high, value, text) in drawn.items():
        expected = tuple(SCORES[name][:3])
        assert (value, low, high) == pytest.approx(expected)
        assert text == "{:.3f} [{:.3f}, {:.3f}]".format(*expected)
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "the first row is the highest"
    (reference,) = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert list(reference.get_xdata()) == [0.6, 0.6] and to_hex(reference.get_color()).upper() == RUNS[2].color
    assert list(rows(*[f := score_chart(SCORES, sort=False)][0].axes, f)) == ["triplet", "epshn", "npair"]


def test_panels_share_their_rows_and_may_miss_scores():
    few = {"epshn": (0.2, 0.1, 0.3), "triplet": (0.15, 0.1, 0.2)}
    figure = score_chart({"flowers": SCORES, "characters": few}, references={"flowers": 0.5})
    first, second = figure.axes
    assert list(rows(first, figure)) == ["epshn", "triplet", "npair"] and list(rows(second, figure)) == ["epshn", "triplet"]
    assert [axes.get_title("left") for axes in figure.axes] == ["flowers", "characters"]
    assert not [line for line in second.lines if line.get_linestyle() == "--"]


CURVE = RecallByDims([1], [0.5], [0.4], [0.6])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spectrum_curves({"a": np.zeros(3)}), r"embeddings\['a'\]: expected a \(M, D\) array"),
        (lambda: spectrum_curves({}), "embeddings: expected a dict"),
        (lambda: spectrum_curves({str(i): NARROW for i in range(9)}), "embeddings: expected at most 8 entries, got 9"),
        (lambda: pruning_curves({"a": [1]}), r"curves\['a'\]: expected RecallByDims, got list"),
        (lambda: pruning_curves({"a": CURVE}, keep=2), "keep must lie between"),
        (lambda: rotated_coordinates(NARROW, [0]), "labels: expected 80, one a row of the embeddings, got 1"),
        (lambda: rate_sweep({"a": [1]}), r"results\['a'\]: expected \(rates, values\), got list"),
        (lambda: rate_sweep({"a": ([0.0, 1.0], [1, 2])}), r"results\['a'\] rates: expected numbers above 0"),
        (lambda: rate_sweep({"a": ([0.1, 1.0], [1])}), r"results\['a'\] values: expected \[2\] or \[seeds, 2\]"),
        (lambda: rate_sweep({"a": ([0.1], [np.nan])}), r"results\['a'\] values: .*NaN"),
        (lambda: score_chart({"a": 0.5}), r"scores\['a'\]: expected a Score or \(value, low, high\), got 0.5"),
        (lambda: score_chart({"a": (0.5, 0.6, 0.7)}), r"scores\['a'\]: expected a finite value inside its interval"),
        (lambda: score_chart({"a": wilson(0, 0)}), r"scores\['a'\]: expected a finite value"),
        (lambda: score_chart({"a": (0.5, 0.4, 0.7), "b": {}}), "scores: expected scores, or dicts of scores, got both"),
        (lambda: score_chart({"p": SCORES}, references={"q": 1}), "references: expected titles of panels"),
        (lambda: score_chart({str(i): SCORES for i in range(6)}), "scores: expected at most 5 entries, got 6"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
