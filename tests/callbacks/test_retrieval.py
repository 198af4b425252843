"""Retrieval measured during training."""

import keras
import numpy as np
import pytest

import zoo


def test_scores_are_in_the_logs_and_choose_the_best_epoch():
    texts, labels = ["aa", "ab", "ba", "xx", "xy", "yx"] * 2, np.array([0, 0, 0, 1, 1, 1] * 2)
    keras.utils.set_random_seed(0)
    model = zoo.build("bilstm_triplet", units=4, char_dim=4, learning_rate=1e-2)
    model.adapt(texts)
    best = keras.callbacks.EarlyStopping("val_recall@1", mode="max", patience=9, restore_best_weights=True)
    history = model.fit(
        texts, labels, epochs=3, batch_size=12, verbose=0, callbacks=[zoo.callbacks.Retrieval((texts, labels)), best]
    ).history
    assert len(history["val_recall@1"]) == len(history["val_map@r"]) == 3
    reached = zoo.evaluate(model, (texts, labels), k=(1,))["recall@1"].value
    assert reached == max(history["val_recall@1"])


def test_every_second_epoch():
    texts, labels = ["a", "b", "c", "d"], np.array([0, 0, 1, 1])
    model = zoo.build("bilstm_batchhard", units=4)
    model.adapt(texts)
    model.fit(texts, labels, epochs=4, verbose=0, callbacks=[callback := zoo.callbacks.Retrieval((texts, labels), every=2)])
    assert len(callback.model.history.history["val_recall@1"]) == 2


@pytest.mark.parametrize(
    "settings, words",
    [(dict(every=0), "every must be"), (dict(k=(0,)), "k must be"), (dict(gallery=([], [])), "gallery"), (dict(gallery=3), "gallery")],
)
def test_bad_settings_are_refused_at_once(settings, words):
    with pytest.raises(ValueError, match=words):
        zoo.callbacks.Retrieval((["a", "b"], [0, 1]), **settings)
