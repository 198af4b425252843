"""Mutual information of clusters and classes, held against scikit-learn."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import normalized_mutual_info_score

from zoo.metrics import nmi


@pytest.mark.parametrize("noise", [0.1, 0.7, 3.0])
def test_it_equals_scikit_learn_and_lies_in_its_interval(noise):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(12), 15)
    x = rng.normal(size=(12, 6))[labels] + noise * rng.normal(size=(180, 6))
    score = nmi(x, labels)
    clusters = KMeans(12, n_init=1, random_state=0).fit_predict(x)
    assert score.value == pytest.approx(normalized_mutual_info_score(labels, clusters), abs=1e-12)
    assert 0 <= score.low <= score.value <= score.high <= 1 and score.n == 180
    assert score.high - score.low < 0.2


def test_one_class_agrees_with_itself_and_bad_input_is_named():
    assert nmi(np.eye(3), ["a"] * 3).value == 1.0
    with pytest.raises(ValueError, match="labels has 2 entries"):
        nmi(np.eye(3), [0, 1])
    with pytest.raises(ValueError, match="not finite"):
        nmi(np.full((2, 2), np.nan), [0, 1])
