"""How good labels and scores are: accuracy, macro-F1, average precision, ROC AUC, and the threshold to use."""

import warnings

import numpy as np

from zoo.metrics.intervals import bootstrap, wilson
from zoo.metrics.labels import codes
from zoo.metrics.report import Report


def classification(labels, predicted, seed=0):
    """Return accuracy (Wilson's interval) and macro-F1 (bootstrap over items).

    Macro-F1 is the plain mean of F1 = 2 tp / (2 tp + fp + fn) over the classes that occur in `labels` or in
    `predicted`. A class that the model never saw has F1 = 0 and counts as the others do.

    Args:
        labels: true classes, integers or strings [N].
        predicted: predicted classes [N].
        seed: of the bootstrap.

    Returns:
        `Report` with `accuracy` and `macro_f1`; `info` has queries, classes (in the labels) and
        classes_never_predicted.

    Example:

    >>> classification(["a", "a", "b"], ["a", "a", "c"])["macro_f1"].value
    0.3333333333333333
    """
    (truth, answer), classes = codes(labels=labels, predicted=predicted)
    if len(truth) != len(answer):
        raise ValueError(f"labels has {len(truth)} entries but predicted has {len(answer)}; give one for each.")
    if len(truth) == 0:
        raise ValueError("labels is empty; give at least one item.")
    present, given = np.unique(truth), np.unique(answer)
    scores = {
        "accuracy": wilson(int(np.count_nonzero(truth == answer)), len(truth)),
        "macro_f1": bootstrap(lambda weights, *pair: _macro_f1(weights, *pair, len(classes)), truth, answer, seed=seed),
    }
    never = len(np.setdiff1d(present, given))
    return Report(scores, {"queries": len(truth), "classes": len(present), "classes_never_predicted": never})


def detection(positive, score, seed=0):
    """Return average precision and ROC AUC of a score for the positive items, with bootstrap intervals.

        average_precision  sum over distinct scores t, falling, of (recall(t) - recall(before)) precision(t)
        roc_auc            P(score of a positive > score of a negative) + P(equal) / 2

    Equal scores share one threshold, so their order does not matter. With one class only both are undefined:
    nan, with a warning.

    Args:
        positive: booleans (or 0 and 1) [N].
        score: real numbers [N], higher means more likely positive.
        seed: of the bootstrap.

    Returns:
        `Report` with `average_precision` and `roc_auc`; `info` has queries and positives.

    Example:

    >>> detection([True, False, True, False], [0.9, 0.8, 0.7, 0.1])["roc_auc"].value
    0.75
    """
    positive, score = _check_detection(positive, score)
    count = int(positive.sum())
    if count in (0, len(positive)):
        which = "positive" if count == 0 else "negative"
        warnings.warn(f"no item is {which}: average precision and ROC AUC are undefined (nan)", stacklevel=2)
    order = np.argsort(-score, kind="stable")
    positive, score = positive[order], score[order]
    scores = {
        "average_precision": bootstrap(_average_precision, positive, score, seed=seed),
        "roc_auc": bootstrap(_roc_auc, positive, score, seed=seed),
    }
    return Report(scores, {"queries": len(positive), "positives": count})


def best_threshold(positive, score):
    """Return the threshold t for which `score >= t` has the highest macro-F1 over positive and negative.

    Choose it on validation data and use it once on test data. It lies midway between two scores where it can;
    of equally good thresholds the highest is returned.

    Args:
        positive: booleans (or 0 and 1) [N], both kinds must occur.
        score: real numbers [N], higher means more likely positive.

    Returns:
        `float`.

    Example:

    >>> best_threshold([True, True, False, False], [0.9, 0.6, 0.4, 0.1])
    0.5
    """
    positive, score = _check_detection(positive, score)
    if positive.all() or not positive.any():
        raise ValueError("positive has one class only, so no threshold can be chosen; give items of both.")
    order = np.argsort(-score, kind="stable")
    positive, score = positive[order], score[order]
    ends = _ends(score)
    hits = np.concatenate([[0], positive.cumsum()[ends]])  # true positives when none, one, two... groups are accepted
    accepted = np.concatenate([[0], ends + 1])
    total, n = positive.sum(), len(positive)
    f1_positive = 2 * hits / (total + accepted)
    f1_negative = 2 * (n - total - accepted + hits) / ((n - total) + (n - accepted))
    best = int(np.argmax(f1_positive + f1_negative))
    if best == 0:
        return float(np.nextafter(score[0], np.inf))
    lowest = score[accepted[best] - 1]
    if accepted[best] == n:
        return float(lowest)
    below = score[accepted[best]]
    middle = below + (lowest - below) / 2
    return float(middle if below < middle <= lowest else lowest)


