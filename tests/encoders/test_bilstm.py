"""The character BiLSTM: padding, true lengths, pooling."""

import numpy as np
import pytest

from zoo.encoders import BiLSTM


def encoder(**settings):
    result = BiLSTM(units=6, char_dim=5, **settings)
    result.set_vocabulary(list("abcdef"))
    return result


@pytest.mark.parametrize("pooling", ["last", "max", "mean"])
@pytest.mark.parametrize("depth", [1, 2])
def test_padding_changes_nothing(pooling, depth):
    layer = encoder(pooling=pooling, depth=depth)
    text = np.array([[2, 3, 4]])
    padded = np.array([[2, 3, 4, 0, 0, 0, 0, 0], [5, 5, 5, 5, 5, 5, 5, 5]])
    np.testing.assert_allclose(layer(padded)[:1], layer(text), atol=1e-6)


def test_last_pooling_is_the_last_forward_and_the_first_backward_state():
    layer = encoder(pooling="last")
    ids = np.array([[2, 3, 4, 0, 0]])
    layer(ids)
    recurrent = layer.recurrent[0]
    x = layer.characters(ids[:, :3])
    forward = recurrent.forward_layer(x)
    backward = recurrent.backward_layer(x)
    np.testing.assert_allclose(layer(ids), np.concatenate([forward, backward], axis=1), atol=1e-6)


def test_max_and_mean_pooling_equal_loops_over_real_steps():
    for pooling, function in (("max", np.max), ("mean", np.mean)):
        layer = encoder(pooling=pooling)
        ids = np.array([[2, 3, 4, 0], [5, 0, 0, 0]])
        result = np.asarray(layer(ids))
        for row, length in enumerate((3, 1)):
            steps = np.asarray(layer.recurrent[0](layer.characters(ids[row : row + 1, :length])))[0]
            np.testing.assert_allclose(result[row], function(steps, axis=0), atol=1e-6)


def test_unknown_characters_are_drawn_in_training_only_and_never_at_padding():
    layer = encoder(unknown=1.0)
    ids = np.array([[2, 3, 4, 0, 0, 0, 0, 0]])
    np.testing.assert_array_equal(layer(ids, training=True), layer(np.array([[1, 1, 1, 0, 0, 0, 0, 0]])))
    assert np.abs(np.asarray(layer(ids)) - np.asarray(layer(ids, training=True))).max() > 1e-3


def test_the_vocabulary_must_come_first():
    with pytest.raises(ValueError, match="model.adapt"):
        BiLSTM()(np.array([[1]]))
