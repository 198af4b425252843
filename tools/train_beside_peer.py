"""Does a network trained on our loss find as much as one trained on the peer's loss of the same definition?

    python tools/peers/build.py torch          once: torch, Keras and pytorch-metric-learning
    build/peers/torch/bin/python tools/train_beside_peer.py

Omniglot (ZOO_DATA), the four-block network on Keras' torch backend, the same start, batches, optimizer and steps; only
what computes the loss differs. Recall@1 of characters never trained on, several seeds. About a minute a run on two cores.
`semihard+batchhard` trains both with our semi-hard for as many steps first: from nothing batch-hard draws all to one point.
Writes tools/results/trained_beside_peer.csv after every run, and goes on where it was stopped.
"""

import argparse
import csv
import os
import pathlib
import statistics
import sys
import time

os.environ["KERAS_BACKEND"] = "torch"
HERE = pathlib.Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "peers")]
RESULTS = HERE.parent / "results/trained_beside_peer.csv"
COLUMNS = ("loss", "seed", "steps", "rate", "zoo", "pml")

import cases as settings_of
import keras
import numpy as np
import torch
import torch_losses

import zoo


class Peer(zoo.losses.Loss):
    """A loss of pytorch-metric-learning on unit rows; its mean is every anchor's value."""

    def __init__(self, function):
        super().__init__(name="peer")
        self.function = function

    def terms(self, labels, embeddings):
        value = self.function(labels.long(), torch.nn.functional.normalize(embeddings))
        ones = torch.ones_like(embeddings[:, 0])
        return zoo.losses.Terms(value * ones, ones, {})


def drawings(root=None):
    """Train and test, images float32 [N, 28, 28, 1] with the training set's statistics, and labels."""
    data = zoo.data.load_images("omniglot", root)
    pixels = data.train.items.astype("float32")
    mean, std = pixels.mean(), pixels.std()
    return [((split.items[..., None] - mean) / std).astype("float32") for split in (data.train, data.test)], data


def recall(case, seed, ours, steps, rate, images, data):
    """Recall@1 on test after training on a loss of ours, or of the peer; on what a loss before `+` leaves of ours."""
    *first, last = case.split("+")
    labels, _ = zoo.data.encode(data.train.labels)
    before = None
    for number, stage in enumerate((*first, last)):
        keras.utils.set_random_seed(seed)
        found = settings_of.CASES[stage]
        model = zoo.build(f"convnet_{found.name}", size=28, channels=1, embedding_dim=64, learning_rate=rate, **found.settings)
        if not ours and stage == last:
            model.loss_layer = zoo.layers.LossLayer(Peer(torch_losses.metric_learning()[last]))
        if before is not None:
            model.start_from(before)
        model.fit(zoo.data.pk_batches(images[0], labels, 32, 4, steps=steps, seed=seed + 100 * number), verbose=0)
        before = model
    return zoo.metrics.retrieval(model.predict(images[1]), data.test.labels)["recall@1"].value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--losses", nargs="+", default=["epshn", "batchhard", "semihard+batchhard", "contrastive"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--out", type=pathlib.Path, default=RESULTS)
    options = parser.parse_args()
    rows = {}
    if options.out.exists():
        with open(options.out, encoding="utf-8", newline="") as file:
            rows = {tuple(row[key] for key in COLUMNS[:4]): row for row in csv.DictReader(file)}
    images, data = drawings()
    for case in options.losses:
        for seed in range(options.seeds):
            key = case, str(seed), str(options.steps), f"{options.rate:g}"
            if key not in rows:
                started = time.time()
                scores = [recall(case, seed, ours, options.steps, options.rate, images, data) for ours in (True, False)]
                rows[key] = dict(zip(COLUMNS, (*key, *(f"{score:.4f}" for score in scores)), strict=True))
                write(options.out, rows.values())
                print(f"{case}, seed {seed}: ours {scores[0]:.3f}, pytorch-metric-learning {scores[1]:.3f}, "
                      f"{time.time() - started:.0f} s", flush=True)  # fmt: skip
        kept = [row for row in rows.values() if row["loss"] == case]
        means = [statistics.fmean(float(row[name]) for row in kept) for name in ("zoo", "pml")]
        print(f"{case}: mean Recall@1 {means[0]:.3f} and {means[1]:.3f}, apart by {abs(means[0] - means[1]):.3f}", flush=True)


def write(path, rows):
    """All rows, beside the file and renamed."""
    beside = path.with_name(f".{path.name}")
    with open(beside, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(beside, path)


if __name__ == "__main__":
    main()
