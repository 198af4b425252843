"""The speech encoder: masks at every layer, presets, frames, saving."""

import keras
import numpy as np
import pytest

from zoo.encoders import SpeechCNN
from zoo.layers.log_mel import PAD

RNG = np.random.default_rng(0)
LENGTHS = (8000, 3000, 5111, 200, 1)
SMALL = [(8, 5, True), (12, 3, True), (16, 3, False)]


def clips(width=8000, lengths=LENGTHS):
    x = np.full((len(lengths), width, 1), PAD, "float32")
    rng = np.random.default_rng(1)
    for row, length in zip(x, lengths, strict=True):
        row[:length, 0] = rng.normal(0, 0.1, length)
    return x


def small(**settings):
    return SpeechCNN(**{"seconds": 1.0, "blocks": SMALL, **settings})


def trained(encoder, x):
    """Statistics and scales other than those of the beginning."""
    for _ in range(3):
        encoder(x, training=True)
    for weight in encoder.weights:
        if "beta" in weight.path or "bias" in weight.path:
            weight.assign(RNG.normal(0, 0.5, weight.shape))
    return encoder


@pytest.mark.parametrize("pooling", ["mean", "max", "meanmax"])
@pytest.mark.parametrize("preset", ["small", "davenet"])
def test_padding_changes_nothing(preset, pooling):
    encoder = trained(small(preset=preset, pooling=pooling, center=pooling != "mean"), clips())
    narrow = np.asarray(encoder(clips()))
    assert narrow.shape == (5, 32 if pooling == "meanmax" else 16) and np.isfinite(narrow).all() and narrow.std() > 0.01
    for width in (8001, 8080, 8081, 8160, 24000):  # even and odd numbers of frames at every block
        np.testing.assert_allclose(encoder(clips(width)), narrow, atol=1e-5)
    alone = np.concatenate([encoder(clips(max(n, 200), (n,))) for n in LENGTHS[:1]])
    np.testing.assert_allclose(alone, narrow[:1], atol=1e-5)


@pytest.mark.parametrize("preset", ["small", "davenet"])
def test_padding_does_not_change_training_either(preset):
    results = []
    for width in (8000, 24000):
        keras.utils.set_random_seed(0)
        encoder = small(preset=preset)
        y = np.asarray(encoder(clips(width), training=True))
        results.append([y, *(np.asarray(w) for w in encoder.weights if "moving" in w.path)])
    assert len(results[0]) == (9 if preset == "small" else 3)
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


def test_batch_statistics_are_those_of_the_real_frames():
    encoder = small(preset="davenet")
    encoder(clips(), training=True)
    x, mask = encoder.log_mel(clips())
    real = np.asarray(x)[np.asarray(mask)] / 20 + 2
    mean, variance = (np.asarray(w) for w in (encoder.norm.moving_mean, encoder.norm.moving_variance))
    np.testing.assert_allclose(mean, 0.1 * real.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * real.var(axis=0), atol=1e-4)


def test_centered_bands_forget_the_microphone():
    x = clips()[:3]
    coarse = x.copy()
    for row, length in zip(coarse, LENGTHS, strict=False):  # a filter, as of another microphone
        row[1:length] = row[1:length] + 0.9 * row[: length - 1]
    differences = []
    for center in (True, False):
        keras.utils.set_random_seed(0)
        encoder = small(center=center)
        differences.append(np.abs(np.asarray(encoder(x)) - np.asarray(encoder(coarse))).mean())
        assert SpeechCNN.from_config(encoder.get_config()).center == center
    assert differences[0] < 0.5 * differences[1]


def test_frames_are_those_that_are_pooled():
    encoder = trained(small(), clips())
    x, mask = (np.asarray(part) for part in encoder.frames(clips()))
    assert x.shape == encoder.frames_shape((5, 8000, 1)) == (5, 25, 16) and mask.shape == (5, 25)
    assert mask.sum(axis=1).tolist() == [25, 9, 16, 1, 1]
    assert (x[~mask] == 0).all()
    means = np.stack([row[real].mean(axis=0) for row, real in zip(x, mask, strict=True)])
    np.testing.assert_allclose(encoder(clips()), means, atol=1e-6)
    np.testing.assert_allclose(encoder.frame_times(3), [0.0125, 0.0525, 0.0925])


