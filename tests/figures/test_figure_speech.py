"""Pictures of two towers and of word recognizers: convergence, bands, pairs, ROC curves, AUC by frequency."""

import numpy as np
import pytest

from zoo import figures, metrics

RNG = np.random.default_rng(0)


def texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def lines(axes, style):
    return [line for line in axes.get_lines() if line.get_linestyle() == style]


def test_convergence_has_a_line_a_seed_and_the_level_where_there_is_one():
    runs = {"plain": RNG.random((3, 40)), "sigmoid": RNG.random(40)}
    figure = figures.convergence_curves(runs, {"plain": 0.25}, smooth=5)
    first, second = figure.axes
    assert len(lines(first, "-")) == 3 and len(lines(second, "-")) == 1
    (level,) = lines(first, "--")
    assert set(level.get_ydata()) == {0.25} and not lines(second, "--")
    x, y = lines(second, "-")[0].get_data()
    assert len(y) == 36 and x[0] == 3 and y[0] == pytest.approx(runs["sigmoid"][:5].mean())
    assert "constant-zero level" in texts(figure)
    for axes in figure.axes:
        low, high = axes.get_ylim()
        assert low <= 0 < 0.25 < high


def test_bands_span_the_seeds_and_the_legend_has_the_last_mean():
    values = np.array([[0.5, 0.6, 0.9], [0.5, 0.8, 0.7]])
    figure = figures.epoch_bands({"balanced": values, "plain": [0.5, np.nan, 0.5]}, level=0.5)
    (axes,) = figure.axes
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == 0.9 and band[:, 1].min() == 0.5
    assert texts(figure) == ["balanced: 0.800", "plain: 0.500", "chance: 0.5"]
    assert axes.get_lines()[0].get_ydata().tolist() == pytest.approx([0.5, 0.7, 0.8])


def test_histograms_of_pairs_sum_to_a_hundred_and_mark_the_means():
    pair = RNG.normal(0.8, 0.1, 50), RNG.normal(0.1, 0.1, 450)
    figure = figures.match_histograms({"a": {"epoch 0": pair, "epoch 1": pair}, "b": {"epoch 0": pair}}, limits={"a": (0, 1)})
    assert len(figure.axes) == 3
    axes = figure.axes[0]
    assert axes.get_xlim() == (0, 1) != figure.axes[2].get_xlim()
    for patch, values, tick in zip(axes.patches, pair, axes.get_lines(), strict=True):
        assert patch.get_data().values.sum() == pytest.approx(100)
        assert tick.get_xdata()[0] == pytest.approx(values.mean())
    assert texts(figure) == ["pairs that match", "all others"]


def test_equal_similarities_are_drawn():
    figure = figures.match_histograms({"plain": {"epoch 9": (np.zeros(3), np.zeros(9))}})
    for patch in figure.axes[0].patches:
        assert patch.get_data().values.sum() == pytest.approx(100)


def test_roc_curves_give_the_area():
    positive = RNG.random(300) < 0.3
    score = RNG.normal(size=300) + positive
    curve = metrics.roc_curve(positive, score)
    figure = figures.roc_curves({"balanced": curve})
    assert texts(figure) == [f"balanced: AUC {curve.auc:.3f}", "chance: AUC 0.5"]
    np.testing.assert_array_equal(figure.axes[0].get_lines()[1].get_ydata(), curve.true_rate)


def test_auc_by_frequency_names_words_leaves_undefined_ones_out_and_says_how_it_is_correlated():
    counts = np.array([400, 100, 50, 20, 5])
    rising, falling = np.array([0.9, 0.8, 0.7, 0.6, np.nan]), np.array([0.5, 0.6, 0.7, 0.8, 0.9])
    figure = figures.auc_by_frequency({"none": rising, "inverse": falling}, counts, list("abcde"))
    first, second = figure.axes
    assert first.get_title(loc="left") == "none\nrank correlation 1.00"
    assert second.get_title(loc="left") == "inverse\nrank correlation -1.00"
    assert len(first.get_lines()[0].get_xdata()) == 4
    assert {text.get_text() for text in first.texts} == set("abcd")
    assert "1 words without positives" in figure._supxlabel.get_text().replace("\n", " ")


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: figures.convergence_curves({"a": [1.0, np.nan]}), "finite"),
        (lambda: figures.convergence_curves({"a": [1.0, 2.0]}, {"b": 1.0}), "levels"),
        (lambda: figures.epoch_bands({"a": [1.0, 2.0]}, epochs=[0]), "epochs"),
        (lambda: figures.match_histograms({"a": {"epoch 0": ([], [0.1])}}), "matches"),
        (lambda: figures.roc_curves({"a": ([0.0, 2.0], [0.0, 1.0], 0.5)}), "rates"),
        (lambda: figures.auc_by_frequency({"a": [0.5]}, [0], ["x"]), "frequencies"),
        (lambda: figures.auc_by_frequency({"a": [0.5, 0.6]}, [1], ["x"]), "scores"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
