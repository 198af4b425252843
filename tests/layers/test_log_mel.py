"""Log-mel energies beside float64 numpy, and clips that have none."""

import keras
import numpy as np
import pytest

from zoo.layers import LogMel
from zoo.layers.log_mel import PAD, mel_bands

RNG = np.random.default_rng(0)


def oracle(clip, rate, mels=40, floor=80.0):
    """One clip, written as the definition reads."""
    length, hop = round(0.025 * rate), round(0.01 * rate)
    x = clip.astype("float64") - clip.astype("float64").mean()
    x = np.concatenate([x[:1], x[1:] - 0.97 * x[:-1]])
    x = np.pad(x, (0, max(0, length - len(x))))
    window = np.array([0.54 - 0.46 * np.cos(2 * np.pi * n / length) for n in range(length)])
    mel = lambda f: f * 3 / 200 if f < 1000 else 15 + 27 * np.log(f / 1000) / np.log(6.4)  # noqa: E731
    hertz = lambda m: m * 200 / 3 if m < 15 else 1000 * 6.4 ** ((m - 15) / 27)  # noqa: E731
    edges = [hertz(m) for m in np.linspace(mel(20), mel(rate / 2), mels + 2)]
    rows = []
    for start in range(0, len(x) - length + 1, hop):
        power = np.abs(np.fft.rfft(x[start : start + length] * window)) ** 2
        row = []
        for low, middle, high in zip(edges[:-2], edges[1:-1], edges[2:], strict=True):
            total = 0.0
            for k, p in enumerate(power):
                f = k * rate / length
                total += p * max(0, min((f - low) / (middle - low), (high - f) / (high - middle))) * 2 / (high - low)
            row.append(total)
        rows.append(row)
    power = np.maximum(rows, 1e-10)
    return np.maximum(10 * np.log10(power / power.max()), -floor)


def padded(clips, width):
    x = np.full((len(clips), width, 1), PAD, "float32")
    for row, clip in zip(x, clips, strict=True):
        row[: len(clip), 0] = clip
    return x


@pytest.mark.parametrize("rate", [8000, 16000])
def test_it_equals_the_definition(rate):
    time = np.arange(rate // 4) / rate
    clips = [np.sin(2 * np.pi * (300 + 2000 * time) * time) * 0.5 + 0.2, RNG.normal(0, 1e-3, rate // 5), RNG.normal(0, 1, 90)]
    x, mask = LogMel(rate)(padded(clips, rate // 2))
    for i, clip in enumerate(clips):
        expected = oracle(clip.astype("float32"), rate)
        assert int(np.sum(mask[i])) == len(expected)
        np.testing.assert_allclose(x[i][: len(expected)], expected, atol=1e-3)  # decibels
        assert (np.asarray(x[i][len(expected) :]) == -80).all()


def test_bands_have_one_area_and_cover_what_lies_between_the_ends():
    bands = mel_bands(16000, 400)
    assert bands.shape == (201, 40) and (bands[: 20 // 40 + 1] == 0).all() and (bands >= 0).all()
    wide = mel_bands(16000, 16000, 40)  # steps of 1 Hz
    np.testing.assert_allclose(wide.sum(axis=0), 1, atol=1e-2)
    with pytest.raises(ValueError, match="mels=200 are too many"):
        mel_bands(8000, 200, 200)


def test_loudness_does_not_matter_and_a_constant_neither():
    clip = RNG.normal(0, 0.1, 4000)
    x, _ = LogMel()(padded([clip, clip * 3, clip + 0.3, -clip], 4000))
    for other in np.asarray(x)[1:]:
        np.testing.assert_allclose(other, x[0], atol=1e-2)


@pytest.mark.parametrize(
    "clip", [np.zeros(4000), np.full(4000, 0.7), np.ones(1), np.zeros(0), np.full(4000, -1.0)], ids="silence dc one none full".split()
)
def test_what_is_silent_is_at_the_floor(clip):
    x, mask = LogMel()(padded([clip, RNG.normal(size=4000)], 4000))
    assert (np.asarray(x[0]) == -80).all() and np.asarray(mask)[0].any()
    assert np.asarray(x[1]).max() == 0


def test_a_clipped_tone_and_the_loudest_samples_are_finite():
    clips = [np.sign(np.sin(np.arange(3000) / 5)), np.full(3000, PAD / 2) * np.sign(RNG.normal(size=3000))]
    x, _ = LogMel()(padded(clips, 3000))
    assert np.isfinite(x).all() and np.max(x) == 0 and np.ptp(x) > 30


def test_width_changes_nothing():
    clips = [RNG.normal(size=n) for n in (3000, 200, 199, 1111)]
    clips[3][-20:] *= 100  # the loudest samples are behind the last real frame
    narrow, mask = LogMel()(padded(clips, 3000))
    np.testing.assert_allclose(narrow[3, :12], LogMel()(padded(clips[3:], 1111))[0][0], atol=1e-3)
    for width in (3001, 3080, 9000):
        wide, wider = LogMel()(padded(clips, width))
        np.testing.assert_allclose(wide[:, : narrow.shape[1]], narrow, atol=1e-3)
        assert np.asarray(wider).sum(axis=1).tolist() == np.asarray(mask).sum(axis=1).tolist() == [36, 1, 1, 12]


def test_gradients_are_finite_for_silence_and_short_clips():
    import tensorflow as tf

    x = tf.Variable(padded([np.zeros(900), RNG.normal(size=900), np.ones(1)], 1000))
    layer = LogMel()
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(layer(x)[0])
    assert np.isfinite(tape.gradient(y, x)).all()


def test_it_is_saved_and_its_shapes_are_known(tmp_path):
    inputs = keras.Input((2000, 1))
    model = keras.Model(inputs, LogMel(mels=20, lowest=50.0, highest=3000.0, floor=60.0)(inputs))
    assert model.output_shape == [(None, 23, 20), (None, 23)] or tuple(model.output_shape) == ((None, 23, 20), (None, 23))
    model.save(tmp_path / "m.keras")
    x = RNG.normal(size=(2, 2000, 1)).astype("float32")
    np.testing.assert_allclose(keras.models.load_model(tmp_path / "m.keras")(x)[0], model(x)[0])


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: LogMel(rate=10), "rate"),
        (lambda: LogMel(highest=5000.0), "highest"),
        (lambda: LogMel()(np.zeros((1, 150), "float32")), "at least 200 samples"),
        (lambda: LogMel(mels=300), "too many"),
    ],
)
def test_bad_settings_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()
