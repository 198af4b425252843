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


def positives(labels, i):
    """The other rows of the class of row i; where labels [N, 2] have sample ids, only those of other samples."""
    if np.ndim(labels) == 1:
        return [j for j in range(len(labels)) if j != i and labels[j] == labels[i]]
    return [j for j, (label, sample) in enumerate(labels) if label == labels[i][0] and sample != labels[i][1]]


def negatives(labels, i):
    """The rows of other classes than that of row i."""
    classes = labels if np.ndim(labels) == 1 else [label for label, _ in labels]
    return [j for j in range(len(labels)) if classes[j] != classes[i]]


def softplus(z):
    return np.logaddexp(0.0, z)


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


# A name of the catalogue to its loop; the families' are in oracles_*.py.
ORACLES = {"hinge": multiclass_hinge, "softmax": softmax_loss}
