"""Conversion of sampling rates, beside scipy's."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.signal import resample_poly

from zoo.frontends.resampling import needed, resample

NOISE = np.random.default_rng(0).normal(size=9000).astype("float32")


@tf.function(input_signature=[tf.TensorSpec([None]), tf.TensorSpec([], tf.int64)], autograph=False)
def to_8000(wave, rate):
    return resample(wave, rate, 8000, 5000)


@pytest.mark.parametrize("rate", [44100, 16000, 48000, 11025, 22050, 32000, 12345, 7999, 6000, 4000, 96000, 192000, 100])
def test_it_equals_scipy(rate):
    expected = resample_poly(NOISE.astype("float64"), 8000, rate)[:5000]
    found = to_8000(NOISE, rate).numpy()
    assert len(found) == min(5000, -(-9000 * 8000 // rate))
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_the_same_rate_changes_nothing():
    np.testing.assert_array_equal(to_8000(NOISE, 8000), NOISE[:5000])


def test_other_rates_can_be_wanted_and_no_sample_or_one_is_enough():
    np.testing.assert_allclose(resample(NOISE, 44100, 16000, 9000), resample_poly(NOISE, 16000, 44100), atol=2e-6)
    np.testing.assert_allclose(to_8000(NOISE[:1], 44100), resample_poly(NOISE[:1], 8000, 44100), atol=2e-6)
    assert to_8000(NOISE[:0], 44100).shape == (0,)


@pytest.mark.parametrize("rate", [44100, 48000, 6000, 12345])
def test_no_more_samples_are_needed_than_it_says(rate):
    enough = int(needed(400, rate, 8000))
    assert enough < 400 * rate / 8000 + 15 * max(1, rate / 8000) + 5
    cut, whole = to_8000(NOISE[:enough], rate)[:400], to_8000(NOISE, rate)[:400]
    np.testing.assert_allclose(cut, whole, atol=1e-6)


def test_what_the_lower_rate_cannot_hold_is_gone():
    time = np.arange(16000) / 16000
    high, low = (np.sin(2 * np.pi * f * time).astype("float32") for f in (6000, 1000))
    assert np.abs(to_8000(high, 16000)[100:-100]).max() < 2e-3
    np.testing.assert_allclose(to_8000(low, 16000)[100:4900], low[::2][100:4900], atol=5e-3)
