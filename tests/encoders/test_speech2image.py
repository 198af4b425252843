"""Speech beside images: pooled towers and matchmaps, in fit, from a file, in a bundle."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.encoders import Speech2Image
from zoo.layers.matchmap import matchmap_similarity

RANDOM = np.random.default_rng(0)
IDS = np.repeat(np.arange(3), 4)
# Tones of three pitches and clips of several lengths; images of three colors.
WAVES = [
    (0.3 * np.sin(2 * np.pi * (400 + 500 * i) / 8000 * np.arange(1600 + 150 * k))).astype("float32") for k, i in enumerate(IDS)
]
IMAGES = (np.eye(3)[IDS][:, None, None] * 150 + RANDOM.integers(0, 40, (12, 10, 10, 3))).astype("uint8")


def small(loss, **settings):
    keras.utils.set_random_seed(0)
    model = zoo.build(
        f"speech2image_{loss}", seconds=0.4, size=8, embedding_dim=6, learning_rate=1e-2, mels=12,
        speech_settings={"blocks": [(8, 3, True)]}, image_settings={"filters": 8, "blocks": 1}, **settings,
    )  # fmt: skip
    model.adapt({"speech": WAVES, "image": IMAGES})
    return model


@pytest.fixture(scope="module")
def misa():
    model = small("maxmargin", matchmap="misa")
    batches = zoo.data.pair_batches(model.towers["speech"].frontend.as_items(WAVES), IMAGES, (IDS, IDS), classes=3, per_class=2)
    model.history_of_test = model.fit(batches, epochs=8, verbose=0).history
    return model


def test_a_matchmap_learns_and_reports_health(misa):
    history = misa.history_of_test
    assert {"mean_s_ap", "mean_s_an", "active_fraction", "embedding_std"} <= set(history) and np.isfinite(history["loss"]).all()
    gap = np.array(history["mean_s_ap"]) - np.array(history["mean_s_an"])
    assert gap[-1] > gap[0]
    report = zoo.evaluate(misa, ((WAVES, IMAGES), IDS))
    assert report["speech_to_image_recall@5"].value > 0.5 and report.info["speech items"] == 12


def test_similarity_is_the_matchmap_of_frames_and_places(misa):
    x, y = misa(misa.preprocess((WAVES, IMAGES)))
    real, places = keras.ops.convert_to_numpy(x[1]), keras.ops.convert_to_numpy(y[1])
    assert real.any(axis=1).all() and not real.all() and places.all()
    expected = keras.ops.convert_to_numpy(matchmap_similarity(*x, *y, "misa"))
    np.testing.assert_allclose(misa.similarity(WAVES, IMAGES, batch_size=5), expected, atol=1e-5)
    one = misa.matchmap_between(WAVES[2:3], IMAGES[4:5])
    assert one.shape == (int(real[2].sum()), 4, 4)
    assert one.max(axis=(1, 2)).mean() == pytest.approx(float(expected[2, 4]), abs=1e-5)


def test_embeddings_are_the_means_whose_product_is_sisa(misa):
    x, y = misa.predict((WAVES, IMAGES))
    parts = misa(misa.preprocess((WAVES, IMAGES)))
    expected = keras.ops.convert_to_numpy(matchmap_similarity(*parts[0], *parts[1], "sisa"))
    np.testing.assert_allclose(x @ y.T, expected, atol=1e-5)


def test_padding_of_clips_changes_nothing(misa):
    alone = np.concatenate([misa.similarity([wave], IMAGES) for wave in WAVES[:3]])
    np.testing.assert_allclose(alone, misa.similarity(WAVES, IMAGES)[:3], atol=1e-5)


def test_a_saved_matchmap_loads(misa, tmp_path):
    misa.save(tmp_path / "misa.keras")
    loaded = zoo.load_model(tmp_path / "misa.keras")
    assert loaded.matchmap == "misa"
    np.testing.assert_allclose(loaded.similarity(WAVES, IMAGES), misa.similarity(WAVES, IMAGES), atol=1e-6)
    assert loaded.card()["settings"]["matchmap"] == "misa"


def test_both_sides_are_served_from_their_files(misa, tmp_path):
    version = zoo.export(misa, tmp_path / "misa")
    signatures = tf.saved_model.load(str(version)).signatures
    assert set(signatures) == {"serving_default", "embed_speech", "embed_image"}
    frontends = [tower.frontend for tower in misa.towers.values()]
    wavs, files = (frontend.as_bytes(items) for frontend, items in zip(frontends, (WAVES, IMAGES), strict=True))
    x, y = misa.predict((wavs, IMAGES))
    found = signatures["embed_speech"](audio=tf.constant([*wavs, b"no sound"]))
    np.testing.assert_allclose(found["embedding"][:-1], x, atol=1e-5)
    assert found["ok"].numpy().tolist() == [1.0] * 12 + [0.0]
    np.testing.assert_allclose(signatures["embed_image"](image=tf.constant(files))["embedding"], y, atol=1e-5)
    np.testing.assert_array_equal(signatures["serving_default"](audio=tf.constant(wavs))["embedding"], found["embedding"][:-1])


@pytest.mark.parametrize("loss, matchmap", [("manytomany", "sima"), ("mms", "sisa"), ("sigmoid", None)])
def test_other_losses_and_matchmaps_train(loss, matchmap):
    model = small(loss, matchmap=matchmap)
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)  # tracing costs seconds
    before = [weight.numpy().copy() for weight in model.trainable_variables]
    history = model.fit(tuple(map(np.asarray, model.preprocess((WAVES, IMAGES)))), IDS, batch_size=6, verbose=0).history
    assert np.isfinite(history["loss"]).all() and model.distance == ("cosine" if loss == "sigmoid" else "dot")
    assert sum(not np.array_equal(a, b.numpy()) for a, b in zip(before, model.trainable_variables, strict=True)) > 6


def test_the_towers_have_the_settings():
    encoder = Speech2Image(preset="davenet", rate=16000, speed=0.1, size=32, image_settings={"channels": 1}, matchmap="sima")
    speech, image = encoder.towers.values()
    assert speech.compute_output_shape((None, 16000, 1)) == (None, 1024) and speech.make_frontend().speed == 0.1
    assert image.make_frontend().input_shape == (None, 32, 32, 1) and encoder.matchmap == "sima"
    assert encoder.get_config()["rate"] == 16000
    with pytest.raises(ValueError, match="unknown matchmap"):
        Speech2Image(matchmap="max")
    model = zoo.build("speech2image_mms")
    model.build(tuple(tower.frontend.input_shape for tower in model.towers.values()))
    count = sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)
    assert f"{count:,}" == zoo.describe("speech2image_mms")["parameters"]


def test_without_a_matchmap_there_is_no_map():
    with pytest.raises(ValueError, match="matchmap='misa'"):
        small("ranking").matchmap_between(WAVES[:1], IMAGES[:1])
