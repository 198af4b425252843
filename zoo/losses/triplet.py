"""The triplet plane: which positive, which negative, and what the chosen triplet costs."""

import keras
from keras import ops

from zoo import errors, geometry, mining
from zoo.losses import batch_all, chosen, objectives, swapped
from zoo.losses.base import Loss, Terms, divide
from zoo.losses.row_loss import count_pairs

OBJECTIVES = ("hinge", "soft", "nca", "second_order")
MANY = ("all", "band", "violating")  # rules that give a positive any number of negatives
DENOMINATORS = ("active", "valid", "anchors", "sum")


@keras.saving.register_keras_serializable(package="zoo")
class TripletLoss(Loss):
    """Pulls each anchor's positive closer than its negative.

    With s the similarity (the negative distance), p the positive and n the negative that were chosen for anchor a,
    the cost of the triplet is `hinge`: max(0, s_an - s_ap + margin); `soft`: log(1 + exp(s_an - s_ap));
    `nca`: log(1 + exp((s_an - s_ap + margin) / T)), and against all negatives log(1 + sum over n of the same exp), one
    softmax; `second_order`: log(1 + exp(((rho^2 - 1) / 2 + margin) / T)) with rho^2 = (1 - s_ap)^2 + s_an^2.

    Needs batches with several samples of several classes: `zoo.data.pk_batches`. Anchors without a positive or
    without a negative are left out.

    | name in the zoo | positive | negative  | objective                         |
    | --------------- | -------- | --------- | --------------------------------- |
    | `triplet`       | all      | all       | hinge                             |
    | `batchhard`     | hard     | hard      | hinge                             |
    | `semihard`      | all      | semi_hard | hinge, squared euclidean distance |
    | `ep`            | easy     | all       | nca                               |
    | `ephn`          | easy     | hard      | nca                               |
    | `epshn`         | easy     | semi_hard | nca                               |
    | `epshn2`        | easy     | semi_hard | second_order                      |

    Args:
        positive: `"all"`, `"hard"` (farthest) or `"easy"` (nearest).
        negative: `"all"`, `"hard"` (nearest), `"semi_hard"` (nearest that is farther than the positive), `"easy"`
            (farthest); with the hinge also `"band"` (all that are farther than the positive by no more than the margin)
            and `"violating"` (all that are not farther than the positive, or by a negative margin closer).
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
        min_similarity: leave out triplets whose positive or negative is not more similar than this; None keeps them.
        swap: take the negative's similarity to the positive where it is larger than that to the anchor.
        anchor_chunk: anchors at a time, for memory O(N x chunk) instead of O(N^2); None takes all at once.
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
    Balntas et al. 2016 (swap); Xuan et al. 2020 (easy positives).
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
        min_similarity=None,
        swap=False,
        anchor_chunk=None,
        reduction="mean",
        name="triplet",
        dtype=None,
    ):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        if margin == "soft":
            objective, margin = "soft", 0.0
        elif isinstance(margin, str):
            raise ValueError(f"margin must be a number or 'soft', not {margin!r}")
        for kind, value, valid in (
            ("positive", positive, mining.POSITIVES),
            ("negative", negative, mining.NEGATIVES),
            ("objective", objective, OBJECTIVES),
            ("denominator", denominator, DENOMINATORS),
            ("fallback", fallback, ("farthest", "drop")),
        ):
            if value not in valid:
                raise ValueError(errors.unknown(kind, value, valid))
        self.positive, self.negative, self.objective = positive, negative, objective
        self.margin = errors.number("margin", margin)
        self.temperature = errors.number("temperature", temperature, 1e-6)
        self.distance = geometry.check_distance(distance)
        self.normalize = normalize
        self.denominator, self.fallback = denominator, fallback
        self.duplicate_threshold = errors.optional_number("duplicate_threshold", duplicate_threshold)
        self.min_similarity = errors.optional_number("min_similarity", min_similarity)
        self.swap = errors.flag("swap", swap)
        self.anchor_chunk = None if anchor_chunk is None else errors.whole("anchor_chunk", anchor_chunk)
        self._check_combination()

    def _check_combination(self):
        """Refuse settings that have no meaning together."""
        many = self.negative in MANY
        for wrong, message in (
            (
                self.objective == "second_order" and self.distance != "cosine",
                f"objective='second_order' is stated in cosines, not in distance={self.distance!r}",
            ),
            (
                self.negative in ("band", "violating") and (self.objective != "hinge" or self.swap),
                f"negative={self.negative!r} needs objective='hinge' and swap=False, "
                f"not objective={self.objective!r}, swap={self.swap!r}",
            ),
            (
                many and self.min_similarity is not None,
                f"min_similarity needs one negative for each positive, not negative={self.negative!r}",
            ),
            (
                many and self.swap and (self.objective == "nca" or self.anchor_chunk is not None),
                "swap=True with negative='all' needs all rows at once and a sum over triplets: objective='hinge', 'soft' "
                f"or 'second_order' and anchor_chunk=None, not {self.objective!r} and {self.anchor_chunk!r}",
            ),
        ):
            if wrong:
                raise ValueError(message)

    def terms(self, labels, embeddings):
        x = geometry.normalize(embeddings) if self.normalize else embeddings
        objective = objectives.make(self.objective, self.margin, self.temperature)
        if self.negative in MANY:
            if self.swap:
                sums = swapped.every(x, labels, self, objective)
            else:
                sums = batch_all.every(x, labels, self, objective, self.anchor_chunk)
        else:
            choose = chosen.pairs if self.positive == "all" else chosen.one_each
            sums = choose(x, labels, self, objective, self.anchor_chunk)
        return finish(sums, labels, self.denominator)

    def get_config(self):
        settings = ("positive", "negative", "objective", "margin", "temperature", "distance", "normalize")
        settings += ("denominator", "fallback", "duplicate_threshold", "min_similarity", "swap", "anchor_chunk")
        return {**super().get_config(), **{key: getattr(self, key) for key in settings}}


def finish(sums, labels, denominator):
    """Return `Terms` whose mean over anchors is the sum over triplets divided as `denominator` says.

    Args:
        sums: for each anchor [N, 5] its value, active triplets, triplets, and the sums of s_ap and s_an over them.
        labels: integers [N] or [N, 2], see `zoo.mining.parts`.
        denominator: one of `DENOMINATORS`.
    """
    values, (active, triplets, s_ap, s_an) = sums[:, 0], (ops.stop_gradient(sums[:, i]) for i in range(1, 5))
    valid = ops.cast(triplets > 0, values.dtype)
    anchors, total = ops.sum(valid), ops.sum(triplets)
    positives, negatives = count_pairs(labels, values.dtype)
    counts = {"active": ops.sum(active), "valid": total, "anchors": anchors, "sum": ops.ones_like(anchors)}
    health = {
        "valid_anchors": anchors,
        "active_fraction": divide(ops.sum(active), total),
        "positive_share": divide(positives, positives + negatives),
        "mean_s_ap": divide(ops.sum(s_ap), total),
        "mean_s_an": divide(ops.sum(s_an), total),
    }
    return Terms(values * divide(anchors, counts[denominator]), valid, health)
