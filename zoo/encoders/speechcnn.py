"""A convolutional network over time for speech, in which padding changes nothing."""

import keras
from keras import ops

from zoo import errors
from zoo.encoders.convnet import check_batch_norm
from zoo.frontends.audio import AudioFrontend
from zoo.layers.log_mel import LogMel

# Blocks of (filters, frames that a kernel sees, whether the number of frames is halved), and whether each is normalized.
PRESETS = {
    "small": (((64, 5, True), (96, 5, True), (128, 5, True), (192, 3, False)), True),
    "davenet": (((128, 1, False), (256, 11, True), (512, 17, True), (512, 17, True), (1024, 17, True)), False),
}
POOLINGS = ("mean", "max", "meanmax")


@keras.saving.register_keras_serializable(package="zoo")
class SpeechCNN(keras.layers.Layer):
    """Waveform to log-mel, log-mel through convolutions over time, their frames to one vector a clip.

    Padding changes nothing: frames after the end of a clip are zero before every convolution, and neither batch
    statistics nor pooling see them. A convolution of the first block spans all bands; where a block halves the frames it
    takes the maximum of three, two apart.

    Args:
        preset: `"small"`, minutes on a CPU; or `"davenet"`, the audio branch of Harwath et al., one frame of its output for
            16 of its input: 128 channels of one frame, then 256 of 11 and 512, 512 and 1024 of 17, with batch
            normalization on the log-mel alone (theirs has one mean and spread for all bands, here each band has its own).
        rate: samples per second; clips of other rates are converted.
        seconds: of a clip that are heard, the first ones.
        mels: bands of the log-mel.
        pooling: `"mean"` or `"max"` over the real frames, or `"meanmax"`, both side by side.
        center: take from each band its mean over the real frames of the clip (cepstral mean normalization), so that neither
            the microphone nor the timbre of a voice counts. On voices that were not trained on it is worth a lot.
        dropout: share of the channels of each block that are set to zero in training.
        batch_norm: `"trained"`, or `"frozen"` to keep statistics and scale as they are.
        speed, noise: what is done to training clips, see `zoo.frontends.AudioFrontend`.
        blocks: in place of the preset's: a list of (filters, frames of a kernel, whether frames are halved).

    Call arguments:
        x: clips [N, S, 1] from `zoo.frontends.AudioFrontend`, of any width.

    Returns:
        floats [N, F]; F is 192 for `"small"`, 1024 for `"davenet"`, twice that for `"meanmax"`.

    Example:

    >>> from zoo.encoders import SpeechCNN
    >>> encoder = SpeechCNN(seconds=1.0)
    >>> x = encoder.make_frontend()([np.zeros(4000, "int16")])
    >>> encoder(x).shape, encoder.frames(x)[0].shape
    (TensorShape([1, 192]), TensorShape([1, 13, 192]))

    References: Atal 1974 (means taken away); Harwath, Torralba and Glass 2016, Unsupervised learning of spoken language with visual context; Harwath
    et al. 2018, Jointly discovering visual objects and spoken words from raw sensory input (DAVEnet).
    """

    def __init__(
        self,
        preset="small",
        rate=8000,
        seconds=2.0,
        mels=40,
        pooling="mean",
        center=False,
        dropout=0.0,
        batch_norm="trained",
        speed=0.0,
        noise=0.0,
        blocks=None,
        **kwargs,
    ):
        # The waveform keeps its precision; the layers inside convert what they take.
        super().__init__(**{"name": "speechcnn", "autocast": False, **kwargs})
        if preset not in PRESETS:
            raise ValueError(errors.unknown("preset", preset, PRESETS))
        if pooling not in POOLINGS:
            raise ValueError(errors.unknown("pooling", pooling, POOLINGS))
        self.preset, self.rate, self.seconds, self.mels = preset, rate, seconds, mels
        self.pooling, self.center = pooling, errors.flag("center", center)
        self.dropout = errors.number("dropout", dropout, 0, 0.99)
        self.batch_norm, self.speed, self.noise = check_batch_norm(batch_norm), speed, noise
        self.blocks = PRESETS[preset][0] if blocks is None else _check_blocks(blocks)
        self.own_blocks = blocks is not None
        self.log_mel = LogMel(rate, mels, name="log_mel")
        self.norm = self._normalization("norm")
        self.convolutions, self.norms, self.dropouts = [], [], []
        for i, (filters, width, _) in enumerate(self.blocks):
            normalized = PRESETS[preset][1]
            layer = keras.layers.Conv1D(filters, width, padding="same", use_bias=not normalized, name=f"conv_{i}")
            self.convolutions.append(layer)
            self.norms.append(self._normalization(f"norm_{i}") if normalized else None)
            self.dropouts.append(keras.layers.SpatialDropout1D(self.dropout, name=f"drop_{i}") if dropout else None)

    def _normalization(self, name):
        return keras.layers.BatchNormalization(momentum=0.9, trainable=self.batch_norm == "trained", name=name)

    def make_frontend(self):
        """The frontend that turns WAV files into this encoder's clips."""
        return AudioFrontend(self.rate, self.seconds, speed=self.speed, noise=self.noise)

    def build(self, input_shape):
        self.log_mel.build(input_shape)
        shape, _ = self.log_mel.compute_output_shape(input_shape)
        self.norm.build(shape)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            convolution.build(shape)
            shape = (*shape[:2], convolution.filters)
            if norm is not None:
                norm.build(shape)
        self.built = True

    def frames(self, x, training=None):
        """Return what the last block says of each frame, before pooling.

        Args:
            x: clips [N, S, 1] from the frontend.
            training: whether batch statistics and dropout are those of training.

        Returns:
            floats [N, T, F], zero after the end of a clip, and bool [N, T], whether a frame is real. Frame t is centered
            at `frame_times(T)[t]` seconds.
        """
        if not self.built:
            self.build(x.shape)
        x, mask = self.log_mel(x)
        if self.center:
            kept = ops.cast(mask, x.dtype)[:, :, None]
            x = x - ops.sum(x * kept, axis=1, keepdims=True) / ops.sum(kept, axis=1, keepdims=True) - 40.0
        x = self.norm(x / 20.0 + 2.0, training=training, mask=mask)  # of decibels from -80 to 0
        for convolution, norm, drop, (_, _, halved) in zip(
            self.convolutions, self.norms, self.dropouts, self.blocks, strict=True
        ):
            x = convolution(_masked(x, mask))
            x = ops.relu(x if norm is None else norm(x, training=training, mask=mask))
            x = x if drop is None else drop(x, training=training)
            if halved:
                x, mask = _halve(_masked(x, mask)), mask[:, ::2]
        return _masked(x, mask), mask

    def call(self, x, training=None):
        x, mask = self.frames(x, training=training)
        kept = ops.cast(mask, x.dtype)[:, :, None]
        mean = ops.sum(x, axis=1) / ops.sum(kept, axis=1)  # every clip has a frame
        highest = ops.max(x, axis=1)  # after a ReLU zero is the least
        if self.pooling == "meanmax":
            return ops.concatenate([mean, highest], axis=-1)
        return mean if self.pooling == "mean" else highest

    def frame_times(self, count):
        """Return the middles of so many frames of `frames`, in seconds from the beginning of the clip."""
        step = self.log_mel.hop * 2 ** sum(halved for _, _, halved in self.blocks)
        return [self.log_mel.window / 2 + step * t for t in range(count)]

    def frames_shape(self, input_shape):
        """Return the shape [N, T, F] of `frames` for clips of a shape."""
        count = self.log_mel.frame_count(input_shape[1])
        for _, _, halved in self.blocks:
            count = -(-count // 2) if halved and count is not None else count
        return (input_shape[0], count, self.blocks[-1][0])

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.blocks[-1][0] * (2 if self.pooling == "meanmax" else 1))

    def get_config(self):
        names = ("preset", "rate", "seconds", "mels", "pooling", "center", "dropout", "batch_norm", "speed", "noise")
        blocks = [list(block) for block in self.blocks] if self.own_blocks else None
        return {**super().get_config(), **{name: getattr(self, name) for name in names}, "blocks": blocks}


def _check_blocks(blocks):
    """Return blocks as tuples, or say what one looks like."""
    try:
        checked = tuple((errors.whole("filters", f), errors.whole("frames", k), errors.flag("halved", h)) for f, k, h in blocks)
    except (TypeError, ValueError) as error:
        raise ValueError(f"blocks must be a list of (filters, frames, True or False), not {blocks!r}: {error}") from error
    if not checked:
        raise ValueError("blocks must hold at least one (filters, frames, True or False)")
    return checked


def _masked(x, mask):
    """Zero where a frame is not real."""
    return x * ops.cast(mask, x.dtype)[:, :, None]


def _halve(x):
    """The maximum of every second frame and its two neighbors, of x >= 0 [N, T, C], [N, ceil(T / 2), C].

    Padding by hand: that of "same" depends on whether T is even, so the width of a batch would move the frames.
    """
    return ops.max_pool(ops.pad(x, [[0, 0], [1, 1], [0, 0]]), 3, 2, "valid")
