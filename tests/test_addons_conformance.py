"""zoo.addons on the shared conformance cases of tensorflow-addons, values by the written definition."""

import json
import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from test_addons import value_and_gradient

import zoo
from zoo import addons

ROOT = pathlib.Path(__file__).resolve().parents[1]
FOLDER = pathlib.Path(os.environ.get("ZOO_CONFORMANCE", ROOT.parent / "shared" / "conformance"))


def halves(labels, x, margin):
    """Row i with row i + N // 2, as the conformance cases pair them."""
    half, labels = x.shape[0] // 2, np.reshape(labels, -1)
    distance = -zoo.geometry.paired_similarity(x[:half], x[half : 2 * half], "euclidean")
    return addons.ContrastiveLoss(margin)(labels[:half] == labels[half : 2 * half], distance)


def similarities(labels, x):
    x = zoo.geometry.widen(x)
    return addons.NpairsLoss()(labels, tf.matmul(x, x, transpose_b=True))


CALLS = {
    "triplet_semihard": lambda y, x, distance, margin: addons.TripletSemiHardLoss(margin, distance)(y, x),
    "triplet_hard": lambda y, x, distance, margin: addons.TripletHardLoss(margin, False, distance)(y, x),
    "triplet_hard_soft": lambda y, x, distance: addons.TripletHardLoss(soft=True, distance_metric=distance)(y, x),
    "lifted_struct": lambda y, x, margin: addons.LiftedStructLoss(margin)(y, x),
    "npairs": similarities,
    "contrastive_halves": halves,
}
# Where float32 products cancel, tensorflow-addons' gradient is no measure even where its value is near.
PEER_GRADIENT_WRONG = {"offset_100_spread_1e-2", "collapsed_1e-4", "collapsed_to_a_point", "perfect_clusters"}


def conformance_rows():
    index = json.loads((FOLDER / "index.json").read_text())
    for row in index["rows"]:
        row = dict(zip(index["columns"], row, strict=True))
        config, batch = index["configs"][row["config"]], index["batches"][row["batch"]]
        # Bad batches are refused; at 1e20 squares leave float32; x x^T of rows near 100 is rounded before the loss sees it.
        skip = batch["bad"] or batch["name"] == "scale_1e20"
        skip |= (batch["name"], config["loss"]) == ("offset_100_spread_1e-2", "npairs")
        if config["peer"] == "tfa" and not skip:
            yield row, config, batch


@pytest.mark.skipif(not (FOLDER / "index.json").exists(), reason="no conformance cases: set ZOO_CONFORMANCE to their folder")
@pytest.mark.parametrize("loss", CALLS)
def test_conformance(loss):
    arrays, stored = np.load(FOLDER / "batches.npz"), np.load(FOLDER / "grads_tfa.npz")["g32"]
    tried = 0
    for row, config, batch in conformance_rows():
        if config["loss"] != loss or config["params"].get("margin", 0.2) not in (0.0, 0.2, 1.0):
            continue
        name, case = batch["name"], (batch["name"], config["params"])
        labels = arrays[f"y/{name}"]
        value, gradient = value_and_gradient(lambda y, x: CALLS[loss](y, x, **config["params"]), labels, arrays[f"x/{name}"])
        assert np.isfinite(value) and np.isfinite(gradient).all(), case
        tolerance = {"float16": 2e-2, "float32": 2e-5, "float64": 1e-9}[batch["dtype"]]
        if row["definition"] is not None:
            assert abs(value - row["definition"]) <= tolerance * max(1, abs(row["definition"])), case
        elif row["status"] == "ok":
            assert abs(value - row["value"]) <= 2e-4 * max(1, abs(row["value"])), case
        off = row["definition"] is not None and abs((row["value"] or 0.0) - row["definition"]) > tolerance
        if row["grad_array"] == "g32" and not off and name not in PEER_GRADIENT_WRONG:
            peer = stored[row["grad_start"] : row["grad_start"] + row["grad_count"]].reshape(gradient.shape)
            assert np.linalg.norm(gradient - peer) <= 1e-3 * np.linalg.norm(peer) + 1e-6, case
        tried += 1
    assert tried > 50
