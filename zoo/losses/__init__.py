"""Losses with a configurable margin. `get("name", **settings)` takes the names of `zoo.list_losses()`."""

from zoo import registry
from zoo._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Loss": "base",
        "Terms": "base",
        "TripletLoss": "triplet",
        "SelectiveContrastiveTriplet": "selective",
        "MulticlassHinge": "hinge",
        "BinaryHinge": "hinge",
        "SoftmaxLoss": "margin_softmax",
        "MarginSoftmax": "margin_softmax",
        "AngularSoftmax": "angular_softmax",
        "AnnealingDecay": "angular_softmax",
        "ProxyNCALoss": "proxies",
        "ProxyAnchorLoss": "proxies",
        "WordsLoss": "words",
        "Matryoshka": "matryoshka",
        "Chunked": "chunked",
        # two towers
        "TowerLoss": "towers",
        "RankingLoss": "ranking",
        "MaskedMarginSoftmax": "ranking",
        "ManyToManyLoss": "many_to_many",
        "PairwiseSigmoid": "many_to_many",
        "CircleLoss": "circle",
        "ContrastiveLoss": "contrastive",
        "InfoNCELoss": "infonce",
        "LiftedStructureLoss": "lifted",
        "MarginLoss": "margin_pairs",
        "MultilabelNPairLoss": "npair",
        "MultiSimilarityLoss": "multi_similarity",
        "NearestNeighborLoss": "nearest_neighbor",
        "NPairLoss": "npair",
        "SmoothAPLoss": "smooth_ap",
        "SoftNearestNeighborLoss": "infonce",
        "SupConLoss": "infonce",
    },
)


__all__ += ["get"]


def get(name, **settings):
    """Return a loss by its name in the zoo.

    Args:
        name: a name of `zoo.list_losses()`, for instance `"epshn"`.
        **settings: settings of its class that differ from the name's own.

    Returns:
        `zoo.losses.Loss`: call it as `loss(labels, embeddings)`, or pass it to `compile`.

    Raises:
        ValueError: an unknown name or setting, answered with the nearest valid one.

    Example:

    >>> import zoo
    >>> zoo.losses.get("batchhard", margin=0.3).margin
    0.3
    """
    return registry.make(registry.entry("loss", name), settings)
