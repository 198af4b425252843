"""Ranking losses of two towers against golden values and plain loops, and what their labels and inputs may be."""

import backend
import keras
import numpy as np
import oracles
import oracles_towers
import pytest
from contract import model_with_loss
from keras import ops

import zoo

ANGLES = np.deg2rad([0, 20, 35, 60, 80, 200, 215, 300])
UNIT = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
PAIR = UNIT[:4], UNIT[4:]


def fixed(shape):
    return ops.convert_to_tensor(oracles_towers.NOISE)[: shape[0], : shape[1]]


def make(name, **settings):
    loss = zoo.losses.get(name, **settings)
    if getattr(loss, "draws", None) is not None:
        loss.draws = fixed
    return loss


def value_and_gradients(loss, labels, towers):
    return backend.value_and_gradient(lambda *parts: loss(labels, parts), *towers)


@pytest.mark.parametrize("name, expected", [("ranking", 15.477091), ("maxranking", 8.753999)])
def test_golden_values(name, expected):
    loss = zoo.losses.get(name, denominator="sum")
    stacked = np.stack(PAIR, axis=1)
    ids = np.arange(4)
    for labels, towers in ((None, PAIR), ([3, 1, 2, 9], PAIR), (ids, stacked), ((ids, ids), PAIR)):
        assert float(loss(labels, towers)) == pytest.approx(expected, abs=1.5e-6)
    assert float(zoo.losses.get(name)(None, PAIR)) == pytest.approx(expected / 4, abs=1e-6)


RANDOM = np.random.default_rng(5)
BATCHES = {
    "one match each": (np.arange(7), (RANDOM.normal(size=(7, 4)), RANDOM.normal(size=(7, 4)))),
    "groups": (RANDOM.integers(0, 3, 8), (RANDOM.normal(size=(8, 4)), RANDOM.normal(size=(8, 4)))),
    "five captions": (
        (np.arange(3), np.repeat(np.arange(3), 5)),
        (RANDOM.normal(size=(3, 4)), RANDOM.normal(size=(15, 4))),
    ),
    "no match for some": (
        (np.array([0, 1, 2, 2, 8]), np.array([2, 2, 1, 9])),
        (RANDOM.normal(size=(5, 4)), RANDOM.normal(size=(4, 4))),
    ),
    "duplicates": (np.array([0, 0, 1, 1, 2]), (np.eye(4)[[0, 0, 1, 1, 2]], np.eye(4)[[1, 1, 0, 0, 2]])),
}
SETTINGS = {
    "ranking": [{}, {"margin": 1.5}, {"normalize": "second"}, {"denominator": "sum"}],
    "maxranking": [{}, {"hardness": 0.0}, {"hardness": 0.3}, {"hardness": 1.0}, {"normalize": "first"}],
    "maxmargin": [{}, {"normalize": True, "margin": 0.2}],
    "mms": [{}, {"margin": 0.4, "temperature": 0.2, "normalize": True}, {"denominator": "sum"}],
}
CASES = [(name, settings) for name, many in SETTINGS.items() for settings in many]


@pytest.mark.parametrize("name, settings", CASES, ids=str)
@pytest.mark.parametrize("batch", BATCHES)
def test_value_and_gradient_equal_plain_loops(name, settings, batch):
    labels, towers = BATCHES[batch]
    function, options = oracles_towers.ORACLES[name], {**zoo.registry.LOSSES[name].settings, **settings}
    value, gradients = value_and_gradients(make(name, **settings), labels, towers)
    assert value == pytest.approx(function(labels, towers, **options), rel=1e-6, abs=1e-9) and value > 0
    if batch == "duplicates" and name != "mms":
        return  # ties and kinks: a central difference takes both sides
    x, y = towers
    expected = oracles.gradient(lambda x: function(labels, (x, y), **options), x)
    np.testing.assert_allclose(gradients[0], expected, atol=backend.within(1e-6, torch=1e-5))
    expected = oracles.gradient(lambda y: function(labels, (x, y), **options), y)
    np.testing.assert_allclose(gradients[1], expected, atol=backend.within(1e-6, torch=1e-5))


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_captions_of_one_picture_never_push_each_other(name):
    x, y = np.repeat(RANDOM.normal(size=(1, 4)), 5, axis=0), RANDOM.normal(size=(5, 4))
    value, gradients = value_and_gradients(zoo.losses.get(name), np.zeros(5, int), (x, y))
    assert value == 0 and not any(g.any() for g in gradients)
    assert float(zoo.losses.get(name)(np.arange(5), (x, y))) > 0


