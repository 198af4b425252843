"""What every loss promises in numbers and in training; a loss is tested here by being in the catalogue."""

import backend
import contract
import keras
import numpy as np
import pytest
from contract import LOSSES, batch, fix, head, make, takes, targets, value_and_gradient
from keras import ops
from oracles import gradient

import zoo
from zoo import registry

ORACLES = contract.oracles()


@pytest.mark.parametrize("name", LOSSES)
def test_value_and_gradient_equal_the_loops_in_float64(name):
    assert name in ORACLES, f"{name} has no plain loop: add one to the dict ORACLES of a tests/oracles*.py"
    settings = {key: value for key, value in registry.LOSSES[name].settings.items() if key != "name"}
    for seed in (0, 1):
        labels, x = batch(name, seed, rows=9)
        x = x.astype("float64")
        value, slope = value_and_gradient(make(name), labels, x, "float64")
        assert value == pytest.approx(ORACLES[name](labels, x, **settings), rel=1e-6)
        if name == "circle":  # its weights take no part in the gradient: tests/losses/test_pairs.py holds that
            continue
        expected = gradient(lambda z, labels=labels: ORACLES[name](labels, z, **settings), x)
        np.testing.assert_allclose(slope, expected, atol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_it_trains_in_mixed_precision(name, policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        # The labels are noise: from the weights of seed 0 on JAX the semi-hard triplets grow, in float32 too.
        keras.utils.set_random_seed(int((backend.NAME, name) == ("jax", "semihard")))
        model = keras.Sequential(head(takes(name), 3))
        model.compile(keras.optimizers.Adam(0.01), loss=make(name))
        x = np.random.default_rng(0).normal(size=(24, 5)).astype("float32")
        history = model.fit(x, targets(name, np.arange(24) % 3, 3), batch_size=24, epochs=12, verbose=0).history["loss"]
    finally:
        keras.config.set_dtype_policy(before)
    assert np.isfinite(history).all() and history[-1] < history[0]
    assert all(np.isfinite(backend.to_numpy(w)).all() for w in model.trainable_variables)


def layer_of(name, **options):
    """A loss layer and what it is called with: 4 classes, so that embeddings may be their columns."""
    labels, x = batch(name, dim=4)
    classes = {"classes": 4} if registry.LOSSES[name].needs_classes else {}
    layer = zoo.layers.LossLayer(zoo.losses.get(name), **classes, **options)
    labels, x = ops.convert_to_tensor(labels, "int32"), ops.convert_to_tensor(x)
    layer(labels, x)
    fix(layer.loss)
    return layer, labels, x


def other(value):
    """Another value for a margin, a temperature or a share."""
    return 0.5 * value + 0.05


def numbers(name):
    """The settings of a loss that a layer keeps as weights, with their values."""
    loss = zoo.losses.get(name)
    found = {key: getattr(loss, key, None) for key in (*loss.adjustable, *loss.learns)}
    return {key: value for key, value in found.items() if isinstance(value, float)}


@pytest.mark.parametrize("name", [name for name in LOSSES if numbers(name)])
def test_settings_change_without_a_new_trace(name):
    layer, labels, x = layer_of(name)
    step, traces = backend.traced(layer, labels, x)
    before = float(step())
    for key, value in numbers(name).items():
        layer.set(**{key: other(value)})
        assert np.isfinite(float(step()))
    assert len(traces) == 1 or backend.NAME == "torch"  # which traces nothing
    if not registry.LOSSES[name].needs_classes:
        changed = {key: other(value) for key, value in numbers(name).items()}
        assert float(step()) == pytest.approx(float(make(name, **changed)(labels, x)), rel=1e-5)
        assert before == pytest.approx(float(make(name)(labels, x)), rel=1e-5)


@pytest.mark.parametrize("name", [name for name in LOSSES if set(numbers(name)) & set(zoo.losses.get(name).adjustable)])
def test_a_schedule_moves_settings_at_every_training_step_without_a_new_trace(name):
    adjustable = {key: value for key, value in numbers(name).items() if key in zoo.losses.get(name).adjustable}
    decay = keras.optimizers.schedules.PolynomialDecay
    layer, labels, x = layer_of(name, schedules={k: decay(v, 2, other(v)) for k, v in adjustable.items()})
    step, traces = backend.traced(layer, labels, x)
    for i in range(3):
        assert np.isfinite(float(step(True)))
        for key, value in adjustable.items():
            expected = value + (other(value) - value) * i / 2
            assert float(layer.values[key]) == pytest.approx(expected, rel=1e-5), key
    step(False)
    assert traces == [True, False] or backend.NAME == "torch"  # which traces nothing
    assert int(layer.step) == 3  # evaluation does not count


@pytest.mark.parametrize("name", [name for name in LOSSES if numbers(name)])
def test_settings_survive_saving(name, tmp_path):
    layer, labels, x = layer_of(name)
    inputs = keras.Input(tuple(x.shape[1:])), keras.Input((), dtype="int32")
    model = keras.Model(inputs, layer(inputs[1], inputs[0]))
    layer.set(**{key: other(value) for key, value in numbers(name).items()})
    value = float(model([x, labels]))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    (loaded,) = (part for part in again.layers if isinstance(part, zoo.layers.LossLayer))
    for key, start in numbers(name).items():
        assert float(loaded.values[key]) == pytest.approx(other(start), rel=1e-6)
    if getattr(loaded.loss, "draws", None) is None:  # the place in the sequence is tested in test_ranking.py
        assert float(again([x, labels])) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("name", [name for name in LOSSES if set(numbers(name)) & set(zoo.losses.get(name).learns)])
def test_what_a_layer_learns_gets_a_gradient(name):
    layer, labels, x = layer_of(name)
    learnt = {key: layer.values[key] for key in zoo.losses.get(name).learns if key in layer.values}
    _, slopes = backend.value_and_gradient(lambda: layer(labels, x), weights=list(learnt.values()))
    for key, slope in zip(learnt, slopes, strict=True):
        start, step = numbers(name)[key], backend.within(1e-5, jax=1e-2, torch=1e-2)
        up, down = (float(make(name, **{key: start + d})(labels, ops.cast(x, "float64"))) for d in (step, -step))
        assert float(slope) == pytest.approx((up - down) / (2 * step), rel=1e-3, abs=1e-6), key
