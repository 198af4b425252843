"""WAV files of every kind, lying headers and what is none, beside the samples that went in."""

import io
import struct
import wave

import numpy as np
import pytest
import tensorflow as tf

from zoo.frontends import as_wavs
from zoo.frontends.wav import CHUNKS, decode

TONE = np.sin(np.arange(600) / 7) * 0.8
FLOATS = (3, 32), (3, 64)


def samples(values, code, bits):
    """Bytes of values from -1 to 1."""
    if code == 3:
        return values.astype(f"<f{bits // 8}").tobytes()
    whole = np.round(values * (2 ** (bits - 1) - 1)).astype("int64")
    if bits == 8:
        return (whole + 128).astype("uint8").tobytes()
    return whole.astype("<i8").view("uint8").reshape(-1, 8)[:, : bits // 8].tobytes()


def chunk(name, data, size=None):
    return name + struct.pack("<I", len(data) if size is None else size) + data + b"\0" * (len(data) % 2)


def form(code=1, channels=1, rate=8000, bits=16, extensible=False):
    block = channels * -(-bits // 8)
    head = struct.pack("<HHIIHH", 0xFFFE if extensible else code, channels, rate, rate * block, block, bits)
    guid = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
    return chunk(b"fmt ", head + (struct.pack("<HHIH", 22, bits, 4, code) + guid if extensible else b""))


def riff(*chunks, name=b"RIFF"):
    body = b"WAVE" + b"".join(chunks)
    return name + struct.pack("<I", len(body)) + body


def sixteen(values=TONE):
    return samples(values, 1, 16)


@tf.function(input_signature=[tf.TensorSpec([], tf.string), tf.TensorSpec([], tf.int64)], autograph=False)
def _decode(data, limit):
    return decode(data, lambda rate: limit)


def read(data, limit=10**9):
    """As in an exported graph: samples, rate, ok."""
    values, rate, ok = _decode(data, limit)
    return values.numpy(), int(rate), bool(ok)


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("code, bits", [(1, 8), (1, 16), (1, 24), (1, 32), *FLOATS])
def test_formats_hold_the_same_samples(code, bits, channels, extensible):
    sides = np.stack([TONE * (i + 1) / channels for i in range(channels)], axis=1)
    data = riff(form(code, channels, 11025, bits, extensible), chunk(b"data", samples(sides.ravel(), code, bits)))
    values, rate, ok = read(data)
    assert ok and rate == 11025 and values.dtype == "float32" and len(values) == 600
    np.testing.assert_allclose(values, sides.mean(axis=1), atol=2.0**-6 if bits == 8 else 2.0**-14)
    assert read(data, 7)[0].tolist() == values[:7].tolist()


def test_the_extremes_of_whole_numbers_are_full_scale():
    for bits, low in ((8, b"\x00"), (16, b"\x00\x80"), (24, b"\x00\x00\x80"), (32, b"\x00\x00\x00\x80")):
        assert read(riff(form(bits=bits), chunk(b"data", low)))[0].tolist() == [-1]


def test_twenty_bits_lie_in_three_bytes():
    data = riff(form(bits=20), chunk(b"data", samples(TONE, 1, 24)))
    np.testing.assert_allclose(read(data)[0], TONE, atol=1e-6)


def test_the_library_of_python_writes_what_is_read():
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, 16000, 0, "NONE", ""))
        out.writeframes(sixteen())
    np.testing.assert_allclose(read(file.getvalue())[0], TONE, atol=1e-4)


def test_chunks_come_in_any_order_and_odd_ones_are_padded():
    data, list_ = chunk(b"data", sixteen()), chunk(b"LIST", b"odd")
    for parts in ([list_, form(), data], [form(), list_, data, list_], [data, form()], [list_, data, list_, form()]):
        values, _, ok = read(riff(*parts))
        assert ok and len(values) == 600
        np.testing.assert_allclose(values, TONE, atol=1e-4)