def test_pictures_may_be_repeated_or_not():
    (rows, columns), (x, y) = BATCHES["five captions"]
    loss = zoo.losses.get("maxranking")
    once = float(loss((rows, columns), (x, y)))
    assert float(loss(columns, (np.repeat(x, 5, axis=0), y))) == pytest.approx(once, rel=1e-5)


def test_the_weight_of_a_row_weighs_its_pairs_in_both_directions():
    labels, (x, y) = BATCHES["one match each"]
    loss = zoo.losses.get("ranking")
    weight = np.array([1.0, 0, 0, 0, 0, 0, 0])
    s = oracles_towers.towers(labels, (x, y))[2]
    hinges = np.maximum(0, s[0, 1:] - s[0, 0] + 0.2).sum() + np.maximum(0, s[1:, 0] - s[0, 0] + 0.2).sum()
    assert float(loss(labels, (x, y), sample_weight=weight)) == pytest.approx(hinges)


def test_ids_of_both_towers_are_renamed_together():
    x, y = RANDOM.normal(size=(3, 4)), RANDOM.normal(size=(4, 4))
    small, large = (np.array([0, 1, 2]), np.array([2, 1, 1, 0])), 2**40
    loss = zoo.losses.get("ranking")
    expected = float(loss(small, (x, y)))
    assert float(loss((small[0] + large, small[1] + large), (x, y))) == expected
    ids = tuple(ops.convert_to_tensor(ids + large, "int64") for ids in small)
    assert float(loss(ids, (x, y))) == expected
    step = backend.compiled(lambda a, b: loss((a, b), (x, y)))
    assert float(step(*ids)) == pytest.approx(expected)


@pytest.mark.parametrize(
    "labels, towers, words",
    [
        (None, (np.zeros((3, 2)), np.zeros((4, 2))), ["3 and 4", "pair of labels"]),
        ([0, 1, 2], (np.zeros((3, 2)), np.zeros((4, 2))), ["pair of labels"]),
        ((np.arange(3), np.arange(3)), (np.zeros((3, 2)), np.zeros((4, 2))), ["second tower", "3 rows", "4"]),
        ([0, 1], (np.zeros((2, 2)), np.zeros((2, 3))), ["2", "3", "last size"]),
        ([0, 1], (np.zeros((2, 2)), np.zeros((2, 2, 2))), ["second tower", "(N, D)"]),
        ([0, 1], (np.zeros((2, 2)), np.full((2, 2), np.inf)), ["second tower", "finite", "row 0"]),
        ([0, 1], np.zeros((2, 3, 4)), ["(N, 2, D)", "(2, 3, 4)"]),
        ([0, 1], np.zeros((2, 4)), ["pair (x, y)", "(2, 4)"]),
        (None, (np.zeros((0, 2)), np.zeros((0, 2))), ["first tower", "no row"]),
        ((np.array(["a"]), np.array(["b"])), (np.zeros((1, 2)), np.zeros((1, 2))), ["integers"]),
        ((np.array([0.5]), np.array([1])), (np.zeros((1, 2)), np.zeros((1, 2))), ["whole numbers"]),
    ],
)
def test_towers_that_do_not_fit_are_refused_by_name(labels, towers, words):
    with pytest.raises(ValueError) as error:
        zoo.losses.get("ranking")(labels, towers)
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize(
    "name, settings, words",
    [
        ("ranking", dict(negative="hardest"), ["negative", "did you mean 'hard'"]),
        ("ranking", dict(hardness=0.5), ["hardness=0.5", "negative='hard'"]),
        ("maxranking", dict(hardness=2), ["hardness", "between 0 and 1"]),
        ("ranking", dict(normalize="third"), ["normalize", "first"]),
        ("ranking", dict(normalize=1), ["normalize"]),
        ("ranking", dict(denominator="mean"), ["denominator", "batch"]),
        ("ranking", dict(margin="soft"), ["margin", "soft"]),
        ("maxmargin", dict(seed=1.5), ["seed", "1.5"]),
        ("mms", dict(temperature=0), ["temperature", "0"]),
        ("mms", dict(denominator="pairs"), ["denominator"]),
    ],
)
def test_settings_without_meaning_are_refused_by_name(name, settings, words):
    with pytest.raises(ValueError) as error:
        zoo.losses.get(name, **settings)
    assert all(word in str(error.value) for word in words), error.value


