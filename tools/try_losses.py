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
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

import keras
import numpy as np
import tensorflow as tf
from loss_tasks import TASKS

import zoo
from zoo import registry

ROOT = pathlib.Path(__file__).parents[1]
OUT, PAGE = ROOT / "tools" / "results" / "losses_tried.csv", ROOT / "LOSSES.md"
RATES = (3e-4, 1e-3, 3e-3)
SEEDS = (1, 2, 3)
DIM = 64


TOWERS = sorted(name for name, item in registry.LOSSES.items() if item.takes == "towers")
OTHERS = sorted(registry.LOSSES.keys() - {*TOWERS, "words"})
VARIANTS = {  # beside the defaults
    "triplet": [{"margin": 0.5}],
    "batchhard": [{"margin": "soft"}],
    "semihard": [{"margin": 0.1}, {"margin": 0.5}],
    "epshn": [{"temperature": 0.05}, {"temperature": 0.3}],
    "infonce": [{"temperature": 0.05}],
    "supcon": [{"temperature": 0.05}],
    "arcface": [{"scale": 16.0}],
    "cosface": [{"scale": 16.0}],
    "maxranking": [{"margin": 0.1}],
    "ranking": [{"margin": 0.1}],
    "mms": [{"margin": 0.0}],
    "words": [{"weighting": word} for word in (None, "inverse", "sqrt", "effective")],
}


def tried_on(task):
    """Names and settings of the losses that fit a task."""
    names = {"captions": TOWERS, "keywords": ["words"]}.get(task, OTHERS)
    return [(name, settings) for name in names for settings in ({}, *VARIANTS.get(name, ()))]


class Trial:
    """A loss on a task: one compiled model, trained again from each seed's own start."""

    def __init__(self, task, loss, settings, parts, shape, steps):
        self.task, self.loss, self.settings, self.parts, self.shape, self.steps = task, loss, settings, parts, shape, steps
        x, y = parts[0][0], parts[0][-1]
        if task == "keywords":
            self.settings = {**settings, "frequencies": y.sum(axis=0).tolist(), "items": len(y)}
        self.codes = y if y.ndim > 1 else np.unique(y, return_inverse=True)[1]
        self.classes = y.shape[1] if y.ndim > 1 else self.codes.max() + 1
        self.model = self.make()

    def make(self):
        item = registry.LOSSES[self.loss]
        loss = zoo.losses.get(self.loss, **self.settings)
        if item.takes == "towers":
            return towers(loss, [x.shape[1] for x in self.parts[0][:2]])
        layer = zoo.layers.LossLayer(loss, self.classes if item.needs_classes else None)
        unit, width = {"normalize": True, **item.head}["normalize"], self.parts[0][0].shape[1]
        backbone = keras.Sequential([keras.Input((width,)), keras.layers.Dense(256, activation="relu")])
        model = zoo.Embedder(backbone, layer, embedding_dim=DIM, normalize=unit, name=f"dense_{self.loss}")
        model.build((None, width))
        model.compile(keras.optimizers.Adam())
        return model

    def train(self, rate, seed):
        keras.utils.set_random_seed(seed)
        for variable, start in zip(self.model.variables, self.make().variables, strict=False):
            variable.assign(start)
        for variable in self.model.optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))
        self.model.optimizer.learning_rate = rate
        x, *rest = self.parts[0]
        if self.task == "captions":
            self.model.fit(pairs_of(x, *rest, self.shape[0], self.steps, seed), verbose=0)
        elif self.task == "keywords":
            epochs = -(-self.steps * self.shape[0] // len(x))
            self.model.fit(x, self.codes, batch_size=self.shape[0], epochs=epochs, verbose=0)
        else:
            classes, per_class = self.shape
            self.model.fit(zoo.data.pk_batches(x, self.codes, classes, per_class, steps=self.steps, seed=seed), verbose=0)
        return self.model


class Paired(keras.Model):
    def compute_loss(self, x, y, y_pred, *args, **kwargs):
        return y_pred


def towers(loss, widths):
    """Two towers of two dense layers each."""
    inputs = [keras.Input((width,)) for width in widths]
    outputs = [keras.layers.Dense(DIM)(keras.layers.Dense(256, activation="relu")(x)) for x in inputs]
    outputs = [zoo.layers.L2Normalize()(x) for x in outputs]
    ids = keras.Input((), dtype="int32")
    model = Paired([*inputs, ids], zoo.layers.LossLayer(loss)(ids, tuple(outputs)))
    model.towers = [keras.Model(i, o) for i, o in zip(inputs, outputs, strict=True)]
    model.compile(keras.optimizers.Adam())
    return model


def pairs_of(images, texts, owner, size, steps, seed):
    """Batches of `size` photographs, each with one of its captions; captions stand in the order of their photographs."""
    random, shown = np.random.default_rng(seed), np.unique(owner)
    first = np.searchsorted(owner, shown)
    count = np.searchsorted(owner, shown, side="right") - first
    drawn = np.concatenate([random.permutation(len(shown))[:size] for _ in range(steps)])
    chosen = first[drawn] + random.integers(0, count[drawn])
    index = tf.data.Dataset.from_tensor_slices((shown[drawn], chosen)).batch(size)
    return index.map(lambda i, j: ((tf.gather(images, i), tf.gather(texts, j), i), i))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", metavar="TASK", choices=[[], *TASKS], help=f"all by default: {', '.join(TASKS)}")
    names = sorted(registry.LOSSES)
    parser.add_argument("--losses", nargs="+", metavar="LOSS", default=names, choices=names)
    parser.add_argument("--page", action="store_true", help="train nothing, write the tables of LOSSES.md")
    parser.add_argument("--check", action="store_true", help="train nothing, fail where LOSSES.md differs (a test calls it)")
    options = parser.parse_args()
    tasks, rows = options.tasks or list(TASKS), read()
    before = PAGE.read_text(encoding="utf-8")
    if options.check:
        sys.exit("LOSSES.md is stale: run python tools/try_losses.py --page" if with_tables(before, rows) != before else 0)
    if options.page:
        PAGE.write_text(with_tables(before, rows), encoding="utf-8")
        return
    rows = [row for row in rows if not (row["task"] in tasks and row["loss"] in options.losses)]
    for task in tasks:
        parts, shape, steps, score = TASKS[task]()
        print(f"\n{task}: {TASKS[task].__doc__} {shape[0]} classes x {shape[1]} in a batch, {steps} steps", flush=True)
        for loss, settings in tried_on(task):
            if loss not in options.losses:
                continue
            trial = Trial(task, loss, settings, parts, shape, steps)
            on_validation = {rate: score(trial.train(rate, 0), parts[0], parts[1]).value for rate in RATES}
            rate = max(on_validation, key=on_validation.get)
            values = [score(trial.train(rate, seed), parts[0], parts[2]).value for seed in SEEDS]
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


def with_tables(text, rows):
    """The page with a table of each task between its markers."""
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
    before, _, rest = text.partition("<!-- tried -->\n")
    after = rest.partition("<!-- end -->\n")[2]
    return f"{before}<!-- tried -->\n" + "\n".join(lines[1:]) + f"\n\n<!-- end -->\n{after}"


if __name__ == "__main__":
    main()
