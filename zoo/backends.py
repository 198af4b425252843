"""What differs between backends: which line to type when one is missing, and how a function is compiled."""

import functools
import importlib


@functools.cache
def tensorflow(purpose):
    """Return the module `tensorflow`, or raise `ImportError` that says how to get it.

    Args:
        purpose: what it is needed for, for instance `"export"`.
    """
    try:
        return importlib.import_module("tensorflow")
    except ImportError as error:
        raise ImportError(
            f"{purpose} needs TensorFlow, which is not installed ({error}); type: pip install 'zoo-embeddings"
            "[tensorflow-cpu]' (or [tensorflow], or [gpu])"
        ) from error


def compiled(function):
    """Return a function of arrays that TensorFlow traces once and then runs as a graph; elsewhere the function itself."""
    import keras

    return tensorflow("compiling").function(function, autograph=False) if keras.config.backend() == "tensorflow" else function
