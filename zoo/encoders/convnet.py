"""Four convolutions for small images: minutes on a CPU."""

import keras

from zoo import errors
from zoo.frontends.image import ImageFrontend
from zoo.layers.pool import GlobalPool

BATCH_NORM = ("trained", "frozen")


@keras.saving.register_keras_serializable(package="zoo")
class ConvNet(keras.layers.Layer):
    """Four blocks of 3 x 3 convolution, batch normalization, ReLU and 2 x 2 maximum, then pooling over the places.

    Args:
        filters: channels of every block; the output has as many numbers.
        blocks: how many there are; each halves the sides.
        size: pixels of a side of the images, at least 2^blocks.
        resize: pixels to which the shorter side is scaled before the middle is cut out; None means `size`.
        channels: 3, or 1 for grey images.
        pooling: `"avg"`, `"max"` or `"gem"`; see `zoo.layers.GlobalPool`.
        batch_norm: `"trained"`, or `"frozen"` to keep statistics and scale as they are.
        crop, flip: what is done to training images, see `zoo.frontends.ImageFrontend`.

    Call arguments:
        x: images [N, S, S, C] from `zoo.frontends.ImageFrontend`.

    Returns:
        floats [N, filters].

    Example:

    >>> import numpy as np
    >>> from zoo.encoders import ConvNet
    >>> ConvNet(filters=8, size=28, channels=1)(np.zeros((2, 28, 28, 1), "float32")).shape
    TensorShape([2, 8])

    Reference: Vinyals et al. 2016, Matching networks for one shot learning; Snell et al. 2017.
    """

    def __init__(
        self,
        filters=64,
        blocks=4,
        size=64,
        resize=None,
        channels=3,
        pooling="avg",
        batch_norm="trained",
        crop=None,
        flip=False,
        **kwargs,
    ):
        super().__init__(**{"name": "convnet", **kwargs})
        self.filters, self.blocks = errors.whole("filters", filters), errors.whole("blocks", blocks)
        self.size, self.resize, self.channels = errors.whole("size", size, 2**self.blocks), resize, channels
        self.pooling, self.batch_norm = pooling, check_batch_norm(batch_norm)
        self.crop, self.flip = crop, flip
        self.steps = []
        for i in range(self.blocks):
            self.steps += [
                keras.layers.Conv2D(self.filters, 3, padding="same", use_bias=False, name=f"conv_{i}"),
                keras.layers.BatchNormalization(momentum=0.9, trainable=batch_norm == "trained", name=f"norm_{i}"),
                keras.layers.ReLU(name=f"relu_{i}"),
                keras.layers.MaxPooling2D(2, name=f"halve_{i}"),
            ]
        self.steps.append(GlobalPool(pooling, name="pool"))

    def make_frontend(self):
        """The frontend that turns image files into this encoder's pixels."""
        return ImageFrontend(self.size, self.resize, self.channels, crop=self.crop, flip=self.flip)

    def build(self, input_shape):
        for layer in self.steps:
            layer.build(input_shape)
            input_shape = layer.compute_output_shape(input_shape)
        self.built = True

    def places(self, x, training=None):
        """Return what the last block says of each place, before pooling, floats [N, H, W, filters]."""
        for layer in self.steps[:-1]:
            x = layer(x, training=training) if isinstance(layer, keras.layers.BatchNormalization) else layer(x)
        return x

    def call(self, x, training=None):
        return self.steps[-1](self.places(x, training))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.filters)

    def get_config(self):
        names = ("filters", "blocks", "size", "resize", "channels", "pooling", "batch_norm", "crop", "flip")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def check_batch_norm(value):
    """Return `"trained"` or `"frozen"`, or say which are valid."""
    if value not in BATCH_NORM:
        raise ValueError(errors.unknown("batch_norm", value, BATCH_NORM))
    return value
