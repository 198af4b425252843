"""Clusters of words: the right ones together, in a fixed order."""

import numpy as np
import pytest

from zoo.neighbors import cluster_words

WORDS = [f"{kind}{i}" for kind in "abc" for i in range(6)]
VECTORS = np.repeat(np.eye(3), 6, axis=0) + np.random.default_rng(0).normal(0, 0.1, (18, 3)) * np.tile(np.arange(6), 3)[:, None]


def test_words_of_one_kind_are_together_the_nearest_to_the_center_first():
    found = cluster_words(WORDS, VECTORS * np.arange(1, 19)[:, None], 3)
    assert sorted("".join(sorted({word[0] for word in cluster})) for cluster in found) == ["a", "b", "c"]
    unit = dict(zip(WORDS, VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)))
    spreads = []
    for cluster in found:
        center = np.mean([unit[word] for word in cluster], axis=0)
        distances = [np.linalg.norm(unit[word] - center) for word in cluster]
        assert distances == sorted(distances)
        spreads.append(np.mean(distances))
    assert spreads == sorted(spreads)


def test_a_seed_gives_the_same_clusters_and_zeros_are_left_out():
    vectors = np.concatenate([VECTORS, np.zeros((1, 3))])
    first = cluster_words([*WORDS, "nothing"], vectors, 4, seed=3)
    assert first == cluster_words([*WORDS, "nothing"], vectors, 4, seed=3)
    assert sorted(word for cluster in first for word in cluster) == sorted(WORDS)


def test_bad_input_is_refused_by_name():
    with pytest.raises(ValueError, match="clusters=20, but there are 18 words"):
        cluster_words(WORDS, VECTORS, 20)
    with pytest.raises(ValueError, match=r"vectors must be numbers \[2, D\]"):
        cluster_words(["a", "b"], VECTORS)
