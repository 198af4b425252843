"""How well the similarity of two towers tells pairs that match from all others: AUC of pairs, and points of a ROC curve."""

from typing import NamedTuple

import numpy as np

from zoo.data.matches import Matches
from zoo.metrics.decisions import _average_precision, _check_detection, _roc_auc
from zoo.metrics.intervals import bootstrap
from zoo.metrics.report import Report

_CELLS = 1 << 22  # weights of resamples held at once, 32 MiB


class RocCurve(NamedTuple):
    """Points of a ROC curve, from (0, 0) to (1, 1), and the area under it.

    Args:
        false_rate: share of the negatives that are accepted [P].
        true_rate: share of the positives that are [P].
        auc: the area, exact.
    """

    false_rate: np.ndarray
    true_rate: np.ndarray
    auc: float


def roc_curve(positive, score, most=400):
    """Return the ROC curve of a score.

    The area is exact: equal scores share one point, and the line to it counts half. Of more than `most` points those are
    kept that are nearest to even steps along both axes.

    Args:
        positive: booleans (or 0 and 1) [N], both kinds must occur.
        score: real numbers [N], higher means more likely positive.
        most: how many points are kept.

    Returns:
        `RocCurve`.

    Raises:
        ValueError: one class only, shapes that differ, scores that are not finite.

    Example:

    >>> curve = roc_curve([True, False, True, False], [0.9, 0.8, 0.7, 0.1])
    >>> curve.true_rate.tolist(), curve.auc
    ([0.0, 0.5, 0.5, 1.0, 1.0], 0.75)
    """
    positive, score = _check_detection(positive, score)
    if positive.all() or not positive.any():
        raise ValueError("positive has one class only, so there is no ROC curve; give items of both.")
    order = np.argsort(-score, kind="stable")
    positive, score = positive[order], score[order]
    ends = np.flatnonzero(np.append(score[1:] != score[:-1], True))
    true = np.append(0, positive.cumsum()[ends]) / positive.sum()
    false = np.append(0, (~positive).cumsum()[ends]) / (~positive).sum()
    auc = float(_roc_auc(np.ones((1, len(score))), positive, score)[0])
    if len(true) > most:
        way = (true + false) / 2  # rises from 0 to 1
        kept = np.unique(np.searchsorted(way, np.linspace(0, 1, most)).clip(0, len(way) - 1))
        true, false = true[kept], false[kept]
    return RocCurve(false, true, auc)


def pair_similarities(similarity, matches):
    """Return the similarities of the pairs that match, and of all others.

    Args:
        similarity: real numbers [N, M], of every item of one side with every item of the other.
        matches: what matches what, as in `zoo.metrics.cross_modal`.

    Returns:
        float64 [matches] and float64 [others].

    Example:

    >>> [part.tolist() for part in pair_similarities([[0.9, 0.1], [0.2, 0.8]], None)]
    [[0.9, 0.8], [0.1, 0.2]]
    """
    similarity, positive = _pairs(similarity, matches)
    return similarity[positive], similarity[~positive]


def pair_detection(similarity, matches, resamples=200, seed=0):
    """Measure how well a similarity tells the pairs that match from all others, with intervals.

        pair_auc                P(similarity of a match > that of another pair) + P(equal) / 2
        pair_average_precision  as in `zoo.metrics.detection`; at chance it is the share of matches

    Args:
        similarity: real numbers [N, M], of every item of one side with every item of the other.
        matches: what matches what, as in `zoo.metrics.cross_modal`.
        resamples: of the bootstrap, which draws items of the first side with all their pairs: pairs of one item are not
            independent.
        seed: of the bootstrap.

    Returns:
        `Report`; `info` has pairs, matches and share_of_matches. Both figures are nan where all pairs match, or none.

    Raises:
        ValueError: shapes that do not fit, similarities that are not finite.

    Example:

    >>> pair_detection([[0.9, 0.1], [0.2, 0.8]], None)["pair_auc"].value
    1.0

    Reference: Hanley and McNeil 1982, The meaning and use of the area under a ROC curve.
    """
    similarity, positive = _pairs(similarity, matches)
    n, m = similarity.shape
    flat = np.argsort(-similarity, axis=None, kind="stable")
    row, hit, score = flat // m, positive.reshape(-1)[flat], similarity.reshape(-1)[flat]

    def by_row(figure):
        def statistic(weights, _):
            step = max(1, _CELLS // (n * m))
            parts = [weights[start : start + step] for start in range(0, len(weights), step)]
            return np.concatenate([figure(part[:, row], hit, score) for part in parts])

        return bootstrap(statistic, np.arange(n), resamples=resamples, seed=seed)

    found = {"pair_auc": by_row(_roc_auc), "pair_average_precision": by_row(_average_precision)}
    count = int(positive.sum())
    return Report(found, {"pairs": n * m, "matches": count, "share_of_matches": round(count / (n * m), 4)})


def _pairs(similarity, matches):
    """Float64 similarities [N, M], and booleans [N, M]: which pairs match."""
    similarity = np.asarray(similarity)
    if similarity.ndim != 2 or 0 in similarity.shape or similarity.dtype.kind not in "biuf":
        raise ValueError(f"similarity: expected numbers [N, M], got {similarity.dtype} of shape {similarity.shape}")
    if not np.isfinite(similarity).all():
        raise ValueError("similarity: expected finite numbers, got nan or infinity; leave these items out.")
    n, m = similarity.shape
    return similarity.astype(np.float64), Matches(matches, n, m).between(np.arange(n), np.arange(m))
