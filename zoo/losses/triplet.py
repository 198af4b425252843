"""The triplet plane: which positive, which negative, and what the chosen triplet costs."""

import keras
from keras import ops

from zoo import errors, geometry, mining
from zoo.losses import objectives
from zoo.losses.base import Loss, Terms, divide
from zoo.losses.batch_all import batch_all

OBJECTIVES = ("hinge", "soft", "nca", "second_order")
DENOMINATORS = ("active", "valid", "anchors", "sum")


@keras.saving.register_keras_serializable(package="zoo")
class TripletLoss(Loss):
    """Pulls each anchor's positive closer than its negative.

    With s the similarity (the negative distance), p the positive and n the negative that were chosen for anchor a,
    the cost of the triplet is `hinge`: max(0, s_an - s_ap + margin); `soft`: log(1 + exp(s_an - s_ap));
    `nca`: log(1 + exp((s_an - s_ap + margin) / T)); `second_order`: log(1 + exp((rho^2 - 1) / 2T)) with
    rho^2 = (1 - s_ap)^2 + s_an^2.

    Needs batches with several samples of several classes: `zoo.data.pk_batches`. Anchors without a positive or
    without a negative are left out.

    | name in the zoo | positive | negative  | objective                         |
    | --------------- | -------- | --------- | --------------------------------- |
    | `triplet`       | all      | all       | hinge                             |
    | `batchhard`     | hard     | hard      | hinge                             |
    | `semihard`      | all      | semi_hard | hinge, squared euclidean distance |
    | `epshn`         | easy     | semi_hard | nca                               |

    Args:
        positive: `"all"`, `"hard"` (farthest) or `"easy"` (nearest).
        negative: `"all"` (with all positives and the hinge), `"hard"` (nearest), `"semi_hard"` (nearest that is
            farther than the positive) or `"easy"` (farthest).
        objective: `"hinge"`, `"soft"`, `"nca"` or `"second_order"`.
        margin: number in units of the distance, or `"soft"` for the objective `"soft"`.
        temperature: T of `"nca"` and `"second_order"`.
        distance: `"cosine"`, `"dot"`, `"euclidean"` or `"squared_euclidean"`. On unit vectors a margin m in squared
            euclidean distance is a margin m / 2 in cosine.
        normalize: scale rows to unit length first; None does so for the cosine only.
        denominator: the sum over triplets is divided by the number of `"active"` ones (cost above 0), of `"valid"`
            ones, of valid `"anchors"`, or by nothing (`"sum"`, with the reduction `"mean"`).
        fallback: what a semi-hard anchor without a farther negative gets: the `"farthest"` negative, or `"drop"`.
        duplicate_threshold: easy positives more similar than this are taken for copies and ignored; None keeps them.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: an unknown word, or a combination that has no meaning.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.TripletLoss(positive="hard", negative="hard", margin=0.2)
    >>> round(float(loss([0, 0, 1, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])), 4)
    0.2

    Related: `zoo.losses.MulticlassHinge` compares class scores instead of samples.

    References: Schroff et al. 2015 (semi-hard); Hermans et al. 2017 (batch-all, batch-hard, soft margin);
    Xuan et al. 2020 (easy positives with semi-hard negatives).
    """

    def __init__(
        self,
        positive="all",
        negative="all",
        objective="hinge",
        margin=0.2,
        temperature=0.1,
        distance="cosine",
        normalize=None,
        denominator="active",
        fallback="farthest",
        duplicate_threshold=None,
        reduction="mean",
        name="triplet",
        dtype=None,
    ):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        if margin == "soft":
            if negative == "all":
                raise ValueError("margin='soft' cannot be summed over all triplets by sorting; give a number")
            objective, margin = "soft", 0.0
        for kind, value, valid in (
            ("positive", positive, mining.POSITIVES),
            ("negative", negative, mining.NEGATIVES),
            ("objective", objective, OBJECTIVES),
            ("denominator", denominator, DENOMINATORS),
            ("fallback", fallback, ("farthest", "drop")),
        ):
            if value not in valid:
                raise ValueError(errors.unknown(kind, value, valid))
        if negative == "all" and (positive != "all" or objective != "hinge"):
            raise ValueError(
                "negative='all' needs positive='all' and objective='hinge': only the hinge can be summed over all "
                f"triplets by sorting; got positive={positive!r}, objective={objective!r}"
            )
        if objective == "second_order" and distance != "cosine":
            raise ValueError(f"objective='second_order' is stated in cosines, not in distance={distance!r}")
        self.positive, self.negative, self.objective = positive, negative, objective
        self.margin = errors.number("margin", margin)
        self.temperature = errors.number("temperature", temperature, 1e-6)
        self.distance = geometry.check_distance(distance)
        self.normalize = normalize
        self.denominator, self.fallback = denominator, fallback
        self.duplicate_threshold = duplicate_threshold

    def terms(self, labels, embeddings):
        x = geometry.normalize(embeddings) if self.normalize else embeddings
        positives, negatives = mining.positive_mask(labels), mining.negative_mask(labels)
        if self.negative == "all":
            return self._all(geometry.similarity_matrix(x, self.distance), positives, negatives)
        if self.positive == "all":
            return self._pairs(geometry.similarity_matrix(x, self.distance), positives, negatives)
        return self._one_each(x, positives, negatives)

    def _all(self, similarity, positives, negatives):
        """Every triplet, by rank counts."""
        values, active = batch_all(similarity, positives, negatives, self.margin)
        pairs = ops.cast(positives, values.dtype), ops.cast(negatives, values.dtype)
        triplets = ops.sum(pairs[0], axis=1) * ops.sum(pairs[1], axis=1)  # (N,)
        means = [ops.sum(similarity * mask) / ops.maximum(ops.sum(mask), 1.0) for mask in pairs]
        return self._finish(values, active, triplets, *means)

    def _pairs(self, similarity, positives, negatives):
        """Every positive pair with one negative of its own."""
        detached = ops.stop_gradient(similarity)
        if self.negative == "semi_hard":
            index, found = mining.pairwise_semi_hard(detached, positives, negatives, self.fallback)
        else:
            index, has = mining.pick_negative(detached, negatives, self.negative)
            index = ops.broadcast_to(index[:, None], ops.shape(similarity))
            found = ops.logical_and(positives, has[:, None])
        found = ops.cast(found, similarity.dtype)  # (N, N)
        s_an = ops.take_along_axis(similarity, index, axis=1)
        cost = self._cost(similarity, s_an) * found
        active = ops.sum(ops.cast(cost > 0, cost.dtype), axis=1)
        total = ops.maximum(ops.sum(found), 1.0)
        means = ops.sum(similarity * found) / total, ops.sum(s_an * found) / total
        return self._finish(ops.sum(cost, axis=1), active, ops.sum(found, axis=1), *means)

    def _one_each(self, x, positives, negatives):
        """One positive and one negative an anchor; the gradient passes through the chosen pairs only."""
        detached = ops.stop_gradient(geometry.similarity_matrix(ops.stop_gradient(x), self.distance))
        candidates = positives
        if self.positive == "easy" and self.duplicate_threshold is not None:
            candidates = ops.logical_and(positives, detached <= self.duplicate_threshold)
        p, has_p = mining.pick_positive(detached, candidates, self.positive)
        s_ap = ops.take_along_axis(detached, p[:, None], axis=1)[:, 0]
        strict = self.positive != "easy"  # the reference of EPSHN allows equality
        n, has_n = mining.pick_negative(detached, negatives, self.negative, s_ap, strict, self.fallback)
        found = ops.cast(ops.logical_and(has_p, has_n), detached.dtype)  # (N,)
        s_ap = geometry.paired_similarity(x, ops.take(x, p, axis=0), self.distance)
        s_an = geometry.paired_similarity(x, ops.take(x, n, axis=0), self.distance)
        cost = self._cost(s_ap, s_an) * found
        total = ops.maximum(ops.sum(found), 1.0)
        means = ops.sum(s_ap * found) / total, ops.sum(s_an * found) / total
        return self._finish(cost, ops.cast(cost > 0, cost.dtype), found, *means)

    def _cost(self, s_ap, s_an):
        if self.objective == "hinge":
            return objectives.hinge(s_ap, s_an, self.margin)
        if self.objective == "soft":
            return objectives.soft_margin(s_ap, s_an)
        if self.objective == "nca":
            return objectives.nca(s_ap, s_an, self.temperature, self.margin)
        return objectives.second_order(s_ap, s_an, self.temperature)

    def _finish(self, values, active, triplets, s_ap, s_an):
        """Sums, active and valid triplets of each anchor [N] become values whose mean over anchors is the loss."""
        valid = ops.cast(triplets > 0, values.dtype)
        anchors = ops.sum(valid)
        counts = {"active": ops.sum(active), "valid": ops.sum(triplets), "anchors": anchors, "sum": 1.0}
        scale = divide(anchors, ops.stop_gradient(counts[self.denominator] * ops.ones_like(anchors)))
        health = {
            "valid_anchors": anchors,
            "active_fraction": divide(ops.sum(active), ops.sum(triplets)),
            "mean_s_ap": s_ap,
            "mean_s_an": s_an,
        }
        return Terms(values * scale, valid, health)

    def get_config(self):
        settings = ("positive", "negative", "objective", "margin", "temperature", "distance", "normalize")
        settings += ("denominator", "fallback", "duplicate_threshold")
        return {**super().get_config(), **{key: getattr(self, key) for key in settings}}
