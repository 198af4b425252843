"""From a waveform to what an ear would tell apart: log energies of mel bands, frame by frame."""

import keras
import numpy as np
from keras import ops

from zoo import errors

PAD = 32768.0  # what follows the last sample of a clip; samples are cut to half of it. float16 holds it exactly
LEAST = 1e-10  # band power below a step of 16 bits, which is taken for silence


@keras.saving.register_keras_serializable(package="zoo")
class LogMel(keras.layers.Layer):
    """Waveforms to log mel energies, each clip relative to its own loudest band and frame.

    The mean of a clip is removed; y_t = x_t - preemphasis * x_(t-1); frames of `window` seconds, every `hop` seconds,
    under a Hamming window; power spectrum; triangles of equal area on Slaney's mel scale;
    10 log10 of the power, less its maximum over the clip, at least -`floor`. A silent clip is at -`floor` throughout.

    A frame is real when all of its samples are; a clip shorter than a frame has one, filled up with zeros. What follows
    the last real frame is at -`floor` and does not count.

    Args:
        rate: samples per second.
        mels: M, bands.
        lowest, highest: frequencies in Hz where the first band begins and the last one ends; None means rate / 2.
        window, hop: seconds of a frame, and from one frame to the next.
        preemphasis: share of the sample before that is taken away.
        floor: decibels below the loudest that are kept.

    Call arguments:
        x: floats [N, S] or [N, S, 1]; samples after the end of a clip are `zoo.layers.log_mel.PAD`.

    Returns:
        float32 [N, T, M] in decibels from -`floor` to 0, and bool [N, T], whether a frame is real.

    Example:

    >>> from zoo.layers import LogMel
    >>> x, mask = LogMel()(np.sin(np.arange(8000.0))[None])
    >>> x.shape, int(mask.numpy().sum())
    (TensorShape([1, 98, 40]), 98)

    References: Davis and Mermelstein 1980; Slaney 1998, Auditory toolbox; settings of Harwath, Torralba and Glass 2016.
    """

    def __init__(
        self, rate=8000, mels=40, lowest=20.0, highest=None, window=0.025, hop=0.01, preemphasis=0.97, floor=80.0, **kwargs
    ):
        # Waveforms need the precision of float32 whatever the model computes in.
        super().__init__(**{"dtype": "float32", "autocast": False, **kwargs})
        self.rate, self.mels = errors.whole("rate", rate, 1000), errors.whole("mels", mels)
        self.lowest = errors.number("lowest", lowest, 0.0, self.rate / 2 - 1)
        self.highest = None if highest is None else errors.number("highest", highest, self.lowest + 1, self.rate / 2)
        self.window, self.hop = errors.number("window", window, 0.001, 1.0), errors.number("hop", hop, 0.001, 1.0)
        self.preemphasis = errors.number("preemphasis", preemphasis, 0.0, 1.0)
        self.floor = errors.number("floor", floor, 1.0, 200.0)
        self.length, self.stride = round(self.window * self.rate), round(self.hop * self.rate)  # samples
        self.bands = mel_bands(self.rate, self.length, self.mels, self.lowest, self.highest)
        self.shape_of_window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(self.length) / self.length)

    def build(self, input_shape):
        if input_shape[1] is not None and input_shape[1] < self.length:
            raise ValueError(f"waveforms must be at least {self.length} samples wide, one frame; got {input_shape[1]}")
        self.built = True

    def call(self, x):
        x = ops.cast(x, "float32")
        x = ops.squeeze(x, -1) if len(x.shape) == 3 else x  # (N, S)
        real = x < PAD / 1.5
        count = ops.sum(ops.cast(real, "int32"), axis=1)  # (N,)
        x = ops.where(real, x, 0.0)
        mean = ops.sum(x, axis=1, keepdims=True) / ops.cast(ops.maximum(count, 1), "float32")[:, None]
        x = ops.where(real, x - mean, 0.0)
        x = x - self.preemphasis * ops.pad(x, [[0, 0], [1, 0]])[:, :-1]
        x = ops.where(real, x, 0.0)
        frames = ops.extract_sequences(x, self.length, self.stride)  # (N, T, L)
        real, imaginary = ops.rfft(frames * ops.convert_to_tensor(self.shape_of_window, "float32"), self.length)
        power = ops.matmul(ops.square(real) + ops.square(imaginary), ops.convert_to_tensor(self.bands, "float32"))
        count = ops.maximum(1 + ops.floor_divide(count - self.length, self.stride), 1)
        mask = ops.arange(ops.shape(power)[1], dtype="int32")[None, :] < count[:, None]  # (N, T)
        power = ops.where(mask[:, :, None], power, 0.0)
        level = ops.log10(ops.maximum(power, LEAST))
        decibels = 10.0 * (level - ops.max(level, axis=(1, 2), keepdims=True))  # of the logarithms: the loudest is 0 exactly
        heard = ops.logical_and(ops.max(power, axis=(1, 2), keepdims=True) > LEAST, mask[:, :, None])
        return ops.where(heard, ops.maximum(decibels, -self.floor), -self.floor), mask

    def frame_count(self, samples):
        """Return T, how many frames so many samples hold; None for None."""
        return None if samples is None else 1 + (samples - self.length) // self.stride

    def compute_output_shape(self, input_shape):
        frames = self.frame_count(input_shape[1])
        return (input_shape[0], frames, self.mels), (input_shape[0], frames)

    def compute_output_spec(self, x):
        shape, mask = self.compute_output_shape(x.shape)
        return keras.KerasTensor(shape, "float32"), keras.KerasTensor(mask, "bool")

    def get_config(self):
        names = ("rate", "mels", "lowest", "highest", "window", "hop", "preemphasis", "floor")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def mel_bands(rate, length, mels=40, lowest=20.0, highest=None):
    """Return triangles [length // 2 + 1, mels], float64: share of each frequency of a spectrum in each band.

    Edges are evenly spaced on Slaney's mel scale, which is linear up to 1,000 Hz and logarithmic above; the area of a
    triangle over Hz is 1.

    Args:
        rate: samples per second.
        length: samples of a frame.
        mels: how many bands.
        lowest, highest: Hz where the first begins and the last one ends; None means rate / 2.

    Raises:
        ValueError: bands so narrow that one of them lies between two frequencies of the spectrum.
    """
    ends = np.array([lowest, rate / 2 if highest is None else highest])
    log_step = np.log(6.4) / 27
    with np.errstate(divide="ignore"):
        first, last = np.where(ends < 1000, ends * 3 / 200, 15 + np.log(np.maximum(ends, 1) / 1000) / log_step)
    mel = np.linspace(first, last, mels + 2)
    edges = np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * log_step))  # Hz
    frequencies = np.arange(length // 2 + 1)[:, None] * rate / length
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    bands = np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])
    if not bands.sum(axis=0).all():
        raise ValueError(
            f"mels={mels} are too many for frames of {length} samples at {rate} Hz: {int((bands.sum(axis=0) == 0).sum())} "
            "of them hold no frequency; take fewer, or a longer window"
        )
    return bands
