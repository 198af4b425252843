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
    "speechcnn": Entry(
        "zoo.encoders.speechcnn:SpeechCNN",
        "Log-mel and convolutions over time for speech, minutes on a CPU; preset=davenet is the audio branch of Harwath.",
        "Harwath, Torralba and Glass 2016, Unsupervised learning of spoken language with visual context",
        inputs="audio: WAV files [N]",
        parameters="205,472",
    ),
    "vse": Entry(
        "zoo.encoders.vse:VSE",
        "Captions through an LSTM or GRU, images through stored features or a network, in one space.",
        "Kiros, Salakhutdinov and Zemel 2014, Unifying visual-semantic embeddings with multimodal neural language models",
        inputs="text: UTF-8 strings [N]; image: stored features [N, F], or with image= JPEG, PNG, GIF, BMP or WebP files [N]",
        parameters="986,456 and 300 for each word of the vocabulary",
        takes="towers",
    ),
    "speech2image": Entry(
        "zoo.encoders.speech2image:Speech2Image",
        "Speech beside images: convolutions over log-mel and over pixels, pooled to vectors or compared by a matchmap.",
        "Harwath, Torralba and Glass 2016, Unsupervised learning of spoken language with visual context",
        inputs="speech: WAV files [N]; image: JPEG, PNG, GIF, BMP or WebP files [N]",
        parameters="325,584",
        takes="towers",
    ),
}
