"""Does reading images keep up with training? The share of a step that waits for data.

    python tools/bench_pipeline.py                     flowers102 and omniglot, some minutes on two cores

A step with its images read, cut and mirrored while the model trains is timed beside the same step on images that are
already in memory, in turn; the difference over the first is the share that waits. The pipeline alone is timed too.
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
    few, many = (zoo.data.pk_batches(data.train.items, labels, network["classes"], network["per_class"], steps=n)
                 for n in (steps, 4 * steps))  # fmt: skip
    batch = next(iter(few.dataset(model.frontend.augmented)))
    few_held, many_held = (tf.data.Dataset.from_tensors(batch).repeat(n) for n in (steps, 4 * steps))

    def step(call, short, long):
        """Seconds of one step; the difference of two lengths leaves out what a call costs once."""
        return (timed(lambda: call(long)) - timed(lambda: call(short))) / (3 * steps)

    def fit(batches):
        model.fit(batches, verbose=0)

    def read_only(batches):
        for _ in batches.dataset(model.frontend.augmented):
            pass

    fit(few)
    fit(few_held)
    found = [
        (step(fit, few, many), step(fit, few_held, many_held), step(read_only, few, many)) for _ in range(rounds)
    ]
    read, held, alone = (statistics.median(column) * 1000 for column in zip(*found, strict=True))
    waits = [1 - b / a for a, b, _ in found]
    print(f"{name}, {network['encoder']}, {len(batch[1])} images a step: {read:.0f} ms, from memory {held:.0f} ms, the "
          f"pipeline alone {alone:.0f} ms; {statistics.median(waits):.0%} of a step waits for data "
          f"({min(waits):.0%} to {max(waits):.0%} in {rounds} rounds)", flush=True)  # fmt: skip


def timed(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["flowers102", "omniglot"])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for name in options.data:
        measure(name, options.steps, options.rounds)


if __name__ == "__main__":
    main()
