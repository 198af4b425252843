"""WAV files and waveforms to one rate and one width."""

import keras
import numpy as np

from zoo import errors
from zoo.backends import tensorflow
from zoo.frontends.base import is_strings
from zoo.frontends.files import FileFrontend, content, of_one_kind
from zoo.frontends.resampling import needed, resample
from zoo.frontends.wav import as_wavs, decode
from zoo.layers.log_mel import PAD

SCALES = {"int16": 2.0**15, "int32": 2.0**31, "uint8": 2.0**7}


@keras.saving.register_keras_serializable(package="zoo")
class AudioFrontend(FileFrontend):
    """Turns WAV files [N] or waveforms into float32 [N, S, 1]: one rate, one width, the end of each clip marked.

    Files of any rate, PCM of 8 to 32 bits or floats, any number of channels, which are averaged; see `zoo.frontends.wav`.
    Other rates are converted by the polyphase filter of `scipy.signal.resample_poly`. Of a clip that is longer than
    `seconds` the first `seconds` are taken, and the rest is not even read. After a shorter clip every sample is
    `zoo.layers.log_mel.PAD`, by which layers know where it ends: one width means that nothing is compiled twice, and the
    marker goes through `tf.data`, `fit`, `predict` and an exported graph like any sample.

    Silence is a clip like any other. No sample at all is none.

    While training, clips may be sped up or slowed down, which also shifts their pitch, and get noise (`augmented`).

    Args:
        rate: samples per second of the result.
        seconds: of a clip that are taken; S is their number of samples.
        source_rate: samples per second of waveforms, which do not say it themselves; None means `rate`.
        speed: share by which training clips are sped up or slowed down at most.
        noise: loudness of the white noise that training clips get at most, as a share of their own.

    Call arguments:
        items: WAV files [N], `bytes` or a string tensor; paths of files [N], `str`; waveforms, a list of N arrays [T] or
            an array [N, T], int16, int32, uint8, or floats from -1 to 1. Arrays [N, S, 1] are taken for clips that went
            through here before, by `is_raw`.

    Example:

    >>> import numpy as np
    >>> from zoo.frontends import AudioFrontend
    >>> AudioFrontend(rate=8000, seconds=1.0, source_rate=16000)([np.zeros(9000, "int16")]).shape
    TensorShape([1, 8000, 1])
    """

    kind = "audio"
    expected = "WAV files of PCM or floats with at least one sample, all of them finite, at 100 to 200,000 a second"

    def __init__(self, rate=8000, seconds=2.0, source_rate=None, speed=0.0, noise=0.0):
        self.rate = errors.whole("rate", rate, 1000)
        self.seconds = errors.number("seconds", seconds, 0.025, 3600.0)
        self.source_rate = None if source_rate is None else errors.whole("source_rate", source_rate, 100)
        self.speed, self.noise = errors.number("speed", speed, 0.0, 0.5), errors.number("noise", noise, 0.0, 10.0)
        self.width = round(self.seconds * self.rate)
        self._compiled = {}

    @property
    def input_shape(self):
        return (None, self.width, 1)

    @property
    def state(self):
        """Nothing: what a log-mel needs to know it takes from each clip."""
        return None

    @state.setter
    def state(self, value):
        pass

    def learn(self, items):
        """Return None; `ValueError` where there is no clip."""
        if not len(items):
            raise ValueError("audio: there is no clip to train on")

    def is_raw(self, items):
        """Whether items are files, paths or waveforms, or their spec; arrays [N, S, 1] went through here before."""
        if isinstance(items, (str, bytes)) or is_strings(items):
            return True
        if isinstance(items, (list, tuple)):
            return np.ndim(items[0]) < 2
        return hasattr(items, "dtype") and hasattr(items, "shape") and len(items.shape) < 3

    @property
    def draws(self):
        return bool(self.speed or self.noise)

    def checked(self, items, seed=None):
        """Return float32 [N, S, 1] and whether each item is audio [N]; one that is none gives a clip without a sample."""
        tf = tensorflow("reading audio")
        items = items if _in_graph(items) else self.as_items(items)
        items = content(items, self.kind) if is_strings(items) else tf.convert_to_tensor(items)
        # A file takes hundreds of operations: slow one by one, and a second to trace in each pipeline anew.
        key = items.dtype, seed is None, str(self.get_config())
        if key not in self._compiled:
            specs = [tf.TensorSpec([None] * items.shape.rank, items.dtype)]
            specs += [] if seed is None else [tf.TensorSpec([2], tf.int64)]
            with tf.init_scope():  # outside of the graph that is being traced, so that the next one has it too
                self._compiled[key] = tf.function(self._clips, autograph=False).get_concrete_function(*specs)
        return self._compiled[key](items, *([] if seed is None else [tf.cast(seed, tf.int64)]))

    def _clips(self, items, seed=None):
        """Clips of a tensor of files [N] or samples [N, T] and whether each is one."""
        tf = tensorflow("reading audio")
        read = self._reader(items)
        spec = tf.TensorSpec([self.width], tf.float32), tf.TensorSpec([], tf.bool)

        def one(item, draw=None):
            wave, rate, ok = read(item)
            if draw is not None and self.speed:
                rate = self._sped(rate, draw)
            wave = resample(wave, rate, self.rate, self.width)
            if draw is not None and self.noise:
                wave = self._noisy(wave, draw)
            wave = tf.clip_by_value(wave[: tf.where(ok, self.width, 0)], -PAD / 2, PAD / 2)
            rest = self.width - tf.shape(wave)[0]
            return tf.ensure_shape(tf.pad(wave, [[0, rest]], constant_values=PAD), [self.width]), ok

        if seed is None:
            x, ok = tf.map_fn(one, items, fn_output_signature=spec)
        else:
            draws = tf.random.experimental.stateless_split(seed, tf.shape(items)[0])  # (N, 2)
            x, ok = tf.map_fn(lambda pair: one(*pair), (items, draws), fn_output_signature=spec)
        return x[:, :, None], ok

    def _reader(self, items):
        """The function from one item to samples, rate and whether it is audio."""
        tf = tensorflow("reading audio")
        if items.dtype == "string":
            return lambda data: decode(data, lambda rate: needed(self.width, rate, self.rate))
        _check_waves(items.dtype.name, items.shape)
        rate, name = self.source_rate or self.rate, items.dtype.name

        def read(item):
            item = tf.cast(item[: needed(self.width, rate, self.rate)], tf.float32)
            item = (item - 128.0 if name == "uint8" else item) / SCALES.get(name, 1.0)
            finite = tf.reduce_all(tf.math.is_finite(item))
            return tf.where(finite, item, 0.0), tf.constant(rate, tf.int64), finite & (tf.shape(item)[0] > 0)

        return read

    def _sped(self, rate, draw):
        """A rate up to `speed` off, in steps that share large factors with the one that is wanted."""
        tf = tensorflow("reading audio")
        factor = tf.random.stateless_uniform([], draw, 1 - self.speed, 1 + self.speed)
        step = self.rate // 80
        return tf.maximum(tf.cast(tf.round(tf.cast(rate, tf.float32) * factor / step), tf.int64), 1) * step

    def _noisy(self, wave, draw):
        tf = tensorflow("reading audio")
        share = tf.random.stateless_uniform([], draw + 1, 0, self.noise)
        loudness = tf.sqrt(tf.math.divide_no_nan(tf.reduce_sum(tf.square(wave)), tf.cast(tf.size(wave), tf.float32)))
        return wave + share * loudness * tf.random.stateless_normal(tf.shape(wave), draw + 2)

    @property
    def raw_spec(self):
        """What the served signature takes."""
        tf = tensorflow("reading audio")
        return tf.TensorSpec([None], tf.string, name="audio")

    def as_items(self, items):
        """Return files or paths as a list, waveforms [N, T] as an array; a list of waveforms becomes WAV files."""
        if isinstance(items, (str, bytes)) or not hasattr(items, "__len__"):
            raise ValueError("audio must be a list of files, paths or waveforms, not one of them; put it in a list")
        items = items.numpy() if hasattr(items, "numpy") else items
        if is_strings(items):
            return of_one_kind(items, self.kind)
        if isinstance(items, (list, tuple)) or items.dtype == object:
            return as_wavs(items, self.source_rate or self.rate)
        _check_waves(items.dtype.name, items.shape)
        return items

    def as_bytes(self, items):
        """Return audio as WAV files, a list of `bytes`."""
        items = self.as_items(items)
        return list(content(items, self.kind).numpy()) if is_strings(items) else as_wavs(items, self.source_rate or self.rate)

    @property
    def samples(self):
        """Four WAV files: silence, a tone, noise, and one sample."""
        time = np.arange(self.width) / self.rate
        noise = np.random.default_rng(0).normal(0, 0.1, self.width // 2)
        waves = [0 * time[: self.width // 2], np.sin(2 * np.pi * 440 * time), noise, noise[:1]]
        return as_wavs([np.round(32767 * np.clip(wave, -1, 1)).astype("int16") for wave in waves], self.rate)

    def __getstate__(self):
        return {**self.__dict__, "_compiled": {}}  # functions of this process

    def get_config(self):
        return {name: getattr(self, name) for name in ("rate", "seconds", "source_rate", "speed", "noise")}


def _in_graph(items):
    return hasattr(items, "dtype") and hasattr(items, "graph")  # of an eager tensor there is none


def _check_waves(dtype, shape):
    if len(shape) != 2 or not (dtype in SCALES or "float" in dtype):
        raise ValueError(
            "audio must be a list of waveforms or an array [N, T] of int16, int32, uint8, or floats from -1 to 1; got "
            f"{dtype} of shape {tuple(shape)}"
        )
