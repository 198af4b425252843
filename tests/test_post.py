"""Rules by which `recipes/intent_post.py` says that a conclusion of the post holds, on arrays made up for each case."""

import importlib.util
import pathlib

import numpy as np
import pytest

SCRIPT = pathlib.Path(__file__).parents[1] / "recipes/intent_post.py"


@pytest.fixture(scope="module")
def post():
    spec = importlib.util.spec_from_file_location("intent_post", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shares(softmax_hinge, softmax_triplet):
    """Open shares of three models at 4000 characters whose correlations are as given, in each gate."""
    noise = np.random.default_rng(0).standard_normal((3, 4000))
    u, v, w = np.linalg.qr((noise - noise.mean(axis=1, keepdims=True)).T)[0].T  # uncorrelated exactly
    softmax = u
    hinge = softmax_hinge * u + np.sqrt(1 - softmax_hinge**2) * v
    triplet = softmax_triplet * u + np.sqrt(1 - softmax_triplet**2) * w
    models = {"softmax": softmax, "hinge": hinge, "triplet": triplet}
    return {(kind, gate): values for kind, values in models.items() for gate in ("input", "forget", "output")}


@pytest.mark.parametrize(
    "softmax_hinge, softmax_triplet, holds",
    [(0.9, 0.2, True), (0.51, 0.2, True), (0.49, 0.2, False), (0.17, 0.13, False), (0.6, 0.7, False), (-0.9, 0.1, False)],
)
def test_gates_look_alike_only_where_the_largest_correlation_is_large(post, softmax_hinge, softmax_triplet, holds):
    line = post.alike_conclusion(shares(softmax_hinge, softmax_triplet))
    assert line.startswith("- holds: " if holds else "- does not hold: ")
    assert "the largest, and at least 0.5" in line
    assert f"softmax and hinge {softmax_hinge:.2f}, softmax and triplet {softmax_triplet:.2f}" in line


def test_gates_that_never_open_are_like_no_others(post):
    share = shares(0.9, 0.2) | {("hinge", gate): np.zeros(4000) for gate in ("input", "forget", "output")}
    assert post.alike_conclusion(share).startswith("- does not hold: ")
