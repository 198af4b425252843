"""Figures with an interval: retrieval, classification, detection, and `evaluate` for a whole model."""

from zoo._lazy import attach

# The functions must not share a name with their modules: importing a submodule sets it as an
# attribute of the package and would hide the function.
__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Report": "report",
        "Score": "intervals",
        "best_threshold": "decisions",
        "bootstrap": "intervals",
        "classification": "decisions",
        "detection": "decisions",
        "evaluate": "evaluation",
        "retrieval": "ranking",
        "wilson": "intervals",
    },
)
