"""The caption encoder: true lengths, word vectors from a file, what a saved one brings."""

import keras
import numpy as np
import pytest

from zoo.encoders import CaptionEncoder

WORDS = ["a", "plane", "ship", "sea"]


def encoder(words=WORDS, **settings):
    keras.utils.set_random_seed(0)
    result = CaptionEncoder(**{"units": 5, "word_dim": 3, **settings})
    result.set_vocabulary(words)
    return result


@pytest.fixture
def glove(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("sea 1 2 3\nplane 4 5 6\nother 7 8 9\n")
    return path


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_padding_changes_nothing(cell, bidirectional):
    layer = encoder(cell=cell, bidirectional=bidirectional)
    padded = np.array([[2, 3, 4, 0, 0, 0, 0, 0], [5, 5, 5, 5, 5, 5, 5, 5]])
    np.testing.assert_allclose(layer(padded)[:1], layer(np.array([[2, 3, 4]])), atol=1e-6)
    assert layer(padded).shape == layer.compute_output_shape((2, 8)) == (2, 10 if bidirectional else 5)


def test_the_output_is_the_state_behind_the_last_word():
    layer = encoder(bidirectional=True)
    ids = np.array([[2, 3, 4, 0, 0]])
    x = layer.words(ids[:, :3]) if layer.built else (layer(ids), layer.words(ids[:, :3]))[1]
    forward, backward = layer.recurrent.forward_layer(x), layer.recurrent.backward_layer(x)
    np.testing.assert_allclose(layer(ids), np.concatenate([forward, backward], axis=1), atol=1e-6)


def test_vectors_come_from_the_file_and_the_rest_from_a_tenth(glove):
    layer = encoder(vectors=glove, word_dim=None)
    layer(np.array([[2]]))
    table = layer.words.embeddings.numpy()
    assert layer.word_dim == 3 and layer.covered == 2
    np.testing.assert_array_equal(table[[3, 5]], [[4, 5, 6], [1, 2, 3]])
    rest = table[[0, 1, 2, 4]]
    assert np.abs(rest).max() <= 0.1 and rest.std() > 0.02


def gradients(layer):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(np.array([[2, 3]]), training=True) ** 2)
    return {v.path.split("/")[-1] for v, g in zip(layer.trainable_variables, tape.gradient(loss, layer.trainable_variables)) if
            g is not None}  # fmt: skip


def test_vectors_of_a_file_are_trained_or_kept(glove):
    assert "embeddings" in gradients(encoder(vectors=glove, word_dim=None))
    kept = gradients(encoder(vectors=glove, word_dim=None, train_vectors=False))
    assert "embeddings" not in kept and "kernel" in kept


def test_a_saved_encoder_needs_the_file_no_more(glove):
    layer = encoder(vectors=glove, word_dim=None, cell="lstm")
    layer(np.array([[2]]))
    config = layer.get_config()
    glove.unlink()
    again = CaptionEncoder.from_config(config)
    again.set_vocabulary(WORDS)
    again(np.array([[2]]))
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(np.array([[2, 3, 5]])), layer(np.array([[2, 3, 5]])))


def test_unknown_words_are_drawn_in_training_only_and_never_at_padding():
    layer = encoder(unknown=1.0)
    ids = np.array([[2, 3, 4, 0, 0, 0, 0, 0]])
    np.testing.assert_array_equal(layer(ids, training=True), layer(np.array([[1, 1, 1, 0, 0, 0, 0, 0]])))
    assert np.abs(np.asarray(layer(ids)) - np.asarray(layer(ids, training=True))).max() > 1e-3


def test_the_same_seed_draws_the_same_words_under_every_size_of_vocabulary():
    first, second = encoder(), encoder([*WORDS, "more"])
    first(np.array([[2]])), second(np.array([[2]]))
    np.testing.assert_array_equal(first.recurrent.cell.kernel, second.recurrent.cell.kernel)


def test_bad_input_is_refused_by_name(glove):
    with pytest.raises(ValueError, match="unknown cell 'lst'; did you mean 'lstm'"):
        CaptionEncoder(cell="lst")
    with pytest.raises(ValueError, match="word_dim=7, but the vectors .* have 3"):
        encoder(vectors=glove, word_dim=7)
    with pytest.raises(ValueError, match="none of the 1 words"):
        encoder(["yacht"], vectors=glove, word_dim=None)
    with pytest.raises(ValueError, match="model.adapt"):
        CaptionEncoder()(np.array([[1]]))
