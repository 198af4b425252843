"""How good the scores of several labels an item are: ROC AUC of each word, exact, and their means."""

import warnings

import numpy as np

from zoo.metrics.decisions import _average_precision, _roc_auc
from zoo.metrics.intervals import Score, _draws, undefined
from zoo.metrics.report import Report

_CELLS = 1 << 22  # weights of resamples held at once, 32 MiB


def word_auc(targets, scores):
    """Return the ROC AUC of each word, exactly.

        AUC = (sum of the ranks of its positives - n+ (n+ + 1) / 2) / (n+ n-)

    with the mean rank for equal scores, over the items of each word alone. A word without positives or without negatives
    has no AUC: it is nan, not 0.

    Args:
        targets: booleans, or 0 and 1 [N, C]: whether item i holds word w.
        scores: real numbers [N, C], higher means more likely.

    Returns:
        float64 [C].

    Raises:
        ValueError: shapes that differ, targets other than 0 and 1, scores that are not finite.

    Example:

    >>> word_auc([[1, 0], [0, 0], [1, 0]], [[0.9, 0.1], [0.5, 0.2], [0.5, 0.3]]).tolist()
    [0.75, nan]

    Reference: Hanley and McNeil 1982, The meaning and use of the area under a ROC curve.
    """
    from scipy.stats import rankdata

    targets, scores = _check(targets, scores)
    positives = targets.sum(axis=0).astype(np.float64)
    pairs = positives * (len(targets) - positives)
    wins = (rankdata(scores, axis=0) * targets).sum(axis=0) - positives * (positives + 1) / 2
    return np.divide(wins, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


def word_average_precision(targets, scores):
    """Return the average precision of each word, float64 [C]; nan without positives or without negatives.

    As `zoo.metrics.detection` has it: equal scores share one threshold.

    Args: as in `word_auc`.

    Example:

    >>> word_average_precision([[1], [0], [1]], [[0.9], [0.5], [0.4]]).round(3).tolist()
    [0.833]
    """
    targets, scores = _check(targets, scores)
    one = np.ones((1, len(targets)))
    return np.array([_average_precision(one, *_falling(*column))[0] for column in zip(targets.T, scores.T, strict=True)])


def multilabel_report(targets, scores, resamples=1000, seed=0):
    """Measure scores of several words an item.

        macro_auc               mean of the words' AUC
        weighted_auc            mean of the words' AUC, each weighed by its positives
        micro_auc               AUC over all pairs of item and word together
        mean_average_precision  mean of the words' average precision

    Means are over the words that have positives and negatives; how many have not is in `info`. Micro AUC compares scores of
    different words: a model that knows only how frequent words are is good at it, while its macro AUC is 0.5.

    Args:
        targets: booleans, or 0 and 1 [N, C]: whether item i holds word w.
        scores: real numbers [N, C], higher means more likely.
        resamples: of the bootstrap over items; 0 leaves the intervals out (they are then the value itself).
        seed: of the bootstrap.

    Returns:
        `Report`; `info` has items, words and words_undefined.

    Raises:
        ValueError: see `word_auc`.

    Example:

    >>> report = multilabel_report([[1, 0], [0, 1], [1, 1]], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.6]])
    >>> report["macro_auc"].value, report.info["words_undefined"]
    (1.0, 0)

    Reference: Hanley and McNeil 1982, The meaning and use of the area under a ROC curve.
    """
    targets, scores = _check(targets, scores)
    auc, precision = word_auc(targets, scores), word_average_precision(targets, scores)
    missing = int(np.isnan(auc).sum())
    if missing == len(auc):
        warnings.warn("no word has both positives and negatives: its scores are undefined (nan)", stacklevel=2)
    pairs = _falling(targets.reshape(-1), scores.reshape(-1))
    micro = _roc_auc(np.ones((1, targets.size)), *pairs)
    values = _means(auc[None], precision[None], micro, targets.sum(axis=0)[None])[0]
    info = {"items": len(targets), "words": len(auc), "words_undefined": missing}
    names = ("macro_auc", "weighted_auc", "micro_auc", "mean_average_precision")
    drawn = _drawn(targets, scores, resamples, seed) if resamples and len(targets) > 1 else values[None]
    found = {name: _score(value, column, len(targets)) for name, value, column in zip(names, values, drawn.T, strict=True)}
    return Report(found, info)


def _check(targets, scores):
    """Booleans [N, C] and float64 scores [N, C]."""
    targets, scores = np.asarray(targets), np.asarray(scores)
    if targets.ndim != 2 or targets.shape != scores.shape or 0 in targets.shape:
        shapes = f"{targets.shape} and {scores.shape}"
        raise ValueError(f"targets and scores must have one shape (N, C), each at least 1; got {shapes}")
    if targets.dtype.kind != "b" and not np.isin(targets, (0, 1)).all():
        raise ValueError(f"targets must be booleans or 0 and 1, got {np.unique(targets)[:5]}")
    if scores.dtype.kind not in "biuf" or not np.isfinite(scores).all():
        raise ValueError(f"scores must be finite real numbers; got {scores.dtype} with nan or infinity, or no numbers")
    return targets.astype(bool), scores.astype(np.float64)


def _falling(positive, score):
    """Both sorted by falling score."""
    order = np.argsort(-score, kind="stable")
    return positive[order], score[order]


def _means(auc, precision, micro, positives):
    """The four figures [B, 4] from those of the words [B, C]; nan where no word is defined."""
    known = ~np.isnan(auc)
    weights = known * positives
    some = np.where(known, auc, 0.0)

    def mean(values, weights):
        total = weights.sum(axis=1)
        return np.divide((values * weights).sum(axis=1), total, out=np.full(len(total), np.nan), where=total > 0)

    precision = np.where(np.isnan(precision), 0.0, precision) * known
    return np.stack([mean(some, known), mean(some, weights), micro, mean(precision, known)], axis=1)


def _drawn(targets, scores, resamples, seed):
    """The four figures [resamples, 4] of items drawn with replacement."""
    n, words = targets.shape
    order = np.argsort(-scores, axis=0, kind="stable")
    columns = [(order[:, w], targets[order[:, w], w], scores[order[:, w], w]) for w in range(words)]
    flat = np.argsort(-scores.reshape(-1), kind="stable")
    pairs = flat // words, targets.reshape(-1)[flat], scores.reshape(-1)[flat]
    rows, found = max(1, _CELLS // (n * words)), []
    for block in _draws(n, resamples, seed):
        for start in range(0, len(block), rows):
            weights = block[start : start + rows]
            auc = np.stack([_roc_auc(weights[:, i], y, s) for i, y, s in columns], axis=1)
            precision = np.stack([_average_precision(weights[:, i], y, s) for i, y, s in columns], axis=1)
            micro = _roc_auc(weights[:, pairs[0]], pairs[1], pairs[2])
            found.append(_means(auc, precision, micro, weights @ targets))
    return np.concatenate(found)


def _score(value, drawn, n):
    if np.isnan(value):
        return undefined(n)
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Score(float(value), float(low), float(high), n)
