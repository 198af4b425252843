"""A sample of the shared golden values; the whole comparison is tools/conformance.py."""

import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import conformance  # noqa: E402

pytestmark = pytest.mark.skipif(not conformance.FOLDER.exists(), reason="no ../shared/conformance beside this checkout")


def test_a_sample_of_all_cases_agrees_or_differs_on_purpose():
    results = conformance.compare(conformance.Golden().cases(every=97))
    assert sum(row.get("agree", 0) for row in results.values()) > 100
    assert [line for row in results.values() for line in row.get("wrong", ())] == []


def test_a_wrong_loss_is_found():
    case = next(c for c in conformance.Golden().cases(every=50) if (c.peer, c.loss) == ("pml", "triplet_batch_hard") and c.complete)
    loss, _, reason = conformance.make(("batchhard", {"margin": case.params["margin"] + 0.5, "distance": "euclidean"}))
    assert conformance.judge(loss, None, case).startswith("WRONG")


def test_the_page_names_every_loss_of_the_peers():
    text = (ROOT / "CONFORMANCE.md").read_text(encoding="utf-8")
    golden = conformance.Golden()
    assert all(f"`{config['loss']}`" in text for config in golden.index["configs"])
