"""Margin softmax, angular softmax and proxies against golden values and plain loops."""

import backend
import keras
import numpy as np
import oracles
import oracles_scores
import pytest
from keras import ops

import zoo
from zoo import registry
from zoo.losses.angular_softmax import multiply_angle

RANDOM = np.random.default_rng(3)
N, C = 11, 5
LABELS = RANDOM.integers(0, C - 1, N)  # the last class is missing
SETTINGS = {
    "cosface": [{}, {"margin": 0.0, "scale": 20.0}, {"margin": 0.2, "scale": 16.0}],
    "arcface": [{}, {"margin": 0.0}, {"margin": 0.3, "scale": 16.0}, {"margin": 1.5, "scale": 10.0}],
    "sphereface": [{}, *({"multiple": m, "annealing": a} for m in (1, 2, 3, 4) for a in (0.0, 2.0))],
    "lsoftmax": [{}, {"multiple": 3, "annealing": 1.0}],
    "proxynca": [{}, {"scale": 3.0}, {"include_own": False}, {"include_own": False, "scale": 9.0}],
    "proxyanchor": [{}, {"margin": 0.0, "alpha": 4.0}, {"margin": 0.5, "alpha": 8.0}],
}
CASES = [(name, settings) for name, rows in SETTINGS.items() for settings in rows]


def batches():
    cosines = RANDOM.uniform(-0.98, 0.98, (N, C))
    yield "random", LABELS, cosines
    yield "ties", LABELS, np.round(cosines * 2.9) / 3 * 0.96 + 0.01
    yield "own class far", LABELS, np.where(np.eye(C)[LABELS] > 0, -0.97, cosines)
    yield "own class near", LABELS, np.where(np.eye(C)[LABELS] > 0, 0.99, cosines)
    yield "duplicates", np.repeat(LABELS, 2), np.repeat(cosines, 2, axis=0)
    yield "one row", LABELS[:1], cosines[:1]
    yield "all of one class", np.full(N, 2), cosines


BATCHES = list(batches())


def differentiate(loss, labels, x):
    value, (gradient,) = backend.value_and_gradient(lambda z: loss(labels, z), x)
    return value, gradient


