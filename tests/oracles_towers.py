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


ORACLES = {
    "ranking": ranking,
    "maxranking": ranking,
    "maxmargin": ranking,
    "mms": masked_margin_softmax,
}
