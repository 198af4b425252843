"""Any sampling rate to another, inside a graph."""

import numpy as np

from zoo.backends import tensorflow

WIDTH, BETA = 10, 5.0  # of the filter: zero crossings on each side, shape of its Kaiser window
DENSE = 2**22  # weights of one matrix; above it every output is computed by itself
BLOCK = 256  # outputs at a time where each is computed by itself


def needed(limit, rate, wanted):
    """Return how many samples at `rate` it takes for `limit` samples at the rate `wanted`, or a few more."""
    return (limit + WIDTH) * rate // wanted + WIDTH + 2


def resample(wave, rate, wanted, limit):
    """Return a waveform at another rate, cut after `limit` samples.

    The polyphase filter of `scipy.signal.resample_poly` with its default window: a sinc of ten zero crossings on each side
    under a Kaiser window, which passes what both rates can hold. Samples beyond both ends count as 0.

    Args:
        wave: float32 [n].
        rate: its samples per second, an int64 tensor or a number.
        wanted: samples per second of the result, a number.
        limit: most samples of the result, a number.

    Returns:
        float32 [min(limit, ceil(n * wanted / rate))].
    """
    tf = tensorflow("reading audio")
    rate = tf.cast(rate, tf.int64)
    return tf.cond(rate == wanted, lambda: wave[:limit], lambda: _polyphase(tf, wave, rate, wanted, limit))


def _polyphase(tf, wave, rate, wanted, limit):
    divisors = [d for d in range(1, wanted + 1) if wanted % d == 0]
    divisor = tf.reduce_max(tf.where(rate % divisors == 0, tf.constant(divisors, tf.int64), 1))
    up, down = wanted // divisor, rate // divisor
    half = WIDTH * tf.maximum(up, down)
    length = tf.shape(wave, tf.int64)[0]
    count = tf.minimum(tf.constant(limit, tf.int64), -(-length * up // down))
    taps = _taps(tf, half, up)
    block = tf.maximum(64 // up, 1)  # repeats of the pattern that one matrix holds
    before = half // up  # samples in front of the first output that it sees
    width = before + ((block * up - 1) * down + half) // up + 1

    def dense():
        # Output b * block * up + p is the sum over i of x[b * block * down + i - before] h[p * down - (i - before) * up].
        p, i = tf.range(block * up) * down + half, (tf.range(width) - before) * up
        weights = _at(tf, taps, tf.cast(p, tf.int32)[None, :] - tf.cast(i, tf.int32)[:, None])  # (W, P)
        start = tf.range(-(-count // (block * up))) * block * down - before
        rows = tf.cast(start, tf.int32)[:, None] + tf.range(tf.cast(width, tf.int32))[None, :]
        return tf.reshape(tf.matmul(_at(tf, wave, rows), weights), [-1])[:count]

    def each():
        span = tf.range(2 * half // up + 1)[None, :]

        def outputs(start):
            m = start + tf.range(tf.constant(BLOCK, tf.int64))[:, None]
            rows = -((half - m * down) // up) + span  # (BLOCK, K), from the first sample that the filter reaches
            return tf.reduce_sum(_at(tf, wave, rows) * _at(tf, taps, m * down - rows * up + half), axis=1)

        starts = tf.range(tf.constant(0, tf.int64), count, BLOCK)
        spec = tf.TensorSpec([BLOCK], tf.float32)
        return tf.reshape(tf.map_fn(outputs, starts, parallel_iterations=1, fn_output_signature=spec), [-1])[:count]

    return tf.cond(block * up * width <= DENSE, dense, each)


def _at(tf, values, rows):
    """The values [n] at some places, 0 beyond both ends."""
    padded = tf.pad(values, [[1, 1]])
    return tf.gather(padded, tf.clip_by_value(rows + 1, 0, tf.cast(tf.shape(padded)[0] - 1, rows.dtype)))


def _taps(tf, half, up):
    """The filter float32 [2 * half + 1], its sum `up`."""
    position = tf.cast(tf.range(-half, half + 1), tf.float64) / tf.cast(half, tf.float64)  # -1 to 1
    angle = np.pi * WIDTH * position
    sinc = tf.where(angle == 0, tf.ones_like(angle), tf.sin(angle) / tf.where(angle == 0, tf.ones_like(angle), angle))
    taps = sinc * tf.math.bessel_i0(BETA * tf.sqrt(tf.maximum(1 - tf.square(position), 0)))
    return tf.cast(taps / tf.reduce_sum(taps) * tf.cast(up, tf.float64), tf.float32)
