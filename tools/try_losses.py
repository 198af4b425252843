"""Try losses on small real tasks at equal network, batches and steps: the evidence under LOSSES.md.

    python tools/try_losses.py                      all tasks; about an hour on one core; rows are added as they come
    python tools/try_losses.py characters queries   these tasks
    python tools/try_losses.py --losses epshn sct   these losses, whatever their settings
    python tools/try_losses.py --page               writes the tables of LOSSES.md from what has been tried

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
    return parts, (32, 4), 600, recall


def recall(model, train, test):
    return zoo.evaluate(None, (model.predict(test[0], verbose=0), test[1]), k=(1,))["recall@1"]


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


def captions():
    """ucm_captions: aerial photographs with five captions each. Share of captions whose own is among the 10 nearest of 105."""
    z = dict(np.load(DATA / "ucm_captions/ucm_captions.npz"))
    images = photographs(z)
    texts, owner = hashed(z["caption"]), z["caption_image"]
    parts = [(images, texts[z["split"][owner] == s], owner[z["split"][owner] == s]) for s in range(3)]
    return parts, (128, 1), 600, captions_found


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
    return [(images[z["split"] == s], hot[z["split"] == s]) for s in range(3)], (128, 1), 600, words_found


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
    import tensorflow as tf

    rows = []
    for a, b in zip(z["offset"], z["offset"][1:]):
        image = tf.image.resize(tf.io.decode_jpeg(z["jpeg"][a:b].tobytes(), channels=3), (128, 128)).numpy() / 255
        squares = image.reshape(16, 8, 16, 8, 3)
        rows.append(np.concatenate([squares.mean(axis=(1, 3)), squares.std(axis=(1, 3))]).ravel())
    x = np.array(rows, "float32")
    return (x - x.mean(axis=0)) / x.std(axis=0)


TASKS = {task.__name__: task for task in (characters, queries, digits, captions, keywords)}
TOWERS = sorted(name for name, item in registry.LOSSES.items() if item.takes == "towers")
OTHERS = sorted(registry.LOSSES.keys() - {*TOWERS, "words"})
VARIANTS = {  # beside the defaults
    "triplet": [{"margin": 0.1}, {"margin": 0.5}],
    "batchhard": [{"margin": 0.1}, {"margin": "soft"}],
    "semihard": [{"margin": 0.1}, {"margin": 0.5}],
    "epshn": [{"temperature": 0.05}, {"temperature": 0.3}],
    "infonce": [{"temperature": 0.05}, {"temperature": 0.2}],
    "supcon": [{"temperature": 0.05}, {"temperature": 0.2}],
    "arcface": [{"margin": 0.2}, {"scale": 16.0}],
    "cosface": [{"margin": 0.1}, {"scale": 16.0}],
    "maxranking": [{"margin": 0.1}],
    "ranking": [{"margin": 0.1}],
    "mms": [{"margin": 0.0}],
    "words": [{"weighting": word} for word in (None, "inverse", "sqrt", "effective")],
}


def tried_on(task):
    """Names and settings of the losses that fit a task."""
    names = {"captions": TOWERS, "keywords": ["words"]}.get(task, OTHERS)
    return [(name, settings) for name in names for settings in ({}, *VARIANTS.get(name, ()))]


def trained(task, loss, settings, rate, seed, parts, shape, steps):
    keras.utils.set_random_seed(seed)
    x, *rest = parts[0]
    if task == "captions":
        return trained_towers(zoo.losses.get(loss, **settings), rate, seed, x, *rest, shape[0], steps)
    y, item = rest[0], registry.LOSSES[loss]
    if task == "keywords":
        settings = {**settings, "frequencies": y.sum(axis=0).tolist(), "items": len(y)}
        batches = {"x": x, "y": y, "batch_size": shape[0], "epochs": -(-steps * shape[0] // len(x))}
    else:
        y = np.unique(y, return_inverse=True)[1]
        batches = {"x": zoo.data.pk_batches(x, y, classes=shape[0], per_class=shape[1], steps=steps, seed=seed)}
    classes = (y.shape[1] if y.ndim > 1 else y.max() + 1) if item.needs_classes else None
    layer = zoo.layers.LossLayer(zoo.losses.get(loss, **settings), classes)
    unit = {"normalize": True, **item.head}["normalize"]
    backbone = keras.Sequential([keras.Input((x.shape[1],)), keras.layers.Dense(256, activation="relu")])
    model = zoo.Embedder(backbone, layer, embedding_dim=DIM, normalize=unit, name=f"dense_{loss}")
    model.build((None, x.shape[1]))
    model.compile(keras.optimizers.Adam(rate))
    model.fit(**batches, verbose=0)
    return model


class Paired(keras.Model):
    def compute_loss(self, x, y, y_pred, *args, **kwargs):
        return y_pred


def trained_towers(loss, rate, seed, images, texts, owner, size, steps):
    """Two towers of two dense layers; a batch holds `size` photographs and a caption of each."""
    inputs = [keras.Input((x.shape[1],)) for x in (images, texts)]
    outputs = [keras.layers.Dense(DIM)(keras.layers.Dense(256, activation="relu")(x)) for x in inputs]
    outputs = [zoo.layers.L2Normalize()(x) for x in outputs]
    ids = keras.Input((), dtype="int32")
    model = Paired([*inputs, ids], zoo.layers.LossLayer(loss)(ids, tuple(outputs)))
    model.towers = [keras.Model(i, o) for i, o in zip(inputs, outputs, strict=True)]
    model.compile(keras.optimizers.Adam(rate))
    random, shown = np.random.default_rng(seed), np.unique(owner)
    first = np.searchsorted(owner, shown)  # captions stand in the order of their photographs
    count = np.searchsorted(owner, shown, side="right") - first
    drawn = np.concatenate([random.permutation(len(shown))[:size] for _ in range(steps)])
    chosen = first[drawn] + random.integers(0, count[drawn])
    model.fit([images[shown[drawn]], texts[chosen], drawn], drawn, batch_size=size, shuffle=False, verbose=0)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--losses", nargs="+", default=sorted(registry.LOSSES), choices=sorted(registry.LOSSES))
    parser.add_argument("--page", action="store_true", help="train nothing, write the tables of LOSSES.md")
    options = parser.parse_args()
    rows = read()
    if options.page:
        return write_page(rows)
    rows = [row for row in rows if not (row["task"] in options.tasks and row["loss"] in options.losses)]
    for task in options.tasks:
        parts, shape, steps, score = TASKS[task]()
        print(f"\n{task}: {TASKS[task].__doc__} {shape[0]} classes x {shape[1]} in a batch, {steps} steps", flush=True)
        for loss, settings in tried_on(task):
            if loss not in options.losses:
                continue

            def scored(rate, seed, part):
                model = trained(task, loss, settings, rate, seed, parts, shape, steps)  # noqa: B023
                return score(model, parts[0], part).value  # noqa: B023

            on_validation = {rate: scored(rate, 0, parts[1]) for rate in RATES}
            rate = max(on_validation, key=on_validation.get)
            values = [scored(rate, seed, parts[2]) for seed in SEEDS]
            words = ", ".join(f"{key} {value}" for key, value in settings.items())
            scores = {"mean": f"{np.mean(values):.4f}", "low": f"{min(values):.4f}", "high": f"{max(values):.4f}"}
            print(f"  {loss:16} {words:18}", *scores.values(), " by rate", on_validation, flush=True)
            tried = {"rate": rate, **scores, "batch": f"{shape[0]} x {shape[1]}", "steps": steps}
            rows.append({"task": task, "loss": loss, "settings": words, **tried})
            write(rows)


def read():
    if not OUT.exists():
        return []
    with open(OUT, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(rows):
    OUT.parent.mkdir(exist_ok=True)
    with open(OUT, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: (row["task"], -float(row["mean"]))))


def write_page(rows):
    """Put a table of each task between the markers of LOSSES.md."""
    lines = []
    for task, function in TASKS.items():
        of_task = [row for row in rows if row["task"] == task]
        if of_task:
            first = of_task[0]
            lines += ["", f"**{task}**. {function.__doc__} Batches of {first['batch']}, {first['steps']} steps.", ""]
            lines += ["| loss | settings | rate | score | lowest to highest of 3 seeds |", "|---|---|---|---|---|"]
        for row in of_task:
            low, mean, high = (f"{float(row[key]):.3f}" for key in ("low", "mean", "high"))
            lines.append(f"| `{row['loss']}` | {row['settings']} | {float(row['rate']):g} | {mean} | {low} to {high} |")
    path = ROOT / "LOSSES.md"
    before, _, rest = path.read_text(encoding="utf-8").partition("<!-- tried -->\n")
    after = rest.partition("<!-- end -->\n")[2]
    path.write_text(f"{before}<!-- tried -->\n" + "\n".join(lines[1:]) + f"\n\n<!-- end -->\n{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
