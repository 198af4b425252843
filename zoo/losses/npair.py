"""N-pair loss: softmax over dot products, on one pair a class, on all pairs, or on several labels a row."""

import keras
import numpy as np
from keras import ops

from zoo import errors, geometry, mining
from zoo.losses.base import Loss, Terms, check_batch, check_label_values, divide, seen
from zoo.losses.infonce import positives_against_negatives
from zoo.losses.row_loss import exponentials, mask_means, pair_means, sums_by_class
from zoo.losses.sides import SideLoss
from zoo.mining import inside

FORMS = ("all", "pairs", "batch")


@keras.saving.register_keras_serializable(package="zoo")
class NPairLoss(SideLoss):
    """Picks the positive of each anchor out of the other classes, by softmax over dot products.

    With z the dot product over T, the cost of an anchor a with positive p is log(1 + sum_n exp(z_an - z_ap)). The forms
    differ in what a, p and n range over:

    - `"all"`: every ordered positive pair, with all rows of other classes as n; whatever the batch, no row is lost.
    - `"pairs"`: the paper's. The two first rows of each class in the batch are its anchor and its positive, n ranges over
      the positives of the other classes, and further rows are ignored. It depends on the order of the batch. With sample
      ids it is the first rows of two samples.
    - `"batch"`: softmax over all rows of the batch, with the target spread evenly over the anchor's class, itself included
      (the form of tensorflow-addons) and its copies, by sample ids, left out of both.

    The cost is averaged over pairs (or anchors), and `l2` times the mean squared length of their rows is added: rows are
    taken as they are, and lengths would grow without end.

    Needs batches with at least two rows of at least two classes: `zoo.data.pk_batches`.

    Args:
        form: `"all"`, `"pairs"` or `"batch"`.
        l2: weight of the squared lengths; 0.003 is what a public reimplementation uses for Cars196.
        temperature: T.
        distance: `"dot"`, or `"cosine"` with a temperature well below 1.
        normalize: scale rows to unit length first; None does so for the cosine only.
        anchor_chunk: rows computed at a time, for memory of O(N x chunk); None takes all at once. Not for `"pairs"`.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: an unknown word, a negative `l2`, a temperature below 1e-6.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.NPairLoss(form="pairs", l2=0.0)
    >>> round(float(loss([0, 0, 1, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])), 4)
    0.3133

    Related: `zoo.losses.InfoNCELoss` is the form `"all"` on cosines; `zoo.losses.MultilabelNPairLoss`.

    References: Sohn 2016, Improved deep metric learning with multi-class N-pair loss objective.
    """

    adjustable = ("temperature",)
    denominators = ("valid",)
    settings = ("form", "l2", "temperature")

    def __init__(
        self,
        form="all",
        l2=0.003,
        temperature=1.0,
        distance="dot",
        normalize=None,
        anchor_chunk=None,
        reduction="mean",
        name="npair",
        dtype=None,
    ):
        super().__init__(distance, normalize, "valid", anchor_chunk, reduction, name, dtype)
        if form not in FORMS:
            raise ValueError(errors.unknown("form", form, FORMS))
        if distance not in ("dot", "cosine"):
            raise ValueError(f"distance must be 'dot' or 'cosine', not {distance!r}: N-pair is stated in products")
        self.form, self.l2 = form, errors.number("l2", l2, 0.0)
        self.temperature = errors.number("temperature", temperature, 1e-6)

    def terms(self, labels, embeddings):
        if self.form == "pairs":
            return self._pairs(labels, embeddings)
        x = self.prepare(embeddings)
        if self.form == "all":
            found = self.outputs_of_sides(self.sides, labels, x)
        else:
            at = [] if len(labels.shape) == 1 else [ops.arange(ops.shape(labels)[0], dtype="int32")]
            found = self.outputs(self.row, labels, x, given=at)
        (values, terms, active), pairs = found
        squares = ops.sum(ops.square(geometry.widen(x)), axis=1)
        return self.finish(values + self.l2 * squares * terms, terms, active, pairs, "valid")

    def prepare(self, embeddings):
        unit = self.distance == "cosine" if self.normalize is None else self.normalize or self.distance == "cosine"
        return geometry.normalize(embeddings) if unit else embeddings

    def sides(self, near, far):
        return positives_against_negatives(near, far, self.temperature)

    def row(self, similarity, positives, negatives, at=None):
        scores, same = similarity / self.temperature, ops.logical_not(negatives)
        if at is not None:  # copies of the rows `at` [C] are in no sum
            itself = at[:, None] == ops.arange(ops.shape(similarity)[1], dtype="int32")[None, :]
            same = ops.logical_or(positives, itself)
            scores = inside(scores, ops.logical_or(same, negatives))
        same = ops.cast(same, similarity.dtype)
        log_total, powers, total, _ = exponentials(scores)
        count = ops.sum(same, axis=1, keepdims=True)
        anchor = ops.cast(ops.any(negatives, axis=1, keepdims=True), scores.dtype)
        value = anchor * (log_total - ops.sum(same * scores, axis=1, keepdims=True) / count)

        def weights(upstream):
            upstream = upstream * anchor / self.temperature
            return (upstream / total) * powers - (upstream / count) * same

        return value[:, 0], anchor[:, 0], value[:, 0] > 0, weights

    def _pairs(self, labels, embeddings):
        """Masks instead of a list of pairs, so that shapes stay those of the batch."""
        x = self.prepare(geometry.widen(embeddings))
        classes, samples = mining.parts(labels)
        same = classes[:, None] == classes[None, :]
        earlier = ops.cast(ops.tril(ops.ones_like(same, dtype="int32"), k=-1), "bool")
        fresh = None if samples is None else samples == ops.arange(ops.shape(samples)[0], dtype=ops.dtype(samples))
        earlier = earlier if fresh is None else ops.logical_and(earlier, fresh[None, :])
        rank = ops.sum(ops.cast(ops.logical_and(same, earlier), "int32"), axis=1)  # (N,): rows of the class before it
        rank = rank if fresh is None else ops.where(fresh, rank, -1)
        second = ops.logical_and(same, (rank == 1)[None, :])  # (N, N)
        first = ops.logical_and(rank == 0, ops.any(second, axis=1))  # (N,)
        partner = ops.take(x, ops.argmax(ops.cast(second, "int32"), axis=1), axis=0)  # (N, D)
        moved = partner - ops.stop_gradient(partner[:1])  # changes nothing in a softmax, and cancels less
        scores = ops.matmul(x, ops.transpose(moved)) / self.temperature
        own = ops.sum(x * moved, axis=1) / self.temperature
        rivals = ops.logical_and(ops.logical_not(same), first[None, :])
        valid = ops.cast(first, x.dtype)
        valid = valid * ops.cast(ops.sum(valid) > 1, x.dtype)  # a single class has nothing to be told from
        top = ops.stop_gradient(ops.max(ops.where(rivals, scores, own[:, None]), axis=1))
        others = ops.sum(ops.where(rivals, ops.exp(ops.where(rivals, scores, top[:, None]) - top[:, None]), 0.0), axis=1)
        cost = valid * (ops.log(others + ops.exp(own - top)) + top - own)
        squares = ops.sum(x * x + partner * partner, axis=1) / 2.0
        health = {
            "valid_anchors": ops.sum(valid),
            "active_fraction": divide(ops.sum(ops.cast(cost > 0, cost.dtype)), ops.sum(valid)),
            **pair_means(labels, *sums_by_class(x, labels, self.distance)),
        }
        return Terms(cost + valid * self.l2 * squares, valid, health)

    def get_config(self):
        config = super().get_config()
        del config["denominator"]
        return config


