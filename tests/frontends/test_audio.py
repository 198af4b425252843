"""Clips of files, paths and waveforms: one rate, one width, the end marked."""

import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.signal import resample_poly

from zoo.frontends import AudioFrontend, as_wavs
from zoo.layers.log_mel import PAD

RNG = np.random.default_rng(0)
WAVES = [(RNG.normal(size=n) * 3000).astype("int16") for n in (8000, 3000, 12000, 1)]
FRONTEND = AudioFrontend(seconds=1.0)
FILES = as_wavs(WAVES, 8000)
X = FRONTEND(FILES).numpy()


def test_clips_begin_with_their_samples_and_end_with_the_marker():
    assert X.shape == (4, 8000, 1) and X.dtype == "float32"
    for x, wave in zip(X[..., 0], WAVES, strict=True):
        kept = min(len(wave), 8000)  # the first second
        np.testing.assert_allclose(x[:kept], wave[:kept] / 32768, atol=1e-7)
        assert (x[kept:] == PAD).all()


def test_files_paths_and_waveforms_are_the_same(tmp_path):
    paths = []
    for i, file in enumerate(FILES):
        (tmp_path / f"{i}.wav").write_bytes(file)
        paths.append(str(tmp_path / f"{i}.wav"))
    objects = np.empty(4, object)
    objects[:] = WAVES
    strings = np.empty(4, object)
    strings[:] = FILES
    floats = [wave / 32768 for wave in WAVES]
    for items in (paths, WAVES, objects, strings, floats, tf.constant(FILES), tuple(FILES)):
        assert FRONTEND.is_raw(items)
        np.testing.assert_allclose(FRONTEND(items), X, atol=1e-6)
    for items in (paths, FILES):
        for batch in FRONTEND.dataset(FRONTEND.as_items(items), 4):
            np.testing.assert_allclose(batch, X, atol=1e-6)
    assert FRONTEND.as_bytes(paths) == FRONTEND.as_bytes(WAVES) == FILES
    assert FRONTEND.names(paths)[1] == f"{tmp_path.name}/1.wav" and FRONTEND.names(FILES) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("dtype, scale", [("int16", 2**15), ("int32", 2**31), ("uint8", 128), ("float32", 1)])
def test_arrays_of_one_length_are_waveforms_too(dtype, scale):
    waves = RNG.uniform(0, 0.9 * scale, (3, 500)).astype(dtype)
    expected = (waves.astype("float64") - (128 if dtype == "uint8" else 0)) / scale
    for x in (FRONTEND(waves), FRONTEND(list(waves)), *(FRONTEND.dataset(waves, 9) if dtype == "int16" else ())):
        np.testing.assert_allclose(x[:, :500, 0], expected, atol=1e-6)
        assert (x[:, 500:] == PAD).numpy().all()
    np.testing.assert_allclose(FRONTEND(FRONTEND.as_bytes(waves)), FRONTEND(waves), atol=1e-6)


def test_waveforms_of_another_rate_are_resampled_as_scipy_does():
    wave = RNG.normal(size=20000).astype("float32") / 5
    expected = resample_poly(wave, 80, 441)
    frontend = AudioFrontend(seconds=0.5, source_rate=44100)
    for items in ([wave], wave[None], as_wavs([wave], 44100)):
        x = frontend(items).numpy()[0, :, 0]
        assert (x != PAD).sum() == len(expected)
        np.testing.assert_allclose(x[: len(expected)], expected, atol=1e-6)
    assert AudioFrontend(rate=16000, seconds=0.5)(as_wavs([wave], 44100)).shape == (1, 8000, 1)


def test_ten_minutes_are_cut_before_they_are_converted():
    long = as_wavs([np.tile(WAVES[0], 600)], 8000) + as_wavs([np.tile(WAVES[0], 600)], 44100)
    x = FRONTEND(long).numpy()
    np.testing.assert_array_equal(x[0], X[0])
    assert (x[1] < 1).all()


