"""The definitions of the losses of two towers, as plain loops in float64."""

import numpy as np
from oracles import softplus

NOISE = np.random.default_rng(99).random((64, 64)).astype("float32")  # the fixed draw of losses that sample


def towers(labels, z, normalize=True):
    """Ids of both towers and the similarities, from z [N, 2, D] or a pair of towers."""
    x, y = (z[:, 0], z[:, 1]) if isinstance(z, np.ndarray) else z
    rows, columns = labels if isinstance(labels, tuple) else (labels, labels)
    x, y = np.asarray(x, "float64"), np.asarray(y, "float64")
    x = x / np.linalg.norm(x, axis=1, keepdims=True) if normalize in (True, "first") else x
    y = y / np.linalg.norm(y, axis=1, keepdims=True) if normalize in (True, "second") else y
    return list(rows), list(columns), np.array([[a @ b for b in y] for a in x])


def both(labels, z, normalize, denominator, anchor, noise=NOISE):
    """Sum of `anchor(similarity of the match, similarities and draws of the rivals)` over pairs and directions."""
    rows, columns, s = towers(labels, z, normalize)
    total, count = 0.0, 0
    for i, j in np.argwhere(np.equal.outer(rows, columns)):
        by_row = [k for k in range(len(columns)) if columns[k] != rows[i]]
        by_column = [k for k in range(len(rows)) if rows[k] != columns[j]]
        if by_row:
            total += anchor(s[i, j], s[i, by_row], noise[i, by_row])
        if by_column:
            total += anchor(s[i, j], s[by_column, j], noise[j, by_column])
        count += bool(by_row or by_column)
    return total / (count if denominator == "batch" else 1) if count else 0.0


def ranking(labels, z, margin=0.2, negative="all", hardness=None, normalize=True, denominator="batch", seed=None):
    def anchor(s_ap, rivals, noise):
        hinges = np.maximum(0.0, rivals - s_ap + margin)
        if negative == "random":
            return hinges[np.argmax(noise)]
        if negative == "all":
            return hinges.sum()
        return hinges.max() if hardness is None else (1 - hardness) * hinges.mean() + hardness * hinges.max()

    return both(labels, z, normalize, denominator, anchor)


def masked_margin_softmax(labels, z, margin=0.001, temperature=1.0, normalize=False, denominator="batch"):
    def anchor(s_ap, rivals, noise):
        return softplus(np.logaddexp.reduce(rivals / temperature) - (s_ap - margin) / temperature)

    return both(labels, z, normalize, denominator, anchor)


def many_to_many(labels, z, form="balanced", similarity="relu_cosine", gap_penalty=0.0, gap=0.5, ratio=None, **line):
    log_scale, bias = line.get("log_scale", 0.0), line.get("bias", 0.0)
    rows, columns, s = towers(labels, z, similarity != "dot")
    values = {True: [], False: []}
    share = np.mean([a == b for a in rows for b in columns])
    for i, j in np.ndindex(*s.shape):
        if similarity == "relu_cosine":
            s[i, j] = max(0.0, s[i, j])
        if similarity == "half_cosine":
            s[i, j] = (1 + s[i, j]) / 2
        if similarity == "sigmoid":
            s[i, j] = 1 / (1 + np.exp(-np.exp(log_scale) * s[i, j] - bias))
        same = rows[i] == columns[j]
        if same or ratio is None or NOISE[i, j] < ratio * share / (1 - share):
            values[same].append(s[i, j])
    costs = [abs(1 - v) for v in values[True]], [abs(v) for v in values[False]]
    total = np.mean(costs[0] + costs[1]) if form == "plain" else sum(0.5 * np.mean(c) for c in costs if c)
    if all(costs):
        total += gap_penalty * max(0.0, gap - (np.mean(values[True]) - np.mean(values[False])))
    return total


def pairwise_sigmoid(labels, z, log_scale=np.log(10), bias=-10.0, normalize=True, denominator="pairs"):
    rows, columns, s = towers(labels, z, normalize)
    logits = np.exp(log_scale) * s + bias
    costs = [softplus(-logits[i, j] if rows[i] == columns[j] else logits[i, j]) for i, j in np.ndindex(*s.shape)]
    return sum(costs) / (len(rows) * (len(columns) if denominator == "pairs" else 1))


ORACLES = {
    "ranking": ranking,
    "maxranking": ranking,
    "maxmargin": ranking,
    "mms": masked_margin_softmax,
    "manytomany": many_to_many,
    "manytomany_l1": many_to_many,
    "sigmoid": pairwise_sigmoid,
}
