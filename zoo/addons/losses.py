"""All losses of `zoo.addons` under the path that tensorflow-addons gave them, `losses.X`."""

from zoo.addons import metric_learning
from zoo.addons.focal import SigmoidFocalCrossEntropy, sigmoid_focal_crossentropy
from zoo.addons.lifted import LiftedStructLoss, lifted_struct_loss
from zoo.addons.pairs import (
    ContrastiveLoss,
    NpairsLoss,
    NpairsMultilabelLoss,
    contrastive_loss,
    npairs_loss,
    npairs_multilabel_loss,
)
from zoo.addons.triplet import TripletHardLoss, TripletSemiHardLoss, triplet_hard_loss, triplet_semihard_loss

__all__ = [
    "ContrastiveLoss",
    "LiftedStructLoss",
    "NpairsLoss",
    "NpairsMultilabelLoss",
    "SigmoidFocalCrossEntropy",
    "TripletHardLoss",
    "TripletSemiHardLoss",
    "contrastive_loss",
    "lifted_struct_loss",
    "metric_learning",
    "npairs_loss",
    "npairs_multilabel_loss",
    "sigmoid_focal_crossentropy",
    "triplet_hard_loss",
    "triplet_semihard_loss",
]
