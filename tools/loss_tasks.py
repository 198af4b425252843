"""The tasks of tools/try_losses.py: real data sets as plain features, and the score of each.

A task is a function without arguments; it returns the parts (train, validation, test), each a tuple of arrays of which the
last is the labels, then classes and samples a class of a batch, steps, and score(model, train, part).
"""

import os
import pathlib
import zlib

import numpy as np
import tensorflow as tf

import zoo

DATA = pathlib.Path(os.environ.get("ZOO_DATA", pathlib.Path(__file__).parents[2] / "shared" / "data"))


def characters():
    """Omniglot: 794 characters to train on, 317 others to test on, 20 drawings each. Recall@1, test against test."""
    z = dict(np.load(DATA / "omniglot/omniglot.npz"))
    x = z["image"].reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196).astype("float32") / 255
    parts = [(x[z["split"] == s], z["label"][z["split"] == s]) for s in range(3)]
    return parts, (32, 4), 400, recall


def recall(model, train, test):
    return zoo.evaluate(None, (model.predict(test[0], verbose=0), test[1]), k=(1,))["recall@1"]


def queries():
    """clinc150: 150 intents, 100 training texts each. Accuracy of 10 nearest training texts."""
    data = zoo.data.load("clinc150")
    names = zoo.data.encode(data.train.labels)[1]
    parts = [
        (hashed(split.items), zoo.data.encode(split.labels, names)[0]) for split in (data.train, data.validation, data.test)
    ]
    return parts, (32, 4), 400, knn_accuracy


def knn_accuracy(model, train, test):
    gallery, found = (model.predict(part[0], verbose=0) for part in (train, test))
    return zoo.evaluate(None, (found, test[1]), gallery=(gallery, train[1]), k=(1,))["knn_accuracy"]


def digits():
    """fsdd: ten spoken digits of five speakers, mean and spread of the log spectrum. Accuracy of 10 nearest clips."""
    z = dict(np.load(DATA / "fsdd/fsdd.npz"))  # an open file would be read again at every access
    x = np.stack([spectrum(z["audio"][a:b]) for a, b in zip(z["offset"], z["offset"][1:])])
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return [(x[z["split"] == s], z["label"][z["split"] == s].astype(int)) for s in range(3)], (10, 12), 400, knn_accuracy


def spectrum(clip, parts=8):
    """Log spectrum of a clip in 8 equal parts of its time and 32 bands [256]."""
    clip = np.pad(clip.astype("float32") / 32768, (0, max(0, parts * 256 - len(clip))))
    frames = np.lib.stride_tricks.sliding_window_view(clip, 256)[::128] * np.hanning(256)
    bands = np.abs(np.fft.rfft(frames))[:, 1:].reshape(len(frames), 32, 4).mean(axis=2)
    return np.concatenate([part.mean(axis=0) for part in np.array_split(np.log(bands + 1e-4), parts)]).astype("float32")


def hashed(texts, size=2048):
    """Counts of character 1-3-grams under a hash, square-rooted and of unit length [N, size]."""
    x = np.zeros((len(texts), size), "float32")
    for row, text in zip(x, texts, strict=True):
        text = f" {text.lower()} "
        for n in (1, 2, 3):
            for i in range(len(text) - n + 1):
                row[zlib.crc32(text[i : i + n].encode()) % size] += 1
    x = np.sqrt(x)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def captions():
    """ucm_captions: aerial photographs, five captions each. Share of captions whose own is among the 10 nearest of 105."""
    z = dict(np.load(DATA / "ucm_captions/ucm_captions.npz"))
    images = photographs(z)
    texts, owner = hashed(z["caption"]), z["caption_image"]
    parts = [(images, texts[z["split"][owner] == s], owner[z["split"][owner] == s]) for s in range(3)]
    return parts, (128, 1), 400, captions_found


def captions_found(model, train, test):
    images, texts, owner = test
    shown = np.unique(owner)
    found = [tower.predict(x, verbose=0) for tower, x in zip(model.towers, (images[shown], texts), strict=True)]
    best = np.argsort(-found[1] @ found[0].T, axis=1)[:, :10]
    return Value(float((shown[best] == owner[:, None]).any(axis=1).mean()))


def keywords():
    """ucm_captions: the words of a photograph's captions, 5 times or more in training. Mean average precision of words."""
    z = dict(np.load(DATA / "ucm_captions/ucm_captions.npz"))
    images, words = photographs(z), {}
    for text, owner in zip(z["caption"], z["caption_image"], strict=True):
        for word in set(str(text).lower().strip(" .").split()):
            words.setdefault(word, set()).add(int(owner))
    trained = set(np.flatnonzero(z["split"] == 0).tolist())
    kept = sorted(word for word, owners in words.items() if len(owners & trained) >= 5)
    hot = np.zeros((len(images), len(kept)), "float32")
    for column, word in enumerate(kept):
        hot[list(words[word]), column] = 1
    return [(images[z["split"] == s], hot[z["split"] == s]) for s in range(3)], (128, 1), 400, words_found


def words_found(model, train, test):
    scores, hot = model.class_scores(test[0]), test[1]
    order = np.argsort(-scores, axis=0)
    hits = np.take_along_axis(hot, order, axis=0)[:, hot.any(axis=0)]
    precision = hits.cumsum(axis=0) / np.arange(1, len(hits) + 1)[:, None]
    return Value(float(((precision * hits).sum(axis=0) / hits.sum(axis=0)).mean()))


class Value(float):
    """A score, read like those of `zoo.evaluate`."""

    value = property(float)


def photographs(z):
    """Mean colors of 16 x 16 squares of each photograph, and how much they vary, standardized [N, 1536]."""
    rows = []
    for a, b in zip(z["offset"], z["offset"][1:]):
        image = tf.image.resize(tf.io.decode_jpeg(z["jpeg"][a:b].tobytes(), channels=3), (128, 128)).numpy() / 255
        squares = image.reshape(16, 8, 16, 8, 3)
        rows.append(np.concatenate([squares.mean(axis=(1, 3)), squares.std(axis=(1, 3))]).ravel())
    x = np.array(rows, "float32")
    return (x - x.mean(axis=0)) / x.std(axis=0)


TASKS = {task.__name__: task for task in (characters, queries, digits, captions, keywords)}
