"""Definitions of the pair losses as plain loops in float64.

`ORACLES[name](labels, x, **settings)` is the mean that the loss of that name returns.
"""

import numpy as np
import oracles
from oracles import softplus
from oracles import similarity as between


def parts(labels, x, distance, normalize=None):
    """Similarities [N, N] and, for each row, the lists of its positives and negatives."""
    x = np.asarray(x, "float64")
    if normalize:
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
    n = range(len(labels))
    s = np.array([[between(x[i], x[j], distance) for j in n] for i in n])
    return s, [oracles.positives(labels, i) for i in n], [oracles.negatives(labels, i) for i in n]


def average(values, terms, denominator):
    """Values of the anchors, how many terms each has and how many above 0; None where a row is no anchor."""
    anchors = [i for i, v in enumerate(values) if v is not None]
    count = {
        "anchors": len(anchors),
        "valid": sum(terms[i][0] for i in anchors),
        "active": sum(terms[i][1] for i in anchors),
        "rows": len(values),
        "sum": 1,
    }[denominator]
    return sum(values[i] for i in anchors) / count if count else 0.0


def lse(z):
    return np.logaddexp.reduce(z) if len(z) else -np.inf


def by_row(labels, x, distance, normalize, denominator, cost):
    """Mean of `cost(similarities of the row, positives, negatives)` over rows with both."""
    s, positives, negatives = parts(labels, x, distance, normalize)
    found = [cost(s[i], p, n) if p and n else None for i, (p, n) in enumerate(zip(positives, negatives, strict=True))]
    return average(found, [(1, int(v is not None and v > 0)) for v in found], denominator)


def contrastive(
    labels, x, pos_margin=0.0, neg_margin=1.0, squared=True, distance="euclidean", normalize=None, denominator="valid"
):
    s, positives, negatives = parts(labels, x, distance, normalize)
    d = 1 - s if distance == "cosine" else -s
    power = 2 if squared else 1
    pull = [max(0.0, d[i, j] - pos_margin) ** power for i, p in enumerate(positives) for j in p if i < j]
    push = [max(0.0, neg_margin - d[i, j]) ** power for i, n in enumerate(negatives) for j in n if i < j]
    if denominator == "sum":
        return sum(pull) + sum(push)
    if denominator == "pairs":
        return np.mean(pull + push) if pull + push else 0.0
    if denominator == "active":
        pull, push = [c for c in pull if c > 0], [c for c in push if c > 0]
    return sum(np.mean(side) for side in (pull, push) if side)


def infonce(labels, x, temperature=0.1, distance="cosine", normalize=None, denominator="valid"):
    s, positives, negatives = parts(labels, x, distance, normalize)
    values, terms = [], []
    for row, p_all, n_all in zip(s / temperature, positives, negatives, strict=True):
        costs = [np.log(1 + sum(np.exp(row[n] - row[p]) for n in n_all)) for p in p_all if n_all]
        values.append(sum(costs) if costs else None)
        terms.append((len(costs), sum(c > 0 for c in costs)))
    return average(values, terms, denominator)


def npair(labels, x, form="all", l2=0.003, temperature=1.0, distance="dot", normalize=None):
    x = np.asarray(x, "float64")
    if normalize or distance == "cosine":
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
    squares = (x**2).sum(axis=1)
    if form == "pairs":
        firsts = [i for i in range(len(x)) if set(range(i)) <= set(oracles.negatives(labels, i))]  # of each class
        pairs = [(i, p[0]) for i in firsts if (p := oracles.positives(labels, i))]
        if len(pairs) < 2:
            return 0.0
        z = np.array([[x[a] @ x[p] / temperature for _, p in pairs] for a, _ in pairs])
        cost = np.mean([lse(row) - row[i] for i, row in enumerate(z)])
        return cost + l2 * sum(squares[a] + squares[p] for a, p in pairs) / (2 * len(pairs))
    if form == "all":
        _, positives, negatives = parts(labels, x, "dot")
        of = [squares[i] for i, p in enumerate(positives) for _ in p if negatives[i]]
        return infonce(labels, x, temperature, "dot") + (l2 * np.mean(of) if of else 0.0)
    s, positives, negatives = parts(labels, x, "dot")
    z = s / temperature
    own = [[*p, i] for i, p in enumerate(positives)]
    costs = [
        lse(z[i][own[i] + n]) - np.mean(z[i][own[i]]) + l2 * squares[i] for i, n in enumerate(negatives) if n
    ]
    return float(np.mean(costs)) if costs else 0.0


def lifted(labels, x, margin=1.0, form="pairs", distance="euclidean", normalize=None, denominator="valid"):
    s, positives, negatives = parts(labels, x, distance, normalize)
    values, terms = [], []
    for i, (p_all, n_all) in enumerate(zip(positives, negatives, strict=True)):
        if form == "generalized":
            pull, push = lse(-s[i][p_all]), lse(margin + s[i][n_all])
            cost = max(0.0, (pull if p_all else 0.0) + (push if n_all else 0.0))
            values.append(cost if p_all or n_all else None)
            terms.append((1, int(cost > 0)))
            continue
        costs = []
        for j in p_all if n_all else []:
            joint = lse([*(margin + s[i][n_all]), *(margin + s[j][negatives[j]])]) - s[i, j]
            costs.append(max(0.0, joint) ** 2 / 2)
        values.append(sum(costs) if costs else None)
        terms.append((len(costs), sum(c > 0 for c in costs)))
    return average(values, terms, denominator)