@pytest.mark.parametrize("name, settings", CASES)
@pytest.mark.parametrize("case, labels, x", BATCHES, ids=[b[0] for b in BATCHES])
def test_values_and_gradients_equal_plain_loops(name, settings, case, labels, x):
    if registry.LOSSES[name].path.endswith("AngularSoftmax"):
        x = np.stack([x, np.random.default_rng(4).uniform(0.5, 4, x.shape)], axis=2)
    value, gradient = differentiate(zoo.losses.get(name, **settings), labels, x)
    oracle = oracles_scores.ORACLES[name]
    assert value == pytest.approx(oracle(labels, x, **settings), rel=1e-6, abs=1e-12)
    expected = oracles.gradient(lambda z: oracle(labels, z, **settings), x)
    np.testing.assert_allclose(gradient, expected, atol=1e-6 * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize(
    "name, settings, expected",
    [
        ("cosface", {"margin": 0.0}, 0.000336),
        ("cosface", {}, 0.086864),
        ("arcface", {}, 0.148744),
    ],
)
def test_golden_values(name, settings, expected):
    loss = zoo.losses.get(name, scale=16.0, **settings)
    assert float(loss([0], [[0.8, 0.3, -0.2]])) == pytest.approx(expected, abs=1e-6)


def test_golden_value_of_sphereface():
    x = [[[0.8, 3.0], [0.3, 3.0], [-0.2, 3.0]]]
    assert float(zoo.losses.get("sphereface", annealing=0.0)([0], x)) == pytest.approx(3.657157, abs=1e-6)


def test_multiplied_angles():
    golden = {0.9: (0.62, 0.216, -0.2312), 0.5: (-0.5, -1, -1.5), 0.0: (-1, -2, -3), -0.7: (-1.98, -3.272, -4.9992)}
    for c, expected in golden.items():
        np.testing.assert_allclose([float(multiply_angle(np.array(c), m)) for m in (2, 3, 4)], expected, atol=1e-12)
    cosines = np.linspace(-1, 1, 4001)
    for m in (1, 2, 3, 4):
        values = backend.to_numpy(multiply_angle(cosines, m))
        np.testing.assert_allclose(values, [oracles_scores.psi(c, m) for c in cosines], atol=1e-9)
        assert (np.diff(values) > 0).all() and values[0] == 1 - 2 * m and values[-1] == 1


@pytest.mark.parametrize("margin", [0.0, 0.1, 0.5, 1.0, np.pi / 2])
def test_arcface_falls_with_the_angle_and_has_a_finite_slope_at_both_ends(margin):
    own = np.cos(np.linspace(0, np.pi, 2001))
    cosines = np.stack([own, np.zeros(2001)], axis=1)
    loss = zoo.losses.get("arcface", margin=margin, scale=4.0, reduction=None)
    labels = np.zeros(2001, "int32")
    assert (np.diff(backend.to_numpy(loss(labels, cosines))) > 0).all()
    _, (gradient,) = backend.value_and_gradient(lambda z: ops.sum(loss(labels, z)), cosines)
    assert np.isfinite(gradient).all() and np.abs(gradient).max() < 4 * 1001
    assert (gradient[:, 0] < backend.within(0.0, jax=1e-6)).all()


def test_a_small_loss_in_float32_is_not_rounded_to_zero():
    """1 - p is 0 in float32 long before the loss is; then nothing more would be learnt."""
    x = np.array([[1.0, 0.0]])
    expected, slope = differentiate(zoo.losses.get("cosface", margin=0.0, scale=30.0), [0], x)
    value, gradient = differentiate(zoo.losses.get("cosface", margin=0.0, scale=30.0), [0], x.astype("float32"))
    assert expected == pytest.approx(np.exp(-30), rel=1e-6) and value == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(gradient, slope, rtol=1e-5)


def test_normalized_softmax_is_margin_zero_and_proxy_nca_is_twice_its_scale():
    x = BATCHES[0][2]
    plain = zoo.losses.MarginSoftmax(margin=0.0, scale=20.0)(LABELS, x)
    assert float(plain) == pytest.approx(float(zoo.losses.SoftmaxLoss()(LABELS, 20.0 * x)), rel=1e-12)
    assert float(plain) == pytest.approx(float(zoo.losses.ProxyNCALoss(scale=10.0)(LABELS, x)), rel=1e-12)
    assert float(plain) == pytest.approx(float(zoo.losses.get("arcface", margin=0.0, scale=20.0)(LABELS, x)), rel=1e-6)


def test_multiple_one_is_plain_softmax():
    x = np.stack([BATCHES[0][2], np.full((N, C), 2.5)], axis=2)
    plain = zoo.losses.SoftmaxLoss()(LABELS, 2.5 * x[:, :, 0])
    for name in ("lsoftmax", "sphereface"):
        assert float(zoo.losses.get(name, multiple=1)(LABELS, x)) == pytest.approx(float(plain), rel=1e-12)
        assert float(zoo.losses.get(name, annealing=1e9)(LABELS, x)) == pytest.approx(float(plain), rel=1e-6)


@pytest.mark.filterwarnings("ignore:You are using a softmax")  # Keras asks whether one class was meant
def test_one_class_costs_nothing():
    for name in ("cosface", "arcface", "proxynca"):
        assert float(zoo.losses.get(name)([0, 0], [[0.3], [-0.2]])) == 0.0
    assert float(zoo.losses.ProxyNCALoss(include_own=False)([0, 0], [[0.3], [-0.2]])) == 0.0


def test_each_row_of_proxy_anchor_has_its_share():
    x = BATCHES[0][2]
    values = backend.to_numpy(zoo.losses.get("proxyanchor", reduction=None)(LABELS, x))
    expected = oracles_scores.proxy_anchor(LABELS, x)
    assert values.mean() == pytest.approx(expected, rel=backend.within(1e-9, jax=1e-6, torch=1e-6))
    for y in set(LABELS):  # the samples of a class share its terms evenly
        assert np.ptp(values[LABELS == y]) < 1e-9


def test_the_annealing_decays_as_the_papers_say_and_survives_a_config():
    schedule = zoo.losses.AnnealingDecay(base=1000.0, rate=2.5e-5, power=35.0, minimum=0.0)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    for step in (0, 1, 1000, 20_000):
        expected = 1000 * (1 + 2.5e-5 * step) ** -35.0
        assert float(schedule(step)) == pytest.approx(expected, rel=1e-4)
        assert float(again(ops.convert_to_tensor(step))) == pytest.approx(expected, rel=1e-4)
    assert float(zoo.losses.AnnealingDecay()(10**6)) == 5.0


@pytest.mark.parametrize(
    "name, settings, words",
    [
        ("cosface", {"kind": "cosfase"}, ["kind", "did you mean 'cosface'"]),
        ("cosface", {"margin": -0.1}, ["margin", "-0.1"]),
        ("arcface", {"margin": 28.6}, ["margin", "1.57", "28.6"]),
        ("arcface", {"scale": 0}, ["scale", "0"]),
        ("sphereface", {"multiple": 5}, ["multiple", "5"]),
        ("sphereface", {"multiple": 2.5}, ["multiple", "2.5"]),
        ("sphereface", {"lengths": "none"}, ["lengths", "features"]),
        ("lsoftmax", {"annealing": -1}, ["annealing", "-1"]),
        ("lsoftmax", {"annealing": zoo.losses.AnnealingDecay()}, ["annealing is a schedule", "LossLayer"]),
        ("proxynca", {"scale": float("nan")}, ["scale", "nan"]),
        ("proxyanchor", {"margin": "soft"}, ["margin", "soft"]),
    ],
)
def test_bad_settings_are_refused_by_name(name, settings, words):
    with pytest.raises(ValueError) as error:
        zoo.losses.get(name, **settings)
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize("name", SETTINGS)
def test_labels_outside_the_classes_are_refused(name):
    with pytest.raises(ValueError, match="0..2, but range from 0 to 3"):
        zoo.losses.get(name)([0, 3], np.zeros((2, 3)))
    if registry.LOSSES[name].path.endswith("AngularSoftmax"):
        with pytest.raises(ValueError, match="0..2, but range from 0 to 3"):
            zoo.losses.get(name)([0, 3], np.zeros((2, 3, 2)))
