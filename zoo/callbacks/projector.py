"""The embeddings of a data set after each epoch, as runs of TensorBoard's projector."""

import pathlib
import warnings

import keras
import numpy as np

from zoo import errors
from zoo.export.modalities import project_towers
from zoo.export.projector import write_projector
from zoo.metrics.labels import pair
from zoo.neighbors import knn, vote


class Projector(keras.callbacks.Callback):
    """Writes a run of TensorBoard's projector before training, `epoch_000`, and after each epoch.

    Columns: text (or image, its path or number), label and predicted, the label that the nearest neighbors vote for; images
    are shown as thumbnails. Look at them with
    `tensorboard --logdir LOGDIR`. Of two towers both sides are drawn, see `zoo.export.project_towers`.

    Needs: a model with `predict` on raw items and `distance`, as `zoo.build` returns it.

    Args:
        logdir: folder of the runs; a run of the same epoch that is there is replaced, so that resumed training
            goes on where it was.
        data: `(items, labels)` or an object with `items` and `labels` [N]; what is drawn. Of two towers dicts from kind to
            items and to labels; they take no gallery.
        gallery: likewise [M], where neighbors are looked up; without it among the other items of `data`.
        every: epochs between runs. The last epoch is always written.
        neighbors: how many vote, at most as many as there are.

    Example:

    >>> projector = zoo.callbacks.Projector("runs/intent", test, gallery=train)
    >>> history = model.fit(batches, epochs=2, verbose=0, callbacks=[projector])
    """

    def __init__(self, logdir, data, gallery=None, every=1, neighbors=5):
        super().__init__()
        self.logdir = pathlib.Path(logdir)
        sides = isinstance(data, (tuple, list)) and isinstance(data[0], dict)  # of two towers
        self.items, self.labels = data if sides else pair(data, "data")
        self.gallery = None if gallery is None else pair(gallery, "gallery")
        self.every, self.neighbors = errors.whole("every", every), errors.whole("neighbors", neighbors)
        if sides and gallery is not None:
            raise ValueError("gallery: is for one tower, whose neighbors there are shown; of two leave it out")
        if gallery is None and len(self.items) < 2 and not sides:
            raise ValueError("data: expected two items or more to look for neighbors among them; give a gallery")
        self.written, self.done = None, None

    def on_train_begin(self, logs=None):
        self.written, self.done = None, None

    def on_epoch_begin(self, epoch, logs=None):
        # The first epoch that begins says where training starts; a resumed one does not start at 0.
        if self.done is None:
            self._warn_of_later_runs(epoch)
            self.write(epoch)
            self.done = epoch

    def on_epoch_end(self, epoch, logs=None):
        self.done = epoch + 1
        if self.done % self.every == 0:
            self.write(self.done)

    def on_train_end(self, logs=None):
        if self.done is not None and self.done != self.written:
            self.write(self.done)

    def write(self, epoch):
        """Write the state of the model as the run of `epoch`, the number of epochs it was trained."""
        folder = self.logdir / f"epoch_{epoch:03d}"
        if hasattr(self.model, "towers"):
            project_towers(folder, self.model, self.items, self.labels, overwrite=True)
        else:
            self._write_items(folder)
        self.written = epoch

    def _write_items(self, folder):
        queries = self._embed(self.items)
        frontend = getattr(self.model, "frontend", None)
        kind, names = (frontend.kind, frontend.names(self.items)) if frontend else ("text", self.items)
        columns = {kind: names, "label": self.labels, "predicted": self._predicted(queries)}
        images = self.items if kind == "image" and frontend.is_raw(self.items) else None
        write_projector(folder, queries, columns, overwrite=True, images=images)

    def _predicted(self, queries):
        labels, vectors, exclude = self.labels, queries, np.arange(len(queries))
        if self.gallery is not None:
            (items, labels), exclude = self.gallery, None
            vectors = self._embed(items)
        k = min(self.neighbors, len(labels) - (exclude is not None))
        names, codes = np.unique(np.array([str(label) for label in labels], object), return_inverse=True)
        rows, similarity = knn(queries, vectors, k, distance=self.model.distance, exclude=exclude)
        winners, _ = vote(codes[rows], similarity)
        return names[winners]

    def _embed(self, items):
        return np.asarray(self.model.predict(items, verbose=0))

    def _warn_of_later_runs(self, epoch):
        later = sorted(self.logdir.glob("epoch_*"))[epoch + 1 :] if epoch == 0 else []
        if later:
            warnings.warn(
                f"{str(self.logdir)!r} holds runs of an earlier training up to {later[-1].name}; they are replaced one "
                "by one, and a TensorBoard that has shown them must be started again. Better give a new folder.",
                stacklevel=2,
            )
