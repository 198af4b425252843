"""The towers of visual-semantic embedding: stored features and networks, frozen or trained."""

import keras
import numpy as np
import pytest

import zoo
from zoo.encoders import VSE, ImageFeatures
from zoo.frontends import FeatureFrontend, ImageFrontend, WordFrontend

IMAGES = np.random.default_rng(0).integers(0, 255, (2, 20, 20, 3), "uint8")


def test_towers_and_their_frontends():
    towers = VSE(units=6, max_length=9, features=7).towers
    assert list(towers) == ["text", "image"]
    assert isinstance(towers["text"].make_frontend(), WordFrontend) and towers["text"].make_frontend().max_length == 9
    assert isinstance(towers["image"].make_frontend(), FeatureFrontend)
    pixels = VSE(image="convnet", size=16, image_settings={"filters": 4}).towers["image"]
    assert isinstance(pixels.make_frontend(), ImageFrontend)
    assert pixels(pixels.make_frontend()(IMAGES)).shape == (2, 4)


def test_stored_features_become_of_unit_length_unless_told_otherwise():
    x = np.array([[3.0, 4.0], [0.0, 0.0]], "float32")
    np.testing.assert_allclose(ImageFeatures(2)(x), [[0.6, 0.8], [0, 0]], atol=1e-6)
    np.testing.assert_array_equal(ImageFeatures(2, scale=False)(x), x)


def test_standardized_features_have_mean_0_and_deviation_1_and_dropout_is_for_training():
    x = (0.5 + 0.1 * np.random.default_rng(0).random((256, 8))).astype("float32")
    x[:, 3] = 0  # says nothing
    tower = ImageFeatures(8, scale=False, standardize=True, dropout=0.5)
    tower.build((None, 8))
    tower.learn(x[i : i + 100] for i in range(0, 256, 100))
    want = (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
    np.testing.assert_allclose(tower(x), want, atol=1e-4)
    kept = np.asarray(tower(x, training=True)) / np.where(want == 0, 1, want)
    assert 0.4 < (kept[:, 0] == 0).mean() < 0.6 and np.allclose(kept[kept[:, 0] != 0, 0], 2, atol=1e-3)
    assert not tower.trainable_variables
    again = ImageFeatures.from_config(tower.get_config())
    again.build((None, 8))
    again.set_weights(tower.get_weights())
    np.testing.assert_array_equal(again(x), tower(x))
    with pytest.raises(ValueError, match="none to take statistics"):
        tower.learn([])


def test_a_model_takes_the_statistics_when_it_is_adapted(tmp_path):
    x = np.random.default_rng(0).random((300, 6)).astype("float32")
    model = zoo.build("vse_ranking", features=6, units=4, embedding_dim=3, standardize=True, image_dropout=0.2)
    model.adapt({"text": ["a plane", "two boats"], "image": x})
    image = model.towers["image"].backbone
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    np.testing.assert_allclose(image.mean, unit.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(image.deviation, unit.std(axis=0), rtol=1e-4)
    want = (unit - unit.mean(axis=0)) / unit.std(axis=0)
    np.testing.assert_allclose(image(x), want / np.linalg.norm(want, axis=1, keepdims=True), atol=1e-5)
    model.save(tmp_path / "model.keras")
    again = zoo.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict((["a plane"], x))[1], model.predict((["a plane"], x))[1])


def test_one_linear_map_to_the_size_of_the_captions():
    image = VSE(units=6, bidirectional=True, features=2, image_map=True).towers["image"]
    x = np.array([[3.0, 4.0]], "float32")
    result = image(x)
    assert result.shape == (1, 12) == image.compute_output_shape((1, 2))
    np.testing.assert_allclose(result, x / 5 @ image.map.kernel.numpy() + image.map.bias.numpy(), atol=1e-6)


@pytest.mark.parametrize("name, settings", [("convnet", {"filters": 4}), ("mobilenet", {"width": 0.25})])
def test_a_frozen_network_keeps_weights_and_statistics(name, settings):
    for freeze in (True, False):
        tower = VSE(image=name, size=32, freeze=freeze, image_settings=settings).towers["image"]
        x = np.random.default_rng(0).normal(size=(4, 32, 32, 3)).astype("float32")
        tower(x)
        assert bool(tower.trainable_variables) != freeze
        before = [np.array(weight) for weight in tower.weights]
        tower(x, training=True)
        same = all(np.array_equal(old, new) for old, new in zip(before, tower.weights))
        assert same == freeze


def test_towers_go_through_their_configs():
    for tower in VSE(image="mobilenet", size=32, image_settings={"width": 0.25}, units=4).towers.values():
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(tower))
        assert again.get_config() == tower.get_config()
        assert [v.path for v in again.trainable_variables] == [v.path for v in tower.trainable_variables]


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: VSE(train_vectors=False), ["train_vectors", "vectors="]),
        (lambda: VSE(image="MobilNet"), ["backbone", "'MobileNet'"]),
        (lambda: VSE(image="convnet", weights="a.npz"), ["weights", "convnet"]),
        (lambda: ImageFeatures(), ["features and backbone"]),
        (lambda: ImageFeatures(5)(np.zeros((2, 4))), ["features=5", "(2, 4)"]),
    ],
)
def test_bad_input_is_refused_by_name(call, words):
    with pytest.raises(ValueError) as error:
        call()
    assert all(word in str(error.value) for word in words), error.value
