"""vote against a loop over queries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.neighbors import vote


def loop_vote(labels, similarity):
    winners, shares = [], []
    for row, values in zip(labels, similarity, strict=True):
        totals = {}
        for label, value in zip(row, values, strict=True):
            count, support = totals.get(label, (0, 0.0))
            totals[label] = (count + 1, support + float(value))
        winner = min(totals, key=lambda label: (-totals[label][0], -totals[label][1], label))
        winners.append(winner)
        shares.append(totals[winner][0] / len(row))
    return winners, shares


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 8), k=st.integers(1, 9), classes=st.integers(1, 4))
def test_equals_loop(seed, n, k, classes):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, (n, k)) * 3 - 2
    similarity = random.integers(-4, 5, (n, k)) / 4  # exact sums, so that ties are ties
    label, share = vote(labels, similarity)
    winners, shares = loop_vote(labels.tolist(), similarity)
    assert label.tolist() == winners and share.tolist() == shares


def test_ties_by_summed_similarity_then_lower_class():
    label, share = vote([[3, 1, 1, 3], [3, 1, 1, 3]], [[0.9, 0.8, 0.7, 0.7], [0.9, 0.9, 0.5, 0.5]])
    assert label.tolist() == [3, 1] and share.tolist() == [0.5, 0.5]


def test_majority_wins_over_similarity():
    assert vote([[0, 1, 1]], [[0.99, 0.1, -0.5]])[0].tolist() == [1]


def test_strings_and_large_ids():
    assert vote(np.array([["去", "去", "回"]], dtype=object), np.ones((1, 3)))[0].tolist() == ["去"]
    large = 2**53
    assert vote([[large, large + 1, large + 1]], np.ones((1, 3)))[0].tolist() == [large + 1]


def test_no_queries():
    label, share = vote(np.zeros((0, 3), int), np.zeros((0, 3)))
    assert len(label) == len(share) == 0


@pytest.mark.parametrize(("labels", "similarity"), [([1, 2], [1, 2]), ([[1, 2]], [[1]]), ([[]], [[]])])
def test_bad_shapes(labels, similarity):
    with pytest.raises(ValueError, match="neighbor_labels and similarity"):
        vote(labels, similarity)
