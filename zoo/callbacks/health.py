"""An alarm for batches that teach nothing and for spaces that have collapsed."""

import math
import warnings

import keras

from zoo import errors

ACTIONS = ("warn", "stop")


class BatchHealth(keras.callbacks.Callback):
    """Says in one sentence when batches give no gradient, or when all embeddings have become alike.

    No gradient: `patience_empty` steps in a row without a valid anchor. Collapsed: for `patience` steps in a row the
    spread of the embeddings is below a share of what it was at the first step, and the loss stands at the value that
    equal embeddings give (the margin for a triplet hinge, log 2 for the soft margin, twice the margin for the hardest
    rival of two towers), or, where that is not known, matches are no more similar than others. The plain many-to-many
    loss counts as collapsed when all similarities are near 0, where it rests at the share of matches.

    Needs: a model with a `zoo.layers.LossLayer`, as `zoo.build` returns it, and Keras' own logs of `fit`.

    Args:
        action: `"warn"` once, or `"stop"` training as well.
        patience: steps in a row before a collapse is called one.
        patience_empty: steps in a row without a valid anchor.
        spread: share of the first spread, below which embeddings are alike.
        tolerance: how near the loss must be to its value at collapse.

    Example:

    >>> history = model.fit(batches, epochs=2, verbose=0, callbacks=[zoo.callbacks.BatchHealth("stop")])

    Related: `zoo.callbacks.Retrieval` measures what the embeddings are good for.
    """

    def __init__(self, action="warn", patience=200, patience_empty=10, spread=0.05, tolerance=1e-3):
        super().__init__()
        if action not in ACTIONS:
            raise ValueError(errors.unknown("action", action, ACTIONS))
        self.action, self.patience = action, errors.whole("patience", patience)
        self.patience_empty = errors.whole("patience_empty", patience_empty)
        self.spread, self.tolerance = errors.number("spread", spread, 0, 1), errors.number("tolerance", tolerance, 0)
        self.message = None

    def on_train_begin(self, logs=None):
        self.message, self.first, self.empty, self.collapsed = None, None, 0, 0
        self.layer = _loss_layer(self.model)

    def on_epoch_begin(self, epoch, logs=None):
        self.seen, self.means = 0, {}

    def on_train_batch_end(self, batch, logs=None):
        now = self._of_these_steps(batch, logs or {})
        if self.message is not None or "valid_anchors" not in now:
            return
        steps = batch + 1 - self.before
        self.empty = self.empty + steps if now["valid_anchors"] < 0.5 else 0
        if self.empty >= self.patience_empty:
            self._tell(f"the last {self.empty} batches had no valid anchor, so nothing is learnt: {_why_empty(now)}")
            return
        self.first = now["embedding_std"] if self.first is None else self.first
        self.collapsed = self.collapsed + steps if self._is_collapsed(now) else 0
        if self.collapsed >= self.patience and getattr(self.layer.loss, "form", None) == "plain":
            self._tell(
                f"for {self.collapsed} steps all similarities have been near 0 (loss {now['loss']:.4g}, the share of matches): "
                "the space has collapsed to the median of matchness; use form='balanced' or the loss 'sigmoid'"
            )
        elif self.collapsed >= self.patience:
            self._tell(
                f"for {self.collapsed} steps all embeddings have been nearly alike (spread {now['embedding_std']:.2g}, at "
                f"the start {self.first:.2g}; loss {now['loss']:.4g}): the space has collapsed; lower the learning rate 3 to 10 "
                "times, and start with semi-hard or easy positives, or a blend, instead of the hardest"
            )

    def _of_these_steps(self, batch, logs):
        """What the steps since the last call reported: Keras' logs are means since the epoch began."""
        count, self.before = batch + 1, self.seen
        now = {}
        for key, mean in logs.items():
            now[key] = (float(mean) * count - self.means.get(key, 0.0) * self.before) / (count - self.before)
        self.seen, self.means = count, {key: float(mean) for key, mean in logs.items()}
        return now

    def _is_collapsed(self, now):
        loss = self.layer.loss
        if getattr(loss, "form", None) == "plain":
            return max(abs(now["mean_s_ap"]), abs(now["mean_s_an"])) < 0.05
        if now["embedding_std"] >= self.spread * self.first:
            return False
        value = collapse_value(self.layer, now["valid_anchors"])
        if value is not None:
            return abs(now["loss"] - value) < self.tolerance
        return abs(now.get("mean_s_ap", 0.0) - now.get("mean_s_an", 0.0)) < self.tolerance

    def _tell(self, message):
        self.message = message
        warnings.warn(message, stacklevel=2)
        if self.action == "stop":
            self.model.stop_training = True


def _loss_layer(model):
    layers = [getattr(model, "loss_layer", None), *model.layers]
    found = [layer for layer in layers if hasattr(layer, "health") and hasattr(layer, "loss")]
    if not found:
        raise ValueError(f"{model.name}: BatchHealth reads the metrics of a zoo.layers.LossLayer, and the model has none")
    return found[0]


def _why_empty(now):
    if "positive_share" not in now:  # a loss of class scores
        return "no row of a batch has a label"
    if now["positive_share"] < 1e-9:
        return (
            "no two samples of a batch share a class, copies by sample ids not counted; use zoo.data.pk_batches with "
            "per_class of 2 or more"
        )
    if now["positive_share"] > 1 - 1e-6:
        return "a batch holds one class only; shuffle, or use zoo.data.pk_batches with classes of 2 or more"
    return (
        "batches hold one class only, or no two samples of a class, or no pair that the loss takes; use "
        "zoo.data.pk_batches with classes and per_class of 2 or more"
    )


def collapse_value(layer, anchors):
    """The loss when all embeddings are equal, or None where that depends on more than the settings and the anchors."""
    loss = layer.loss

    def setting(key):
        try:
            return float(layer.values[key])
        except (KeyError, TypeError):  # not kept as a weight; or on JAX, which holds weights elsewhere in an epoch
            return float(getattr(loss, key))

    if hasattr(loss, "objective"):  # triplets
        if loss.denominator == "sum" or (loss.denominator == "anchors" and loss.positive == "all"):
            return None
        if loss.objective == "hinge":
            return setting("margin")
        return math.log1p(math.exp(setting("margin") / setting("temperature") if loss.objective == "nca" else 0.0))
    if getattr(loss, "takes", "") == "towers" and hasattr(loss, "negative"):
        rivals = anchors - 1 if loss.negative == "all" else 1
        return 2.0 * setting("margin") * rivals * (anchors if loss.denominator == "sum" else 1)
    return None