def test_a_schedule_warms_the_hardest_negative_up():
    labels, towers = BATCHES["one match each"]
    loss = zoo.losses.get("maxranking", hardness=0.0)
    rise = keras.optimizers.schedules.PolynomialDecay(0.0, 4, 1.0)
    layer = zoo.layers.LossLayer(loss, schedules={"hardness": rise})
    values = [float(layer(labels, towers, training=True)) for _ in range(5)]
    expected = [float(zoo.losses.get("maxranking", hardness=a)(labels, towers)) for a in (0, 0.25, 0.5, 0.75, 1)]
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    assert expected[-1] == pytest.approx(float(zoo.losses.get("maxranking")(labels, towers)))
    with pytest.raises(ValueError, match="hardness=None"):
        zoo.layers.LossLayer(zoo.losses.get("maxranking"), schedules={"hardness": rise})


def two_towers(loss, labels="one"):
    """A functional model of two linear towers whose output is its loss."""
    keras.utils.set_random_seed(0)
    first, second, ids = keras.Input((6,)), keras.Input((8,)), keras.Input((), dtype="int32")
    towers = keras.layers.Dense(4)(first), keras.layers.Dense(4)(second)
    layer = zoo.layers.LossLayer(loss)
    model = model_with_loss([first, second, ids], (ids, ids) if labels == "pair" else ids, towers, layer)
    model.compile(keras.optimizers.Adam(0.01))
    return model


HIDDEN = np.random.default_rng(1).normal(size=(32, 3))
INPUTS = [HIDDEN @ RANDOM.normal(size=(3, 6)), HIDDEN @ RANDOM.normal(size=(3, 8)), np.arange(32) // 2]


@pytest.mark.parametrize("name", sorted(SETTINGS))
@pytest.mark.parametrize("labels", ["one", "pair"])
def test_in_a_functional_model_of_two_towers(name, labels, tmp_path):
    model = two_towers(zoo.losses.get(name, **({"seed": 3} if name == "maxmargin" else {})), labels)
    history = model.fit(INPUTS, INPUTS[2], batch_size=16, epochs=10, verbose=0).history
    assert history["loss"][-1] < 0.8 * history["loss"][0]
    assert set(history) >= {"valid_anchors", "active_fraction", "mean_s_ap", "mean_s_an", "embedding_std"}
    assert history["valid_anchors"][-1] == 16 and history["mean_s_ap"][-1] > history["mean_s_an"][-1]


def test_draws_follow_the_seed_and_go_on_after_loading(tmp_path):
    labels, towers = BATCHES["groups"]

    def sequence(loss, calls=4):
        return [float(loss(labels, towers)) for _ in range(calls)]

    first = sequence(zoo.losses.get("maxmargin", seed=1))
    assert first == sequence(zoo.losses.get("maxmargin", seed=1)) and len(set(first)) > 1
    assert first != sequence(zoo.losses.get("maxmargin", seed=2))
    if backend.NAME == "tensorflow":  # elsewhere the place in the sequence is no state of a compiled function
        import tensorflow as tf

        step = tf.function(zoo.losses.get("maxmargin", seed=1))
        assert [float(step(labels, towers)) for _ in range(4)] == pytest.approx(first)

    items = keras.Input((2, 4)), keras.Input((), dtype="int32")
    model = keras.Model(items, zoo.layers.LossLayer(zoo.losses.get("maxmargin", seed=1))(items[1], items[0]))
    inputs = [np.stack(towers, axis=1), labels]
    answers = [float(model(inputs)) for _ in range(2)]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    rest = [float(model(inputs)) for _ in range(2)]
    assert [float(again(inputs)) for _ in range(2)] == rest
    assert answers + rest == pytest.approx(first)


def test_a_draw_is_even_among_the_rivals():
    labels, towers = (np.array([0]), np.array([0, 1, 1, 2])), (np.array([[1.0]]), np.array([[0.0], [1.0], [2.0], [4.0]]))
    loss = zoo.losses.get("maxmargin", margin=0.0, seed=0)
    values = np.array([float(loss(labels, towers)) for _ in range(600)])
    shares = [(values == v).mean() for v in (1.0, 2.0, 4.0)]
    np.testing.assert_allclose(shares, 1 / 3, atol=0.06)
