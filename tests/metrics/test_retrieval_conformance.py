"""retrieval and knn against the exact answers and the peer's answers of the shared conformance cases."""

import json
import pathlib
import warnings

import numpy as np
import pytest

from zoo.metrics import retrieval

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "shared" / "conformance"
CASES = json.loads((FOLDER / "retrieval.json").read_text()) if (FOLDER / "retrieval.json").exists() else []
# Cases where the peer is wrong (labels cast to float32) or means something else (zero rows under L2), or where ties
# let every order be right.
PEER_DIFFERS = {"labels_2p24_and_next", "labels_2p53_and_next", "zero_rows"}


def measure(case):
    arrays = np.load(FOLDER / "retrieval.npz")
    name = case["name"]
    rows, labels = arrays[f"x/{name}"], arrays[f"y/{name}"]
    distance = {"cosine": "cosine", "l2": "euclidean"}[case["metric"]]
    ks = [k for k in case["ks"] if k <= len(rows) - (not case["queries_apart"])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # cases without a positive
        if case["queries_apart"]:
            return retrieval(arrays[f"q/{name}"], arrays[f"qy/{name}"], rows, labels, k=ks, distance=distance), ks
        return retrieval(rows, labels, k=ks, distance=distance), ks


@pytest.mark.skipif(not CASES, reason="no ../shared/conformance/retrieval.json beside this checkout")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_within_the_exact_answers(case):
    report, ks = measure(case)
    exact = case["exact"]
    pairs = {f"recall@{k}": f"R@{k}_of_rows_with_positive" for k in ks}
    pairs |= {f"recall@{k}_all": f"R@{k}" for k in ks} | {"map@r": "MAP@R_of_rows_with_positive"}
    assert report.info["queries"] == exact["queries"]
    assert report.info["singletons"] == exact["queries_without_positive"]
    for ours, theirs in pairs.items():
        if theirs in exact:
            low, high = exact[theirs]
            assert low - 1e-6 <= report[ours].value <= high + 1e-6, (ours, low, report[ours].value, high)
        else:
            assert np.isnan(report[ours].value), ours
    peer, (low, high) = case["pml"], exact["R@1"]
    if peer["precision_at_1"] is not None and low == high and case["name"] not in PEER_DIFFERS:
        assert report["recall@1"].value == pytest.approx(peer["precision_at_1"], abs=1e-6)
        assert report["map@r"].value == pytest.approx(peer["mean_average_precision_at_r"], abs=1e-6)
