"""What is compared: the losses, who has them, and what ratio ours is to keep. Data only; every environment imports it."""

from typing import NamedTuple

D, K, CLASSES = 128, 4, 11318  # embedding size, samples a class, classes of the margin softmax
SIZES = (128, 512, 1024, 2048, 4096, 8192)
LIBRARIES = {  # one process each; value: its environment in build/peers, None for the project's own
    "zoo": None,
    "tfa": "tensorflow",
    "tfsim": "tensorflow",
    "pml": "torch",
}
FULL_NAMES = {
    "zoo": "zoo",
    "tfa": "tensorflow-addons",
    "tfsim": "tensorflow-similarity",
    "pml": "pytorch-metric-learning",
}
FLOORS = {"floor": "x x^T and its gradient", "class floor": "x W^T and its gradient"}  # each of three products
FLOOR = {"zoo": "zoo", "tfa": "zoo", "tfsim": "zoo", "pml": "pml"}  # whose process runs the floor of a library


class Case(NamedTuple):
    """One loss.

    Attributes:
        title: what the tables call it.
        name: name of ours in the zoo.
        settings: settings of ours beyond the name's own, so that the definition is the peers'.
        peers: peer -> what it computes as a multiple of ours, None where its definition differs.
        targets: peer -> largest ratio of times, ours over the peer's, from N = 512 on.
        k: samples a class.
        bytes_a_pair: largest peak memory of ours at N = 4096 over N^2; 0 where none is asked.
        peak_gib: largest peak memory of ours at N = 8192, in GiB; 0 where it is not measured.
        floor: which of FLOORS no program that uses autodiff can be much faster than.
    """

    title: str
    name: str
    peers: dict
    targets: dict
    settings: dict = {}
    k: int = K
    bytes_a_pair: float = 0
    peak_gib: float = 0
    floor: str = "floor"


CASES = {
    "batchhard": Case(
        "batch-hard", "batchhard", {"tfa": 2, "tfsim": 1, "pml": 1}, {"tfa": 0.4, "pml": 0.3}, bytes_a_pair=20
    ),
    "semihard": Case(
        "semi-hard", "semihard", {"tfa": 1, "tfsim": None}, {"tfa": 0.01, "tfsim": 0.5}, bytes_a_pair=20, peak_gib=4
    ),
    "epshn": Case("EPSHN", "epshn", {"pml": 1}, {"pml": 0.3}, bytes_a_pair=20),
    "triplet": Case("batch-all", "triplet", {"pml": 1}, {"pml": 0.3}, bytes_a_pair=30, peak_gib=4),
    "triplet64": Case("batch-all, K = 64", "triplet", {"pml": 1}, {"pml": 0.3}, k=64, bytes_a_pair=30, peak_gib=4),
    "lifted": Case("lifted structure", "lifted", {"tfa": 1, "pml": 1}, {"tfa": 0.02}, {"margin": 1.0}, bytes_a_pair=30),
    "npair": Case("N-pair", "npair", {"tfa": 1}, {"tfa": 1.15}, {"form": "batch", "l2": 0.0}, bytes_a_pair=30),
    "contrastive": Case(
        "contrastive", "contrastive", {"pml": 1}, {}, {"squared": False, "denominator": "active"}, bytes_a_pair=30
    ),
    "multisimilarity": Case(
        "multi-similarity, mined",
        "multisimilarity",
        {"tfsim": None, "pml": 1},
        {"tfsim": 0.6, "pml": 0.6},
        bytes_a_pair=30,
    ),
    "multisimilarity_all": Case(
        "multi-similarity, all pairs", "multisimilarity", {"pml": 1}, {"pml": 0.6}, {"epsilon": None}, bytes_a_pair=30
    ),
    "circle": Case("circle", "circle", {"tfsim": None, "pml": 1}, {"tfsim": 0.6, "pml": 0.6}, bytes_a_pair=30),
    "supcon": Case("SupCon", "supcon", {"pml": 1}, {}, {"temperature": 0.1}, bytes_a_pair=30),
    "arcface": Case(f"ArcFace, {CLASSES} classes", "arcface", {"pml": 1}, {"pml": 0.6}, floor="class floor"),
}
CHUNK = 512  # rows at a time, where ours can be told so


def batch(case, n, d=D, seed=0):
    """Embeddings [N, D] in loose clusters and class ids [N] of a P x K batch; the same numbers in every process."""
    import numpy as np

    random = np.random.default_rng(seed)
    k = min(CASES[case].k if case in CASES else K, n // 2)
    classes = random.choice(CLASSES, -(-n // k), replace=False)
    labels = np.repeat(classes, k)[:n].astype("int32")
    centers = random.normal(size=(len(classes), d))
    x = np.repeat(centers, k, axis=0)[:n] * 0.6 + random.normal(size=(n, d))
    return x.astype("float32"), labels


def class_weights(d=D):
    """Rows of the margin softmax's classes [C, D]; the same numbers in every process."""
    import numpy as np

    return np.random.default_rng(1).normal(size=(CLASSES, d)).astype("float32")
