"""The selectively contrastive triplet loss: what to do with a negative that is nearer than the nearest positive."""

import keras
from keras import ops

from zoo import errors, geometry
from zoo.losses import chosen, objectives
from zoo.losses.base import Loss
from zoo.losses.triplet import finish


@keras.saving.register_keras_serializable(package="zoo")
class SelectiveContrastiveTriplet(Loss):
    """Takes the nearest positive and the nearest negative, and only pushes the negative of a hard triplet.

    With cosines s, a triplet is hard when s_an > s_ap or s_an > hard_threshold; it costs hard_weight * s_an. Any other
    costs log(1 + exp((s_an - s_ap) / T)). The mean is over anchors. Pulling the positive of a hard triplet as well is
    what makes plain hard negatives collapse: on the unit sphere its gradient is nearly parallel to the negative's.

    Needs batches with several samples of several classes: `zoo.data.pk_batches`. Anchors without a positive or
    without a negative are left out. The batch health has `hn_ratio`, the share of anchors with s_an > s_ap.

    Args:
        hard_weight: weight of hard triplets.
        hard_threshold: cosine above which a negative makes its triplet hard.
        temperature: T.
        normalize: as in `TripletLoss`; cosines do not depend on it.
        duplicate_threshold: positives more similar than this are taken for copies and ignored; None keeps them.
        anchor_chunk: anchors at a time, for memory O(N x chunk); None takes all at once.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: a setting that is no number.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.SelectiveContrastiveTriplet()
    >>> round(float(loss([0, 0, 1, 1], [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8]])), 4)
    0.5435

    Related: `zoo.losses.TripletLoss(positive="easy", negative="semi_hard")` leaves such negatives out instead.

    Reference: Xuan, Stylianou, Liu, Pless 2020 (Hard negative examples are hard, but useful).
    """

    adjustable = ("hard_weight", "hard_threshold")
    reports = ("hn_ratio",)
    # what the mining of one triplet an anchor reads
    positive, negative, fallback, distance, swap, min_similarity = "easy", "hard", "drop", "cosine", False, None

    def __init__(
        self,
        hard_weight=1.0,
        hard_threshold=0.8,
        temperature=0.1,
        normalize=None,
        duplicate_threshold=0.9999,
        anchor_chunk=None,
        reduction="mean",
        name="sct",
        dtype=None,
    ):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.hard_weight = errors.number("hard_weight", hard_weight)
        self.hard_threshold = errors.number("hard_threshold", hard_threshold)
        self.temperature = errors.number("temperature", temperature, 1e-6)
        self.normalize = normalize
        self.duplicate_threshold = errors.optional_number("duplicate_threshold", duplicate_threshold)
        self.anchor_chunk = None if anchor_chunk is None else errors.whole("anchor_chunk", anchor_chunk)

    def terms(self, labels, embeddings):
        x = geometry.normalize(embeddings) if self.normalize else embeddings
        settings = self.temperature, self.hard_weight, self.hard_threshold
        sums = chosen.one_each(x, labels, self, objectives.make("selective", 0.0, *settings), self.anchor_chunk)
        terms = finish(sums, labels, "anchors")
        hard = ops.cast(sums[:, 4] > sums[:, 3], terms.valid.dtype) * terms.valid
        terms.health["hn_ratio"] = ops.sum(hard) / ops.maximum(ops.sum(terms.valid), 1.0)
        return terms

    def get_config(self):
        settings = ("hard_weight", "hard_threshold", "temperature", "normalize", "duplicate_threshold", "anchor_chunk")
        return {**super().get_config(), **{key: getattr(self, key) for key in settings}}