def supcon(labels, x, temperature=0.1, distance="cosine", normalize=None, denominator="anchors"):
    def cost(row, p, n):
        return lse(row[p + n] / temperature) - np.mean(row[p] / temperature)

    return by_row(labels, x, distance, normalize, denominator, cost)


def softneighbor(
    labels, x, temperature=1.0, floor=0.0, distance="squared_euclidean", normalize=None, denominator="anchors"
):
    def cost(row, p, n):
        powers = np.exp((row - row[p + n].max()) / temperature)
        return -np.log(powers[p].sum() / powers[p + n].sum() + floor)

    return by_row(labels, x, distance, normalize, denominator, cost)


def multisimilarity(
    labels, x, alpha=2.0, beta=50.0, base=0.5, epsilon=0.1, distance="cosine", normalize=None, denominator="anchors"
):
    s, positives, negatives = parts(labels, x, distance, normalize)
    values, terms = [], []
    for row, p_all, n_all in zip(s, positives, negatives, strict=True):
        if not (p_all and n_all) and (epsilon is not None or not p_all + n_all):
            values.append(None)
            terms.append((0, 0))
            continue
        if epsilon is not None:
            near, far = max(row[n_all]), min(row[p_all])
            p_all, n_all = [p for p in p_all if row[p] - epsilon < near], [n for n in n_all if row[n] + epsilon > far]
        values.append(
            np.log(1 + sum(np.exp(alpha * (base - row[p])) for p in p_all)) / alpha
            + np.log(1 + sum(np.exp(beta * (row[n] - base)) for n in n_all)) / beta
        )
        terms.append((1, int(bool(p_all or n_all))))
    return average(values, terms, denominator)


def circle(labels, x, margin=0.4, gamma=80.0, form="joint", distance="cosine", denominator="anchors", weights=None):
    """`weights` is a dict that keeps the weights of the first call, for derivatives that do not pass through them."""

    def cost(row, p, n):
        key = int(np.argmax(row))  # the row itself
        w = np.array([max(0.0, 1 + margin - row[j]) if j in p else max(0.0, row[j] + margin) for j in p + n])
        w = w if weights is None else weights.setdefault(key, w)
        z = gamma * w * np.array([1 - margin - row[j] if j in p else row[j] - margin for j in p + n])
        pull, push = lse(z[: len(p)]), lse(z[len(p) :])
        return softplus(pull + push) if form == "joint" else softplus(pull) + softplus(push)

    return by_row(labels, x, distance, None, denominator, cost)


def nearestneighbor(
    labels,
    x,
    pos_threshold=0.0,
    neg_threshold=None,
    temperature=0.1,
    distance="cosine",
    normalize=None,
    denominator="anchors",
):
    low = pos_threshold if neg_threshold is None else neg_threshold

    def cost(row, p, n):
        s_ap = max(row[p])
        if s_ap < pos_threshold:
            return None
        return np.log(1 + sum(np.exp((row[j] - s_ap) / temperature) for j in n if row[j] >= low))

    return by_row(labels, x, distance, normalize, denominator, cost)


def smoothap(labels, x, temperature=0.01, distance="cosine", normalize=None, denominator="anchors"):
    def cost(row, p_all, n_all):
        def ahead(j, p):
            return 1 / (1 + np.exp(-np.clip((row[j] - row[p]) / temperature, -700, 700)))

        precisions = []
        for p in p_all:
            among = 1 + sum(ahead(j, p) for j in p_all if j != p)
            precisions.append(among / (among + sum(ahead(j, p) for j in n_all)))
        return 1 - np.mean(precisions)

    return by_row(labels, x, distance, normalize, denominator, cost)


def margin(labels, x, margin=0.2, beta=1.2, distance="euclidean", normalize=True, denominator="active"):
    s, positives, negatives = parts(labels, x, distance, normalize)
    d = 1 - s if distance == "cosine" else -s
    values, terms = [], []
    for row, p_all, n_all in zip(d, positives, negatives, strict=True):
        costs = [
            cost
            for p in p_all
            for n in n_all
            for cost in (max(0.0, row[p] - beta + margin), max(0.0, beta - row[n] + margin))
        ]
        values.append(sum(costs) if costs else None)
        terms.append((len(costs), sum(c > 0 for c in costs)))
    return average(values, terms, denominator)


ORACLES = {
    "contrastive": contrastive,
    "npair": npair,
    "lifted": lifted,
    "infonce": infonce,
    "ntxent": infonce,
    "supcon": supcon,
    "softneighbor": softneighbor,
    "multisimilarity": multisimilarity,
    "circle": circle,
    "nearestneighbor": nearestneighbor,
    "smoothap": smoothap,
    "margin": margin,
}
