"""Exact nearest neighbors of embeddings and the votes they cast."""

from zoo._lazy import attach

# The functions must not share a name with their modules: importing a submodule sets it as an
# attribute of the package and would hide the function.
__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "DISTANCES": "exact",
        "Gallery": "exact",
        "Rotation": "rotating",
        "check_rows": "exact",
        "cluster_words": "words",
        "knn": "exact",
        "ranks": "counting",
        "rotation": "rotating",
        "vote": "voting",
    },
)
