"""Retrieval between two sides against plain loops and cases counted by hand."""

import tracemalloc

import numpy as np
import pytest

from zoo.metrics import cross_modal

RANDOM = np.random.default_rng(3)


def loop(similarity, relevant, k):
    """Recalls, median rank and MRR of rows that search columns; an equal score of another item stands before the match."""
    places = []
    for scores, mine in zip(similarity, relevant, strict=True):
        if mine.any():
            best = max(s for s, r in zip(scores, mine, strict=True) if r)
            places.append(sum(s >= best and not r for s, r in zip(scores, mine, strict=True)))
    places = np.array(places)
    ordered = sorted(places)
    n = len(places)
    middle = ordered[n // 2] if n % 2 else (ordered[n // 2 - 1] + ordered[n // 2]) / 2
    return {
        **{f"recall@{number}": sum(p < number for p in places) / n for number in k},
        "median_rank": int(middle) + 1,
        "mrr": sum(1 / (p + 1) for p in places) / n,
    }


def both(similarity, relevant, k=(1, 5, 10)):
    ways = loop(similarity, relevant, k), loop(similarity.T, relevant.T, k)
    expected = {f"query_to_image_{name}": value for name, value in ways[0].items()}
    expected |= {f"image_to_query_{name}": value for name, value in ways[1].items()}
    return expected | {"recall_sum": sum(value for way in ways for name, value in way.items() if "recall" in name)}


def check(report, expected):
    assert report.keys() == expected.keys()
    for name, value in expected.items():
        assert report[name].value == pytest.approx(value, abs=1e-12), name
        assert report[name].low <= report[name].value <= report[name].high, name


IDS = {
    "row beside row": (None, np.eye(24, dtype=bool), 24),
    "many to many": (RANDOM.integers(0, 5, 24), None, 24),
    "captions of images": ((np.repeat(np.arange(8), 3), np.arange(8)), None, 8),
    "some without a match": ((RANDOM.integers(0, 9, 24), RANDOM.integers(4, 14, 15)), None, 15),
}


@pytest.mark.parametrize("distance", ["cosine", "dot", "euclidean"])
@pytest.mark.parametrize("name", IDS)
def test_it_equals_plain_loops(name, distance):
    ids, relevant, m = IDS[name]
    x, y = RANDOM.normal(size=(24, 4)), RANDOM.normal(size=(m, 4))
    if relevant is None:
        relevant = np.equal.outer(*(ids if isinstance(ids, tuple) else (ids, ids)))
    unit = [a / np.linalg.norm(a, axis=1, keepdims=True) for a in (x, y)]
    similarity = {"cosine": unit[0] @ unit[1].T, "dot": x @ y.T}.get(distance)
    if similarity is None:
        similarity = -np.linalg.norm(x[:, None] - y[None], axis=2)
    k = (1, 3, 8)
    expected = both(similarity, relevant, k)
    for matches in (ids, relevant):  # ids, and the matrix that says the same
        report = cross_modal(x, y, matches, k=k, distance=distance)
        check(report, expected)
        assert report.info["query items"] == 24 and report.info["image items"] == m
        assert report.info["query items without match"] == int((~relevant.any(axis=1)).sum())
        assert report.info["image items without match"] == int((~relevant.any(axis=0)).sum())
    check(cross_modal(None, None, ids, k=k, similarity=similarity), expected)


def test_counted_by_hand():
    # Captions a, b of image 0; c of image 1; d matches nothing.
    similarity = np.array([[0.9, 0.1, 0.2], [0.3, 0.4, 0.5], [0.6, 0.5, 0.7], [1.0, 1.0, 1.0]])
    report = cross_modal(None, None, ([0, 0, 1, 7], [0, 1, 2]), k=(1, 2, 3), similarity=similarity, names=("text", "image"))
    # Rank of the match, from 0: a 0, b 2, c 2. Of the best caption: image 0 at 0.9 behind d, 1; image 1 at 0.5 behind d, 1.
    assert [report[f"text_to_image_recall@{k}"].value for k in (1, 2, 3)] == pytest.approx([1 / 3, 1 / 3, 1])
    assert [report[f"image_to_text_recall@{k}"].value for k in (1, 2, 3)] == pytest.approx([0, 1, 1])
    assert report["text_to_image_median_rank"].value == 3 and report["image_to_text_median_rank"].value == 2
    assert report["text_to_image_mrr"].value == pytest.approx((1 + 1 / 3 + 1 / 3) / 3)
    assert report["recall_sum"].value == pytest.approx(1 / 3 + 1 / 3 + 1 + 0 + 1 + 1)
    assert report.info["text items without match"] == 1 and report.info["image items without match"] == 1


def test_the_median_of_an_even_number_is_floored():
    similarity = np.array([[1.0, 0.0], [1.0, 0.0]])  # ranks 0 and 1: floor(0.5) + 1
    assert cross_modal(None, None, None, similarity=similarity)["query_to_image_median_rank"].value == 1


@pytest.mark.parametrize("matrix", [False, True])
def test_ties_count_against_the_query_and_are_reported_both_ways(matrix):
    x, y = np.ones((12, 3)), np.ones((12, 3)) * 2  # a collapsed model knows nothing
    report = cross_modal(x, y, np.eye(12, dtype=bool) if matrix else None)
    assert report["query_to_image_recall@10"].value == 0 and report["query_to_image_median_rank"].value == 12
    assert report.info["ties"]["query_to_image_recall@1"] == (0.0, 1.0)
    assert report.info["ties"]["image_to_query_median_rank"] == (12.0, 1.0)
    twice = np.random.default_rng(0).normal(size=(6, 20))  # equal rows are equal, however the products round
    report = cross_modal(twice, np.repeat(twice, 2, axis=0), np.kron(np.eye(6), [1, 0]).astype(bool), k=(1, 2))
    assert report.info["ties"] == {"query_to_image_recall@1": (0.0, 1.0), "query_to_image_median_rank": (2.0, 1.0)}


def test_folds_are_the_mean_of_parts():
    images = RANDOM.normal(size=(20, 6))
    captions = np.repeat(images, 5, axis=0) + RANDOM.normal(size=(100, 6))
    ids = np.repeat(np.arange(20), 5)
    report = cross_modal(captions, images, (ids, np.arange(20)), k=(1, 2), folds=4)
    parts = [
        cross_modal(captions[25 * i : 25 * i + 25], images[5 * i : 5 * i + 5], (ids[:25], np.arange(5)), k=(1, 2))
        for i in range(4)
    ]
    for name, score in report.items():
        assert score.value == pytest.approx(np.mean([part[name].value for part in parts])), name
        assert score.low <= score.value <= score.high
    assert report["query_to_image_recall@1"].n == 100 and report.info["folds"] == 4
    matrix = np.equal.outer(ids, np.arange(20))
    assert cross_modal(captions, images, matrix, k=(1, 2), folds=4) == report


def test_blocks_change_nothing_and_bound_memory(monkeypatch):
    x, y, ids = RANDOM.normal(size=(50, 5)), RANDOM.normal(size=(30, 5)), (np.arange(50) % 30, np.arange(30))
    relevant = np.equal.outer(*ids)
    whole = cross_modal(x, y, relevant)
    for module in ("zoo.neighbors.relevance", "zoo.metrics.two_sides"):
        monkeypatch.setattr(f"{module}.BLOCK", 8 * 30 * 7)
    assert cross_modal(x, y, relevant) == whole == cross_modal(x, y, ids)
    monkeypatch.undo()
    x = RANDOM.normal(size=(6000, 8)).astype("float32")
    tracemalloc.start()
    cross_modal(x, x, np.arange(6000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200 * 2**20  # all products at once are 288 MiB in float64


def test_nothing_matches():
    with pytest.warns(UserWarning, match="no item has a match"):
        report = cross_modal(np.eye(3), np.eye(3), ([0, 1, 2], [3, 4, 5]))
    assert np.isnan(report["recall_sum"].value) and np.isnan(report["query_to_image_recall@1"].value)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"images": np.ones((4, 2))}, ["3 dimensions", "2"]),
        ({"images": np.full((4, 3), np.nan)}, ["embeddings of image", "not finite"]),
        ({"matches": [1, 2]}, ["expected 4 ids", "first", "got 2"]),
        ({"images": np.ones((2, 3))}, ["4 and 2 items", "pair of ids"]),
        ({"matches": np.ones((3, 4), bool)}, ["[4, 4]", "(3, 4)"]),
        ({"matches": (["a"] * 4, [1] * 4)}, ["integers on both sides or strings"]),
        ({"k": (1, 9)}, ["k=(1, 9)", "4 items"]),
        ({"k": 0}, ["k=0"]),
        ({"folds": 5}, ["folds", "4 images"]),
        ({"folds": 2, "matches": ([0, 1, 0, 1], [0, 1, 8, 9])}, ["folds=2", "images 2 to 3"]),
        ({"similarity": np.ones(3)}, ["similarity", "[N, M]"]),
        ({"similarity": np.full((4, 4), np.inf)}, ["similarity", "finite"]),
    ],
)
def test_bad_input_is_refused_by_name(arguments, words):
    with pytest.raises(ValueError) as error:
        cross_modal(**{"queries": np.ones((4, 3)), "images": np.ones((4, 3)), **arguments})
    assert all(word in str(error.value) for word in words), error.value
