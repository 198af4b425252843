"""Retrieval between two kinds of items: how soon the items of one side find what matches them on the other."""

import math
import warnings

import numpy as np

from zoo.data.matches import Matches
from zoo.metrics.intervals import Score, means, undefined, wilson
from zoo.metrics.report import Report
from zoo.neighbors.counting import ranks
from zoo.neighbors.exact import check_rows
from zoo.neighbors.relevance import BLOCK, best_places, places_of_scores

K = (1, 5, 10)


def cross_modal(
    queries, images, matches=None, k=None, distance="cosine", folds=1, names=("query", "image"), similarity=None, seed=0
):
    """Measure retrieval between two sides in both directions, exactly and in bounded memory.

    An item looks for what matches it among all items of the other side; with rank i of the best match, counted from 0:

        recall@k     share of the items with i < k
        median_rank  floor(median of i) + 1
        mrr          mean of 1 / (i + 1)

    and recall_sum is the sum of all recalls of both directions; times 100, with k of 1, 5 and 10, it is the sum that
    papers report. Items without a match are left out and counted. An equal similarity counts against the query: it
    stands before the match.

    Args:
        queries: embeddings of one side [N, D], for instance of captions.
        images: embeddings of the other [M, D].
        matches: None where row i matches row i, ids [N], a pair of ids [N] and ids [M], or booleans [N, M]; see
            `zoo.data.Matches`. Captions of images: `(image_of_caption, range(M))`.
        k: numbers of neighbors, at most N and M; by default those of 1, 5 and 10 that are.
        distance: `"cosine"`, `"dot"`, `"euclidean"` or `"squared_euclidean"`.
        folds: parts of M / folds images in their order, each searched alone by what matches it; figures are the means of
            the parts. COCO's protocol for 1,000 images is `folds=5` on 5,000.
        names: what the sides are called.
        similarity: floats [N, M] to rank by, in the place of embeddings; `queries` and `images` may then be None.
        seed: of the bootstrap (mrr, recall_sum); recall has Wilson's interval, the median rank that of order statistics.

    Returns:
        `Report`: `{a}_to_{b}_recall@k`, `{a}_to_{b}_median_rank`, `{a}_to_{b}_mrr`, the same the other way around, and
        recall_sum. `info`: how many items there are of each side and how many of them have no match, and ties where equal
        similarities matter: the value with all of them against the query, and with all for it.

    Raises:
        ValueError: lengths that do not fit, k beyond a side, rows that are not finite.

    Example:

    >>> print(cross_modal([[1.0, 0.0], [0.0, 1.0]], [[0.9, 0.1], [0.2, 0.8]], k=1)["query_to_image_recall@1"])
    1.000 [0.342, 1.000]

    References: Kiros et al. 2014 (protocol); Faghri et al. 2018 (sum of recalls, five folds).
    """
    if similarity is None:
        sides = check_rows(queries, f"embeddings of {names[0]}"), check_rows(images, f"embeddings of {names[1]}")
        if sides[0].shape[1] != sides[1].shape[1]:
            raise ValueError(
                f"embeddings of {names[0]} have {sides[0].shape[1]} dimensions, those of {names[1]} {sides[1].shape[1]}; "
                "both must come from the same model."
            )
        sizes = len(sides[0]), len(sides[1])
    else:
        sides, similarity = None, _check_similarity(similarity)
        sizes = similarity.shape
    matches = Matches(matches, *sizes)
    parts = list(_folds(matches, sizes, folds))
    ks = _check_k(k, min(min(len(rows), len(columns)) for rows, columns in parts), names)
    report, ties, info, sums = Report(), {}, {}, []
    for way, (a, b) in enumerate((names, names[::-1])):
        found = [_places(sides, similarity, matches, part, distance, way) for part in parts]
        unmatched = sizes[way] - _matched(matches, way)
        info |= {f"{a} items": sizes[way], f"{a} items without match": unmatched}
        sums.append(_summarize(report, ties, f"{a}_to_{b}", found, ks, seed))
    report["recall_sum"] = _sum(sums)
    report.info = info | ({"folds": folds} if folds > 1 else {}) | ({"ties": ties} if ties else {})
    return report


def _check_similarity(similarity):
    similarity = np.asarray(similarity)
    if similarity.ndim != 2 or 0 in similarity.shape or similarity.dtype.kind not in "biuf":
        raise ValueError(f"similarity: expected numbers [N, M], got {similarity.dtype} of shape {similarity.shape}")
    if not np.isfinite(similarity).all():
        raise ValueError("similarity: expected finite numbers, got nan or infinity; leave these items out or mend the model.")
    return similarity


def _check_k(k, available, names):
    ks = [n for n in K if n <= max(available, 1)] if k is None else sorted({int(number) for number in np.atleast_1d(k)})
    if not ks or ks[0] < 1 or ks[-1] > available:
        raise ValueError(
            f"k={k} but {names[0]} and {names[1]} (in each fold) have {available} items or more; every k must lie between 1 "
            "and that number."
        )
    return ks


