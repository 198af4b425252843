"""Which settings of the pair losses stand for which configuration of the conformance vectors.

`CLAIMS[peer, loss](params)` is the class of `zoo.losses`, or a loss that stands here, and its settings.
"""

from keras import ops

import zoo
from zoo import geometry


class ContrastiveOfHalves:
    """`zoo.addons.ContrastiveLoss` of the distances between row i and row i + N // 2."""

    takes_scores = False

    def __init__(self, margin):
        self.loss = zoo.addons.ContrastiveLoss(margin)

    def __call__(self, labels, x):
        labels, half = ops.reshape(ops.convert_to_tensor(labels), (-1,)), len(x) // 2
        if not half:
            raise ValueError("a batch of less than two rows has no halves")
        apart = -geometry.paired_similarity(x[:half], x[half : 2 * half], "euclidean")
        return self.loss(labels[:half] == labels[half : 2 * half], apart)



DISTANCE = {
    "l2n": {"distance": "euclidean", "normalize": True},
    "l2n_sq": {"distance": "squared_euclidean", "normalize": True},
    "l2": {"distance": "euclidean"},
    "l2_sq": {"distance": "squared_euclidean"},
    "cos": {"distance": "cosine"},
    "dot": {"distance": "dot"},
}
REDUCER = {"avg_nonzero": "active", "mean": "valid"}

CLAIMS = {
    ("pml", "contrastive"): lambda p: (
        "ContrastiveLoss",
        {
            "pos_margin": p["pos_margin"],
            "neg_margin": p["neg_margin"],
            "squared": False,
            "denominator": REDUCER[p["reducer"]],
            **DISTANCE[p["distance"]],
        },
    ),
    ("pml", "supcon"): lambda p: (
        "SupConLoss",
        {"temperature": p["temperature"], "denominator": "active", **DISTANCE[p["distance"]]},
    ),
    ("pml", "lifted_structure"): lambda p: (
        "LiftedStructureLoss",
        {"margin": p["neg_margin"], **DISTANCE[p["distance"]]},
    ),
    ("pml", "generalized_lifted"): lambda p: (
        "LiftedStructureLoss",
        {"margin": p["neg_margin"], "form": "generalized", **DISTANCE[p["distance"]]},
    ),
    ("tfa", "contrastive_halves"): lambda p: (ContrastiveOfHalves, {"margin": p["margin"]}),
    ("tfa", "lifted_struct"): lambda p: ("LiftedStructureLoss", {"margin": p["margin"]}),
    ("pml", "npairs"): lambda p: ("NPairLoss", {"form": "pairs", "l2": 0.0, **DISTANCE[p["distance"]]}),
    ("tfa", "npairs"): lambda p: ("NPairLoss", {"form": "batch", "l2": 0.0}),
    ("pml", "ntxent"): lambda p: ("InfoNCELoss", {"temperature": p["temperature"], **DISTANCE[p["distance"]]}),
    ("pml", "nca"): lambda p: (
        "SoftNearestNeighborLoss",
        {"temperature": 1.0 / p["softmax_scale"], **DISTANCE[p["distance"]]},
    ),
    ("tfsim", "soft_nearest_neighbour"): lambda p: (
        "SoftNearestNeighborLoss",
        {"temperature": p.get("temperature", 1.0), "floor": 1e-9, "denominator": "rows"},
    ),
    ("pml", "multi_similarity"): lambda p: (
        "MultiSimilarityLoss",
        {
            "alpha": p["alpha"],
            "beta": p["beta"],
            "base": p["base"],
            "epsilon": 0.1 if p["miner"] else None,
            "denominator": "rows",
        },
    ),
    ("tfsim", "multi_similarity"): lambda p: (
        "MultiSimilarityLoss",
        {
            "alpha": p.get("alpha", 2.0),
            "beta": p.get("beta", 40.0),
            "base": p.get("lmda", 0.5),
            "epsilon": p.get("epsilon", 0.1),
            "distance": "dot",
            "denominator": "rows",
        },
    ),
    ("pml", "circle"): lambda p: ("CircleLoss", {"margin": p["m"], "gamma": p["gamma"], "denominator": "active"}),
    ("tfsim", "circle"): lambda p: (
        "CircleLoss",
        {
            "margin": p.get("margin", 0.4),
            "gamma": p.get("gamma", 80.0),
            "form": "separate",
            "distance": "dot",
            "denominator": "rows",
        },
    ),
    ("pml", "margin_beta"): lambda p: (
        "MarginLoss",
        {"margin": p["margin"], "beta": p["beta"], **DISTANCE[p["distance"]]},
    ),
}