@pytest.mark.parametrize("size", [0, 1201, 10**6, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("name", [b"RIFF", b"RF64"])
def test_a_length_that_lies_gives_what_is_there(size, name):
    values, _, ok = read(riff(form(), chunk(b"data", sixteen(), size), name=name))
    assert ok
    np.testing.assert_allclose(values, TONE, atol=1e-4)


def test_a_length_that_is_smaller_is_believed_and_a_cut_off_sample_is_dropped():
    assert len(read(riff(form(), chunk(b"data", sixteen(), 800)))[0]) == 400
    assert len(read(riff(form(channels=2), chunk(b"data", sixteen()[:-1])))[0]) == 299


BAD = {
    "nothing": b"",
    "one byte": b"R",
    "text": b"hello world, this is no audio",
    "another RIFF": riff(chunk(b"VP8 ", b"x" * 40)).replace(b"WAVE", b"WEBP"),
    "another file": b"fLaC" + b"\0" * 100,
    "head alone": riff(),
    "no format": riff(chunk(b"data", sixteen())),
    "no samples": riff(form()),
    "zero samples": riff(form(), chunk(b"data", b"")),
    "zero samples, more chunks": riff(form(), chunk(b"data", b""), chunk(b"LIST", b"x" * 50)),
    "half a sample": riff(form(), chunk(b"data", b"x")),
    "short format": riff(chunk(b"fmt ", b"\1\0\1\0"), chunk(b"data", sixteen())),
    "format cut off": riff(form())[:-9],
    "A-law": riff(form(code=6, bits=8), chunk(b"data", sixteen())),
    "ADPCM": riff(form(code=2, bits=4), chunk(b"data", sixteen())),
    "no channel": riff(form(channels=0), chunk(b"data", sixteen())),
    "rate 0": riff(form(rate=0), chunk(b"data", sixteen())),
    "rate 2^32 - 1": riff(form(rate=1).replace(struct.pack("<I", 1), b"\xff" * 4, 1), chunk(b"data", sixteen())),
    "0 bits": riff(form(bits=0), chunk(b"data", sixteen())),
    "NaN": riff(form(3, bits=32), chunk(b"data", samples(np.array([0, np.nan]), 3, 32))),
    "infinity": riff(form(3, bits=32), chunk(b"data", samples(np.array([np.inf, 0]), 3, 32))),
    "chunks without end": riff(*[chunk(b"JUNK", b"")] * (CHUNKS + 1), form(), chunk(b"data", sixteen())),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_audio_is_told_apart(what):
    values, rate, ok = read(BAD[what])
    assert not ok and np.isfinite(values).all() and rate >= 100


def test_bytes_at_random_never_crash():
    rng = np.random.default_rng(0)
    whole = riff(form(), chunk(b"LIST", b"odd"), chunk(b"data", sixteen()[:60]))
    for _ in range(300):
        data = bytearray(whole[: rng.integers(len(whole) + 1)])
        for place in rng.integers(0, max(len(data), 1), 3 if len(data) else 0):
            data[place] = rng.integers(256)
        values, _, ok = read(bytes(data))
        assert np.isfinite(values).all() and (not ok or len(values))


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint8", "float32", "float64"])
def test_waveforms_become_files_and_come_back(dtype):
    values = np.array([0, 1, 100, 250, 3, 4, 5]) if dtype == "uint8" else np.array([0, 1, -100, 2500, 3, 4, 5])
    values = values / 2500 if "float" in dtype else values
    (file,) = as_wavs([values.astype(dtype)], 22050)
    found, rate, ok = read(file)
    scale = {"int16": 2**15, "int32": 2**31, "uint8": 128}.get(dtype, 1)
    assert ok and rate == 22050 and len(file) % 2 == 0
    np.testing.assert_allclose(found, (values - (128 if dtype == "uint8" else 0)) / scale, atol=1e-7)
    if dtype == "int16":
        with wave.open(io.BytesIO(file)) as known:
            assert known.getparams()[:4] == (1, 2, 22050, 7)


@pytest.mark.parametrize(
    "waves, words", [([np.zeros(3, int)], "int64"), ([[0.0], np.zeros((3, 2))], "item 1"), ([[np.nan]], "item 0 holds NaN")]
)
def test_what_is_no_waveform_is_named(waves, words):
    with pytest.raises(ValueError, match=words):
        as_wavs(waves, 8000)
