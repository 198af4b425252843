"""classification and detection against scikit-learn and loops."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from zoo.metrics import best_threshold, classification, detection
from zoo.metrics.decisions import _average_precision, _macro_f1, _roc_auc


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 60), classes=st.integers(1, 8), names=st.booleans())
def test_classification_equals_sklearn(seed, n, classes, names):
    random = np.random.default_rng(seed)
    truth, answer = random.integers(0, classes, n), random.integers(0, classes, n)
    if names:
        truth, answer = np.array([f"类{c}" for c in truth], object), np.array([f"类{c}" for c in answer], object)
    report = classification(truth, answer)
    assert report["accuracy"].value == pytest.approx(np.mean(truth == answer))
    assert report["macro_f1"].value == pytest.approx(f1_score(truth, answer, average="macro", zero_division=0))
    assert report.info["classes"] == len(set(truth))


def test_a_class_that_occurs_only_in_test_counts_as_wrong():
    # F1 of a is 2*2/(2*2+1) = 0.8, of b 1, of the unseen class 0.
    report = classification(["a", "a", "b", "new"], ["a", "a", "b", "a"])
    assert report["accuracy"].value == 0.75
    assert report["macro_f1"].value == pytest.approx(1.8 / 3)
    assert report.info["classes_never_predicted"] == 1


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 80), levels=st.integers(1, 30))
def test_detection_equals_sklearn_with_ties(seed, n, levels):
    random = np.random.default_rng(seed)
    positive = random.random(n) < 0.4
    positive[:2] = [True, False]
    score = random.integers(0, levels, n) / 7
    report = detection(positive, score)
    assert report["average_precision"].value == pytest.approx(average_precision_score(positive, score))
    assert report["roc_auc"].value == pytest.approx(roc_auc_score(positive, score))


def test_auc_equals_the_count_of_pairs():
    random = np.random.default_rng(0)
    positive, score = random.random(50) < 0.5, random.integers(0, 6, 50)
    pairs = [(a > b) + (a == b) / 2 for a in score[positive] for b in score[~positive]]
    assert detection(positive, score)["roc_auc"].value == pytest.approx(np.mean(pairs))


def test_weighted_statistics_equal_those_of_the_drawn_items():
    # A resample is its items repeated; a statistic of weights must give what it gives for the repeated items.
    random = np.random.default_rng(5)
    weights = random.multinomial(40, np.full(40, 1 / 40), 30).astype(float)
    truth, answer = random.integers(0, 25, 40), random.integers(0, 25, 40)  # resamples lack some classes
    positive, score = truth > 12, np.sort(random.integers(0, 9, 40))[::-1].astype(float)
    f1, average = _macro_f1(weights, truth, answer, 25), _average_precision(weights, positive, score)
    auc = _roc_auc(weights, positive, score)
    for row, drawn in enumerate(weights):
        items = np.repeat(np.arange(40), drawn.astype(int))
        assert f1[row] == pytest.approx(f1_score(truth[items], answer[items], average="macro", zero_division=0))
        assert average[row] == pytest.approx(average_precision_score(positive[items], score[items]))
        assert auc[row] == pytest.approx(roc_auc_score(positive[items], score[items]))


@pytest.mark.parametrize(("positive", "word"), [(np.ones(5, bool), "negative"), (np.zeros(5, bool), "positive")])
def test_one_class_is_nan_with_a_warning(positive, word):
    with pytest.warns(UserWarning, match=f"no item is {word}"):
        report = detection(positive, np.arange(5.0))
    for score in report.values():
        assert math.isnan(score.value) and math.isnan(score.low) and str(score) == "undefined"


def test_one_positive_leaves_out_resamples_without_it():
    report = detection([True, False, False], [3.0, 2.0, 1.0])
    assert report["roc_auc"][:3] == (1, 1, 1)


def test_interval_of_the_auc_has_the_right_width():
    # Against DeLong's variance, the usual closed form.
    random = np.random.default_rng(7)
    positive = np.arange(1500) < 500
    score = random.normal(size=1500) + positive
    wins = (score[positive][:, None] > score[~positive]).astype(float)
    spread = math.sqrt(wins.mean(1).var(ddof=1) / 500 + wins.mean(0).var(ddof=1) / 1000)
    auc = detection(positive, score)["roc_auc"]
    assert auc.high - auc.low == pytest.approx(2 * 1.96 * spread, rel=0.15)


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 40), levels=st.integers(1, 12))
def test_best_threshold_equals_trying_all(seed, n, levels):
    random = np.random.default_rng(seed)
    positive = random.random(n) < 0.3
    positive[:2] = [True, False]
    score = random.integers(0, levels, n) / 3
    tried = [f1_score(positive, score >= t, average="macro", labels=[False, True], zero_division=0)
             for t in [*np.unique(score), np.inf]]
    chosen = score >= best_threshold(positive, score)
    value = f1_score(positive, chosen, average="macro", labels=[False, True], zero_division=0)
    assert value == pytest.approx(max(tried))


def test_best_threshold_between_adjacent_floats():
    low = 1.0
    high = float(np.nextafter(low, 2))
    assert best_threshold([True, False], [high, low]) == high


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: detection([True, False], [1.0]), ["(2,)", "(1,)"]),
        (lambda: detection([], []), ["N at least 1"]),
        (lambda: detection([0, 2], [1.0, 2.0]), ["0 and 1", "2"]),
        (lambda: detection([0, 1], [1.0, np.nan]), ["score", "row 1"]),
        (lambda: detection([0, 1], ["a", "b"]), ["score", "real numbers"]),
        (lambda: best_threshold([1, 1], [1.0, 2.0]), ["one class only"]),
        (lambda: classification([1, 2], [1]), ["labels has 2", "predicted has 1"]),
        (lambda: classification([], []), ["labels is empty"]),
        (lambda: classification([1, 2], ["1", "2"]), ["labels has numbers", "predicted has strings"]),
    ],
)
def test_bad_arguments_are_named(call, words):
    with pytest.raises(ValueError) as error:
        call()
    for word in words:
        assert word in str(error.value)
