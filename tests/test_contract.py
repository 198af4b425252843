"""What every loss promises; a loss is tested here by being in the catalogue."""

import os
import subprocess
import sys

import backend
import keras
import numpy as np
import pytest

import zoo
from contract import (
    LOSSES,
    MULTI_LABEL,
    NOISE,
    PAIR_ALONE,
    as_input,
    batch,
    fix,
    head,
    make,
    takes,
    targets,
    value_and_gradient,
)
from zoo import registry
from zoo.layers.loss_layer import HEALTH, OF_SCORES

CLASS_IDS = [name for name in LOSSES if name not in MULTI_LABEL]
IN_BATCH = [name for name in LOSSES if not registry.LOSSES[name].needs_classes]


DEGENERATE = {
    "no positives": (np.arange(4), np.eye(4)),
    "one class": (np.zeros(4, "int32"), np.eye(4)),
    "one sample": (np.zeros(1, "int32"), np.eye(4)[:1]),
    "duplicates": (np.array([0, 0, 1, 1]), np.repeat(np.eye(4)[:2], 2, axis=0)),
    "zero vectors": (np.array([0, 0, 1, 1]), np.zeros((4, 4))),
    "all equal": (np.array([0, 0, 1, 1]), np.ones((4, 4))),
    "float16 overflow": (np.array([0, 0, 1, 1]), np.random.default_rng(0).normal(size=(4, 4)) * 1e4),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_batches_are_finite(name, case):
    labels, x = DEGENERATE[case]
    dtype = "float16" if case == "float16 overflow" else "float32"
    value, gradient = value_and_gradient(make(name), targets(name, labels, 4), as_input(takes(name), x), dtype)
    assert np.isfinite(value) and np.isfinite(gradient).all()
    lonely = ("one class", "one sample") if takes(name) == "towers" else ("no positives", "one class", "one sample")
    if name in IN_BATCH and case in lonely and name not in PAIR_ALONE:
        assert value == 0 and not gradient.any()


@pytest.mark.parametrize("name", LOSSES)
def test_the_order_of_the_batch_does_not_matter(name):
    labels, x = batch(name)
    order = np.random.default_rng(1).permutation(len(labels))
    loss, moved = make(name), fix(zoo.losses.get(name), NOISE[:12, :12][order][:, order])  # the same draw for the same pair
    assert float(moved(labels[order], x[order])) == pytest.approx(float(loss(labels, x)), rel=1e-5)


@pytest.mark.parametrize("name", CLASS_IDS)
def test_labels_as_a_column_or_as_floats_mean_the_same(name):
    labels, x = batch(name)
    loss = make(name)
    expected = float(loss(labels, x))
    assert expected > 0
    for same in (labels[:, None], labels.astype("float32"), keras.ops.convert_to_tensor(labels, "int64"), labels.tolist()):
        assert float(loss(same, x)) == expected


@pytest.mark.parametrize("name", IN_BATCH)
@pytest.mark.parametrize("base", [2**24, 2**31, 2**53, -(2**40)])
def test_large_ids_never_collide(name, base):
    labels, x = batch(name)
    loss = make(name)
    assert float(loss(labels.astype("int64") + base, x)) == float(loss(labels, x))


@pytest.mark.parametrize("name", LOSSES)
def test_sample_weight(name):
    labels, x = batch(name)
    loss, none = make(name), make(name, reduction=None)
    values, weight = backend.to_numpy(none(labels, x)), np.linspace(0.0, 2.0, len(labels)).astype("float32")
    valid = backend.to_numpy(loss.checked_terms(labels, x).valid)
    expected = (values * weight).sum() / (weight * valid).sum()
    assert float(loss(labels, x, sample_weight=weight)) == pytest.approx(expected, rel=1e-5)
    assert float(loss(labels, x, sample_weight=np.ones(12))) == pytest.approx(float(loss(labels, x)), rel=1e-6)
    assert float(loss(labels, x, sample_weight=np.zeros(12))) == 0.0


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("weight, words", [(np.ones(5), "12, not 5"), ([float("nan")] * 12, "finite")])
def test_weights_that_do_not_fit_are_refused(name, weight, words):
    labels, x = batch(name)
    with pytest.raises(ValueError, match=words):
        zoo.losses.get(name)(labels, x, sample_weight=weight)


@pytest.mark.parametrize("name", LOSSES)
def test_reductions(name):
    labels, x = batch(name)
    mean, total, none = (backend.to_numpy(make(name, reduction=r)(labels, x)) for r in ("mean", "sum", None))
    valid = backend.to_numpy(make(name).checked_terms(labels, x).valid)
    assert none.shape == (12,)
    assert total == pytest.approx(none.sum(), rel=1e-5)
    assert mean == pytest.approx(none.sum() / valid.sum(), rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_health_says_what_the_batch_teaches(name):
    loss = make(name)
    found = {key: float(value) for key, value in loss.checked_terms(*batch(name)).health.items()}
    if takes(name) in ("scores", "cosines"):
        assert set(found) | {"embedding_std"} == set(OF_SCORES)
        return
    assert set(found) | {"embedding_std"} == {*HEALTH, *loss.reports}
    pairs, matches = (144, 4 * 3 * 3) if takes(name) == "towers" else (12 * 11, 4 * 3 * 2)  # 4 classes of 3 rows
    assert found["positive_share"] == pytest.approx(matches / pairs)
    assert 0 < found["valid_anchors"] <= 12 and 0 < found["active_fraction"] <= 1
    assert len({0.0, found["mean_s_ap"], found["mean_s_an"]}) == 3 and np.isfinite(list(found.values())).all()


@pytest.mark.skipif(backend.NAME == "torch", reason="torch.compile takes minutes for so many losses")
@pytest.mark.parametrize("name", LOSSES)
def test_a_compiled_step_agrees(name):
    labels, x = batch(name)
    loss = make(name)
    labels = labels if name in MULTI_LABEL else labels.astype("int32")
    expected, gradient = value_and_gradient(loss, labels, x)
    given = keras.ops.convert_to_tensor(labels)
    value, (compiled,) = backend.value_and_gradient(lambda z: loss(given, z), x, jit=True, missing="zero")
    assert value == pytest.approx(expected, rel=1e-5, abs=1e-6)
    np.testing.assert_allclose(compiled, gradient, atol=1e-5)


@pytest.mark.skipif(backend.NAME != "tensorflow", reason="only TensorFlow has graphs of unknown batch size")
@pytest.mark.parametrize("name", LOSSES)
def test_a_graph_of_unknown_batch_size_agrees(name):
    import tensorflow as tf

    labels, x = batch(name)
    loss = make(name)
    labels = labels if name in MULTI_LABEL else labels.astype("int32")
    expected, gradient = value_and_gradient(loss, labels, x)
    signature = [tf.TensorSpec([None, *labels.shape[1:]], labels.dtype), tf.TensorSpec([None, *x.shape[1:]], "float32")]

    @tf.function(input_signature=signature)
    def step(y, z):
        with tf.GradientTape() as tape:
            tape.watch(z)
            value = loss(y, z)
        return value, tape.gradient(value, z)

    value, graph_gradient = step(tf.constant(labels), tf.constant(x))
    assert float(value) == pytest.approx(expected, rel=1e-5, abs=1e-6)
    np.testing.assert_allclose(graph_gradient, gradient, atol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_low_precision_input_is_computed_in_float32(name, dtype):
    labels, x = batch(name)
    rounded = keras.ops.cast(keras.ops.cast(x, dtype), "float32")
    loss = make(name)
    assert float(loss(labels, keras.ops.cast(x, dtype))) == pytest.approx(float(loss(labels, rounded)), rel=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_compile_and_fit(name):
    labels, x = targets(name, np.arange(24) % 3, 3), np.random.default_rng(0).normal(size=(24, 5))
    keras.utils.set_random_seed(0)
    model = keras.Sequential(head(takes(name), 3))
    model.compile(keras.optimizers.Adam(0.01), loss=make(name))
    history = model.fit(x, labels, batch_size=12, epochs=20, verbose=0).history["loss"]
    assert np.isfinite(history).all() and history[-1] < history[0]


def rows(name, x):
    """The same rows for a loss of two towers as for one of a single one."""
    return np.stack([x, x], axis=1) if takes(name) == "towers" and x.ndim == 2 else x


@pytest.mark.parametrize("name", CLASS_IDS)
@pytest.mark.parametrize(
    "labels, x, words",
    [
        ([0, 1], np.zeros((2, 3, 3)), ["shape (N, ", "D)", "(2, 3, 3)"]),
        ([0, 1], np.zeros(2), ["shape", "(2,)"]),
        ([0, 1, 1], np.zeros((2, 2)), ["3 rows", "2"]),
        ([[0, 1], [1, 0]], np.zeros((2, 2)), ["(N,) or (N, 1)", "(2, 2)"]),
        ([0.5, 1.0], np.zeros((2, 2)), ["whole numbers"]),
        ([float("nan"), 1.0], np.zeros((2, 2)), ["no number"]),
        ([float("inf"), 1.0], np.zeros((2, 2)), ["no number"]),
        (["a", "b"], np.zeros((2, 2)), ["integers", "zoo.data.encode"]),
        ([0, 1], np.array([[0.0, 0.0], [np.nan, 0.0]]), ["finite", "row 1"]),
        (np.zeros(0, "int32"), np.zeros((0, 2)), ["no row"]),
    ],
)
def test_bad_batches_are_refused_by_name(name, labels, x, words):
    with pytest.raises(ValueError) as error:
        zoo.losses.get(name)(labels, rows(name, x).astype("float32"))
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize("name", LOSSES)
def test_settings_survive_a_config(name):
    loss = zoo.losses.get(name)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    labels, x = batch(name)
    assert again.get_config() == loss.get_config()
    assert float(again(labels, x)) == float(loss(labels, x))  # the draws of the same seed, too


def test_losses_load_in_a_fresh_process_that_only_registers(tmp_path):
    x, expected = np.random.default_rng(0).normal(size=(12, 5)).astype("float32"), {}
    for name in LOSSES:
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((5,)), *head(takes(name), 4)])
        model.compile("sgd", loss=zoo.losses.get(name))
        model.save(tmp_path / f"{name}.keras")
        expected[name] = float(model.loss(targets(name, np.arange(12) % 4, 4), model(x)))
    code = (
        "import sys, pathlib, keras, numpy as np, zoo; zoo.register()\n"
        "x = np.load(sys.argv[1] + '/x.npy'); y = np.arange(12) % 4\n"
        "for path in sorted(pathlib.Path(sys.argv[1]).glob('*.keras')):\n"
        "    model = keras.models.load_model(path, safe_mode=True)\n"
        "    labels = np.eye(4)[y] if model.loss.multilabel else y\n"
        "    print(path.stem, float(model.loss(labels, model(x))))\n"
    )
    np.save(tmp_path / "x.npy", x)
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    answers = dict(line.split() for line in done.stdout.splitlines())
    assert sorted(answers) == LOSSES
    for name in LOSSES:
        assert float(answers[name]) == pytest.approx(expected[name], rel=1e-4), name


def test_a_margin_of_the_user_reaches_every_loss_that_has_one():
    for name in LOSSES:
        if "margin" in registry.defaults(registry.LOSSES[name].path):
            labels, x = batch(name)
            small, large = (float(make(name, margin=m)(labels, x)) for m in (0.1, 1.0))
            if name == "circle":
                small, large = large, small  # its margin is how far from perfect a pair may be
            assert large > small, name


@pytest.mark.skipif(backend.NAME != "tensorflow", reason="a strategy of TensorFlow")
def test_replicas_divide_the_mean_as_keras_does():
    """Gradients are summed over replicas, so each replica's mean is divided by their number, as Keras' losses are."""
    code = (
        "import tensorflow as tf, numpy as np, keras, zoo\n"
        "cpu = tf.config.list_physical_devices('CPU')[0]\n"
        "tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)\n"
        "loss, y, x = zoo.losses.get('batchhard'), np.arange(8) % 2, np.random.default_rng(0).normal(size=(8, 3))\n"
        "strategy = tf.distribute.MirroredStrategy(['CPU:0', 'CPU:1'])\n"
        "parts = strategy.run(lambda: loss(y, x)).values\n"
        "print(len(parts), *(float(p) / float(loss(y, x)) for p in parts))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    replicas, *shares = map(float, done.stdout.split())
    assert replicas == 2 and shares == pytest.approx([0.5, 0.5])
