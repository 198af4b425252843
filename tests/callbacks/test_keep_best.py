"""The best epoch's weights on disk: chosen by score, found again by a run that was killed, whole or absent."""

import math
import os
import warnings

import keras
import numpy as np
import pytest

from zoo.callbacks import Backup, KeepBest

X = np.random.default_rng(0).standard_normal((16, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


class Scores(keras.callbacks.Callback):
    """Puts given scores into the logs and notes the weights after each epoch; dies before epoch `die`."""

    def __init__(self, scores, die=None):
        super().__init__()
        self.scores, self.die, self.seen = scores, die, {}

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.die:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch, logs=None):
        if self.scores[epoch] is not None:
            logs["score"] = self.scores[epoch]
        self.seen[epoch] = self.model.get_weights()


def new_model():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    return model


def fit(model, scores, *callbacks, die=None):
    noted = Scores(scores, die)
    model.fit(X, Y, epochs=len(scores), shuffle=False, verbose=0, callbacks=[noted, *callbacks])
    return noted.seen


def same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize(
    "scores, mode, best",
    [
        ([0.1, 0.9, 0.3], "max", 1),
        ([0.5, 0.9, 0.3], "min", 2),
        ([0.7, 0.7, 0.7], "max", 0),  # of equal ones the first
        ([math.nan, 0.2, math.nan], "max", 1),
        ([None, -math.inf, None], "max", 1),
        ([0.3, None, 0.8], "max", 2),
    ],
)
def test_training_ends_with_the_weights_of_the_best_epoch(scores, mode, best, tmp_path):
    model, callback = new_model(), KeepBest(tmp_path / "new folder/best.npz", "score", mode)
    seen = fit(model, scores, callback)
    assert same(model.get_weights(), seen[best])
    assert not any(same(seen[best], seen[other]) for other in seen if other != best)
    assert (callback.epoch, callback.score) == (best, scores[best])
    assert os.listdir(tmp_path / "new folder") == ["best.npz"]


@pytest.mark.parametrize("die", [1, 2, 3])
def test_a_killed_run_ends_as_one_that_was_not(die, tmp_path):
    scores = [0.1, 0.9, 0.3, 0.4]
    seen = fit(new_model(), scores, KeepBest(tmp_path / "whole.npz", "score"))
    for attempt in (die, None):  # a new process has a new model and new callbacks
        model, callback = new_model(), KeepBest(tmp_path / "killed.npz", "score")
        backup = Backup(tmp_path / "backup")
        try:
            again = fit(model, scores, callback, backup, die=attempt)
        except KeyboardInterrupt:
            assert attempt == die
    assert min(again) == die and callback.epoch == 1
    assert same(model.get_weights(), seen[1])


def test_killed_after_the_last_epoch(tmp_path):
    """Nothing is left to train: no epoch begins, and the best weights are still found."""
    scores = [0.9, 0.3]
    stays = keras.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
    seen = fit(new_model(), scores, KeepBest(tmp_path / "best.npz", "score"), stays)
    model = new_model()
    again = fit(model, scores, KeepBest(tmp_path / "best.npz", "score"), stays)
    assert not again and same(model.get_weights(), seen[0])


def test_a_new_training_forgets_the_old_one(tmp_path):
    callback = KeepBest(tmp_path / "best.npz", "score")
    fit(new_model(), [0.9], callback)
    for callback in (callback, KeepBest(tmp_path / "best.npz", "score")):
        model = new_model()
        seen = fit(model, [0.1, 0.2, 0.1], callback)
        assert same(model.get_weights(), seen[1]) and callback.score == 0.2


def test_a_failed_write_leaves_the_last_file_whole(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError("no space left")

    callback = KeepBest(tmp_path / "best.npz", "score")
    seen = fit(new_model(), [0.1, 0.2], callback)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        callback.on_epoch_end(2, {"score": 0.9})
    callback.on_train_end()
    assert callback.epoch == 1 and same(callback.model.get_weights(), seen[1])


def test_without_a_score_the_last_weights_stay_and_a_warning_says_so(tmp_path):
    model = new_model()
    with pytest.warns(UserWarning, match="no epoch had 'score'.* the logs hold 'loss'"):
        seen = fit(model, [None, None], KeepBest(tmp_path / "best.npz", "score"))
    assert same(model.get_weights(), seen[1]) and not os.listdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(new_model(), [0.5], KeepBest(tmp_path / "best.npz", "score"))


def test_bfloat16_weights_come_back_exactly(tmp_path):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, dtype="bfloat16")])
    model.compile("sgd", "mse")
    seen = fit(model, [0.9, 0.1], KeepBest(tmp_path / "best.npz", "score"))
    assert model.weights[0].dtype == "bfloat16" and same(model.get_weights(), seen[0]) and not same(seen[0], seen[1])


def test_another_mode_is_refused(tmp_path):
    with pytest.raises(ValueError, match="mode must be 'max' or 'min', not 'auto'"):
        KeepBest(tmp_path / "best.npz", "score", "auto")
