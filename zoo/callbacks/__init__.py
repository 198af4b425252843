"""Callbacks for `fit`."""

from zoo._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Backup": "backup",
        "BatchHealth": "health",
        "KeepBest": "keep_best",
        "Projector": "projector",
        "Retrieval": "retrieval",
    },
)
