"""Models of speech by name: they train from files and waveforms, save, and answer the same every way."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import registry
from zoo.data.synthesiser import VOICES, speak
from zoo.frontends import as_wavs

WORDS = ["one", "three", "six", "nine"]
CLIPS = [speak(word, voice, take) for word in WORDS for voice in VOICES["train"][::2] for take in range(3)]
LABELS = np.repeat(np.arange(4), 12)
FILES = as_wavs(CLIPS, 8000)
QUIET = as_wavs([np.zeros(4000, "int16")], 8000)[0]


def small(name="speechcnn_epshn", **settings):
    if registry.parse(name)[1].needs_classes:
        settings.setdefault("classes", 4)
    blocks = [(16, 5, True), (24, 3, True), (32, 3, False)]
    return zoo.build(name, **{"embedding_dim": 8, "seconds": 0.75, "blocks": blocks, "learning_rate": 3e-3, **settings})


@pytest.fixture(scope="module")
def trained():
    keras.utils.set_random_seed(0)
    model = small()
    model.adapt(FILES)
    model.history_of_test = model.fit(zoo.data.pk_batches(FILES, LABELS, 4, 6, steps=15), epochs=3, verbose=0).history
    return model


@pytest.mark.parametrize("name", zoo.list_models("speechcnn_*"))
def test_every_loss_takes_the_embeddings_of_speech(name, trained):
    model = small(name, blocks=[(8, 5, True)])
    x = trained.preprocess(FILES[::3])
    labels = np.eye(4)[LABELS[::3]] if model.loss_layer.loss.multilabel else LABELS[::3]
    assert np.isfinite(float(model.compute_loss(None, labels, model(x))))


def test_it_learns_words_of_voices_that_it_has_not_heard(trained):
    history = trained.history_of_test
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    items = as_wavs([speak(word, voice, take) for word in WORDS for voice in VOICES["test"] for take in range(3)], 8000)
    found = zoo.evaluate(trained, (items, np.repeat(np.arange(4), 6)), gallery=(FILES, LABELS), k=(1,))
    assert found["recall@1"].value > 0.8


def test_files_paths_waveforms_tensors_and_pipelines_give_the_same(trained, tmp_path):
    paths = [str(tmp_path / f"{i}.wav") for i in range(len(FILES))]
    for path, data in zip(paths, FILES, strict=True):
        with open(path, "wb") as file:
            file.write(data)
    expected = trained.predict(FILES)
    assert expected.shape == (48, 8) and expected.dtype == "float32"
    strings = tf.data.Dataset.from_tensor_slices(FILES).batch(20)
    for items in (paths, CLIPS, np.array(FILES, object), strings, trained.preprocess(FILES)):
        np.testing.assert_allclose(trained.predict(items), expected, atol=1e-5)
    np.testing.assert_allclose(trained(trained.preprocess(FILES)), expected, atol=1e-5)
    np.testing.assert_allclose(trained.predict(FILES[:3]), expected[:3], atol=1e-5)
    assert trained.predict([]).shape == (0, 8)


def test_fit_takes_waveforms_arrays_weights_and_validation_data():
    model = small("speechcnn_batchhard", speed=0.1, noise=0.1)
    validation = FILES[::9], LABELS[::9]
    history = model.fit(
        CLIPS, LABELS.tolist(), sample_weight=np.ones(48), batch_size=24, validation_data=validation, verbose=0
    ).history
    assert np.isfinite(history["loss"]).all() and "val_loss" in history
    # Silence and one sample are trained on like any other clip, here as an array.
    arrays = np.stack([clip[:3000] for clip in CLIPS])
    arrays[::2] = 0
    arrays[1, 1:] = 0
    batches = zoo.data.pk_batches(arrays, LABELS, 4, 6, steps=1)
    assert np.isfinite(model.fit(batches, verbose=0).history["loss"]).all()
    assert np.isfinite(model.predict(arrays)).all()


def test_batches_of_files_and_paths_are_the_same_and_are_changed_by_their_number(tmp_path):
    paths = []
    for i, data in enumerate(FILES):
        paths.append(str(tmp_path / f"{i}.wav"))
        with open(paths[-1], "wb") as file:
            file.write(data)
    frontend = zoo.frontends.AudioFrontend(seconds=0.5, speed=0.1)
    seen = []
    for items in (FILES, paths):
        batches = zoo.data.pk_batches(items, LABELS, 3, 2, steps=2, seed=3)
        seen.append([x.numpy() for x, _ in batches.dataset(frontend.augmented)])
    np.testing.assert_array_equal(seen[0], seen[1])
    plain = np.asarray(frontend(zoo.data.pk_batches(FILES, LABELS, 3, 2, seed=3).batch(0)[0]))
    assert seen[0][0].shape == plain.shape and np.abs(seen[0][0] - plain).max() > 0.1


def test_models_load_in_a_fresh_process(trained, tmp_path):
    trained.save(tmp_path / "m.keras")
    np.save(tmp_path / "clips.npy", np.stack([clip[:3000] for clip in CLIPS]))
    code = (
        "import sys, pathlib, numpy as np, zoo\n"
        "folder = pathlib.Path(sys.argv[1]); model = zoo.load_model(folder / 'm.keras')\n"
        "np.save(folder / 'found.npy', model.predict(np.load(folder / 'clips.npy')))\n"
        "assert int(model.optimizer.iterations) == 45\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0 and "UserWarning" not in done.stderr, done.stderr
    expected = trained.predict([clip[:3000] for clip in CLIPS])
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), expected, atol=1e-5)


def test_odd_clips_have_embeddings_or_are_named(trained):
    tone = np.sin(np.arange(40000) / 5)
    odd = [
        QUIET, *as_wavs([np.full(4000, 9999, "int16"), np.ones(1, "int16"), np.sign(tone).astype("float32")], 8000),
        *as_wavs([tone], 44100), *as_wavs([np.tile(CLIPS[0], 2000)[: 8000 * 600]], 8000), *as_wavs([tone[:3]], 16000),
    ]  # fmt: skip
    together = trained.predict(odd)
    assert np.isfinite(together).all()
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(together[0], together[1], atol=1e-5)  # a constant is silence
    for i in (0, 2, 4):
        np.testing.assert_allclose(trained.predict([odd[i]])[0], together[i], atol=1e-5)
    with pytest.raises(ValueError, match=r"items \[1\] are no WAV files"):
        trained.preprocess([FILES[0], b"no audio"])
    empty = as_wavs([np.zeros(0, "int16")], 8000)[0]
    with pytest.raises(ValueError, match=r"items \[1\] are no WAV files"):
        trained.predict([FILES[0], empty])
    for call in (lambda items: trained.predict(items, batch_size=2), lambda items: trained.fit(items, [0, 0, 0], verbose=0)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="are no WAV files"):
            call([FILES[0], empty, FILES[1]])
    with pytest.raises(ValueError, match="not one of them"):
        trained.predict(FILES[0])
