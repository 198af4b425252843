"""The definitions, as plain loops in float64: what the fast code must equal."""

import numpy as np


def similarity(x, y, distance):
    """Similarity of two vectors; larger is closer."""
    if distance == "cosine":
        return x @ y / (np.linalg.norm(x) * np.linalg.norm(y))
    if distance == "dot":
        return x @ y
    square = ((x - y) ** 2).sum()
    return -square if distance == "squared_euclidean" else -np.sqrt(square)


def softplus(z):
    return np.logaddexp(0.0, z)


def cost(s_ap, s_an, objective, margin, temperature):
    if objective == "hinge":
        return max(0.0, s_an - s_ap + margin)
    if objective == "soft":
        return softplus(s_an - s_ap)
    if objective == "nca":
        return softplus((s_an - s_ap + margin) / temperature)
    return softplus(((1 - s_ap) ** 2 + s_an**2 - 1) / (2 * temperature))


def chosen_triplets(s, labels, positive, negative, fallback, duplicate_threshold):
    """All (a, p, n) that the rules choose."""
    rows = range(len(labels))
    for a in rows:
        p_all = [p for p in rows if p != a and labels[p] == labels[a]]
        n_all = [n for n in rows if labels[n] != labels[a]]
        if positive == "easy" and duplicate_threshold is not None:
            p_all = [p for p in p_all if s[a, p] <= duplicate_threshold]
        if not p_all or not n_all:
            continue
        if positive == "hard":
            p_all = [min(p_all, key=lambda p: s[a, p])]
        if positive == "easy":
            p_all = [max(p_all, key=lambda p: s[a, p])]
        for p in p_all:
            if negative == "all":
                chosen = n_all
            elif negative == "hard":
                chosen = [max(n_all, key=lambda n: s[a, n])]
            elif negative == "easy":
                chosen = [min(n_all, key=lambda n: s[a, n])]
            else:
                beyond = [n for n in n_all if s[a, n] < s[a, p] or (positive == "easy" and s[a, n] == s[a, p])]
                chosen = [max(beyond, key=lambda n: s[a, n])] if beyond else []
                if not beyond and fallback == "farthest":
                    chosen = [min(n_all, key=lambda n: s[a, n])]
            for n in chosen:
                yield a, p, n


def triplet_loss(
    labels,
    x,
    positive="all",
    negative="all",
    objective="hinge",
    margin=0.2,
    temperature=0.1,
    distance="cosine",
    normalize=None,
    denominator="active",
    fallback="farthest",
    duplicate_threshold=None,
):
    """The mean that `zoo.losses.TripletLoss` returns."""
    x = np.asarray(x, "float64")
    if normalize:
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
    if margin == "soft":
        objective, margin = "soft", 0.0
    s = np.array([[similarity(a, b, distance) for b in x] for a in x])
    triplets = list(chosen_triplets(s, labels, positive, negative, fallback, duplicate_threshold))
    costs = [cost(s[a, p], s[a, n], objective, margin, temperature) for a, p, n in triplets]
    count = {
        "active": sum(c > 0 for c in costs),
        "valid": len(costs),
        "anchors": len({a for a, _, _ in triplets}),
        "sum": 1,
    }[denominator]
    return sum(costs) / count if count else 0.0


def multiclass_hinge(labels, scores, margin=1.0, form="max", squared=False):
    values = []
    for label, row in zip(labels, np.asarray(scores, "float64"), strict=True):
        rivals = [max(0.0, s - row[label] + margin) for j, s in enumerate(row) if j != label]
        rivals = [r**2 for r in rivals] if squared else rivals
        values.append(max(rivals, default=0.0) if form == "max" else sum(rivals))
    return float(np.mean(values))


def softmax_loss(labels, scores):
    scores = np.asarray(scores, "float64")
    return float(np.mean([np.logaddexp.reduce(row) - row[label] for label, row in zip(labels, scores, strict=True)]))


def gradient(function, x, step=1e-6):
    """Central differences of a scalar function of x, in float64."""
    x = np.asarray(x, "float64")
    result = np.zeros_like(x)
    for i in np.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[i] += step
        down[i] -= step
        result[i] = (function(up) - function(down)) / (2 * step)
    return result


# One for each name in the catalogue, called with what the name sets beyond the defaults of its class.
ORACLES = {
    "triplet": triplet_loss,
    "batchhard": triplet_loss,
    "semihard": triplet_loss,
    "epshn": triplet_loss,
    "hinge": multiclass_hinge,
    "softmax": softmax_loss,
}
