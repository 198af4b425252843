"""How many numbers does an embedding need? Spectrum, rotation and Recall@1 against kept dimensions.

Shows   singular values of embeddings of 64, 32 and 16 numbers, under N-pair and EPSHN, and of one Matryoshka model that is
        trained at all three sizes; first and last rotated coordinate against the class; Recall@1 on test classes against
        kept coordinates, with the rotation from training images; the smallest number that keeps 99.5 % of Recall@1, and a
        bundle with the rotation folded in that answers with as many.
Time    python recipes/embedding_size.py                 scikit-learn's digits, about two minutes
        python recipes/embedding_size.py --data omniglot about ten minutes on two cores
Data    --data as in image_epshn.py.

Source: a post of the first author of EPSHN (N-pair on cars, sizes 64, 32, 16); Kusupati et al. 2022 (Matryoshka). The
number to keep is chosen on validation classes and then scored on test classes; one seed, the last epoch.
"""

import argparse
import pathlib

import image_epshn as base

import zoo

SIZES = (64, 32, 16)
MODELS = {
    **{f"N-pair, {size}": ("N-pair", {"embedding_dim": size}) for size in SIZES},
    **{f"EPSHN, {size}": ("EPSHN", {"embedding_dim": size}) for size in SIZES},
    "N-pair, 4 chunks": ("N-pair", {"embedding_dim": 64, "chunks": 4}),
    "EPSHN, 4 chunks": ("EPSHN", {"embedding_dim": 64, "chunks": 4}),
    "EPSHN, 4 chunks, random groups": ("EPSHN", {"embedding_dim": 64, "chunks": 4, "chunk_classes": True}),
    "EPSHN, Matryoshka": ("EPSHN", {"embedding_dim": 64, "matryoshka": (16, 32, 64)}),
}
RATE = 1e-3
SOME = 4000  # training images of the rotation


def main():
    options = arguments()
    data = zoo.data.load_images(options.data)
    network = base.NETWORKS.get(data.name, base.OWN)
    name = pathlib.Path(data.name).name
    out = pathlib.Path(options.out) / name
    out.mkdir(parents=True, exist_ok=True)
    data = base.fed(data, network, out)
    some = slice(None, None, max(1, len(data.train) // SOME))
    held, curves, lines, models = {}, {}, [], {}
    for label in MODELS:
        model = models[label] = train(label, data, network, options.steps)
        held[label], validation, test = (
            model.predict(items) for items in (data.train.items[some], data.validation.items, data.test.items)
        )
        curves[label] = zoo.metrics.recall_by_dims(held[label], test, data.test.labels)
        chosen = zoo.metrics.recall_by_dims(held[label], validation, data.validation.labels)
        keep = zoo.metrics.smallest_dims(chosen.dims, chosen.recall)
        at = dict(zip(curves[label].dims.tolist(), curves[label].recall, strict=True))
        rank = zoo.metrics.effective_rank(held[label])
        lines.append(f"{label}: effective rank {rank:.1f}; Recall@1 {at[max(at)]:.3f} with all, {at[keep]:.3f} with {keep} of "
                     f"{max(at)} rotated numbers")  # fmt: skip
        if label == "EPSHN, Matryoshka":
            cut = {size: zoo.metrics.retrieval(test[:, :size], data.test.labels)["recall@1"].value for size in sorted(SIZES)}
            lines.append(f"{label}, cut without rotation: " + ", ".join(f"{k}: {value:.3f}" for k, value in cut.items()))
        if label == "EPSHN, 64":
            best = keep
        print(lines[-1], flush=True)
    note = f"{name}, {options.steps} steps of {network['classes'] * network['per_class']} images, rate {RATE:g}, seed 0."
    (out / "conclusions.txt").write_text("\n".join([note, *lines]) + "\n", encoding="utf-8")
    figures = zoo.figures
    for ending, wanted in (("", [k for k in MODELS if "chunk" not in k]), ("_chunks", [k for k in MODELS if "64" in k or "chunk" in k])):
        some_of = [{label: found[label] for label in wanted} for found in (held, curves)]
        figures.save_png(figures.spectrum_curves(some_of[0], note=note), out / f"spectrum{ending}.png")
        figures.save_png(figures.pruning_curves(some_of[1], note=note), out / f"pruning{ending}.png")
    coordinates = figures.rotated_coordinates(held["N-pair, 64"], data.train.labels[some], title="N-pair, 64", note=note)
    figures.save_png(coordinates, out / "coordinates.png")
    gallery = data.images["train"].items[some], data.train.labels[some]
    path = pathlib.Path("saved_models") / f"{models['EPSHN, 64'].name}_{name}_{best}"
    bundle = zoo.export(models["EPSHN, 64"], path, gallery=gallery, keep_dims=best, data=data.name)
    print(f"\nExported to {bundle}: embeddings of {best} numbers. Pictures are in {out}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="digits")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--out", default="runs/embedding_size")
    return parser.parse_args()


def train(label, data, network, steps):
    loss, settings = MODELS[label]
    labels, names = zoo.data.encode(data.train.labels)
    if settings.get("chunk_classes"):
        settings = {**settings, "chunk_classes": len(names)}
    model = base.build(loss, 0, RATE, data, network, **settings)
    sizes = network["classes"], network["per_class"]
    model.fit(zoo.data.pk_batches(data.train.items, labels, *sizes, steps=steps), verbose=0)
    return model


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        raise SystemExit(f"embedding_size.py: {error}") from error
