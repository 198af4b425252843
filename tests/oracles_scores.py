"""Losses on class scores as plain loops in float64; settings are those of the class, with its defaults."""

import math

import numpy as np


def cross_entropy(row, label):
    return np.logaddexp.reduce(row) - row[label]


def margin_softmax(labels, cosines, kind="cosface", margin=0.35, scale=64.0):
    values = []
    for y, row in zip(labels, np.array(cosines, "float64"), strict=True):
        if kind == "cosface":
            row[y] -= margin
        else:
            angle = math.acos(min(1.0, max(-1.0, row[y])))
            row[y] = math.cos(angle + margin) if angle < math.pi - margin else row[y] - margin * math.sin(margin)
        values.append(cross_entropy(scale * row, y))
    return float(np.mean(values))


def psi(c, m):
    """The definition by the angle: (-1)^k cos(m theta) - 2k."""
    angle = math.acos(min(1.0, max(-1.0, c)))
    k = min(m - 1, int(angle * m / math.pi))
    return (-1) ** k * math.cos(m * angle) - 2 * k


def angular_softmax(labels, x, multiple=4, lengths="features", annealing=5.0):
    x, values = np.array(x, "float64"), []
    if x.ndim == 2:
        x = np.stack([x, np.ones_like(x)], axis=2)
    for y, row in zip(labels, x, strict=True):
        scores = row[:, 0] * row[:, 1]
        scores[y] = row[y, 1] * (annealing * row[y, 0] + psi(row[y, 0], multiple)) / (1 + annealing)
        values.append(cross_entropy(scores, y))
    return float(np.mean(values))


def proxy_nca(labels, cosines, scale=1.0, include_own=True):
    values = []
    for y, row in zip(labels, np.array(cosines, "float64"), strict=True):
        scores = -scale * (2 - 2 * row)
        seen = [s for j, s in enumerate(scores) if include_own or j != y]
        values.append(np.logaddexp.reduce(seen) - scores[y] if seen else 0.0)
    return float(np.mean(values))


def proxy_anchor(labels, cosines, margin=0.1, alpha=32.0):
    cosines = np.array(cosines, "float64")
    drawn, pushed = [], []
    for p in range(cosines.shape[1]):
        own = [-alpha * (c[p] - margin) for y, c in zip(labels, cosines, strict=True) if y == p]
        others = [alpha * (c[p] + margin) for y, c in zip(labels, cosines, strict=True) if y != p]
        pushed.append(np.logaddexp.reduce([0.0, *others]))
        if own:
            drawn.append(np.logaddexp.reduce([0.0, *own]))
    return float(np.mean(drawn) + np.mean(pushed))


def words(labels, logits, weighting="balanced", frequencies=None, items=None, form="sigmoid"):
    logits, labels = np.array(logits, "float64"), np.array(labels, "float64")
    q, c = np.ones(logits.shape[1]), np.ones(logits.shape[1])
    if frequencies is not None:
        for w, f in enumerate(frequencies):
            f = max(f, 5)
            if weighting == "balanced":
                q[w] = min(50.0, max(0.02, (items - f) / f))
            elif weighting is not None:
                c[w] = {"inverse": 1 / f, "sqrt": f**-0.5, "effective": 0.001 / (1 - 0.999**f)}[weighting]
        if form == "softmax":
            q, c = np.ones(len(q)), q * c
        kept = np.array(frequencies) > 0
        c = np.where(kept, c / c[kept].mean(), 0.0)
    values = []
    for y, z in zip(labels, logits, strict=True):
        if form == "sigmoid":
            occurs, missing = -np.logaddexp(0, -z), -np.logaddexp(0, z)  # log probabilities
            values.append(-(c * (q * y * occurs + (1 - y) * missing)).sum())
        elif y[c > 0].sum() > 0:
            share = y[c > 0] / y[c > 0].sum()
            values.append((c[c > 0] * share * (np.logaddexp.reduce(z[c > 0]) - z[c > 0])).sum())
    return float(np.mean(values)) if values else 0.0


ORACLES = {
    "cosface": margin_softmax,
    "arcface": lambda labels, x, **settings: margin_softmax(labels, x, **{"kind": "arcface", "margin": 0.5} | settings),
    "sphereface": angular_softmax,
    "lsoftmax": lambda labels, x, **settings: angular_softmax(
        labels, x, **{"lengths": "both", "multiple": 2, "annealing": 0.0} | settings
    ),
    "proxynca": proxy_nca,
    "proxyanchor": proxy_anchor,
    "words": words,
}