def _check_detection(positive, score):
    """Booleans [N] and float64 scores [N]."""
    positive, score = np.asarray(positive), np.asarray(score)
    if positive.ndim != 1 or positive.shape != score.shape or len(positive) == 0:
        raise ValueError(
            f"positive and score must have one shape (N,), N at least 1; got {positive.shape} and {score.shape}."
        )
    if positive.dtype.kind != "b" and not np.isin(positive, (0, 1)).all():
        raise ValueError(f"positive must be booleans or 0 and 1, got {np.unique(positive)[:5]}.")
    if score.dtype.kind not in "biuf" or not np.isfinite(score).all():
        at = f", first not in row {np.isfinite(score).argmin()}" if score.dtype.kind in "f" else ""
        raise ValueError(f"score must be finite real numbers{at}; got {score.dtype}.")
    return positive.astype(bool), score.astype(np.float64)


def _ends(score):
    """Last place of each group of equal scores, for sorted scores [N]."""
    return np.flatnonzero(np.append(score[1:] != score[:-1], True))


def _class_sums(weights, code, count):
    """Sum of weights [B, N] over the items of each class: [B, count]."""
    order = np.argsort(code, kind="stable")
    present, starts = np.unique(code[order], return_index=True)
    sums = np.zeros((len(weights), count))
    if len(present):
        sums[:, present] = np.add.reduceat(weights[:, order], starts, axis=1)
    return sums


def _macro_f1(weights, truth, answer, count):
    """Macro-F1 [B] over the classes that a resample holds, in the truth or in the answer."""
    right = truth == answer
    both = _class_sums(weights, truth, count) + _class_sums(weights, answer, count)  # 2 tp + fp + fn
    doubled = 2 * _class_sums(weights[:, right], truth[right], count)
    f1 = np.divide(doubled, both, out=np.zeros_like(both), where=both > 0)
    return f1.sum(axis=1) / np.count_nonzero(both, axis=1)


def _average_precision(weights, positive, score):
    """Average precision [B]; items sorted by falling score."""
    ends = _ends(score)
    hits = (weights * positive).cumsum(axis=1)[:, ends]
    seen = weights.cumsum(axis=1)[:, ends]
    gained = np.diff(hits, axis=1, prepend=0)
    # A group that was not drawn gains nothing; before the first draw nothing has been seen either.
    precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
    value = (gained * precision).sum(axis=1)
    return _where_both(value, hits[:, -1], seen[:, -1], hits[:, -1])


def _roc_auc(weights, positive, score):
    """ROC AUC [B]; items sorted by falling score; equal scores count half."""
    ends = _ends(score)
    hits = (weights * positive).cumsum(axis=1)[:, ends]
    misses = (weights * ~positive).cumsum(axis=1)[:, ends]
    gained = np.diff(hits, axis=1, prepend=0)
    beaten = misses[:, -1:] - misses + np.diff(misses, axis=1, prepend=0) / 2
    value = (gained * beaten).sum(axis=1)
    return _where_both(value, hits[:, -1], hits[:, -1] + misses[:, -1], hits[:, -1] * misses[:, -1])


def _where_both(value, hits, seen, divisor):
    """value / divisor [B], nan where a resample has one class only."""
    both = (hits > 0) & (hits < seen)
    return np.divide(value, divisor, out=np.full(len(value), np.nan), where=both)
