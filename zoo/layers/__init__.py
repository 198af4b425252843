"""Layers of the zoo's models."""

from zoo._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {"CosineLogits": "cosine_logits", "GlobalPool": "pool", "LossLayer": "loss_layer", "L2Normalize": "normalize"},
)
