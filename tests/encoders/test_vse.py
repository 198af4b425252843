"""The towers of visual-semantic embedding: stored features and networks, frozen or trained."""

import keras
import numpy as np
import pytest

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
