"""The triplet plane as plain loops in float64."""

import numpy as np
from oracles import negatives, positives, similarity, softplus


def matrix(x, distance="cosine", normalize=None):
    x = np.asarray(x, "float64")
    if normalize:
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
    return np.array([[similarity(a, b, distance) for b in x] for a in x])


def cost(s_ap, s_an, objective, margin, temperature):
    if objective == "hinge":
        return max(0.0, s_an - s_ap + margin)
    if objective == "soft":
        return softplus(s_an - s_ap)
    if objective == "nca":
        return softplus((s_an - s_ap + margin) / temperature)
    return softplus((((1 - s_ap) ** 2 + s_an**2 - 1) / 2 + margin) / temperature)


def chosen_positives(s, labels, a, positive, duplicate_threshold):
    p_all = positives(labels, a)
    if positive == "easy" and duplicate_threshold is not None:
        p_all = [p for p in p_all if s[a, p] <= duplicate_threshold]
    if positive == "all" or not p_all:
        return p_all
    return [(min if positive == "hard" else max)(p_all, key=lambda p: s[a, p])]


def chosen_negatives(s, labels, a, p, positive, negative, margin, fallback):
    n_all = negatives(labels, a)
    if negative == "all" or not n_all:
        return n_all
    if negative == "band":
        return [n for n in n_all if s[a, p] - margin <= s[a, n] < s[a, p]]
    if negative == "violating":
        return [n for n in n_all if s[a, n] >= s[a, p] + max(0.0, -margin)]
    if negative == "hard":
        return [max(n_all, key=lambda n: s[a, n])]
    beyond = [n for n in n_all if s[a, n] < s[a, p] or (positive == "easy" and s[a, n] == s[a, p])]
    if negative == "semi_hard" and beyond:
        return [max(beyond, key=lambda n: s[a, n])]
    return [min(n_all, key=lambda n: s[a, n])] if negative == "easy" or fallback == "farthest" else []


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
    min_similarity=None,
    swap=False,
):
    """The mean that `zoo.losses.TripletLoss` returns."""
    if margin == "soft":
        objective, margin = "soft", 0.0
    s = matrix(x, distance, normalize)
    costs, anchors = [], set()
    for a in range(len(labels)):
        for p in chosen_positives(s, labels, a, positive, duplicate_threshold):
            chosen = chosen_negatives(s, labels, a, p, positive, negative, margin, fallback)
            if objective == "nca" and negative == "all" and chosen:
                costs.append(np.log1p(sum(np.exp((s[a, n] - s[a, p] + margin) / temperature) for n in chosen)))
                anchors.add(a)
                continue
            for n in chosen:
                s_an = max(s[a, n], s[p, n]) if swap else s[a, n]
                if min_similarity is not None and min(s[a, p], s_an) <= min_similarity:
                    continue
                costs.append(cost(s[a, p], s_an, objective, margin, temperature))
                anchors.add(a)
    count = {"active": sum(c > 0 for c in costs), "valid": len(costs), "anchors": len(anchors), "sum": 1}[denominator]
    return sum(costs) / count if count else 0.0


def selective(labels, x, hard_weight=1.0, hard_threshold=0.8, temperature=0.1, duplicate_threshold=0.9999):
    s, costs = matrix(x), []
    for a in range(len(labels)):
        for p in chosen_positives(s, labels, a, "easy", duplicate_threshold):
            for n in chosen_negatives(s, labels, a, p, "easy", "hard", 0.0, "drop"):
                hard = s[a, n] > s[a, p] or s[a, n] > hard_threshold
                costs.append(hard_weight * s[a, n] if hard else softplus((s[a, n] - s[a, p]) / temperature))
    return float(np.mean(costs)) if costs else 0.0


def with_defaults(function, **defaults):
    return lambda labels, x, **settings: function(labels, x, **{**defaults, **settings})


EASY = dict(positive="easy", objective="nca", margin=0.0, denominator="anchors", fallback="drop", duplicate_threshold=0.9999)
SEMI = dict(negative="semi_hard", distance="squared_euclidean", normalize=True, denominator="valid")
ORACLES = {
    "triplet": triplet_loss,
    "batchhard": with_defaults(triplet_loss, positive="hard", negative="hard", denominator="anchors"),
    "semihard": with_defaults(triplet_loss, **SEMI),
    "ep": with_defaults(triplet_loss, **EASY, negative="all"),
    "ephn": with_defaults(triplet_loss, **EASY, negative="hard"),
    "epshn": with_defaults(triplet_loss, **EASY, negative="semi_hard"),
    "epshn2": with_defaults(triplet_loss, **{**EASY, "negative": "semi_hard", "objective": "second_order"}),
    "sct": selective,
}
