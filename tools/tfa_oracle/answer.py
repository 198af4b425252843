"""What one library answers on the cases of batches.py: value, gradient with respect to x, or the exception.

Runs in the environment of either library: python answer.py zoo.addons|tensorflow_addons|definitions CASES.npz ANSWERS.npz
"""

import importlib
import json
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402


def find(library, call):
    if library == "definitions":
        return getattr(importlib.import_module("definitions"), call)
    losses = importlib.import_module(library).losses
    return getattr(losses, call, None) or getattr(losses.metric_learning, call)


def answer(library, record, x, y, w):
    """(value [...], gradient of its sum [like x]) of one case."""
    function, call, settings = find(library, record["call"]), record["call"], record["settings"]
    variable = tf.Variable(x)
    with tf.GradientTape() as tape:
        x = tf.convert_to_tensor(variable)
        if library == "definitions":
            value = function(x, y, w, **settings)
        elif y is None:
            value = function(x, **settings)
        elif call[0].isupper():
            value = function(**settings)(y, x, sample_weight=w)
        else:
            value = function(y, x, **settings)
    gradient = tape.gradient(value, variable, unconnected_gradients="zero")
    return np.asarray(value), np.asarray(tf.convert_to_tensor(gradient))


def main(library, source, target):
    cases = np.load(source)
    found = {}
    for i, record in enumerate(json.loads(str(cases["records"]))):
        x, y, w = (cases[f"{i}/{key}"] if f"{i}/{key}" in cases else None for key in "xyw")
        try:
            found[f"{i}/value"], found[f"{i}/gradient"] = answer(library, record, x, y, w)
        except Exception as error:  # what it raises is an answer too
            found[f"{i}/error"] = np.array(f"{type(error).__name__}: {str(error)[:200]}")
    np.savez(target, **found)


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parent
    sys.path[:0] = [str(here), str(here.parents[1])] if sys.argv[1] != "tensorflow_addons" else []
    tf.config.run_functions_eagerly(True)  # shapes and margins change with every case; tracing each takes minutes
    main(*sys.argv[1:])
