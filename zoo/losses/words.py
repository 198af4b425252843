"""Cross-entropy for several labels an item, weighted by how often each occurs."""

import keras
import numpy as np
from keras import ops

from zoo import errors
from zoo.losses.base import Loss, Terms, check_vectors, seen
from zoo.losses.hinge import score_health

WEIGHTINGS = ("balanced", "inverse", "sqrt", "effective", None)
RAREST, STEEPEST = 5, 50.0  # counts below are taken for this many; no positive weighs more, or less than its inverse
BETA = 0.999  # of the effective number of samples


@keras.saving.register_keras_serializable(package="zoo")
class WordsLoss(Loss):
    """Multi-label cross-entropy over words, in which rare words are not lost.

    For logits z and targets y in 0..1, with `form="sigmoid"`, the sum over the words w of
    c_w ((1 - y) z + (1 + (q_w - 1) y) log(1 + exp(-z))): q_w weighs where a word occurs, c_w the word as a whole. With f_w
    of U items holding the word: `"balanced"` has q_w = (U - f_w) / f_w; `"inverse"`, `"sqrt"` and `"effective"` have c_w
    proportional to 1 / f_w, f_w^-1/2 and (1 - b) / (1 - b^f_w), b = 0.999. Counts below 5 are taken for 5, q_w stays
    between 1/50 and 50, the mean of c_w is 1, and words that never occur leave the loss.
    `form="softmax"` is -sum_w c_w y_w log softmax(z)_w with y scaled to sum 1, where q_w, at mean 1, stands for c_w;
    items without any word are left out.

    Needs multi-hot labels [N, C]; any batch will do.

    Args:
        weighting: `"balanced"`, `"inverse"`, `"sqrt"`, `"effective"`, or None.
        frequencies: number of items that hold each word [C]; None weighs all words alike.
        items: U, the number of items that were counted; required with `frequencies`.
        form: `"sigmoid"`, or `"softmax"` as in older work.
        reduction, name, dtype: see `zoo.losses.Loss`.

    Raises:
        ValueError: an unknown weighting or form, a weighting or items without frequencies, counts above `items`, labels
            that are no [N, C] of numbers from 0 to 1.

    Example:

    >>> import zoo
    >>> loss = zoo.losses.WordsLoss(frequencies=(20, 50), items=100)
    >>> round(float(loss([[1, 0]], [[0.0, 0.0]])), 4)
    3.4657

    Related: `zoo.losses.SoftmaxLoss` for one class an item.

    References: Kamper et al. 2017 (words in speech); Cui et al. 2019 (effective number of samples).
    """

    takes = "scores"
    multilabel = True
    adjustable = ()

    def __init__(
        self, weighting="balanced", frequencies=None, items=None, form="sigmoid", reduction="mean", name="words", dtype=None
    ):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        if weighting not in WEIGHTINGS:
            raise ValueError(errors.unknown("weighting", weighting, WEIGHTINGS))
        if form not in ("sigmoid", "softmax"):
            raise ValueError(errors.unknown("form", form, ("sigmoid", "softmax")))
        self.weighting, self.form, self.frequencies, self.items = weighting, form, None, items
        if frequencies is not None:
            self.items = errors.whole("items", items)
            self.frequencies = tuple(errors.whole("frequencies", int(f), 0) for f in frequencies)
            if not self.frequencies or max(self.frequencies) > self.items or not any(self.frequencies):
                raise ValueError(f"frequencies must be counts of up to items={items}, one of them above 0")
        elif weighting not in ("balanced", None) or items is not None:
            raise ValueError(f"frequencies=None: weighting={weighting!r} and items={items!r} need the counts of the words")

    def word_weights(self):
        """Return q and c, float64 [C] each, or (None, None) without frequencies."""
        if self.frequencies is None:
            return None, None
        f = np.asarray(self.frequencies, "float64")
        floored, q, c = np.maximum(f, RAREST), np.ones(len(f)), np.ones(len(f))
        if self.weighting == "balanced":
            q = np.clip((self.items - floored) / floored, 1.0 / STEEPEST, STEEPEST)
        elif self.weighting is not None:
            effective = (1 - BETA) / (1 - BETA**floored)
            c = {"inverse": 1 / floored, "sqrt": floored**-0.5, "effective": effective}[self.weighting]
        if self.form == "softmax":
            q, c = np.ones(len(f)), q * c
        return q, np.where(f > 0, c, 0.0) / c[f > 0].mean()

    def probabilities(self, logits):
        """Return the probability of each word, floats [N, C], of logits [N, C].

        s(z), or softmax(z), which is then a share, over the words that occur. They are those of the weighted items: with
        `"balanced"` as if every word were in half of them.
        """
        if self.form == "sigmoid":
            return ops.sigmoid(logits)
        _, c = self.word_weights()
        return ops.softmax(logits if c is None else ops.where(ops.convert_to_tensor(c > 0), logits, -1e30), axis=-1)

    def output_bias(self):
        """Return the logits [C] at which the loss is least for a model that knows only the frequencies, or None.

        log(q f / (U - f)), which is log(f / (U - f)) without weights; log(c f) for the softmax. A `LossLayer` begins with
        it: from 0 the first epochs would learn nothing but how often each word occurs.
        """
        q, c = self.word_weights()
        if q is None:
            return None
        f = np.clip(np.asarray(self.frequencies, "float64"), 0.5, self.items - 0.5)
        return np.log(np.where(c > 0, c, 1.0) * f) if self.form == "softmax" else np.log(q * f / (self.items - f))

    def check_labels(self, values, classes=None):
        if values.dtype.kind not in "biuf":
            raise ValueError(f"labels must be multi-hot numbers (N, C), not {values.dtype}")
        if values.ndim != 2 or (classes is not None and values.shape[1] != classes):
            wanted = f"(N, {classes or 'C'})"
            raise ValueError(f"labels must be multi-hot of shape {wanted}, one column a word, not {values.shape}")
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError("labels must be multi-hot, numbers from 0 to 1, but some lie outside or are no number")
        return values.astype("float32")

    def checked_terms(self, y_true, y_pred):
        logits = check_vectors(y_pred)
        classes, values = logits.shape[-1], seen(y_true)
        if self.frequencies is not None and len(self.frequencies) != classes:
            raise ValueError(f"frequencies hold {len(self.frequencies)} words, the scores {classes}; they must be equal")
        if values is not None:
            self.check_labels(values, classes)
        labels = ops.cast(ops.convert_to_tensor(y_true), logits.dtype)
        rows, given = logits.shape[0], labels.shape
        if len(given) != 2 or given[1] != classes or (None not in (rows, given[0]) and rows != given[0]):
            raise ValueError(f"labels must be multi-hot of shape ({rows or 'N'}, {classes}), as the scores are, not {given}")
        return self.terms(labels, logits)

    def terms(self, labels, logits):
        q, c = (1.0 if w is None else ops.convert_to_tensor(w, dtype=logits.dtype) for w in self.word_weights())
        valid = ops.ones_like(logits[:, 0])
        if self.form == "sigmoid":
            cost = (1.0 - labels) * logits + (1.0 + (q - 1.0) * labels) * ops.softplus(-logits)
        else:
            if self.frequencies is not None:
                logits = ops.where(c > 0, logits, -1e30)
                labels = ops.where(c > 0, labels, 0.0)
            total = ops.sum(labels, axis=1, keepdims=True)
            labels, valid = labels / ops.where(total > 0, total, 1.0), ops.cast(total[:, 0] > 0, logits.dtype)
            cost = labels * (ops.logsumexp(logits, axis=1, keepdims=True) - logits)
        values = ops.sum(c * cost, axis=1)
        return Terms(values, valid, score_health(values) | {"valid_anchors": ops.sum(valid)})

    def get_config(self):
        settings = {key: getattr(self, key) for key in ("weighting", "frequencies", "items", "form")}
        return {**super().get_config(), **settings}
