"""The state of a training after each epoch, for a run that was killed at any moment."""

import os
import pathlib
import shutil

import keras


class Backup(keras.callbacks.Callback):
    """Saves weights and optimizer after each epoch; a run that was killed goes on behind its last whole epoch.

    `keras.callbacks.BackupAndRestore` overwrites its file in place, and the epoch's number in another one: killed while
    it writes, the run cannot go on, or trains an epoch twice. Here a file is written beside its place and renamed, its
    number is in its name, and the one before is removed only then. Put it last among the callbacks, so that what they
    leave of an epoch is there before the epoch counts as done.

    Needs: a model that is built. The same call of `fit` goes on by itself; the folder is removed when training ends.

    Args:
        folder: of the backup, of its own for each run.

    Example:

    >>> history = model.fit(batches, epochs=2, verbose=0, callbacks=[zoo.callbacks.Backup("runs/intent/backup")])

    Related: `KeepBest`, which knows the best epoch again.
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = pathlib.Path(folder)

    def on_train_begin(self, logs=None):
        saved = self._saved()
        if not saved:
            return
        if self.model.optimizer is not None and not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)  # its state needs a place to be loaded into
        self.model.load_weights(saved[-1])
        self.model._initial_epoch = int(saved[-1].name.split(".")[0].removeprefix("epoch_"))  # as Keras' own callback does

    def on_epoch_end(self, epoch, logs=None):
        self.folder.mkdir(parents=True, exist_ok=True)
        before = self._saved()
        path = self.folder / f"epoch_{epoch + 1:06d}.weights.h5"
        beside = path.with_name(f".{path.name}")
        self.model.save_weights(beside, overwrite=True)
        os.replace(beside, path)
        for old in before:
            if old != path:
                old.unlink()

    def on_train_end(self, logs=None):
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def _saved(self):
        return sorted(self.folder.glob("epoch_*.weights.h5"))
