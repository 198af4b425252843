"""The weights of the best epoch, on disk, so that a killed run still knows them."""

import math
import os
import pathlib
import warnings

import keras
import numpy as np


class KeepBest(keras.callbacks.Callback):
    """Keeps the weights of the epoch with the best score in a file, and ends training with them.

    `keras.callbacks.EarlyStopping(restore_best_weights=True)` keeps them in memory: a run that was killed and goes on
    from a backup has forgotten every epoch before the kill. Put this callback behind the one that writes the score and
    before `zoo.callbacks.Backup`, so that what an epoch leaves is there before the epoch counts as done.

    A training that begins with epoch 0 forgets what the file holds; a later epoch goes on with it. The file is written
    beside its place and renamed, whole or absent, and stays after training. Of equal scores the earlier epoch is best;
    an epoch without the score, or with nan, is never best.

    Args:
        path: of the file, for instance `"runs/intent/best.npz"`.
        monitor: name of the score in the logs, for instance `"val_recall@1"`.
        mode: `"max"` where larger is better, `"min"` where smaller is.

    Attributes:
        epoch: number of the best epoch, counted from 0; None before there is one.
        score: its score.

    Raises:
        ValueError: for another mode.

    Example:

    >>> best = zoo.callbacks.KeepBest("runs/intent/best.npz", "val_recall@1")
    >>> history = model.fit(batches, epochs=2, verbose=0, callbacks=[zoo.callbacks.Retrieval(validation), best])
    >>> best.score == max(history.history["val_recall@1"])
    True

    Related: `Backup`; `keras.callbacks.ModelCheckpoint(save_best_only=True)`, which also forgets its best score.
    """

    def __init__(self, path, monitor, mode="max"):
        super().__init__()
        if mode not in ("max", "min"):
            raise ValueError(f"mode must be 'max' or 'min', not {mode!r}")
        self.path, self.monitor, self.mode = pathlib.Path(path), monitor, mode
        self._forget()

    def _forget(self):
        self.epoch, self.score, self._begun, self._logged = None, math.nan, False, ()

    def on_train_begin(self, logs=None):
        self._forget()

    def on_epoch_begin(self, epoch, logs=None):
        # The first epoch that begins says where training starts; a backup lets a resumed one start later.
        if not self._begun and epoch == 0:
            self.path.unlink(missing_ok=True)
        elif not self._begun and self.path.exists():
            self._read()
        self._begun = True

    def on_epoch_end(self, epoch, logs=None):
        score = float((logs or {}).get(self.monitor, math.nan))
        self._logged = sorted(logs or {})
        if self.epoch is None:
            better = not math.isnan(score)
        else:
            better = score > self.score if self.mode == "max" else score < self.score
        if better:
            self._write(epoch, score)

    def on_train_end(self, logs=None):
        if not self._begun and self.path.exists():  # resumed after the last epoch: none was left to begin
            self._read()
        if self.epoch is not None:
            self.model.set_weights(self._weights())
        elif self._begun:
            warnings.warn(
                f"no epoch had {self.monitor!r}, the weights are those of the last one; the logs hold "
                f"{', '.join(map(repr, self._logged)) or 'nothing'}",
                stacklevel=2,
            )

    def _write(self, epoch, score):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        weights = [np.asarray(weight) for weight in self.model.get_weights()]
        # NumPy's file format has no bfloat16; float32 holds it exactly.
        weights = [weight.astype("float32") if weight.dtype.kind == "V" else weight for weight in weights]
        beside = self.path.with_name(f".{self.path.name}.part")
        with open(beside, "wb") as file:
            np.savez(file, *weights, epoch=epoch, score=score)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self.path)
        self.epoch, self.score = epoch, score

    def _read(self):
        with np.load(self.path) as kept:
            self.epoch, self.score = int(kept["epoch"]), float(kept["score"])

    def _weights(self):
        with np.load(self.path) as kept:
            return [kept[f"arr_{i}"] for i in range(len(kept.files) - 2)]
