"""Image encoders: shapes, poolings, weights from files, frozen statistics, saving."""

import keras
import numpy as np
import pytest

import zoo
from zoo.encoders import Application, ConvNet
from zoo.encoders.application import statistics
from zoo.layers import GlobalPool

RNG = np.random.default_rng(0)


def small(**settings):
    return Application("MobileNet", **{"width": 0.25, "size": 32, "resize": 32, **settings})


@pytest.mark.parametrize("pooling", ["avg", "max", "gem"])
def test_poolings_equal_numpy(pooling):
    x = RNG.uniform(0, 2, (2, 3, 4, 5)).astype("float32")
    expected = {"avg": x.mean((1, 2)), "max": x.max((1, 2)), "gem": (x**3).mean((1, 2)) ** (1 / 3)}[pooling]
    np.testing.assert_allclose(GlobalPool(pooling)(x), expected, rtol=1e-5)


def test_the_generalized_mean_learns_its_power_and_is_finite_at_zero():
    import tensorflow as tf

    pool, x = GlobalPool("gem"), tf.Variable(np.zeros((1, 2, 2, 3), "float32"))
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(pool(x))
    assert all(np.isfinite(g).all() for g in tape.gradient(y, [x, pool.power.value]))


@pytest.mark.parametrize("make", [lambda: ConvNet(filters=8, size=28, channels=1), small])
def test_an_encoder_gives_one_vector_an_image_and_is_saved(make, tmp_path):
    encoder = make()
    frontend = encoder.make_frontend()
    x = frontend(RNG.integers(0, 255, (3, 40, 30, 3), "uint8"))
    y = np.asarray(encoder(x))
    assert y.shape == (3, *encoder.compute_output_shape(x.shape)[1:]) and np.isfinite(y).all()
    model = keras.Sequential([keras.Input(x.shape[1:]), encoder])
    model.save(tmp_path / "m.keras")
    np.testing.assert_allclose(keras.models.load_model(tmp_path / "m.keras")(x), y, atol=1e-6)


@pytest.mark.parametrize("make", [lambda **s: ConvNet(filters=8, size=16, **s), small])
def test_frozen_statistics_stay_as_they_are(make):
    for batch_norm, moved in (("trained", True), ("frozen", False)):
        encoder = make(batch_norm=batch_norm)
        x = encoder.make_frontend()(RNG.integers(0, 255, (4, 32, 32, 3), "uint8"))
        before = {w.path: np.array(w) for w in encoder.weights} if encoder.built else None
        encoder(x)
        before = before or {w.path: np.array(w) for w in encoder.weights}
        encoder(x, training=True)
        changed = any((np.array(w) != before[w.path]).any() for w in encoder.weights if "moving" in w.path)
        assert changed == moved
        assert any("gamma" in w.path for w in encoder.trainable_variables) == moved


@pytest.mark.parametrize("freeze, trained", [("conv_pw_11_relu", 12), (True, 0), (None, 81)])
def test_frozen_layers_keep_weights_and_statistics(freeze, trained, tmp_path):
    model = zoo.build("mobilenet_triplet", width=0.25, size=32, resize=32, freeze=freeze, embedding_dim=4)
    network = model.backbone.network
    x, y = RNG.integers(0, 255, (8, 32, 32, 3), "uint8"), np.arange(8) % 2
    model.adapt(x)
    assert len(model.backbone.trainable_variables) == trained
    before = {w.path: np.array(w) for w in network.weights}
    model.fit(x, y, epochs=1, verbose=0)
    last = next((i for i, layer in enumerate(network.layers) if layer.name == freeze), -1 if freeze is None else 999)
    for i, layer in enumerate(network.layers):
        for w in layer.weights:
            assert (np.array(w) == before[w.path]).all() == (i <= last), w.path
    model.save(tmp_path / "m.keras")
    assert len(zoo.load_model(tmp_path / "m.keras").backbone.trainable_variables) == trained


@pytest.mark.parametrize("freeze", ["conv_pw_6_relu", True])
def test_a_model_trains_on_what_its_frozen_layers_said_as_on_the_images(freeze):
    x, y = RNG.integers(0, 255, (8, 32, 32, 3), "uint8"), np.arange(8) % 2
    found = []
    for cached in (False, True):
        keras.utils.set_random_seed(0)
        model = zoo.build("mobilenet_triplet", width=0.25, size=32, resize=32, freeze=freeze, embedding_dim=4)
        model.adapt(x)
        items = model.backbone.frozen(np.asarray(model.preprocess(x))) if cached else x
        assert not cached or items.shape[1:] == ((2, 2, 128) if freeze is not True else (1, 1, 256))
        model.fit(items, y, batch_size=8, epochs=3, verbose=0, shuffle=False)
        np.testing.assert_allclose(model.predict(items), model.predict(x), atol=1e-5)
        found.append(model.predict(x))
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)