def _folds(matches, sizes, folds):
    """Rows and columns of each fold: a part of the images, and the queries that match one of them."""
    if not isinstance(folds, (int, np.integer)) or not 1 <= folds <= sizes[1]:
        raise ValueError(f"folds must be a whole number from 1 to the {sizes[1]} images, got {folds!r}")
    if folds == 1:
        yield np.arange(sizes[0]), np.arange(sizes[1])
        return
    partners, ends = matches.partners()
    row = np.repeat(np.arange(sizes[0]), np.diff(ends))
    for columns in np.array_split(np.arange(sizes[1]), folds):
        inside = (partners >= columns[0]) & (partners <= columns[-1])
        rows = np.unique(row[inside])
        if not len(rows):
            raise ValueError(f"folds={folds}: nothing matches the images {columns[0]} to {columns[-1]}; use fewer folds")
        yield rows, columns


def _matched(matches, way):
    """How many items of a side have a match."""
    if matches.matrix is not None:
        return int(np.count_nonzero(matches.matrix.any(axis=1 - way)))
    mine, others = (matches.first, matches.second)[:: 1 if way == 0 else -1]
    return int(np.count_nonzero(np.isin(mine, others)))


def _places(sides, similarity, matches, part, distance, way):
    """Rows before the best match of each item of a fold that has one: most and fewest, [n] each."""
    mine, others = part if way == 0 else part[::-1]
    if similarity is None and matches.matrix is None:
        ids = (matches.first, matches.second)[:: 1 if way == 0 else -1]
        left, right = sides if way == 0 else sides[::-1]
        places = ranks(left[mine], right[others], ids[0][mine], ids[1][others], None, distance)
        fewest, most = places.fewest, places.most
    else:
        step = max(1, BLOCK // (8 * len(others)))
        chunks = [mine[start : start + step] for start in range(0, len(mine), step)]
        found = [_block(sides, similarity, matches, rows, others, distance, way) for rows in chunks]
        fewest, most = (np.concatenate(x) for x in zip(*found, strict=True))
    asked = most >= 0
    return most[asked], fewest[asked]


def _block(sides, similarity, matches, rows, others, distance, way):
    relevant = matches.between(rows, others) if way == 0 else matches.between(others, rows).T
    if similarity is not None:
        return places_of_scores(similarity[np.ix_(rows, others)] if way == 0 else similarity[np.ix_(others, rows)].T, relevant)
    left, right = sides if way == 0 else sides[::-1]
    return best_places(left[rows], right[others], relevant, distance)


def _summarize(report, ties, name, found, ks, seed):
    """Put the figures of one direction into the report; return the sum of its recalls as a `Score`."""
    most, fewest = (np.concatenate(x) for x in zip(*found, strict=True))
    if not len(most):
        warnings.warn(f"{name}: no item has a match, so its figures are undefined (nan)", stacklevel=3)
    total = np.zeros(len(most))
    for number in ks:
        hits, high = int(np.count_nonzero(most < number)), int(np.count_nonzero(fewest < number))
        total += most < number
        report[f"{name}_recall@{number}"] = _averaged(wilson(hits, len(most)), found, lambda x, n=number: np.mean(x < n))
        if hits < high:
            ties[f"{name}_recall@{number}"] = (round(hits / len(most), 4), round(high / len(most), 4))
    report[f"{name}_median_rank"] = _averaged(_median(most), found, _median_rank)
    (score,) = means(1.0 / (most + 1), seed=seed)
    report[f"{name}_mrr"] = _averaged(score, found, lambda x: np.mean(1.0 / (x + 1)))
    if len(most) and _median_rank(most) != _median_rank(fewest):
        ties[f"{name}_median_rank"] = (_median_rank(most), _median_rank(fewest))
    (score,) = means(total, seed=seed)
    return _averaged(score, found, lambda x: sum(np.mean(x < n) for n in ks))


def _averaged(score, found, figure):
    """The score with the mean over folds of its figure; that of all items together where there is one fold."""
    if len(found) == 1 or math.isnan(score.value):
        return score
    value = float(np.mean([figure(most) for most, _ in found]))
    return Score(value, min(score.low, value), max(score.high, value), score.n)


def _median_rank(places):
    return float(np.floor(np.median(places)) + 1)


def _median(places):
    """The median rank with the interval that order statistics give."""
    n = len(places)
    if not n:
        return undefined(0)
    order, half = np.sort(places) + 1.0, 1.96 * math.sqrt(n) / 2
    low, high = max(0, math.floor(n / 2 - half)), min(n - 1, math.ceil(n / 2 + half))
    value = _median_rank(places)
    return Score(value, min(value, float(order[low])), max(value, float(order[high])), n)


def _sum(scores):
    """The sum of independent figures; distances to their bounds add as squares (Zou and Donner 2008)."""
    value = sum(score.value for score in scores)
    if math.isnan(value):
        return undefined(min(score.n for score in scores))
    low = value - math.hypot(*(score.value - score.low for score in scores))
    high = value + math.hypot(*(score.high - score.value for score in scores))
    return Score(float(value), float(low), float(high), min(score.n for score in scores))
