"""What image_epshn.py shows of its runs: the table, the pictures, the bundle and the projector."""

import csv
import json
import pathlib
import shlex
import time

import keras
import numpy as np
import sklearn.cluster
import sklearn.metrics

import zoo

ORDERS = ("EPSHN", "EPSHN, second order")  # whose paths are compared
SHOWN = 1500  # images of train and of test in the pictures of epochs
SHEET = 6  # queries on a sheet


class Watch(keras.callbacks.Callback):
    """Keeps the embeddings of some training and test images before training and after each epoch."""

    def __init__(self, data, folder):
        super().__init__()
        self.parts, self.folder = {"train": shown(data.train)[0], "test": shown(data.test)[0]}, folder

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 0:
            self.keep(0)

    def on_epoch_end(self, epoch, logs=None):
        self.keep(epoch + 1)

    def keep(self, epoch):
        self.folder.mkdir(exist_ok=True)
        np.savez(self.folder / f"epoch_{epoch:03d}.npz", **{key: self.model.predict(x) for key, x in self.parts.items()})


def shown(split):
    """Items and labels of at most SHOWN images, whole classes."""
    rows = np.arange(len(split))
    if len(rows) > SHOWN:
        names, sizes = np.unique(split.labels, return_counts=True)
        few = np.random.default_rng(0).permutation(len(names))
        few = few[: max(2, np.searchsorted(np.cumsum(sizes[few]), SHOWN))]
        rows = np.flatnonzero(np.isin(split.labels, names[few]))
    return split.items[rows], split.labels[rows]


def nmi(vectors, labels):
    """Normalized mutual information of k-means clusters, as many as classes, and the classes."""
    found = sklearn.cluster.KMeans(len(set(labels)), n_init=1, random_state=0).fit_predict(vectors)
    return float(sklearn.metrics.normalized_mutual_info_score(labels, found))


