"""Settings shared by all tests."""

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

sys.path.insert(0, str(pathlib.Path(__file__).parent))  # oracles.py

if os.environ["KERAS_BACKEND"] == "jax":  # oracles are in float64
    import jax

    jax.config.update("jax_enable_x64", True)

# Files of few, long tests come first, so that two workers end at the same time.
LONG = ["test_readme.py", "test_make.py", "test_image_recipe.py", "test_models.py", "test_tools.py", "test_recipe.py"]


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))
