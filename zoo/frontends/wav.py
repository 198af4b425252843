"""WAV files: their samples inside a graph, and files of samples."""

import struct

import numpy as np

from zoo.backends import tensorflow

RATES = 100, 200_000  # samples per second that are read
CHUNKS = 100  # of a file that are looked at for its format and its samples
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
FORMATS = (PCM, 8), (PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32), (FLOAT, 64)  # and bits of a sample
RIFF = (b"RIFF", b"RF64", b"BW64")
TRAILERS = (b"LIST", b"fact", b"cue ", b"smpl", b"bext", b"id3 ", b"JUNK", b"PEAK", b"fmt ")


def as_wavs(waveforms, rate):
    """Return waveforms as WAV files, which may have different lengths.

    Args:
        waveforms: N arrays [T] of int16, int32 or uint8, which keep their bits, or of floats from -1 to 1, which
            become floats of 32 bits.
        rate: samples per second.

    Returns:
        list of N `bytes`.

    Raises:
        ValueError: an array that is no waveform, by its number.

    Example:

    >>> from zoo.frontends import as_wavs
    >>> len(as_wavs([np.zeros(100, "int16")], 8000)[0])
    244
    """
    files = []
    for i, wave in enumerate(waveforms):
        wave = np.asarray(wave)
        if wave.ndim != 1 or (wave.dtype.kind != "f" and wave.dtype.name not in ("int16", "int32", "uint8")):
            raise ValueError(
                f"audio: item {i} has shape {wave.shape} and dtype {wave.dtype}; a waveform is [T] of int16, int32, uint8, "
                "or floats from -1 to 1. Mix channels down with mean(axis=1)"
            )
        if wave.dtype.kind == "f":
            wave = wave.astype("float32")
            if not np.isfinite(wave).all():
                raise ValueError(f"audio: item {i} holds NaN or infinity")
        code, size = FLOAT if wave.dtype.kind == "f" else PCM, wave.dtype.itemsize
        form = struct.pack("<HHIIHH", code, 1, rate, rate * size, size, 8 * size)
        data = wave.astype(wave.dtype.newbyteorder("<")).tobytes()
        tail = data + b"\0" * (len(data) % 2)
        head = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data))
        files.append(b"RIFF" + struct.pack("<I", len(head) + len(tail)) + head + tail)
    return files


def decode(data, limit):
    """Return the samples of one WAV file, its rate, and whether it is one.

    PCM of 8, 16, 24 and 32 bits and floats of 32 and 64, any number of channels, which are averaged, chunks in any order.
    Where the header promises more samples than there are, or none or 2^32 - 1 as programs write that cannot go back, those
    that are there are read.

    Args:
        data: string tensor, the content of the file.
        limit: function of the rate (int64) to the number of samples (int64) that are wanted at most.

    Returns:
        samples float32 [n], as a share of full scale; rate int64; `ok`, false where there is no sample, a format that is
        not read, a sample that is no number, or a rate out of `RATES`.
    """
    tf = tensorflow("reading audio")
    size = tf.cast(tf.strings.length(data), tf.int64)
    padded = data + b"\0" * 32
    riff = tf.reduce_any(tf.strings.substr(padded, 0, 4) == tf.constant(RIFF))
    known = riff & (tf.strings.substr(padded, 8, 4) == b"WAVE")
    form, start, length = _chunks(tf, padded, tf.where(known, size, 0))
    fields = tf.cast(tf.io.decode_raw(tf.strings.substr(padded, tf.maximum(form, 0), 32), tf.uint8), tf.int64)
    code, channels, rate, bits = (_little(tf, fields, at, n) for at, n in ((0, 2), (2, 2), (4, 4), (14, 2)))
    code = tf.where(code == EXTENSIBLE, _little(tf, fields, 24, 2), code)
    bits = -(-bits // 8) * 8  # 20 bits lie in 24, at the top
    match = tf.reduce_all(tf.stack([code, bits]) == tf.constant(FORMATS, tf.int64), axis=1)
    found = (form >= 0) & (start >= 0) & tf.reduce_any(match) & (channels > 0) & (rate >= RATES[0]) & (rate <= RATES[1])
    bits, channels, rate = tf.where(found, bits, 8), tf.where(found, channels, 1), tf.where(found, rate, RATES[0])
    frame = channels * bits // 8
    count = tf.where(found, tf.minimum(length // frame, limit(rate)), 0)
    samples = _samples(tf, tf.strings.substr(data, tf.where(found, start, 0), count * frame), code, bits)
    wave = tf.reduce_mean(tf.reshape(samples, tf.stack([count, channels])), axis=1)
    finite = tf.reduce_all(tf.math.is_finite(wave))
    return tf.where(finite, wave, 0.0), rate, found & finite & (count > 0)


def _little(tf, fields, start, count):
    """The number that `count` bytes [32], the lowest first, stand for."""
    return tf.reduce_sum(fields[start : start + count] * [256**i for i in range(count)])


def _chunks(tf, padded, size):
    """Where in a file, of `size` bytes before what was added, the format and the samples begin, and the bytes of these.

    A place is -1 where there is none.
    """

    def read(at, form, start, length):
        head = tf.strings.substr(padded, at, 8)
        name = tf.strings.substr(head, 0, 4)
        promised = _little(tf, tf.cast(tf.io.decode_raw(head, tf.uint8), tf.int64)[4:], 0, 4)
        left = size - at - 8
        # A length of 0 before bytes that begin no chunk was never filled in.
        following = tf.strings.substr(padded, at + 8, 4)
        unfilled = (promised == 0) & ~tf.reduce_any(following == tf.constant(TRAILERS))
        here = tf.where(unfilled, left, tf.minimum(promised, left))
        samples = (name == b"data") & (start < 0)
        form = tf.where((name == b"fmt ") & (form < 0) & (here >= 16), at + 8, form)
        step = tf.where(samples, here, promised)
        return (
            at + 8 + step + step % 2,
            form,
            tf.where(samples, at + 8, start),
            tf.where(samples, here, length),
        )

    def more(at, form, start, length):
        return (at + 8 <= size) & ((form < 0) | (start < 0))

    none = tf.constant(-1, tf.int64)
    first = tf.constant(12, tf.int64), none, none, tf.constant(0, tf.int64)
    return tf.while_loop(more, read, first, maximum_iterations=CHUNKS)[1:]


def _samples(tf, raw, code, bits):
    """Samples of all channels, float32 [n * channels], from bytes, without a branch for each format.

    Eight bytes with the sample at their top, the last ones, are a float64; their upper half is a float32, or a whole number
    as a share of 2^31.
    """
    width = tf.maximum(bits // 8, 1)
    data = tf.reshape(tf.io.decode_raw(raw, tf.uint8), tf.stack([-1, width]))
    data = tf.where(bits == 8, tf.bitwise.bitwise_xor(data, tf.constant(128, tf.uint8)), data)  # 8 bits have no sign
    data = tf.reshape(tf.pad(data, tf.stack([[0, 0], tf.stack([8 - width, 0])])), [-1, 8])
    whole = tf.cast(tf.bitcast(data[:, 4:], tf.int32), tf.float32) / 2.0**31
    float32, float64 = tf.bitcast(data[:, 4:], tf.float32), tf.cast(tf.bitcast(data, tf.float64), tf.float32)
    return tf.where(code == PCM, whole, tf.where(bits == 32, float32, float64))
