"""Scores of several words an item: against scikit-learn and loops; words without positives are undefined."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from zoo import metrics


def loop_auc(positive, score):
    """The share of pairs of a positive and a negative that are in order; equal ones count half."""
    wins = [(p > n) + 0.5 * (p == n) for p in score[positive] for n in score[~positive]]
    return np.mean(wins) if wins else np.nan


@pytest.fixture(params=[None, 1], ids=["continuous", "ties"])
def case(request):
    rng = np.random.default_rng(3)
    targets = rng.random((60, 7)) < [0.5, 0.3, 0.2, 0.1, 0.05, 0.0, 1.0]
    targets[0, 4] = True
    scores = rng.normal(size=(60, 7)) + targets
    return targets, scores if request.param is None else scores.round(request.param - 1)


def test_auc_of_each_word_is_exact_and_undefined_where_there_is_none(case):
    targets, scores = case
    found = metrics.word_auc(targets, scores)
    np.testing.assert_allclose(found, [loop_auc(y, s) for y, s in zip(targets.T, scores.T)], rtol=0, atol=1e-12)
    assert np.isnan(found).tolist() == [False] * 5 + [True] * 2


def test_average_precision_is_that_of_scikit_learn(case):
    targets, scores = case
    found = metrics.word_average_precision(targets, scores)
    expected = [average_precision_score(y, s) for y, s in zip(targets.T[:5], scores.T[:5])]
    np.testing.assert_allclose(found[:5], expected, rtol=0, atol=1e-12)
    assert np.isnan(found[5:]).all()


def test_means_are_those_of_scikit_learn_over_the_words_that_are_defined(case):
    targets, scores = case
    report = metrics.multilabel_report(targets, scores, resamples=50)
    for name in ("macro", "weighted"):
        expected = roc_auc_score(targets[:, :5], scores[:, :5], average=name)
        assert report[f"{name}_auc"].value == pytest.approx(expected, abs=1e-12)
    assert report["micro_auc"].value == pytest.approx(roc_auc_score(targets.ravel(), scores.ravel()), abs=1e-12)
    expected = average_precision_score(targets[:, :5], scores[:, :5], average="macro")
    assert report["mean_average_precision"].value == pytest.approx(expected, abs=1e-12)
    assert report.info == {"items": 60, "words": 7, "words_undefined": 2}
    for score in report.values():
        assert score.low < score.value < score.high and score.n == 60


def test_two_perfect_words_and_an_absent_one_are_perfect():
    """keras.metrics.AUC(multi_label=True) reports 0.667 here."""
    targets = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0]])
    scores = np.where(targets, 2.0, -2.0)
    report = metrics.multilabel_report(targets, scores)
    assert report["macro_auc"].value == 1.0 and report.info["words_undefined"] == 1


def test_the_interval_is_that_of_drawn_items(case):
    targets, scores = case
    report = metrics.multilabel_report(targets, scores, resamples=40, seed=5)
    rng, drawn = np.random.default_rng(5), []
    for _ in range(40):
        rows = rng.integers(0, 60, 60)
        drawn.append(np.nanmean(metrics.word_auc(targets[rows], scores[rows])))
    np.testing.assert_allclose(report["macro_auc"][1:3], np.percentile(drawn, [2.5, 97.5]), atol=1e-12)


def test_a_model_that_knows_only_frequencies_is_at_chance_but_for_micro():
    rng = np.random.default_rng(0)
    rates = np.array([0.6, 0.3, 0.1, 0.05])
    targets = rng.random((400, 4)) < rates
    report = metrics.multilabel_report(targets, np.tile(np.log(rates), (400, 1)), resamples=0)
    assert report["macro_auc"].value == report["weighted_auc"].value == 0.5
    assert report["micro_auc"].value > 0.7


def test_nothing_defined_is_nan_with_a_warning():
    with pytest.warns(UserWarning, match="undefined"):
        report = metrics.multilabel_report(np.zeros((3, 2)), np.ones((3, 2)))
    assert np.isnan(report["macro_auc"].value) and str(report["macro_auc"]) == "undefined"


def test_bad_input_is_named():
    for targets, scores, words in (
        (np.ones((2, 2)), np.ones((2, 3)), r"one shape \(N, C\)"),
        (np.full((2, 2), 0.5), np.ones((2, 2)), "0 and 1"),
        (np.ones((2, 2)), np.full((2, 2), np.nan), "finite"),
    ):
        with pytest.raises(ValueError, match=words):
            metrics.word_auc(targets, scores)


def test_pairs_of_two_towers_against_scikit_learn():
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 4, 15), rng.integers(0, 4, 20)
    match = first[:, None] == second[None]
    similarity = np.maximum(rng.normal(size=(15, 20)) + match, 0)  # many exact zeros, as after a relu
    report = metrics.pair_detection(similarity, (first, second), resamples=50)
    assert report["pair_auc"].value == pytest.approx(roc_auc_score(match.ravel(), similarity.ravel()), abs=1e-12)
    expected = average_precision_score(match.ravel(), similarity.ravel())
    assert report["pair_average_precision"].value == pytest.approx(expected, abs=1e-12)
    assert report["pair_auc"].low < report["pair_auc"].value < report["pair_auc"].high
    assert report.info["share_of_matches"] == round(match.mean(), 4)
    matched, others = metrics.pair_similarities(similarity, (first, second))
    assert sorted(matched) == sorted(similarity[match]) and len(others) == (~match).sum()


def test_all_similarities_equal_is_chance():
    assert metrics.pair_detection(np.zeros((6, 6)), [0, 0, 1, 1, 2, 2])["pair_auc"].value == 0.5


def test_roc_curve_has_scikit_learn_s_points_and_stays_exact_when_thinned():
    rng = np.random.default_rng(2)
    positive = rng.random(3000) < 0.1
    score = (rng.normal(size=3000) + positive).round(2)
    curve = metrics.roc_curve(positive, score, most=10**6)
    false, true, _ = roc_curve(positive, score, drop_intermediate=False)
    np.testing.assert_allclose(curve.false_rate, false)
    np.testing.assert_allclose(curve.true_rate, true)
    few = metrics.roc_curve(positive, score, most=50)
    assert len(few.true_rate) <= 50 and few.auc == curve.auc == pytest.approx(roc_auc_score(positive, score))
    assert (few.false_rate[0], few.true_rate[0], few.false_rate[-1], few.true_rate[-1]) == (0, 0, 1, 1)
    with pytest.raises(ValueError, match="one class"):
        metrics.roc_curve([True, True], [0.1, 0.2])