def table(rows, data, network, options, out):
    """Print the scores as mean over seeds, and write them run by run."""
    ks = [name for name in next(iter(rows.values()))[0]["scores"] if name.startswith("recall")]
    names = [*ks, "map@r", "r_precision"]
    lines = [f"{'loss':22}{'rate':>8}" + "".join(f"{name:>13}" for name in names) + f"{'nmi':>8}   Recall@1 of the seeds"]
    for label, runs in rows.items():
        values = [np.mean([run["scores"][name][0] for run in runs]) for name in names]
        rate = f"{runs[0]['rate']:g}" if "rate" in runs[0] else ""
        spread = ", ".join(f"{run['scores']['recall@1'][0]:.3f}" for run in runs)
        lines.append(f"{label:22}{rate:>8}" + "".join(f"{value:13.3f}" for value in values)
                     + f"{np.mean([run['nmi'] for run in runs]):8.3f}   {spread}")  # fmt: skip
    low, high = next(iter(rows.values()))[0]["scores"]["recall@1"][1:3]
    lines.append(f"95 % interval of one run's Recall@1: about ±{(high - low) / 2:.3f}, {len(data.test)} queries.")
    lines += [f"{name}: Recall@1 {value:.3f}" for name, value in data.baseline.items()]
    settings = {**network["settings"], "weights": network.get("weights")}
    lines.append(
        f"{network['encoder']}, {settings}, 64 dimensions, batches of {network['classes']} x {network['per_class']}, "
        f"{options.epochs} x {options.steps} steps, {options.seeds} seeds, rate and epoch by validation classes."
    )
    text = "\n".join(lines)
    print(text, flush=True)
    (out / "results.txt").write_text(text + "\n", encoding="utf-8")
    with open(out / "results.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["data", "loss", "seed", "rate", "epoch", "metric", "value", "low", "high", "n"])
        for label, runs in rows.items():
            for run in runs:
                place = [data.name, label, run.get("seed", ""), run.get("rate", ""), run.get("epoch", 0)]
                writer.writerows([*place, name, *score] for name, score in run["scores"].items())
                writer.writerow([*place, "nmi", run["nmi"], "", "", len(data.test)])


def pictures(rows, best, data, out):
    """Draw what the runs of seed 0 kept, and sheets of the best model."""
    figures, started = zoo.figures, time.time()
    runs = {label: history(out, label, found[0]) for label, found in rows.items() if label in ORDERS or label == best}
    labels = {key: shown(getattr(data, key))[1] for key in ("train", "test")}
    points = {
        label: {key: [zoo.metrics.triplet_points(x, labels[key]) for x in parts] for key, parts in found.items()}
        for label, found in runs.items()
    }
    for label, found in points.items():
        name = "".join(c if c.isalnum() else "_" for c in label).lower()
        note = f"{data.name}, rate {rows[label][0]['rate']:g}, seed 0."
        figures.animate_triplets(found, out / f"scatter_{name}", title=label, note=note)
        last = {key: value[-1] for key, value in found.items()}
        picture = figures.triplet_scatter(last, len(found["test"]) - 1, title=label, note=note)
        figures.save_png(picture, out / f"scatter_{name}.png")
    ends = {"start": next(iter(points.values()))["test"][0], **{label: found["test"][-1] for label, found in points.items()}}
    figures.save_png(figures.distance_histogram(ends, note=data.name), out / "distances.png")
    pairs = {label: points_of for label, points_of in runs.items() if label in ORDERS}
    if len(pairs) == 2:
        chosen = np.random.default_rng(1).permutation(len(labels["test"]))[:8]
        paths = {label: zoo.metrics.follow_triplets(found["test"], labels["test"], chosen) for label, found in pairs.items()}
        images = [shown(data.test)[0][i] for i in chosen]
        names = [str(name).replace("/character", " ") for name in labels["test"][chosen]]
        picture = figures.triplet_paths(paths, names, images, note=data.name)
        figures.save_png(picture, out / "paths.png")
    vectors, kinds = runs[best]["test"][-1], labels["test"]
    figures.save_png(figures.tsne_map({best: figures.fit_tsne(vectors)}, kinds, note=data.name), out / "tsne.png")
    counts = {label: zoo.metrics.similarity_counts(found["test"][-1], kinds) for label, found in runs.items()}
    figures.save_png(figures.similarity_histograms(counts, note=data.name), out / "similarities.png")
    queries = np.random.default_rng(2).permutation(len(vectors))[:SHEET]
    nearest, similarity = zoo.neighbors.knn(vectors[queries], vectors, 8, exclude=queries)  # cosine
    images, names = shown(data.test)[0], [str(name).replace("/character", " ") for name in kinds]
    sheet = figures.neighbor_sheet(images, names, queries, nearest, similarity=similarity, title=best, note=data.name)
    figures.save_png(sheet, out / "neighbors.png")
    scores = {label: found[0]["scores"]["recall@1"][:3] for label, found in rows.items()}
    chart = figures.score_chart(scores, note=f"{data.name}, seed 0.", references=data.baseline.get("colors"))
    figures.save_png(chart, out / "scores.png")
    moved(ends, rows, out)
    print(f"Pictures in {time.time() - started:.0f} s", flush=True)


def history(out, label, row):
    """Embeddings of a run over its epochs, {"train": [...], "test": [...]}."""
    name = f"{''.join(c if c.isalnum() else '_' for c in label)}_{row['rate']:g}_0"
    files = [np.load(path) for path in sorted((out / "runs" / name).glob("epoch_*.npz"))]
    return {key: [file[key] for file in files] for key in ("train", "test")}


def moved(ends, rows, out):
    """Say whether the second order moves the dots closer to (1, 0)."""
    medians = {label: float(np.median(points.distance)) for label, points in ends.items()}
    lines = [f"Median distance to (1, 0) on test images, {label}: {value:.3f}" for label, value in medians.items()]
    if all(label in ends for label in ORDERS):
        first, second = (medians[label] for label in ORDERS)
        recalls = [np.mean([run["scores"]["recall@1"][0] for run in rows[label]]) for label in ORDERS]
        closer = "closer to" if second < first else "no closer to"
        lines.append(
            f"Second order ends {closer} (1, 0) than first order ({second:.3f}, {first:.3f}); Recall@1 {recalls[1]:.3f}, "
            f"{recalls[0]:.3f}."
        )
    print("\n".join(lines), flush=True)
    (out / "conclusions.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def publish(model, label, runs, data, out):
    """Export the model with all test images to search, and write one projector run an epoch with thumbnails."""
    held = data.gallery or data.test
    scores = {"test": {name: value for name, value in runs[0]["scores"].items()}}
    name = f"{model.name}_{out.name}"
    bundle = zoo.export(
        model, pathlib.Path("saved_models") / name, gallery=held, data=f"{data.name} ({data.licence})", scores=scores
    )
    difference = json.loads((bundle / "card.json").read_text(encoding="utf-8"))["largest_difference"]
    print(f"\nBest on validation: {label}. Exported to {bundle}; from image files it answers as model.predict does, largest "
          f"difference {difference:.1e}", flush=True)  # fmt: skip
    items, labels = shown(data.test)
    for epoch, vectors in enumerate(history(out, label, runs[0])["test"]):
        columns = {"image": range(len(labels)), "label": labels}
        folder = out / "projector" / f"epoch_{epoch:03d}"
        zoo.export.write_projector(folder, vectors, columns, overwrite=True, images=items)
    print(f"""
Look at the embeddings, with thumbnails (Projector tab, an epoch is a run):
  tensorboard --logdir {shlex.quote(str(out / "projector"))}
Ask the exported model:
  zoo query {shlex.quote(str(bundle.parent))} IMAGE.jpg
Pictures and scores are in {out}""")
