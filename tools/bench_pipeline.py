"""Does reading images keep up with training? The share of a step that waits for data.

    python tools/bench_pipeline.py                     flowers102 and omniglot, some minutes on two cores

In one loop the time until the next batch is there is kept apart from the time of the step: the first over both is the
share that waits. Beside it the same step on a batch that lies in memory, in turn, and the pipeline alone; what the step takes
longer beside the pipeline is the cores that both use.
"""

import argparse
import os
import pathlib
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / folder) for folder in (".", "recipes")]

import image_epshn as recipe
import tensorflow as tf

import zoo


def measure(name, steps, rounds):
    data = zoo.data.load_images(name)
    network = recipe.NETWORKS[name]
    whole = {"freeze": None, "crop": 0.5, "flip": True} if network["encoder"] == "mobilenet" else {}
    model = recipe.build("EPSHN", 0, 1e-3, data, network, **whole)
    labels, _ = zoo.data.encode(data.train.labels)
    batches = zoo.data.pk_batches(data.train.items, labels, network["classes"], network["per_class"], steps=steps)
    batch = next(iter(batches.dataset(model.frontend.augmented)))
    model.train_on_batch(*batch)  # builds it
    found = []
    for _ in range(rounds):
        waited, busy = loop(model, batches.dataset(model.frontend.augmented))
        _, held = loop(model, tf.data.Dataset.from_tensors(batch).repeat(steps))
        alone, _ = loop(None, batches.dataset(model.frontend.augmented))
        found.append((waited, busy, held, alone))
    shares = [waited / (waited + busy) for waited, busy, *_ in found]
    waited, busy, held, alone = (statistics.median(column) * 1000 for column in zip(*found, strict=True))
    print(f"{name}, {network['encoder']}, {len(batch[1])} images a step: {busy:.0f} ms and {waited:.0f} ms of waiting; from "
          f"memory {held:.0f} ms; the pipeline alone {alone:.0f} ms; {statistics.median(shares):.0%} of a step waits for data "
          f"({min(shares):.0%} to {max(shares):.0%} in {rounds} rounds of {steps} steps)", flush=True)  # fmt: skip


def loop(model, dataset):
    """Seconds until a batch is there and seconds of its step, means over the steps but the first two."""
    waited, busy, start = [], [], time.perf_counter()
    for batch in dataset:
        there = time.perf_counter()
        if model is not None:
            model.train_on_batch(*batch)
        done = time.perf_counter()
        waited.append(there - start)
        busy.append(done - there)
        start = done
    return statistics.mean(waited[2:]), statistics.mean(busy[2:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["flowers102", "omniglot"])
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for name in options.data:
        measure(name, options.steps, options.rounds)


if __name__ == "__main__":
    main()
