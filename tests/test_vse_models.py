"""Visual-semantic embedding as models: they learn, take odd captions, save, and never push captions of one image apart."""

import keras
import numpy as np
import pytest

import zoo

WORDS = ("red", "green", "blue", "gray")
FORMS = ("a {} ball", "a {} box .", "one {} ball", "one {} box .", "the {} ball", "the {} box .")
CAPTIONS = np.array([form.format(word) for word in WORDS for form in FORMS], object)
FEATURES = np.eye(4, 12, dtype="float32") * 3
OWNER = np.repeat(np.arange(4), 6)
ODD = ["", "😀", "مرحبا", b"\xff\xfe", "\ud800", "zebra crossing", "!!!", "a " * 10_000]
SMALL = {"units": 8, "word_dim": 6, "features": 12, "embedding_dim": 5, "learning_rate": 0.02}


def build(loss, **settings):
    keras.utils.set_random_seed(0)
    model = zoo.build(f"vse_{loss}", **{**SMALL, **settings})
    model.adapt({"text": CAPTIONS})
    return model


def learn(model, epochs=2, steps=30):
    batches = zoo.data.pair_batches(CAPTIONS, FEATURES, (OWNER, np.arange(4)), size=12, steps=steps)
    return model.fit(batches, epochs=epochs, verbose=0).history


WARM = {"hardness": keras.optimizers.schedules.PolynomialDecay(0.0, 30, 1.0)}


@pytest.mark.parametrize("loss, settings", [("ranking", {}), ("maxranking", WARM), ("ranking", {"image_norm": False})])
def test_it_learns_and_takes_odd_captions(loss, settings):
    model = build(loss, **settings)
    history = learn(model)
    assert history["loss"][-1] < history["loss"][0]
    report = zoo.evaluate(model, ((CAPTIONS, FEATURES), (OWNER, np.arange(4))), k=(1,))
    assert report["text_to_image_recall@1"].value > 0.9
    if settings is WARM:  # from the mean of all rivals to the nearest one
        assert float(model.loss_layer.values["hardness"]) == pytest.approx(1.0)
    odd = model.towers["text"].predict(ODD)
    assert odd.shape == (len(ODD), 5) and np.isfinite(odd).all()
    for i, text in enumerate(ODD):
        np.testing.assert_allclose(model.towers["text"].predict([text])[0], odd[i], atol=1e-5)


def test_without_a_norm_the_image_keeps_its_length_and_the_caption_is_of_length_one():
    text, image = build("ranking", image_norm=False).predict((CAPTIONS[:3], FEATURES * 1.0))
    np.testing.assert_allclose(np.linalg.norm(text, axis=1), 1, atol=1e-5)
    assert np.abs(np.linalg.norm(image, axis=1) - 1).min() > 1e-3


def test_as_in_the_paper_nothing_is_behind_the_recurrent_state():
    model = build("ranking", embedding_dim=None, image_map=True)
    text, image = model.predict((CAPTIONS, FEATURES))
    assert text.shape == (24, 8) and image.shape == (4, 8)
    assert [weight.path.split("/")[-2] for weight in model.towers["image"].weights] == ["map", "map"]
    learn(model, 1, 2)


def test_captions_of_one_image_never_push_each_other():
    """With ids a batch of one image's captions costs nothing; taken row by row, it does."""
    model = build("ranking")
    ids = model.preprocess((list(CAPTIONS[:6]), np.repeat(FEATURES[:1], 6, axis=0)))
    towers = model(ids)
    assert float(model.loss_layer(np.zeros(6, "int32"), towers)) == 0
    assert float(model.loss_layer(np.arange(6), towers)) > 0.1


def test_a_saved_model_brings_words_and_vectors(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("".join(f"{word} {i} 1 0\n" for i, word in enumerate(WORDS)))
    model = build("maxranking", word_dim=None, vectors=path, train_vectors=False, cell="lstm", bidirectional=True)
    learn(model, 1, 2)
    model.save(tmp_path / "vse.keras")
    path.unlink()
    again = zoo.load_model(tmp_path / "vse.keras")
    for new, old in zip(again.predict((CAPTIONS, FEATURES)), model.predict((CAPTIONS, FEATURES)), strict=True):
        np.testing.assert_allclose(new, old, atol=1e-6)
    table = np.asarray(again.towers["text"].backbone.words.embeddings)
    assert table[again.towers["text"].frontend.vocabulary.index("blue") + 2].tolist() == [2, 1, 0]
    learn(again, 1, 2)


def test_a_frozen_network_on_images_loads_frozen(tmp_path):
    model = build("ranking", image="convnet", size=16, image_settings={"filters": 4}, features=None)
    images = np.random.default_rng(0).integers(0, 255, (24, 20, 20, 3), "uint8")
    model.adapt({"image": images})
    before = model.towers["image"].backbone.get_weights()
    model.fit((CAPTIONS, images), OWNER, batch_size=8, epochs=1, verbose=0)
    for old, new in zip(before, model.towers["image"].backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    model.save(tmp_path / "vse.keras")
    again = zoo.load_model(tmp_path / "vse.keras")
    assert not again.towers["image"].backbone.trainable_variables
    for new, old in zip(again.predict((CAPTIONS[:2], images)), model.predict((CAPTIONS[:2], images)), strict=True):
        np.testing.assert_allclose(new, old, atol=1e-6)


def test_the_number_of_parameters_is_the_code_s():
    import re

    model = zoo.build("vse_ranking")
    model.adapt({"text": ["a b c"]})
    model.predict((["a"], np.ones((1, 4096), "float32")))
    fixed, each = (int(n.replace(",", "")) for n in re.findall(r"[\d,]+", zoo.describe("vse_ranking")["parameters"]))
    found = sum(int(np.prod(weight.shape)) for tower in model.towers.values() for weight in tower.weights)
    assert found == fixed + 3 * each


def test_settings_are_checked_by_name():
    with pytest.raises(ValueError, match="unknown setting 'unit'; did you mean 'units'"):
        zoo.build("vse_ranking", unit=3)
    with pytest.raises(ValueError, match="'vse_epshn'.*ranking"):
        zoo.build("vse_epshn")
