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