def test_what_is_no_audio_is_told_apart_and_the_rest_answered():
    items = [b"", FILES[1], b"no audio", as_wavs([np.zeros(0, "int16")], 8000)[0], FILES[0], FILES[0][:30]]
    x, ok = FRONTEND.checked(items)
    assert ok.numpy().tolist() == [False, True, False, False, True, False]
    np.testing.assert_array_equal(x.numpy()[[1, 4]], X[[1, 0]])
    assert (x.numpy()[~ok.numpy()] == PAD).all()
    with pytest.raises(ValueError, match=r"audio: the items \[0, 2, 3, 5\] are no WAV files"):
        FRONTEND(items)
    with pytest.raises(tf.errors.InvalidArgumentError, match="are no WAV files"):
        list(FRONTEND.dataset(items, 3))
    broken = np.zeros((2, 50), "float32")
    broken[1, 7] = np.inf
    x, ok = FRONTEND.checked(broken)
    assert ok.numpy().tolist() == [True, False] and (x[1] == PAD).numpy().all()


def test_clips_are_not_raw_and_everything_else_is():
    spec = tf.TensorSpec
    for items in (X, tf.constant(X), spec([None, 8000, 1]), list(X), X[:, :200]):
        assert not FRONTEND.is_raw(items)
    for items in (X[..., 0], spec([None], tf.string), spec([None, None], tf.int16), WAVES[0], "a.wav", FILES):
        assert FRONTEND.is_raw(items)
    assert not FRONTEND.is_raw(5)


@pytest.mark.parametrize(
    "items, words",
    [
        (FILES[0], "not one of them"),
        (WAVES[0], r"of shape \(8000,\)"),
        ([FILES[0], "a.wav"], "item 1 is str"),
        ([WAVES[0], np.zeros((5, 2))], r"item 1 has shape \(5, 2\)"),
        (np.zeros((2, 5), "int64"), "int64"),
        ([[1, 2, 3]], "int64"),
    ],
)
def test_what_cannot_be_audio_is_named(items, words):
    with pytest.raises(ValueError, match=words):
        FRONTEND(items)


def test_training_clips_are_sped_up_and_get_noise_by_their_seed():
    frontend = AudioFrontend(seconds=1.0, speed=0.1, noise=0.1)
    tone = np.sin(2 * np.pi * 500 * np.arange(5000) / 8000).astype("float32") * 0.5
    items = as_wavs([tone] * 16, 8000)
    first, again, other = (frontend.augmented(items, seed).numpy()[..., 0] for seed in ((1, 2), (1, 2), (1, 3)))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1 and np.abs(first[0] - first[1]).max() > 0.1
    lengths = (first < PAD / 2).sum(axis=1)
    assert 4500 <= lengths.min() < 4800 < 5200 < lengths.max() <= 5560
    for x, length in zip(first, lengths, strict=True):
        peak = np.argmax(np.abs(np.fft.rfft(x[:length]))) * 8000 / length
        assert peak == pytest.approx(500 * 5000 / length, rel=0.02)  # pitch follows speed
    plain = AudioFrontend(seconds=1.0)
    np.testing.assert_array_equal(plain.augmented(items, (1, 2)), plain(items))
    np.testing.assert_array_equal(frontend(items), plain(items))


def test_noise_is_as_loud_as_it_says():
    frontend = AudioFrontend(seconds=1.0, noise=0.5)
    items = as_wavs([np.sin(np.arange(8000) / 9)] * 200, 8000)
    added = (frontend.augmented(items, (0, 0)) - frontend(items)).numpy()[..., 0].std(axis=1) / np.sqrt(0.5)
    assert added.min() < 0.05 and 0.45 < added.max() <= 0.51 and added.mean() == pytest.approx(0.25, abs=0.04)


def test_it_is_saved_and_pickled():
    frontend = AudioFrontend(rate=16000, seconds=0.5, source_rate=22050, speed=0.1, noise=0.2)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(frontend))
    assert again.get_config() == frontend.get_config() and again.input_shape == (None, 8000, 1)
    assert frontend.checked(frontend.samples)[1].numpy().all()
    assert pickle.loads(pickle.dumps(frontend)).width == 8000  # after use


@pytest.mark.parametrize("setting", [dict(rate=10), dict(seconds=0.01), dict(source_rate=5), dict(speed=0.9), dict(noise=-1)])
def test_bad_settings_are_named(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        AudioFrontend(**setting)
