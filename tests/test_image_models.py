"""Models of images by name: they train from files and pixels, save, and answer the same every way."""

import io
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import zoo
from zoo import registry

DIGITS = zoo.data.load_images("digits").train
LABELS = zoo.data.encode(DIGITS.labels)[0]
SMALL = {"convnet": dict(filters=8, size=16, channels=1), "mobilenet": dict(width=0.25, size=32), "resnet50": dict(size=32)}
ONE_EACH = ["mobilenet_epshn", "convnet_epshn", "convnet_arcface", "convnet_words"]


def small(name, **settings):
    encoder, loss = registry.parse(name)
    if loss.needs_classes:
        settings.setdefault("classes", 5)
    return zoo.build(name, embedding_dim=6, **SMALL[name.split("_")[0]], **settings)


def files(pixels):
    made = []
    for image in pixels:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG")
        made.append(file.getvalue())
    return made


FILES = files(DIGITS.items[:40])


@pytest.fixture(scope="module")
def trained():
    keras.utils.set_random_seed(0)
    model = zoo.build("convnet_epshn", embedding_dim=16, filters=16, size=16, channels=1, crop=0.6)
    model.adapt(DIGITS.items)
    batches = zoo.data.pk_batches(DIGITS.items, LABELS, 5, 8, steps=20)
    model.history_of_test = model.fit(batches, epochs=4, verbose=0).history
    return model


@pytest.mark.parametrize("name", zoo.list_models("convnet_*"))
def test_every_loss_takes_the_embeddings_of_images(name):
    model = small(name)
    model.build(model.frontend.input_shape)
    labels = np.eye(5)[LABELS[:20]] if model.loss_layer.loss.multilabel else LABELS[:20]
    loss = model.compute_loss(None, labels, model(model.preprocess(DIGITS.items[:20])))
    assert np.isfinite(float(loss))


@pytest.mark.parametrize("names", [ONE_EACH, pytest.param(["resnet50_epshn"], marks=pytest.mark.slow)])
def test_models_train_and_load_in_a_fresh_process(names, tmp_path):
    """Fit, save, and load in one other process; the answers must be the same."""
    folder, models = tmp_path, {name: small(name) for name in names}
    for name, model in models.items():
        model.adapt(DIGITS.items)
        labels = np.eye(5)[LABELS[:40]] if model.loss_layer.loss.multilabel else LABELS[:40]
        history = model.fit(DIGITS.items[:40], labels, batch_size=20, epochs=1, verbose=0).history
        assert np.isfinite(history["loss"]).all()
        model.save(folder / f"{name}.keras")
    np.save(folder / "images.npy", DIGITS.items[:40])
    code = (
        "import sys, pathlib, numpy as np, zoo\n"
        "folder = pathlib.Path(sys.argv[1]); images = np.load(folder / 'images.npy')\n"
        "for path in sorted(folder.glob('*.keras')):\n"
        "    model = zoo.load_model(path)\n"
        "    np.save(path.with_suffix('.npy'), model.predict(images))\n"
        "    assert int(model.optimizer.iterations) == 2, path\n"
    )
    done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0 and "UserWarning" not in done.stderr, done.stderr
    for name, model in models.items():
        np.testing.assert_allclose(np.load(folder / f"{name}.npy"), model.predict(DIGITS.items[:40]), atol=1e-5)


def test_resnet50_is_built_by_name_and_embeds():
    model = small("resnet50_epshn")
    assert np.linalg.norm(model(model.preprocess(DIGITS.items[:1]))) == pytest.approx(1, abs=1e-5)


def test_it_learns(trained):
    history = trained.history_of_test
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert zoo.evaluate(trained, DIGITS)["recall@1"].value > 0.9


def test_files_paths_pixels_tensors_and_pipelines_give_the_same(trained, tmp_path):
    paths = [str(tmp_path / f"{i}.png") for i in range(40)]
    for path, data in zip(paths, FILES, strict=True):
        with open(path, "wb") as file:
            file.write(data)
    expected = trained.predict(DIGITS.items[:40])
    assert expected.shape == (40, 16) and expected.dtype == "float32"
    strings = tf.data.Dataset.from_tensor_slices(FILES).batch(7)
    for items in (FILES, paths, np.array(FILES, object), list(DIGITS.items[:40]), strings, tf.constant(FILES)):
        np.testing.assert_allclose(trained.predict(items), expected, atol=1e-5)
    x = trained.preprocess(FILES)
    np.testing.assert_allclose(trained.predict(x), expected, atol=1e-5)
    np.testing.assert_allclose(trained.predict(np.asarray(x)), expected, atol=1e-5)
    np.testing.assert_allclose(trained(x), expected, atol=1e-5)
    assert trained.predict([]).shape == (0, 16)


