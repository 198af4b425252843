"""The metric-learning losses of tensorflow-addons 0.23 on Keras 3, under their own names, arguments and defaults.

`import zoo.addons as tfa` is meant to be the only line that changes: `tfa.losses.TripletSemiHardLoss()` stays as it was.
"""

from zoo.addons import losses, metric_learning
from zoo.addons.losses import *  # noqa: F403
from zoo.addons.metric_learning import angular_distance, pairwise_distance

__all__ = [*losses.__all__, "angular_distance", "losses", "metric_learning", "pairwise_distance"]