@keras.saving.register_keras_serializable(package="zoo")
class MultilabelNPairLoss(Loss):
    """N-pair loss where a row may have several labels: the more labels two rows share, the more they should agree.

    Softmax cross-entropy of each row's dot products with all rows, itself included; the target is the number of
    labels that two rows share, divided by its sum over the row.

    Needs rows with labels; a row without any is left out, and so is one that shares the same number with all rows.

    Args:
        temperature: the dot products are divided by it.
        normalize: scale rows to unit length first.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Call arguments:
        y_true: 1 where the row has the label, else 0 [N, C].
        y_pred: embeddings [N, D].

    Raises:
        ValueError: labels that are not 0 and 1, or not one row for each embedding.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.MultilabelNPairLoss()
    >>> round(float(loss([[1, 1], [0, 1]], [[1.0, 0.0], [0.0, 1.0]])), 4)
    0.6466

    Related: `zoo.losses.NPairLoss(form="batch")` is the case of one label a row.

    References: Sohn 2016; the form for several labels is that of tensorflow-addons.
    """

    adjustable = ("temperature",)

    def __init__(self, temperature=1.0, normalize=False, reduction="mean", name="multilabel_npair", dtype=None):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.temperature = errors.number("temperature", temperature, 1e-6)
        self.normalize = errors.flag("normalize", normalize)

    def check_labels(self, values, classes=None):
        return check_label_values(values.ravel()).reshape(values.shape)  # two columns are two labels, not a sample id

    def checked_terms(self, y_true, y_pred):
        y_true = ops.convert_to_tensor(y_true)
        if len(y_true.shape) != 2:
            raise ValueError(f"labels must have shape (N, C), 1 where a row has the label, not {tuple(y_true.shape)}")
        marks = ops.cast(y_true != 0, "int32")
        values = seen(y_true)
        if values is not None and not np.isin(values, (0, 1)).all():
            raise ValueError("labels must be 0 or 1, one column a label")
        _, embeddings = check_batch(marks[:, 0], y_pred)
        return self.terms(marks, embeddings)

    def terms(self, labels, embeddings):
        x = geometry.normalize(embeddings) if self.normalize else embeddings
        marks = ops.cast(labels, x.dtype)
        shared = ops.matmul(marks, ops.transpose(marks))  # (N, N): how many labels two rows have in common
        total = ops.sum(shared, axis=1)
        similarity = ops.matmul(x, ops.transpose(x))
        scores = similarity / self.temperature
        cost = ops.logsumexp(scores, axis=1) - divide(ops.sum(shared * scores, axis=1), total)
        uneven = ops.max(shared, axis=1) > ops.min(shared, axis=1)  # else nothing is to be told apart
        valid = ops.cast(uneven, x.dtype)
        cost = cost * valid
        others = 1.0 - ops.eye(ops.shape(x)[0], dtype=x.dtype)
        health = {
            "valid_anchors": ops.sum(valid),
            "active_fraction": divide(ops.sum(ops.cast(cost > 0, x.dtype)), ops.sum(valid)),
            **mask_means(similarity, others * ops.cast(shared > 0, x.dtype), ops.cast(shared == 0, x.dtype)),
        }
        return Terms(cost, valid, health)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature, "normalize": self.normalize}
