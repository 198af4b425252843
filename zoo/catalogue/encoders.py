"""The encoders, one `Entry` a name."""

from zoo.catalogue.entry import Entry

_IMAGE = "image: JPEG, PNG, GIF, BMP or WebP files [N]"

ENCODERS = {
    "bilstm": Entry(
        "zoo.encoders.bilstm:BiLSTM",
        "Character BiLSTM over raw UTF-8 text of any script.",
        "Graves and Schmidhuber 2005, Framewise phoneme classification with bidirectional LSTM",
        inputs="text: UTF-8 strings [N]",
        parameters="230,528 and 64 for each character of the vocabulary",
    ),
    "convnet": Entry(
        "zoo.encoders.convnet:ConvNet",
        "Four convolutions for small images, minutes on a CPU.",
        "Vinyals et al. 2016, Matching networks for one shot learning",
        inputs=_IMAGE,
        parameters="121,664",
    ),
    "mobilenet": Entry(
        "zoo.encoders.application:Application",
        "MobileNet of any width, from ImageNet or local weights, or from nothing.",
        "Howard et al. 2017, MobileNets: efficient convolutional neural networks for mobile vision applications",
        inputs=_IMAGE,
        parameters="3,360,064",
        settings={"backbone": "MobileNet", "width": 1.0},
    ),
    "resnet50": Entry(
        "zoo.encoders.application:Application",
        "ResNet50, or any other backbone= of keras.applications, from ImageNet or local weights, or from nothing.",
        "He, Zhang, Ren and Sun 2016, Deep residual learning for image recognition",
        inputs=_IMAGE,
        parameters="23,849,984",
    ),
}
