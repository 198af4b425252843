"""zoo: a metric-learning model zoo for Keras 3.

Nothing heavy is imported before it is used: listing and describing models needs no backend.
"""

from zoo._lazy import attach

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "build": "making",
        "list_models": "registry",
        "list_losses": "registry",
        "describe": "registry",
        "Embedder": "embedder",
        "TwoTowers": "two_towers",
        "load_model": "making",
        "register": "making",
        "evaluate": "metrics.evaluation",
        "addons": ".addons",
        "callbacks": ".callbacks",
        "data": ".data",
        "encoders": ".encoders",
        "export": ".export",
        "figures": ".figures",
        "frontends": ".frontends",
        "layers": ".layers",
        "losses": ".losses",
        "metrics": ".metrics",
        "neighbors": ".neighbors",
    },
)
