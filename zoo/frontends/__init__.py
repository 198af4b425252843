"""Raw items to tensors: the same code in `tf.data`, in `fit` and in the exported graph."""

from zoo._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, {"ImageFrontend": "image", "TextFrontend": "text"})
