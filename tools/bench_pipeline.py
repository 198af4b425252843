"""Does reading images keep up with training? The share of a step that waits for data.

    python tools/bench_pipeline.py                     flowers102 and omniglot, about five minutes on two cores

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
    batches = zoo.data.pk_batches(data.train.items, labels, network["classes"], network["per_class"], steps=steps)
    batch = next(iter(batches.dataset(model.frontend.augmented)))
    memory = tf.data.Dataset.from_tensors(batch).repeat(steps)
    model.fit(batches, verbose=0)
    model.fit(memory, verbose=0)
    found = []
    for _ in range(rounds):
        found.append([timed(lambda: model.fit(batches, verbose=0)), timed(lambda: model.fit(memory, verbose=0)),
                      timed(lambda: list(batches.dataset(model.frontend.augmented)))])  # fmt: skip
    read, held, alone = (statistics.median(column) / steps * 1000 for column in zip(*found, strict=True))
    waits = statistics.median(1 - b / a for a, b, _ in found)
    print(f"{name}, {network['encoder']}, {len(batch[1])} images a step: {read:.0f} ms, from memory {held:.0f} ms, the "
          f"pipeline alone {alone:.0f} ms; {max(waits, 0):.0%} of a step waits for data", flush=True)  # fmt: skip


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
