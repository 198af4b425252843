"""Which triplet losses of other libraries ours claim to equal, and where we differ on purpose.

A claim is our name or class, its settings, and a function of a case that says why we differ there, or None.
"""

DISTANCES = {
    "L2": ("euclidean", False),
    "squared-L2": ("squared_euclidean", False),
    "angular": ("cosine", None),
    "l2": ("euclidean", False),
    "sql2": ("squared_euclidean", False),
    "cosine": ("dot", None),  # of tfsim, which does not normalize; its batches are of unit length
    "l2_sq": ("squared_euclidean", False),
    "l2n": ("euclidean", True),
    "l2n_sq": ("squared_euclidean", True),
    "cos": ("cosine", None),
    "dot": ("dot", None),
}
REDUCERS = {"avg_nonzero": "active", "mean": "valid"}


def claim(name, why=None, **settings):
    return name, settings, why


def place(params, **settings):
    distance, normalize = DISTANCES[params["distance"]]
    margin = params.get("margin")
    return {"distance": distance, "normalize": normalize, "margin": "soft" if margin is None else margin, **settings}


def rows_left_out(case):
    return None if case.complete else "rows without a positive or a negative are counted there and left out here"


def one_class(case):
    return None if case.any_negative else "a batch of one class has a made-up loss there and 0 here"


def tfsim(params):
    sides = {key: params[key].replace("-", "_") for key in ("positive", "negative")}
    if sides == {"positive": "easy", "negative": "semi_hard"}:
        return None, {}, lambda case: "semi-hard is farther than the farthest positive there, than the chosen one here"
    return claim("batchhard", rows_left_out, **place(params, **sides, denominator="anchors", fallback="farthest"))


def tfsim_pn(params):
    name, settings, why = tfsim(params)
    return claim(name, why, swap=True, **settings)


def easy(params, **settings):
    return claim("epshn", **{**place({"margin": 0.0, **params}), "duplicate_threshold": None, **settings})


CLAIMS = {
    ("tfa", "triplet_semihard"): lambda p: claim("semihard", one_class, **place(p)),
    ("tfa", "triplet_hard"): lambda p: claim("batchhard", rows_left_out, **place(p)),
    ("tfa", "triplet_hard_soft"): lambda p: claim("batchhard", rows_left_out, **place(p)),
    ("tfsim", "triplet"): tfsim,
    ("tfsim", "pn"): lambda p: tfsim_pn({"distance": "cosine", "positive": "hard", "negative": "semi_hard", **p}),
    ("pml", "triplet_all"): lambda p: claim("triplet", **place(p, denominator=REDUCERS[p["reducer"]])),
    ("pml", "triplet_all_swap"): lambda p: claim("triplet", **place(p, denominator=REDUCERS[p["reducer"]], swap=True)),
    ("pml", "triplet_miner_semihard"): lambda p: claim(
        "triplet", **place(p, denominator=REDUCERS[p["reducer"]], negative="band")
    ),
    ("pml", "triplet_miner_hard"): lambda p: claim(
        "triplet", **place(p, denominator=REDUCERS[p["reducer"]], negative="violating")
    ),
    ("pml", "triplet_batch_hard"): lambda p: claim("batchhard", **place(p, denominator=REDUCERS[p["reducer"]])),
    ("pml", "triplet_easy_pos_semihard_neg"): lambda p: easy(p, objective="hinge"),
    ("pml", "easy_pos_semihard_neg_softmax"): lambda p: easy(p, temperature=p["temperature"]),
    ("pml", "easy_pos_hard_neg_softmax"): lambda p: easy(p, negative="hard", temperature=p["temperature"]),
}
