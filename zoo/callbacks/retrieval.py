"""Retrieval measured during training."""

import keras

from zoo import errors
from zoo.metrics import evaluate
from zoo.metrics.labels import pair


class Retrieval(keras.callbacks.Callback):
    """Measures retrieval on validation data after each epoch and puts it into the logs.

    The logs then hold `val_recall@1`, `val_map@r` and so on, for `EarlyStopping`, `ModelCheckpoint` and
    `TensorBoard` to use; put this callback before them.

    Of two towers the data are ((items, items), matches) and the logs hold `val_text_to_image_recall@1` and so on, all that
    `zoo.metrics.cross_modal` says.

    Args:
        data: `(items, labels)` or an object with `items` and `labels` [N].
        gallery: likewise [M], where neighbors are looked up; without it among the other items of `data`.
        k: numbers of neighbors for recall@k; None for those of `zoo.evaluate`.
        every: epochs between measurements.
        distance: how embeddings are compared; that of the model if None.

    Example:

    >>> best = keras.callbacks.EarlyStopping("val_recall@1", mode="max", patience=5, restore_best_weights=True)
    >>> history = model.fit(batches, epochs=2, verbose=0, callbacks=[zoo.callbacks.Retrieval(validation), best])
    """

    def __init__(self, data, gallery=None, k=(1,), every=1, distance=None):
        super().__init__()
        sides = isinstance(data, (tuple, list)) and isinstance(data[0], tuple) and len(data[0]) == 2  # of two towers
        self.data, self.gallery = data if sides else pair(data, "data"), None if gallery is None else pair(gallery, "gallery")
        self.distance = distance
        self.k = None if k is None else tuple(errors.whole("k", n) for n in k)
        self.every = errors.whole("every", every)

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0 and logs is not None:
            report = evaluate(self.model, self.data, self.gallery, k=self.k, distance=self.distance)
            logs.update({f"val_{name}": score.value for name, score in report.items()})
