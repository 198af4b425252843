"""Matchmap similarities and their gradients against plain loops in float64."""

import backend
import numpy as np
import oracles
import pytest
from keras import ops

from zoo.layers.matchmap import masked_mean, matchmap_similarity

RANDOM = np.random.default_rng(2)
FRAMES, PLACES = RANDOM.normal(size=(4, 5, 3)), RANDOM.normal(size=(3, 6, 3))
# One item has all frames, one has none, one place is missing.
FRAME_MASK = np.arange(5) < np.array([[5], [2], [0], [1]])
PLACE_MASK = np.ones((3, 6), bool)
PLACE_MASK[1, 2:4] = False
WHOLE = np.ones((4, 5), bool), np.ones((3, 6), bool)


def loop(frames, frame_mask, places, place_mask, kind):
    similarity = np.zeros((len(frames), len(places)))
    for i, j in np.ndindex(similarity.shape):
        a, b = frames[i][frame_mask[i]], places[j][place_mask[j]]
        if not len(a) or not len(b):
            continue
        products = np.array([[x @ y for y in b] for x in a])  # (T, P)
        if kind == "sisa":
            similarity[i, j] = products.mean()
        else:
            similarity[i, j] = products.max(axis=1 if kind == "misa" else 0).mean()
    return similarity


@pytest.mark.parametrize("masks", [WHOLE, (FRAME_MASK, PLACE_MASK), (FRAME_MASK, ~WHOLE[1])], ids=["whole", "masked", "empty"])
@pytest.mark.parametrize("kind", ["sisa", "misa", "sima"])
def test_value_and_gradient_equal_plain_loops(kind, masks):
    weight = RANDOM.normal(size=(4, 3))

    def total(frames, places):
        return ops.sum(weight * matchmap_similarity(frames, masks[0], places, masks[1], kind))

    expected = loop(FRAMES, masks[0], PLACES, masks[1], kind)
    found = matchmap_similarity(*map(ops.convert_to_tensor, (FRAMES, masks[0], PLACES, masks[1])), kind)
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, atol=1e-9)
    _, gradients = backend.value_and_gradient(total, FRAMES, PLACES)
    for gradient, function, x in (
        (gradients[0], lambda x: (weight * loop(x, masks[0], PLACES, masks[1], kind)).sum(), FRAMES),
        (gradients[1], lambda x: (weight * loop(FRAMES, masks[0], x, masks[1], kind)).sum(), PLACES),
    ):
        np.testing.assert_allclose(gradient, oracles.gradient(function, x), atol=1e-6)


def test_sisa_is_the_dot_product_of_means():
    means = masked_mean(ops.convert_to_tensor(FRAMES), FRAME_MASK), masked_mean(ops.convert_to_tensor(PLACES), PLACE_MASK)
    expected = ops.convert_to_numpy(ops.matmul(means[0], ops.transpose(means[1])))
    found = matchmap_similarity(*map(ops.convert_to_tensor, (FRAMES, FRAME_MASK, PLACES, PLACE_MASK)), "sisa")
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, atol=1e-12)


def test_padding_changes_nothing():
    longer = np.concatenate([FRAMES, 9 * np.ones((4, 7, 3))], axis=1), np.pad(FRAME_MASK, ((0, 0), (0, 7)))
    for kind in ("sisa", "misa", "sima"):
        parts = [
            matchmap_similarity(*map(ops.convert_to_tensor, (*side, PLACES, PLACE_MASK)), kind)
            for side in ((FRAMES, FRAME_MASK), longer)
        ]
        np.testing.assert_allclose(*map(ops.convert_to_numpy, parts), atol=1e-12)


def test_an_unknown_kind():
    with pytest.raises(ValueError, match="did you mean 'misa'"):
        matchmap_similarity(FRAMES, FRAME_MASK, PLACES, PLACE_MASK, "misaa")
