"""Try losses on small real tasks at equal network, batches and steps: the evidence under docs/losses.md.

    python tools/try_losses.py                      all tasks; about an hour on one core; rows are added as they come
    python tools/try_losses.py characters queries   these tasks
    python tools/try_losses.py --losses epshn sct   these losses

The network is two dense layers on plain features (pixels, hashed character n-grams, mean log spectra): small enough to
train in seconds, so a row says which loss to start with on such data, not how far a large encoder gets. The rate is
chosen among 3e-4, 1e-3 and 3e-3 on validation with one seed, then three other seeds are scored on test once.
"""

import argparse
import csv
import os
import pathlib
import zlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

import keras
import numpy as np

import zoo
from zoo import registry

ROOT = pathlib.Path(__file__).parents[1]
DATA = pathlib.Path(os.environ.get("ZOO_DATA", ROOT.parent / "shared" / "data"))
OUT = ROOT / "tools" / "results" / "losses_tried.csv"
RATES = (3e-4, 1e-3, 3e-3)
SEEDS = (1, 2, 3)
DIM = 64


def characters():
    """Omniglot: 794 characters to train on, 317 others to test on, 20 drawings each. Recall@1, test against test."""
    z = dict(np.load(DATA / "omniglot/omniglot.npz"))
    x = z["image"].reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196).astype("float32") / 255
    parts = [(x[z["split"] == s], z["label"][z["split"] == s]) for s in range(3)]
    return parts, (32, 4), 600, lambda model, train, test: zoo.evaluate(None, (model.predict(test[0], verbose=0), test[1]), k=(1,))["recall@1"]


def queries():
    """clinc150: 150 intents, 100 training texts each. Accuracy of 10 nearest training texts."""
    data = zoo.data.load("clinc150")
    names = zoo.data.encode(data.train.labels)[1]
    parts = [
        (hashed(split.items), zoo.data.encode(split.labels, names)[0]) for split in (data.train, data.validation, data.test)
    ]
    return parts, (32, 4), 600, knn_accuracy


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


TASKS = {task.__name__: task for task in (characters, queries, digits)}
IN_BATCH_OR_CLASSES = [name for name, item in registry.LOSSES.items() if item.takes != "towers" and name != "words"]


def network(loss, classes, rate, seed, width):
    """Two dense layers and the loss layer, compiled."""
    keras.utils.set_random_seed(seed)
    item = registry.LOSSES[loss]
    layer = zoo.layers.LossLayer(zoo.losses.get(loss), classes if item.needs_classes else None)
    unit = {"normalize": True, **item.head}["normalize"]
    backbone = keras.Sequential([keras.Input((width,)), keras.layers.Dense(256, activation="relu")])
    model = zoo.Embedder(backbone, layer, embedding_dim=DIM, normalize=unit, name=f"dense_{loss}")
    model.build((None, width))
    model.compile(keras.optimizers.Adam(rate))
    return model


def trained(loss, rate, seed, parts, shape, steps):
    x, y = parts[0]
    codes = np.unique(y, return_inverse=True)[1]
    model = network(loss, codes.max() + 1, rate, seed, x.shape[1])
    batches = zoo.data.pk_batches(x, codes, classes=shape[0], per_class=shape[1], steps=steps, seed=seed)
    model.fit(batches, epochs=1, verbose=0)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--losses", nargs="+", default=sorted(IN_BATCH_OR_CLASSES), choices=sorted(IN_BATCH_OR_CLASSES))
    options = parser.parse_args()
    rows = []
    if OUT.exists():
        with open(OUT, newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if not (row["task"] in options.tasks and row["loss"] in options.losses)]
    for task in options.tasks:
        parts, shape, steps, score = TASKS[task]()
        print(f"\n{task}: {TASKS[task].__doc__} {shape[0]} classes x {shape[1]} in a batch, {steps} steps", flush=True)
        for loss in options.losses:
            on_validation = {}
            for rate in RATES:
                model = trained(loss, rate, 0, parts, shape, steps)
                on_validation[rate] = score(model, parts[0], parts[1]).value
            rate = max(on_validation, key=on_validation.get)
            values = [score(trained(loss, rate, seed, parts, shape, steps), parts[0], parts[2]).value for seed in SEEDS]
            shown = ", ".join(f"{r:g}: {v:.3f}" for r, v in on_validation.items())
            print(f"  {loss:16} {np.mean(values):.3f} ({min(values):.3f}-{max(values):.3f})  validation {shown}", flush=True)
            rows.append(
                {"task": task, "loss": loss, "rate": rate, "mean": f"{np.mean(values):.4f}", "low": f"{min(values):.4f}",
                 "high": f"{max(values):.4f}", "batch": f"{shape[0]} x {shape[1]}", "steps": steps}
            )  # fmt: skip
            OUT.parent.mkdir(exist_ok=True)
            with open(OUT, "w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
                writer.writeheader()
                writer.writerows(sorted(rows, key=lambda row: (row["task"], -float(row["mean"]))))


if __name__ == "__main__":
    main()
