"""Layers of the zoo's models."""

from zoo._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "ChunkedEmbedding": "chunked",
        "CosineLogits": "cosine_logits",
        "GlobalPool": "pool",
        "LogMel": "log_mel",
        "LossLayer": "loss_layer",
        "L2Normalize": "normalize",
    },
)
