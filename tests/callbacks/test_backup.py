"""A run that is killed at any moment goes on behind its last whole epoch and ends as if it had not been."""

import os

import keras
import numpy as np
import pytest

from zoo.callbacks import Backup

X = np.random.default_rng(0).standard_normal((32, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


class Killed(BaseException):
    pass


class Kill(keras.callbacks.Callback):
    """Notes the epochs that begin; dies before epoch `at`."""

    def __init__(self, at=None):
        super().__init__()
        self.at, self.begun = at, []

    def on_epoch_begin(self, epoch, logs=None):
        self.begun.append(epoch)
        if epoch == self.at:
            raise Killed


def run(folder, at=None):
    """A process: a new model, the same call of fit; returns the model and the epochs that began."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.05), "mse")
    kill = Kill(at)
    model.fit(X, Y, batch_size=8, epochs=4, shuffle=False, verbose=0, callbacks=[kill, Backup(folder)])
    return model, kill.begun


def same(left, right):
    pairs = zip(left.weights + left.optimizer.variables, right.weights + right.optimizer.variables, strict=True)
    return all(np.array_equal(keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b)) for a, b in pairs)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return run(tmp_path_factory.mktemp("whole"))[0]


@pytest.mark.parametrize("at", [0, 1, 3])
def test_killed_between_epochs(at, whole, tmp_path):
    with pytest.raises(Killed):
        run(tmp_path / "backup", at)
    model, begun = run(tmp_path / "backup")
    assert begun == list(range(at, 4)) and same(model, whole)
    assert not (tmp_path / "backup").exists()


@pytest.mark.parametrize("moment", ["before the file is whole", "before it has its name", "before the old one is gone"])
def test_killed_while_it_writes(moment, whole, tmp_path, monkeypatch):
    """The third epoch's backup is cut off: the run goes on behind the second, or behind the third once that has a name."""
    folder, save, replace, unlink = tmp_path / "backup", keras.Model.save_weights, os.replace, os.unlink

    def half(model, path, **settings):
        save(model, path, **settings)
        if "000003" in str(path) and moment == "before the file is whole":
            path.write_bytes(path.read_bytes()[:100])
            raise Killed

    def rename(source, target):
        if "000003" in str(source) and moment == "before it has its name":
            raise Killed
        replace(source, target)

    def remove(path, *arguments, **settings):
        if "000002" in str(path) and moment == "before the old one is gone":
            raise Killed
        unlink(path, *arguments, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "save_weights", half)
        patch.setattr(os, "replace", rename)
        patch.setattr(os, "unlink", remove)
        with pytest.raises(Killed):
            run(folder)
    model, begun = run(folder)
    assert begun == ([3] if moment == "before the old one is gone" else [2, 3])
    assert same(model, whole)


def test_one_backup_is_kept(tmp_path):
    with pytest.raises(Killed):
        run(tmp_path, 3)
    assert os.listdir(tmp_path) == ["epoch_000003.weights.h5"]
