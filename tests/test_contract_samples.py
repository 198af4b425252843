"""What every loss makes of sample ids, labels [N, 2]; a loss is tested here by being in the catalogue."""

import backend
import contract
import keras
import numpy as np
import oracles
import pytest
from contract import LOSSES, MULTI_LABEL, PAIR_ALONE, as_input, head, make, takes, value_and_gradient

import zoo
from zoo import registry
from zoo.losses.row_loss import RowLoss

ORACLES = contract.oracles()
ONE_TOWER = [name for name in LOSSES if takes(name) == "embeddings"]
OF_SCORES = [name for name in LOSSES if takes(name) in ("scores", "cosines") and name not in MULTI_LABEL]
TOWERS = [name for name in LOSSES if takes(name) == "towers"]
BIG = 2**24 if backend.NAME == "jax" else 2**40  # ids that a float would merge; JAX has 32 bits


def in_chunks(name):
    try:
        return bool(zoo.losses.get(name, anchor_chunk=5))
    except ValueError:
        return False


WAYS = [(name, {}) for name in ONE_TOWER] + [(name, {"anchor_chunk": 5}) for name in ONE_TOWER if in_chunks(name)]
BOTH_WAYS = pytest.mark.parametrize("name, way", WAYS, ids=lambda way: "-".join(way) if isinstance(way, dict) else way)


def repeats(seed=0, rows=13):
    """Class and sample ids [N, 2] of few samples, and embeddings [N, D], those of copies as far apart as any."""
    random = np.random.default_rng(seed)
    return random.integers(0, 3, (rows, 2)), random.normal(size=(rows, 5))


@BOTH_WAYS
def test_values_and_gradients_equal_the_loops_in_float64(name, way):
    settings = {key: value for key, value in registry.LOSSES[name].settings.items() if key != "name"}
    for seed in (0, 1):
        labels, x = repeats(seed)
        value, slope = value_and_gradient(make(name, **way), labels + BIG, x, "float64")
        assert value == pytest.approx(ORACLES[name](labels, x, **settings), rel=1e-6)
        assert value != pytest.approx(ORACLES[name](labels[:, 0], x, **settings), rel=1e-3)
        if name == "circle":  # its weights take no part in the gradient: tests/losses/test_pairs.py holds that
            continue
        expected = oracles.gradient(lambda z, labels=labels: ORACLES[name](labels, z, **settings), x)
        np.testing.assert_allclose(slope, expected, atol=2e-6)


@BOTH_WAYS
def test_unique_ids_change_no_bit(name, way):
    labels, x = repeats()
    ids = np.random.default_rng(1).permutation(len(x)) + BIG
    loss = make(name, **way)
    value, slope = value_and_gradient(loss, labels[:, 0], x)
    with_ids, slope_with_ids = value_and_gradient(loss, np.stack([labels[:, 0], ids], axis=1), x)
    assert with_ids == value
    np.testing.assert_array_equal(slope_with_ids, slope)


@BOTH_WAYS
def test_a_batch_of_one_sample_costs_nothing(name, way):
    loss, labels, x = make(name, **way), np.full((13, 2), 7), repeats()[1]
    value, slope = value_and_gradient(loss, labels, x)
    assert value == 0 and not slope.any()
    assert not backend.to_numpy(loss.checked_terms(labels, x).valid).any()


@pytest.mark.parametrize("name", [name for name in ONE_TOWER if name not in PAIR_ALONE])
def test_a_row_whose_classmates_are_copies_is_no_anchor(name):
    labels, x = np.array([[0, 5], [1, 5], [0, 5], [1, 6], [1, 7], [2, 5]]), repeats(rows=6)[1]
    assert not backend.to_numpy(make(name).checked_terms(labels, x).valid)[[0, 2, 5]].any()


@BOTH_WAYS
def test_health_counts_no_copies(name, way):
    labels, x = repeats()
    loss = make(name, **way)
    health = loss.checked_terms(labels, x).health
    pairs = [[(i, j) for i in range(13) for j in side(labels, i)] for side in (oracles.positives, oracles.negatives)]
    assert float(health["positive_share"]) == pytest.approx(len(pairs[0]) / (len(pairs[0]) + len(pairs[1])))
    if isinstance(loss, RowLoss):  # triplets take their means over what they chose
        x = x / np.linalg.norm(x, axis=1, keepdims=True) if loss.normalize else x
        means = [np.mean([oracles.similarity(x[i], x[j], loss.distance) for i, j in side]) for side in pairs]
        assert [float(health[key]) for key in ("mean_s_ap", "mean_s_an")] == pytest.approx(means, rel=1e-5)


