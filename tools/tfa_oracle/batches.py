"""Random batches for both libraries, written to one .npz: ordinary ones, and every kind that is known to hurt.

Each case is {"call": name, "settings": keyword arguments, "weight": kind} with its arrays "N/x", "N/y" and "N/w".
"""

import json

import numpy as np

COUNTS = {
    "triplet_semihard_loss": 500,
    "TripletSemiHardLoss": 400,
    "triplet_hard_loss": 500,
    "TripletHardLoss": 400,
    "lifted_struct_loss": 350,
    "LiftedStructLoss": 250,
    "npairs_loss": 250,
    "NpairsLoss": 200,
    "npairs_multilabel_loss": 250,
    "NpairsMultilabelLoss": 200,
    "contrastive_loss": 250,
    "ContrastiveLoss": 250,
    "sigmoid_focal_crossentropy": 300,
    "SigmoidFocalCrossEntropy": 250,
    "pairwise_distance": 250,
    "angular_distance": 250,
}
ROWS = ["normal"] * 4 + ["unit"] * 4 + "tiny large far clusters tight copies zeros equal lattice".split()
LABELS = ["balanced"] * 4 + ["random"] * 4 + "one different column float 2**24 2**31 2**53 negative int32".split()


def rows(random, n, d):
    """Embeddings [n, d] float32 of one kind of `ROWS`, and the kind."""
    kind = random.choice(ROWS)
    x = random.normal(size=(n, d))
    if kind == "unit":
        x /= np.linalg.norm(x, axis=1, keepdims=True)
    if kind in ("tiny", "large"):
        x *= 10.0 ** (random.integers(-6, -2) if kind == "tiny" else random.integers(2, 5))
    if kind == "far":
        x = 100 + 0.01 * x
    if kind in ("clusters", "tight"):
        x = x[np.arange(n) % max(1, n // 4)] + (0.05 if kind == "clusters" else 1e-4) * random.normal(size=(n, d))
    if kind == "copies":
        x = x[random.integers(0, n, n)]
    if kind == "zeros":
        x[random.random(n) < 0.3] = 0
    if kind == "equal":
        x[:] = x[0]
    if kind == "lattice":
        x = random.integers(-1, 2, (n, d)).astype(float)
    return x.astype("float32"), kind


def labels(random, n):
    """Class ids [n] of one kind of `LABELS`, and the kind."""
    kind = random.choice(LABELS)
    classes = random.integers(1, max(2, n // 2 + 1))
    y = np.arange(n) % classes if kind == "balanced" else random.integers(0, classes, n)
    if kind == "one":
        y = np.zeros(n, "int64")
    if kind == "different":
        y = np.arange(n)
    y = y.astype("int64")
    if kind.startswith("2**"):
        y += 2 ** int(kind[3:]) - 1
    if kind == "negative":
        y -= 10
    if kind in ("float", "int32"):
        y = y.astype({"float": "float32"}.get(kind, kind))
    return y[:, None] if kind == "column" else y, kind


def narrow(random, x, float64=True):
    """`x` in the float type of a batch: mostly float32; float16 is cut where it would overflow."""
    dtype = random.choice(["float32"] * 8 + ["float16"] + ["float64"] * float64)
    return (np.clip(x, -6e4, 6e4) if dtype == "float16" else x).astype(dtype)


def number(random, fixed=(0.0, 0.1, 0.2, 0.5, 1.0, 2.0)):
    return float(random.choice(fixed) if random.random() < 0.7 else random.uniform(0, 3))


def case(random, call):
    """One case: (record, arrays)."""
    n, d = int(random.integers(1, 65)), int(random.integers(1, 33))
    x, kind = rows(random, n, d)
    y, y_kind, settings = None, "", {}
    name = call.lower().replace("_", "")
    if name.startswith(("triplet", "lifted")):
        x = narrow(random, x)
        y, y_kind = labels(random, n)
        settings = {"margin": number(random)}
        if name.startswith("triplet"):
            settings["distance_metric"] = str(random.choice(["L2", "squared-L2", "angular"]))
        if name.startswith("triplethard"):
            settings["soft"] = bool(random.random() < 0.3)
    elif name.startswith("npairsm"):
        y = (random.random((n, int(random.integers(1, 9)))) < 0.4).astype(random.choice(["int64", "float32"]))
        if random.random() < 0.7:
            y[:, 0] = np.maximum(y[:, 0], y.sum(axis=1) == 0)
        y_kind = "a row without" if (y.sum(axis=1) == 0).any() else "labels"
        x = narrow(random, x @ x.T)
    elif name.startswith("npairs"):
        y, y_kind = labels(random, n)
        x = narrow(random, x @ x.T)
    elif name.startswith("contrastive"):
        shape = [(n,), (n, 1), (n, n)][random.integers(0, 3)]
        x, kind = np.abs(random.normal(size=shape)) * (random.random(shape) < 0.9), str(shape)
        y = (random.random(shape) < 0.4).astype(random.choice(["int64", "float32", "bool"]))
        x, settings = narrow(random, x), {"margin": number(random)}
    elif name.startswith("sigmoid"):
        logits, kind = bool(random.random() < 0.5), "focal"
        x = random.normal(size=(n, d)) * random.choice([1.0, 5.0, 100.0]) if logits else random.random((n, d))
        x = x if logits else np.where(random.random((n, d)) < 0.1, np.round(x), x)
        y = (random.random((n, d)) < 0.4).astype("float32") * random.choice([1.0, 1.0, 0.7])
        x, settings = narrow(random, x), {"from_logits": logits}
        settings["alpha"] = float(random.choice([0.25, 0.25, 0.5, 0.0]))
        settings["gamma"] = float(random.choice([2.0, 2.0, 0.0, 0.5, 1.0, 3.5]))
        y = y.astype(x.dtype)
    else:
        x = narrow(random, x)
        settings = {"squared": bool(random.random() < 0.5)} if call == "pairwise_distance" else {}
    weight, w = "none", None
    if call[0].isupper() and random.random() < 0.3:
        weight = str(random.choice(["scalar", "column"]))
        w = np.float32(2.0) if weight == "scalar" else random.integers(0, 3, (n, 1)).astype("float32")
    if call in ("ContrastiveLoss", "SigmoidFocalCrossEntropy"):
        settings["reduction"] = str(random.choice(["none", "sum", "sum_over_batch_size", "auto"]))
    record = {"call": call, "settings": settings, "rows": str(kind), "labels": str(y_kind), "weight": weight}
    return record, {key: value for key, value in (("x", x), ("y", y), ("w", w)) if value is not None}


def write(path, seed, scale=1.0):
    """Write about `scale` times `COUNTS` cases to `path` (.npz) and return their records."""
    random, records, arrays = np.random.default_rng(seed), [], {}
    for call, count in COUNTS.items():
        for _ in range(max(1, round(count * scale))):
            record, found = case(random, call)
            arrays |= {f"{len(records)}/{key}": value for key, value in found.items()}
            records.append(record)
    np.savez(path, records=json.dumps(records), **arrays)
    return records
