"""One place that says which line to type when a backend is missing."""

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