def test_a_cut_within_a_block_is_refused():
    encoder = Application("ResNet50", size=32, resize=32, freeze="conv2_block2_1_relu")
    with pytest.raises(ValueError, match="freeze='conv2_block2_1_relu' is jumped over"):
        encoder.frozen(np.zeros((1, 32, 32, 3)))


def test_statistics_are_those_of_the_networks():
    mean, std, bgr = statistics("ResNet50")
    np.testing.assert_allclose(mean, [103.939, 116.779, 123.68], atol=1e-3)
    assert std == [1, 1, 1] and bgr
    assert statistics("MobileNet") == ([127.5] * 3, [127.5] * 3, False)
    image = RNG.integers(0, 255, (2, 32, 32, 3), "uint8")
    for name, module in (("ResNet50", "resnet50"), ("MobileNet", "mobilenet"), ("DenseNet121", "densenet")):
        x = Application(name, size=32, resize=32).make_frontend()(image)
        expected = getattr(keras.applications, module).preprocess_input(image.astype("float32"))
        np.testing.assert_allclose(x, expected, atol=1e-4)


def test_weights_come_from_a_local_file(tmp_path):
    source = small()
    source(np.zeros((1, 32, 32, 3), "float32"))
    names = {f"{layer.name}/{w.name}": np.array(w) for layer in source.network.layers for w in layer.weights}
    np.savez(tmp_path / "w.npz", **{k: v.astype("float16") if "conv1/" in k else v for k, v in names.items()})
    source.network.save_weights(tmp_path / "w.weights.h5")
    x = RNG.normal(size=(2, 32, 32, 3)).astype("float32")
    for name in ("w.npz", "w.weights.h5"):
        np.testing.assert_allclose(small(weights=str(tmp_path / name))(x), source(x), rtol=1e-2, atol=1e-3)
    del names["conv_pw_13/kernel"]
    np.savez(tmp_path / "short.npz", **names)
    assert small(weights=str(tmp_path / "short.npz"), until="conv_pw_12_relu").compute_output_shape((None,)) == (None, 256)
    with pytest.raises(ValueError, match="conv_pw_13/kernel is not there; until="):
        small(weights=str(tmp_path / "short.npz"))
    with pytest.raises(ValueError, match=r"has shape \(3, 3, 3, 8\) there, not \(3, 3, 3, 16\)"):
        small(weights=str(tmp_path / "w.npz"), width=0.5)


def test_a_network_of_ones_own_is_a_backbone():
    inputs = keras.Input((24, 24, 1))
    network = keras.Model(inputs, keras.layers.Conv2D(6, 3, activation="relu")(inputs))
    encoder = Application(network, size=24, resize=24, pooling="gem")
    assert encoder(encoder.make_frontend()(RNG.integers(0, 255, (2, 30, 30), "uint8"))).shape == (2, 6)
    again = Application.from_config(encoder.get_config())
    assert again.compute_output_shape((None, 24, 24, 1)) == (None, 6)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: small(backbone_name=1), ["backbone_name"]),
        (lambda: Application("ResNet51"), ["backbone", "ResNet50"]),
        (lambda: small(until="conv_pw_12_rel"), ["until", "conv_pw_12_relu"]),
        (lambda: small(freeze="conv_pw_6_rel"), ["freeze", "conv_pw_6_relu"]),
        (lambda: small().frozen(np.zeros((1, 32, 32, 3))), ["freeze", "no layer is frozen"]),
        (lambda: Application("ResNet50", width=0.5, size=32, resize=32), ["width", "ResNet50"]),
        (lambda: small(weights="no/such.h5"), ["weights", "no/such.h5"]),
        (lambda: small(pooling="mean"), ["pooling", "avg"]),
        (lambda: small(batch_norm=True), ["batch_norm", "frozen"]),
        (lambda: Application(keras.Sequential([keras.Input((8,)), keras.layers.Dense(2)])), ["backbone", "(None, 2)"]),
        (lambda: ConvNet(size=8), ["size", "16"]),
    ],
)
def test_bad_settings_are_named(make, words):
    with pytest.raises((ValueError, TypeError)) as error:
        make()
    assert all(word in str(error.value) for word in words)
