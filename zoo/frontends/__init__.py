"""Raw items to tensors: the same code in `tf.data`, in `fit` and in the exported graph."""

from zoo._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "AudioFrontend": "audio",
        "FeatureFrontend": "features",
        "ImageFrontend": "image",
        "TextFrontend": "text",
        "WordFrontend": "words",
        "as_wavs": "wav",
        "read_vectors": "word_vectors",
    },
)