@pytest.mark.skipif(backend.NAME == "torch", reason="torch.compile takes minutes for so many losses")
@pytest.mark.parametrize("name", ONE_TOWER)
def test_a_compiled_step_agrees(name):
    labels, x = repeats()
    labels, x, loss = labels.astype("int64"), x.astype("float32"), make(name)
    expected, slope = value_and_gradient(loss, labels, x)
    given = keras.ops.convert_to_tensor(labels + BIG, "int64" if backend.NAME == "tensorflow" else "int32")
    value, (compiled,) = backend.value_and_gradient(lambda z: loss(given, z), x, jit=True)
    assert value == pytest.approx(expected, rel=1e-5, abs=1e-6)
    np.testing.assert_allclose(compiled, slope, atol=1e-5, rtol=1e-5)


@pytest.mark.skipif(backend.NAME != "tensorflow", reason="only TensorFlow has graphs of unknown batch size")
@pytest.mark.parametrize(
    "name, dtype", [*((name, "int64") for name in ONE_TOWER), ("contrastive", "uint8"), ("contrastive", "float32")]
)
def test_a_graph_of_unknown_batch_size_agrees(name, dtype):
    import tensorflow as tf

    labels, x = repeats()
    loss = make(name)
    signature = [tf.TensorSpec([None, 2], dtype), tf.TensorSpec([None, 5], "float64")]
    step = tf.function(lambda y, z: loss(y, z), input_signature=signature)
    assert float(step(tf.constant(labels, dtype), tf.constant(x))) == pytest.approx(float(loss(labels, x)), rel=1e-9)


@pytest.mark.parametrize("name", ONE_TOWER)
def test_layers_pass_ids_on(name):
    labels, x = repeats()
    layer = zoo.layers.LossLayer(zoo.losses.get(name), matryoshka=(3, 5))
    expected = [float(make(name)(labels, x[:, :k].astype("float32"))) for k in (3, 5)]
    assert float(layer(labels, x.astype("float32"))) == pytest.approx(np.mean(expected), rel=1e-5)
    wrapped = zoo.losses.Matryoshka(make(name), (3, 5))
    assert float(wrapped(labels, x.astype("float32"))) == pytest.approx(np.mean(expected), rel=1e-5)


@pytest.mark.parametrize("settings", [{}, {"classes": 3}])
@pytest.mark.parametrize("name", ONE_TOWER)
def test_chunks_pass_ids_on(name, settings):
    labels, x = repeats()
    loss = zoo.losses.Chunked(make(name), 2, **settings)
    groups = [np.arange(3)] * 2 if loss.groups is None else loss.groups
    of_class = 3 * labels[:, 0] + labels[:, 1]  # the same number in two classes of a group is not the same sample
    parts = [make(name)(np.stack([groups[i][labels[:, 0]], of_class], 1), x[:, 2 * i : 2 * i + 2]) for i in range(2)]
    assert float(loss(labels, x[:, :4])) == pytest.approx(float(sum(parts)) / 2, rel=1e-5)


@pytest.mark.parametrize("name", ONE_TOWER)
def test_compile_and_fit(name):
    labels, x = repeats(rows=26)
    keras.utils.set_random_seed(0)
    model = keras.Sequential(head("embeddings", 3))
    model.compile("sgd", loss=make(name))
    expected = float(make(name)(labels, model(x)))
    assert model.fit(x, labels, batch_size=26, epochs=1, verbose=0).history["loss"] == pytest.approx([expected], rel=1e-5)


@pytest.mark.parametrize("name", OF_SCORES)
def test_losses_on_scores_ignore_ids(name):
    labels, x = repeats()
    x, loss = as_input(takes(name), x), make(name)
    assert float(loss(labels + [0, BIG], x)) == float(loss(labels[:, 0], x))


@pytest.mark.parametrize("name", TOWERS)
def test_losses_of_two_towers_refuse_ids(name):
    labels, x = repeats()
    with pytest.raises(ValueError, match=r"\(N,\) or \(N, 1\), not \(13, 2\); sample ids are for losses on one tower"):
        zoo.losses.get(name)(labels, as_input("towers", x))


@pytest.mark.parametrize("name", ONE_TOWER + OF_SCORES)
@pytest.mark.parametrize(
    "labels, words",
    [
        ([[0, 1, 1], [1, 0, 1]], ["(N, 2) with sample ids", "(2, 3)"]),
        ([[0, 0.5], [1, 1.0]], ["labels", "whole numbers", "sample ids"]),
        ([[0.5, 0], [1.0, 1]], ["labels", "whole numbers"]),
        ([[0, 1], [1, 0]], ["(2, 2) are one-hot", "argmax"]),
        ([[0, 5]], ["1 rows", "2"]),
    ],
)
def test_bad_ids_are_refused(name, labels, words):
    with pytest.raises(ValueError) as error:
        zoo.losses.get(name)(labels, as_input(takes(name), np.ones((2, 2), "float32")))
    assert all(word in str(error.value) for word in words), error.value
