"""Does EPSHN afford a larger learning rate than EP? Recall@1 against the rate, from 1e-4 to 16e-4 of a sum over 128 anchors.

Shows   Recall@1 on classes never trained on, for rates of 1, 2, 4, 8 and 16 x 1e-4, several seeds as a band.
Time    python recipes/lr_sweep.py                       scikit-learn's digits, about two minutes
        python recipes/lr_sweep.py --data omniglot       about half an hour on two cores
Data    --data as in image_epshn.py.
Score   see recipes/results/lr_sweep_*.txt

Source: a post of the first author of EPSHN. Its rates belong to gradient descent with momentum 0.9 on a sum over the 128
anchors of a batch; so does this recipe. The last epoch is scored: nothing is chosen.
"""

import argparse
import csv
import os
import pathlib
import time

import image_epshn as base
import keras
import numpy as np

import zoo

RATES = [factor * 1e-4 for factor in (1, 2, 4, 8, 16)]
LOSSES = ("EP", "EPSHN")


def main():
    options = arguments()
    data = zoo.data.load_images(options.data)
    network = base.NETWORKS.get(data.name, base.OWN)
    name = pathlib.Path(data.name).name
    out = pathlib.Path(options.out) / name
    out.mkdir(parents=True, exist_ok=True)
    data = base.fed(data, network, out)
    file, done = out / "results.csv", {}
    if file.exists():
        with open(file, encoding="utf-8", newline="") as text:
            done = {(r["loss"], float(r["rate"]), int(r["seed"])): float(r["recall@1"]) for r in csv.DictReader(text)
                    if int(r["steps"]) == options.steps}  # fmt: skip
    for loss in LOSSES:
        for rate in RATES:
            for seed in range(options.seeds):
                if (loss, rate, seed) not in done:
                    started = time.time()
                    done[loss, rate, seed] = train(loss, rate, seed, data, network, options.steps)
                    write(file, done, options.steps)
                    print(f"{loss}, rate {rate:g}, seed {seed}: Recall@1 {done[loss, rate, seed]:.3f}, "
                          f"{time.time() - started:.0f} s", flush=True)  # fmt: skip
    seeds = range(options.seeds)
    results = {loss: (RATES, [[done[loss, rate, seed] for rate in RATES] for seed in seeds]) for loss in LOSSES}
    note = f"{name}, sum over {network['classes'] * network['per_class']} anchors, momentum 0.9, {options.steps} steps."
    zoo.figures.save_png(zoo.figures.rate_sweep(results, note=note), out / "lr_sweep.png")
    text = verdict(results, note)
    print(f"\n{text}\nPicture: {out / 'lr_sweep.png'}")
    (out / "conclusions.txt").write_text(text + "\n", encoding="utf-8")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="digits")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--out", default="runs/lr_sweep")
    return parser.parse_args()


def train(loss, rate, seed, data, network, steps):
    """Recall@1 on the test classes after the last step."""
    model = base.build(loss, seed, rate, data, network, reduction="sum")
    model.compile(keras.optimizers.SGD(rate, momentum=0.9))
    labels, _ = zoo.data.encode(data.train.labels)
    sizes = network["classes"], network["per_class"]
    model.fit(zoo.data.pk_batches(data.train.items, labels, *sizes, steps=steps, seed=seed), verbose=0)
    return base.score(model, data)["scores"]["recall@1"][0]


def write(file, done, steps):
    """All rows, beside the file and renamed: what is there is whole."""
    beside = file.with_name(f".{file.name}")
    with open(beside, "w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["loss", "rate", "seed", "steps", "recall@1"])
        writer.writerows([loss, rate, seed, steps, value] for (loss, rate, seed), value in done.items())
    os.replace(beside, file)


def verdict(results, note):
    """What came out, in words and figures."""
    means = {loss: dict(zip(rates, np.mean(values, axis=0), strict=True)) for loss, (rates, values) in results.items()}
    lines = [note]
    for loss, found in means.items():
        best = max(found, key=found.get)
        last = found[max(found)]
        lines.append(f"{loss}: best at {best:g} ({found[best]:.3f}); at the largest rate {max(found):g} {last:.3f}")
    drops = {loss: max(found.values()) - found[max(found)] for loss, found in means.items()}
    holds = drops["EPSHN"] < 0.01 < drops["EP"]
    lines.append(f"EPSHN affords the largest rate and EP does not: {'holds' if holds else 'does not hold'} "
                 f"(loss of Recall@1 there, EPSHN {drops['EPSHN']:.3f}, EP {drops['EP']:.3f})")  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        raise SystemExit(f"lr_sweep.py: {error}") from error
