"""Networks of `keras.applications`, or of the user's own, as backbones."""

import importlib
import inspect
import os

import keras
import numpy as np

from zoo import errors
from zoo.encoders.convnet import check_batch_norm
from zoo.frontends.image import ImageFrontend
from zoo.layers.pool import GlobalPool


@keras.saving.register_keras_serializable(package="zoo")
class Application(keras.layers.Layer):
    """A network of `keras.applications` without its classifier, then pooling over the places.

    Pixels get the statistics that the network was trained with.

    Args:
        backbone: name of a network in `keras.applications`, for instance `"ResNet50"` or `"EfficientNetB0"`; or a
            `keras.Model` from images [N, S, S, C] to features [N, H, W, F] (its images come as pixels less 127.5, over
            127.5, unless `model.adapt` took the statistics of a training set).
        weights: None; `"imagenet"`, which Keras downloads; or the path of a local file: `.npz` with arrays named
            `layer/weight`, `.weights.h5` or `.h5` as Keras writes them.
        width: share of MobileNet's channels, 0.25 to 1.0; None for networks without that setting.
        until: name of the layer whose output is taken; None means the last one.
        size: pixels of a side of the images.
        resize: pixels to which the shorter side is scaled before the middle is cut out; None means `size`.
        pooling: `"avg"`, `"max"` or `"gem"`; see `zoo.layers.GlobalPool`.
        batch_norm: `"trained"`, or `"frozen"` to keep statistics and scale as they are.
        freeze: name of the last layer that is not trained, so that no gradient goes below it, for instance
            `"conv_pw_6_relu"` of MobileNet; or True for all of them. None trains every layer.
        crop, flip: what is done to training images, see `zoo.frontends.ImageFrontend`.

    Call arguments:
        x: images [N, S, S, 3] from `zoo.frontends.ImageFrontend`, or what `frozen` gave of them [N, h, w, f].

    Returns:
        floats [N, F].

    Raises:
        ValueError: no such network, layer or file; a file that does not hold the weights of the layers in use.

    Example:

    >>> from zoo.encoders import Application
    >>> Application("MobileNet", width=0.25, size=32).compute_output_shape((None, 32, 32, 3))
    (None, 256)

    References: He et al. 2016 (ResNet); Howard et al. 2017 (MobileNet).
    """

    def __init__(
        self,
        backbone="ResNet50",
        weights=None,
        width=None,
        until=None,
        size=224,
        resize=256,
        pooling="avg",
        batch_norm="trained",
        freeze=None,
        crop=None,
        flip=False,
        **kwargs,
    ):
        super().__init__(**{"name": "application", **kwargs})
        self.backbone, self.weights_from, self.width, self.until = backbone, weights, width, until
        self.size, self.resize = errors.whole("size", size), resize
        self.pooling, self.batch_norm, self.freeze = pooling, check_batch_norm(batch_norm), freeze
        self.crop, self.flip = crop, flip
        self.network = self._network()
        if weights not in (None, "imagenet"):
            load_weights(self.network, weights)
        for layer in self.network._flatten_layers(include_self=False):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = batch_norm == "trained"
        self.cut = None
        self._freeze()
        self.pool = GlobalPool(pooling, name="pool")

    def _network(self):
        if isinstance(self.backbone, keras.Model):
            network = self.backbone
        else:
            network = self._application()
        if self.until is not None:
            _layer_number("until", self.until, network)
            network = keras.Model(network.inputs, network.get_layer(self.until).output, name=network.name)
        if len(network.output_shape) != 4:
            raise ValueError(f"backbone must end in features [N, H, W, F], not in {network.output_shape}")
        return network

    def _freeze(self):
        """Keep layers up to `freeze` as they are; their batch statistics too, which Keras does for what is not trained."""
        if self.freeze is None:
            return
        last = len(self.network.layers) if self.freeze is True else _layer_number("freeze", self.freeze, self.network) + 1
        for layer in self.network.layers[:last]:
            layer.trainable = False
        self.cut = self.network.layers[last - 1].output

    def frozen(self, x, batch_size=256):
        """Return what the last frozen layer says of images, float32 [N, h, w, f]: compute it once, then train on it.

        A call takes such features in place of images, and so do `fit` and `predict` of a model with this backbone; a step
        then costs what the layers above cost. Images are not cut or mirrored at random then.

        Args:
            x: images [N, S, S, 3] as `model.preprocess` returns them, or a `tf.data.Dataset` of batches of them.
            batch_size: images at a time.

        Raises:
            ValueError: no `freeze`, or one within a block that a connection jumps over.
        """
        if self.cut is None:
            raise ValueError("freeze: no layer is frozen; say up to which one, freeze='LAYER'")
        if self.freeze is not True:
            self._upper()
        return keras.Model(self.network.inputs, self.cut).predict(x, batch_size=batch_size, verbose=0)

    def _upper(self):
        """The layers above the frozen ones, of which this is another view; not kept, or they would be saved twice."""
        try:
            return keras.Model(self.cut, self.network.output)
        except ValueError as error:
            raise ValueError(f"freeze={self.freeze!r} is jumped over by a connection; choose the end of a block") from error

    def _application(self):
        make = getattr(keras.applications, str(self.backbone), None)
        if not inspect.isfunction(make):
            names = [name for name in dir(keras.applications) if inspect.isfunction(getattr(keras.applications, name))]
            raise ValueError(errors.unknown("backbone", self.backbone, names))
        extra = {} if self.width is None else {"alpha": errors.number("width", self.width, 0.05, 2.0)}
        weights = self.weights_from if self.weights_from == "imagenet" else None
        try:
            return make(include_top=False, weights=weights, input_shape=(self.size, self.size, 3), **extra)
        except TypeError as error:
            raise ValueError(f"width: {self.backbone} has no widths; leave it out") from error
        except Exception as error:
            if weights is None:
                raise
            raise ValueError(
                f"weights='imagenet' could not be had ({error}). Download the file elsewhere and give its path, "
                "weights='file.h5', or start from nothing with weights=None"
            ) from error

    def make_frontend(self):
        """The frontend that turns image files into this encoder's pixels."""
        draws = {"crop": self.crop, "flip": self.flip}
        if isinstance(self.backbone, keras.Model):
            return ImageFrontend(self.size, self.resize, self.network.input_shape[-1], **draws)
        return ImageFrontend(self.size, self.resize, 3, *statistics(str(self.backbone)), **draws)

    def build(self, input_shape):
        self.pool.build(self.network.output_shape)
        self.built = True

    def places(self, x, training=None):
        """Return what the network says of each place, before pooling, floats [N, H, W, F]."""
        if self.cut is not None and tuple(x.shape[1:]) == tuple(self.cut.shape[1:]) != self.network.input_shape[1:]:
            return x if self.freeze is True else self._upper()(x, training=training)
        return self.network(x, training=training)

    def call(self, x, training=None):
        return self.pool(self.places(x, training))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.network.output_shape[-1])

    def get_config(self):
        backbone = self.backbone
        if isinstance(backbone, keras.Model):
            backbone = keras.saving.serialize_keras_object(backbone)
        names = ("width", "until", "size", "resize", "pooling", "batch_norm", "freeze", "crop", "flip")
        config = {name: getattr(self, name) for name in names}
        # A saved model brings its own weights: nothing is read or downloaded again.
        return {**super().get_config(), **config, "backbone": backbone, "weights": None}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "backbone": keras.saving.deserialize_keras_object(config["backbone"])})


