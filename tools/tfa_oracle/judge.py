"""What one case says: do both libraries agree, and where they do not, which of them follows the definition, and why."""

import numpy as np
from definitions import classes, matrix

VALUE = {"float16": 2e-2, "float32": 2e-5, "float64": 1e-9}
GRADIENT = {"float16": (2e-2, 1e-4), "float32": (1e-3, 1e-6), "float64": (1e-6, 1e-9)}
AGREE, TIE, ZERO, FINITE, WRONG, BEYOND, DISAGREE = VERDICTS = (
    "agree", "tie", "NaN -> 0", "NaN -> definition", "wrong by definition", "beyond float16", "disagree")  # fmt: skip


def near(a, b, dtype):
    """Values: |a - b| <= tolerance of the type * max(1, |b|)."""
    return a.shape == b.shape and bool((np.abs(a - b) <= VALUE[dtype] * np.maximum(1, np.abs(b))).all())


def parallel(a, b, dtype):
    """Gradients: |a - b| <= relative * |b| + absolute, as norms."""
    relative, absolute = GRADIENT[dtype]
    return bool(np.linalg.norm(a - b) <= relative * np.linalg.norm(b) + absolute)


def finite(answer):
    return answer is not None and all(np.isfinite(part).all() for part in answer)


def wide(answer, x, record):
    """Numbers in float64; None for an exception. Normalizing a zero row has no gradient: finite is all that counts."""
    if isinstance(answer, str):
        return None
    value, gradient = (np.asarray(part, "float64") for part in answer)
    if "angular" in (record["settings"].get("distance_metric"), record["call"].split("_")[0]):
        gradient = np.where(np.isfinite(gradient) & ~x.any(axis=1, keepdims=True), 0.0, gradient)
    return value, gradient


def verdict(record, x, y, ours, peer, definition):
    """Return (one of `VERDICTS`, reason). Answers are (value, gradient) or the text of an exception."""
    dtype, peer_said = x.dtype.name, peer
    ours, peer, definition = (wide(answer, x, record) for answer in (ours, peer, definition))
    if not finite(ours):
        if np.abs(definition[1]).max() > np.finfo(x.dtype).max:
            return BEYOND, f"the gradient itself exceeds {dtype}"
        return DISAGREE, "ours is not finite"
    if not np.isfinite(definition[0]).all():  # no pair at all
        zero = not ours[0].any() and not ours[1].any()
        return (ZERO, "no pair, or nothing to push") if zero and not finite(peer) else (DISAGREE, "ours should be 0")
    tie = find_tie(record, x, y)
    ours_right = near(ours[0], definition[0], dtype), parallel(ours[1], definition[1], dtype)
    if not all(ours_right) and tie not in ("value", "gradient" if ours_right[0] else "value"):
        return DISAGREE, f"ours leaves the definition (value {ours_right[0]}, gradient {ours_right[1]})"
    if not finite(peer):
        return FINITE, why_not_finite(record, x, y, peer_said)
    if near(ours[0], peer[0], dtype) and parallel(ours[1], peer[1], dtype):
        return AGREE, ""
    if tie == "value" or (tie == "gradient" and near(ours[0], peer[0], dtype)):
        return TIE, "equal distances, or a hinge at 0: which row is chosen is last-bit noise"
    reason = why_wrong(record, x, y, peer, definition)
    return (WRONG, reason) if reason else (DISAGREE, "no reason found")


def find_tie(record, x, y):
    """"value" where the value jumps with the last bit, "gradient" where only the gradient does, else ""."""
    name = record["call"].lower().replace("_", "")
    if not name.startswith("triplet"):
        return ""
    metric, margin = record["settings"]["distance_metric"], record["settings"]["margin"]
    d = matrix(x, metric).numpy()
    # Distances are good to a few units in the last place of float32; under `angular`, of 1.
    noise = 1e-6 * (d + 1 if metric == "angular" else d) + 1e-12
    positives, negatives = classes(y)
    gap = d[:, None, :] - d[:, :, None]  # (a, p, n)
    triplets = positives[:, :, None] & negatives[:, None, :]
    if name.startswith("tripletsemi") and (triplets & (np.abs(gap) <= noise[:, :, None])).any():
        return "value"
    kink = not record["settings"].get("soft") and (triplets & (np.abs(margin - gap) <= noise.max() + 1e-7)).any()
    copies = np.abs(d[:, None, :] - d[:, :, None]) <= noise[:, :, None]
    copies &= (positives[:, None, :] & positives[:, :, None]) | (negatives[:, None, :] & negatives[:, :, None])
    copies &= ~np.eye(len(d), dtype=bool)[None]
    return "gradient" if kink or copies.any() else ""


def why_not_finite(record, x, y, said):
    if isinstance(said, str):
        return f"{x.dtype} raises" if x.dtype != "float32" else f"raises {said.split(':')[0]}"
    if record["labels"] == "column" and record["call"].lower().startswith("npairs"):
        return "labels (N, 1)"
    if record["labels"] == "a row without":
        return "a row without a label"
    if record["call"].startswith(("sigmoid", "Sigmoid")):
        return "gradient of the power at 0, or of float16"
    if not np.isfinite(said[0]).all():
        return "overflow"
    return "gradient at distance 0, or overflow in it"


def why_wrong(record, x, y, peer, definition):
    """The reason why the peer leaves the definition, from what can be checked, or "" """
    name = record["call"].lower().replace("_", "")
    if name == "npairsloss":
        if record["labels"] == "column":
            return "labels (N, 1)"
        with np.errstate(over="ignore"):
            exact, cast = (np.reshape(ids, -1) for ids in (y, y.astype(x.dtype)))
        if ((cast[:, None] == cast[None, :]) != (exact[:, None] == exact[None, :])).any():
            return f"labels collide when cast to {x.dtype}"
    if name.startswith(("triplet", "lifted", "pairwise", "angular")):
        metric = "angular" if name.startswith("angular") else record["settings"].get("distance_metric", "L2")
        if gram_error(x, metric) > 1e-5:
            return "cancellation: squared norms minus products in float32"
    if name.startswith("lifted") and near(peer[0], definition[0], x.dtype.name) and equal_negatives(x, y):
        return "gradient at equal distances"
    if x.dtype == "float16":
        return "computed in float16"
    return ""


def equal_negatives(x, y):
    """Whether a row has two negatives at the same distance."""
    d, negatives = matrix(x, "L2").numpy(), classes(y)[1]
    rows = (np.sort(row[mask]) for row, mask in zip(d, negatives, strict=True))
    return any((np.diff(row) <= 1e-6 * row[1:]).any() for row in rows)


def gram_error(x, metric):
    """Largest relative error of a distance that is computed from float32 products."""
    exact, x = matrix(x, metric).numpy(), x.astype("float32")
    if metric == "angular":
        x = x / np.sqrt(np.maximum((x * x).sum(axis=1, keepdims=True), np.float32(1e-12)))
        products, rounding = np.maximum(1 - x @ x.T, 0), np.float32(1e-7)
    else:
        exact = exact**2 if metric == "L2" else exact
        lengths = (x * x).sum(axis=1)
        lengths = lengths[:, None] + lengths[None]
        products, rounding = np.maximum(lengths - 2 * (x @ x.T), 0), 1e-7 * lengths
    off = ~np.eye(len(x), dtype=bool)
    error = np.maximum(np.abs(products - exact), rounding) / np.maximum(exact, 1e-30)  # at least its last bit
    return error[off].max(initial=0.0)
