"""Encoders: one architecture family a file."""

from zoo._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Application": "application",
        "BiLSTM": "bilstm",
        "CaptionEncoder": "caption",
        "ConvNet": "convnet",
        "ImageFeatures": "vse",
        "Speech2Image": "speech2image",
        "SpeechCNN": "speechcnn",
        "VSE": "vse",
    },
)