def test_frames_can_be_the_first_thing_asked():
    x, mask = small().frames(clips())
    assert x.shape == (5, 25, 16) and mask.dtype == "bool"


def test_a_frame_time_is_where_a_click_shows():
    encoder = small()
    x = np.full((1, 8000, 1), 0, "float32")
    x[0, 4000] = 1  # half a second
    frames = np.asarray(encoder.frames(x)[0])[0]
    changed = np.abs(frames - frames[0]).sum(axis=1)
    middle = (changed * encoder.frame_times(25)).sum() / changed.sum()
    assert middle == pytest.approx(0.5, abs=0.03)


def test_the_presets_are_those_of_their_papers():
    harwath = SpeechCNN("davenet")
    assert [layer.filters for layer in harwath.convolutions] == [128, 256, 512, 512, 1024]
    assert [layer.kernel_size for layer in harwath.convolutions] == [(1,), (11,), (17,), (17,), (17,)]
    assert harwath.frames_shape((1, 16000, 1)) == (1, 13, 1024)  # 198 frames, a sixteenth of them
    assert harwath.compute_output_shape((None, None, 1)) == (None, 1024) and not any(harwath.norms)
    assert SpeechCNN().compute_output_shape((None, 16000, 1)) == (None, 192)
    harwath.build((None, 16000, 1))
    sizes = [int(np.prod(w.shape)) for w in harwath.trainable_variables]
    kernels = [40 * 128, 11 * 128 * 256, 17 * 256 * 512, 17 * 512 * 512, 17 * 512 * 1024]
    assert sum(sizes) == sum(kernels) + sum((128, 256, 512, 512, 1024)) + 2 * 40


def test_it_is_saved_and_frozen_and_drops(tmp_path):
    encoder = trained(small(pooling="meanmax", dropout=0.5, speed=0.1, noise=0.2, rate=16000), clips(16000))
    model = keras.Sequential([keras.Input((16000, 1)), encoder])
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again(clips(16000)), encoder(clips(16000)), atol=1e-6)
    assert again.layers[-1].make_frontend().get_config() == encoder.make_frontend().get_config()
    assert np.abs(np.asarray(encoder(clips(16000), training=True)) - np.asarray(encoder(clips(16000), training=True))).max() > 0.01
    frozen = small(batch_norm="frozen")
    frozen(clips())
    before = [np.array(w) for w in frozen.weights]
    frozen(clips(), training=True)
    assert all((np.array(w) == old).all() for w, old in zip(frozen.weights, before, strict=True))
    assert not any("gamma" in w.path for w in frozen.trainable_variables)


def test_mixed_precision_stays_near():
    encoder = trained(small(), clips())
    expected = np.asarray(encoder(clips()))
    keras.config.set_dtype_policy("mixed_float16")
    try:
        half = small()
        half.build((None, 8000, 1))
        half.set_weights(encoder.get_weights())
        found = half(clips())
    finally:
        keras.config.set_dtype_policy("float32")
    assert found.dtype == "float16"
    np.testing.assert_allclose(found, expected, atol=2e-2)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: SpeechCNN("smal"), "did you mean 'small'"),
        (lambda: SpeechCNN(pooling="avg"), "unknown pooling 'avg'"),
        (lambda: SpeechCNN(blocks=[(8, 3)]), "blocks must be a list"),
        (lambda: SpeechCNN(blocks=[]), "at least one"),
        (lambda: SpeechCNN(dropout=1.0), "dropout"),
        (lambda: SpeechCNN(batch_norm="no"), "batch_norm"),
        (lambda: SpeechCNN(rate=100), "rate"),
    ],
)
def test_bad_settings_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()