def test_batches_of_files_paths_and_pixels_are_the_same(trained, tmp_path):
    paths = []
    for i, data in enumerate(FILES):
        paths.append(str(tmp_path / f"{i}.png"))
        with open(paths[-1], "wb") as file:
            file.write(data)
    seen = []
    for items in (FILES, paths, DIGITS.items[:40]):
        batches = zoo.data.pk_batches(items, LABELS[:40], 3, 4, steps=2, seed=2**64 - 1)
        seen.append([x.numpy() for x, y in batches.dataset(trained.frontend.augmented)])
    for other in seen[1:]:
        np.testing.assert_allclose(other, seen[0], atol=1e-5)
    plain = zoo.data.pk_batches(FILES, LABELS[:40], 3, 4, steps=2, seed=2**64 - 1, preprocess=trained.preprocess)
    assert np.abs(np.asarray(plain.batch(0)[0]) - seen[0][0]).max() > 0.1  # those are cut at random


def test_a_resumed_run_sees_the_images_it_would_have_seen():
    def run(parts):
        keras.utils.set_random_seed(0)
        model = small("convnet_epshn", crop=0.5, flip=True)
        model.adapt(DIGITS.items)
        batches = zoo.data.pk_batches(FILES, LABELS[:40], 3, 4, steps=2)
        for epochs in parts:
            model.fit(batches, epochs=epochs, verbose=0)
        return model.get_weights()

    for a, b in zip(run([3]), run([1, 2]), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_fit_takes_files_labels_weights_validation_data_and_pipelines():
    model = small("convnet_batchhard", flip=True)
    model.adapt(FILES)
    history = model.fit(
        FILES, LABELS[:40].tolist(), sample_weight=np.ones(40), batch_size=20, validation_data=(FILES[:9], LABELS[:9]), verbose=0
    ).history
    assert np.isfinite(history["loss"]).all() and "val_loss" in history
    pairs = tf.data.Dataset.from_tensor_slices((FILES, LABELS[:40])).batch(20)
    assert np.isfinite(model.fit(pairs, verbose=0).history["loss"]).all()
    assert np.isfinite(model.evaluate(pairs, verbose=0)).all()


def test_statistics_belong_to_the_training_set_or_to_the_pretrained_network():
    model = small("convnet_epshn")
    model.adapt(DIGITS.items)
    assert np.mean(model.preprocess(DIGITS.items)) == pytest.approx(0, abs=1e-3)
    model.predict(FILES)
    model.adapt(255 - DIGITS.items)  # they stay
    assert np.mean(model.preprocess(DIGITS.items)) == pytest.approx(0, abs=1e-3)
    pretrained = small("mobilenet_epshn")
    pretrained.adapt(DIGITS.items)
    assert pretrained.frontend.mean == pytest.approx([127.5] * 3)
    late = small("convnet_epshn")
    late.predict(FILES)
    with pytest.raises(ValueError, match="before its first call"):
        late.adapt(DIGITS.items)


def test_broken_files_are_named():
    model = small("convnet_epshn")
    with pytest.raises(ValueError, match=r"\[1\].*no JPEG"):
        model.preprocess([FILES[0], b"no image"])
    for call in (model.predict, lambda items: model.fit(items, [0, 0], verbose=0)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="no JPEG"):
            call([FILES[0], b"no image"])
    with pytest.raises(ValueError, match="list of files"):
        model.predict(FILES[0])
    with pytest.raises(ValueError, match="item 1 is str"):
        model.predict([FILES[0], "a.png"])
    with pytest.raises(ValueError, match="labels"):
        model.fit(FILES, ["a"] * 40, verbose=0)


def test_a_model_of_chunks_trains_each_is_saved_and_its_product_is_their_mean_cosine(tmp_path):
    model = zoo.build("convnet_epshn", embedding_dim=8, chunks=4, chunk_classes=5, temperature=0.2, **SMALL["convnet"])
    model.adapt(DIGITS.items)
    before = model.predict(DIGITS.items[:9])
    model.fit(zoo.data.pk_batches(DIGITS.items, LABELS, 4, 4, steps=3), verbose=0)
    after = model.predict(DIGITS.items[:9])
    assert (before != after).any() and model.card()["settings"]["temperature"] == 0.2
    np.testing.assert_allclose(np.linalg.norm(after.reshape(9, 4, 2), axis=2), 0.5, atol=1e-6)
    model.save(tmp_path / "m.keras")
    again = zoo.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again.predict(DIGITS.items[:9]), after, atol=1e-6)
    np.testing.assert_array_equal(again.loss_layer.loss.groups, model.loss_layer.loss.groups)
    for settings, words in (
        (dict(chunks=3), "chunks=3 must divide"),
        (dict(chunk_classes=5), "needs chunks="),
        (dict(chunks=2, matryoshka=(4, 8)), "cannot be cut"),
    ):
        with pytest.raises(ValueError, match=words):
            zoo.build("convnet_epshn", embedding_dim=8, **settings)
    with pytest.raises(ValueError, match="unknown setting 'chunks'"):
        zoo.build("convnet_softmax", classes=3, chunks=2)
