"""Visual-semantic embedding: captions and images, two towers that end in one space."""

import keras

from zoo import errors, geometry
from zoo.encoders.application import Application
from zoo.encoders.caption import CaptionEncoder
from zoo.encoders.convnet import ConvNet
from zoo.frontends.features import FeatureFrontend

_MOBILENET = {"backbone": "MobileNet", "width": 1.0}


@keras.saving.register_keras_serializable(package="zoo")
class ImageFeatures(keras.layers.Layer):
    """Image features of unit length: stored ones, or those of a backbone; then, if asked for, one linear map.

    Args:
        features: F, numbers of a stored feature vector; None with a backbone.
        backbone: layer from images to features [N, F], for instance `zoo.encoders.Application`, or None.
        freeze: keep the backbone's weights as they are, its batch statistics too.
        scale: bring features to unit length, as VSE does before its map.
        units: size of a linear map behind them; None for none, which leaves it to the model's head.

    Call arguments:
        x: floats [N, F], or images [N, S, S, C] for the backbone.

    Returns:
        floats [N, F], or [N, units].

    Raises:
        ValueError: neither features nor a backbone, or both; stored features of another size.

    Example:

    >>> import numpy as np
    >>> from zoo.encoders.vse import ImageFeatures
    >>> ImageFeatures(2)(np.array([[3.0, 4.0]])).numpy().round(1).tolist()
    [[0.6000000238418579, 0.800000011920929]]
    """

    def __init__(self, features=None, backbone=None, freeze=True, scale=True, units=None, **kwargs):
        super().__init__(**{"name": "image_features", **kwargs})
        if (features is None) == (backbone is None):
            raise ValueError("features and backbone: give one, the size of stored features or the layer that makes them")
        self.features = None if features is None else errors.whole("features", features)
        self.backbone, self.freeze, self.scale = backbone, errors.flag("freeze", freeze), errors.flag("scale", scale)
        if backbone is not None and freeze:
            for layer in backbone._flatten_layers():  # one by one: of a loaded one TensorFlow ignores what is False before
                layer.trainable = False
        self.units = None if units is None else errors.whole("units", units)
        # Xavier uniform and zeros, as in Kiros et al.
        self.map = None if units is None else keras.layers.Dense(self.units, name="map")

    def make_frontend(self):
        """The backbone's frontend, or that of stored features."""
        return FeatureFrontend(self.features) if self.backbone is None else self.backbone.make_frontend()

    def build(self, input_shape):
        shape = tuple(input_shape)
        if self.backbone is not None:
            if not self.backbone.built:
                self.backbone.build(shape)
            shape = self.backbone.compute_output_shape(shape)
        elif len(shape) != 2 or shape[1] != self.features:
            raise ValueError(f"features={self.features}: image features must be [N, {self.features}], not {shape}")
        if self.map is not None:
            self.map.build(shape)
        self.built = True

    def call(self, x, training=None):
        if self.backbone is not None:
            x = self.backbone(x, training=False if self.freeze else training)
        x = geometry.normalize(x) if self.scale else x
        return x if self.map is None else self.map(x)

    def compute_output_shape(self, input_shape):
        width = self.features if self.backbone is None else self.backbone.compute_output_shape(input_shape)[-1]
        return (input_shape[0], self.units or width)

    def get_config(self):
        backbone = None if self.backbone is None else keras.saving.serialize_keras_object(self.backbone)
        names = ("features", "freeze", "scale", "units")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}, "backbone": backbone}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "backbone": keras.saving.deserialize_keras_object(config["backbone"])})


class VSE:
    """Two towers of a visual-semantic embedding: captions by an LSTM or GRU, images by features and a linear map.

    The model's head adds one linear map to `embedding_dim` and unit length on each side. As in the paper, with no map
    behind the recurrent state: `zoo.build("vse_ranking", embedding_dim=None, image_map=True, units=1024)`.
    `normalize="first"` leaves the image's side as long as it is, as the paper's code trains (`image_norm=False`).

    Args:
        units, cell, bidirectional, word_dim, vectors, train_vectors, dropout, unknown, source, min_count, max_length: of
            the captions, see `zoo.encoders.CaptionEncoder`.
        features: numbers of a stored feature vector, 4096 for VGG's last but one layer; counts where `image` is None.
        image: None for stored features; `"convnet"`, `"mobilenet"`, or the name of a network in `keras.applications`.
        weights: of the network, see `zoo.encoders.Application`.
        size: pixels of a side of its images; None takes the network's default.
        freeze: keep the network as it is. Fine-tuning it is a second phase, at a tenth of the rate.
        image_settings: further settings of the network, a dict, for instance `{"until": "conv_pw_12_relu"}`.
        scale: bring image features to unit length before they are mapped.
        image_map: end the image tower in a linear map to the size of the captions' output.

    Attributes:
        towers: `{"text": CaptionEncoder, "image": ImageFeatures}`.

    Raises:
        ValueError: a network that does not exist, or word vectors that are to stay as they are without a file of them.

    Example:

    >>> from zoo.encoders import VSE
    >>> towers = VSE(units=8, features=4096).towers
    >>> towers["image"].compute_output_shape((None, 4096))
    (None, 4096)

    References: Kiros, Salakhutdinov and Zemel 2014, Unifying visual-semantic embeddings with multimodal neural language
    models; Faghri, Fleet, Kiros and Fidler 2018, VSE++.
    """

    def __init__(
        self,
        units=256,
        cell="gru",
        bidirectional=False,
        word_dim=None,
        vectors=None,
        train_vectors=True,
        dropout=0.0,
        unknown=0.05,
        source="captions",
        min_count=1,
        max_length=64,
        features=4096,
        image=None,
        weights=None,
        size=None,
        freeze=True,
        image_settings=None,
        scale=True,
        image_map=False,
    ):
        if vectors is None and not errors.flag("train_vectors", train_vectors):
            raise ValueError("train_vectors=False keeps word vectors as a file has them: give the file, vectors='glove.txt'")
        self.settings = {key: value for key, value in locals().items() if key != "self"}
        text = CaptionEncoder(
            units, cell, bidirectional, word_dim, vectors, train_vectors, dropout, unknown, source, min_count, max_length
        )
        backbone = None if image is None else image_backbone(image, weights, size, image_settings or {})
        width = text.compute_output_shape((None, None))[-1] if errors.flag("image_map", image_map) else None
        self.towers = {"text": text, "image": ImageFeatures(None if backbone else features, backbone, freeze, scale, width)}

    def get_config(self):
        """The settings, for the card."""
        return {**self.settings, "vectors": None if self.settings["vectors"] is None else str(self.settings["vectors"])}


def image_backbone(name, weights, size, settings):
    """The network of a name, with its weights."""
    settings = {**settings, **({} if size is None else {"size": size, "resize": size})}
    if name == "convnet":
        if weights is not None:
            raise ValueError("weights: convnet starts from nothing; a network of keras.applications takes a file")
        return ConvNet(**settings)
    named = _MOBILENET if name == "mobilenet" else {"backbone": name}
    return Application(weights=weights, **{**named, **settings})