def _layer_number(argument, name, network):
    """The place of a layer in a network; `ValueError` gives the nearest name there is."""
    names = [layer.name for layer in network.layers]
    if name not in names:
        raise ValueError(errors.unknown(argument, name, names))
    return names.index(name)


def statistics(backbone):
    """Return mean, std (of each channel, from 0 to 255) and whether channels are turned around, of a network's pixels.

    Read off what the network's own `preprocess_input` does to black, white and red.
    """
    module = importlib.import_module(getattr(keras.applications, backbone).__module__)
    colors = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0]], "float32").reshape(1, 1, 3, 3)
    black, white, red = np.asarray(keras.ops.convert_to_numpy(module.preprocess_input(colors.copy()))).reshape(3, 3)
    std = 255.0 / (white - black)
    return [float(m) for m in -black * std], [float(s) for s in std], bool(red[0] == black[0])


def load_weights(network, path):
    """Read the weights of a network from a local file, `.npz` with arrays `layer/weight` or a file of Keras.

    Raises:
        ValueError: no such file, or one that lacks a weight or holds it in another shape.
    """
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise ValueError(f"weights: there is no file {path!r}; give a local .npz or .h5 file, 'imagenet' or None")
    if not path.endswith(".npz"):
        try:
            network.load_weights(path)
        except Exception as error:
            raise ValueError(f"weights: {path!r} does not fit {network.name}: {error}") from error
        return
    with np.load(path) as arrays:
        values = []
        for layer in network.layers:
            for weight in layer.weights:
                name = f"{layer.name}/{weight.name}"
                if name not in arrays and isinstance(layer, keras.layers.DepthwiseConv2D):
                    name = name.replace("/kernel", "/depthwise_kernel")  # as older versions of Keras say
                if name not in arrays or arrays[name].shape != tuple(weight.shape):
                    found = "is not there; until='LAYER' ends the network where the file does"
                    if name in arrays:
                        found = f"has shape {arrays[name].shape} there, not {tuple(weight.shape)}"
                    raise ValueError(f"weights: {path!r} does not fit {network.name}: {name} {found}")
                values.append((weight, arrays[name]))
    for weight, value in values:
        weight.assign(value.astype("float32"))
