"""Spoken words to embeddings: any loss of the zoo on recordings, on speakers left out, on words never trained on.

Shows   Recall@1 and nearest-neighbor accuracy, with intervals, of one network over log-mels, beside log-mels that nothing was
        trained on; a map of the test clips; a bundle that answers from WAV bytes; vectors for TensorBoard's projector.
Time    python recipes/speech_retrieval.py                          SYNTHETIC digits, no file needed, about two minutes
        python recipes/speech_retrieval.py --task spoken_words      nine words, a few minutes a loss on one core
        python recipes/speech_retrieval.py --task fsdd_speakers     digits, each of five speakers left out in turn
        python recipes/speech_retrieval.py --task new_words         35 words by what 19 others taught
        python recipes/speech_retrieval.py --task path/to/folder    folder/word/clip.wav, also Speech Commands
Data    --task takes spoken_digits_synthetic, spoken_words, fsdd, fsdd_speakers, new_words, or a folder (zoo.data.load_speech).
Score   see recipes/results/speech_*.txt

The epoch is chosen on validation clips, by MAP@R; test clips are looked at once. Accuracy is the vote of the five nearest training
clips, to be compared with a classifier; Recall@1 looks among the other test clips. Two losses joined by + train one after the
other: batch-hard from the start draws everything to one point, after semi-hard it does not.
"""

import argparse
import csv
import json
import logging
import os
import pathlib
import shlex
import shutil
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
logging.getLogger("tensorflow").setLevel("ERROR")

import keras
import numpy as np

import zoo
from zoo.data import SpeechData, SpeechSplit, load_speech

LOSSES = ("batchhard", "semihard+batchhard", "epshn")
NETWORK = {"preset": "small", "pooling": "meanmax", "center": True, "dropout": 0.1, "speed": 0.15, "noise": 0.1,
           "embedding_dim": 64}  # fmt: skip
SECONDS = {"spoken_words": 1.6, "new_words": 1.6}  # of a clip that are heard; 1 of the other sets
SPEAKERS = "george", "jackson", "lucas", "nicolas", "theo"
RATE = 2e-3  # Adam
CHOICE = "val_map@r"  # accuracy on clips of known voices is soon 1 and says no more
DIM_FRAMES = 24  # frames of a log-mel that the baseline sees


def main():
    options = arguments()
    out = pathlib.Path(options.out) / pathlib.Path(options.task).name
    (out / "runs").mkdir(parents=True, exist_ok=True)
    rows = {label: [] for label in ("log-mel, not trained", *options.losses)}
    for data in sets(options.task):
        print(f"\n{data.name}: {len(data.train)} clips to train on, {len(data.validation)} to choose by, {len(data.test)} to "
              f"test\n{data.note}", flush=True)  # fmt: skip
        rows["log-mel, not trained"].append(baseline(data))
        for loss in options.losses:
            rows[loss] += [run(loss, seed, data, out, options) for seed in range(options.seeds)]
    table(rows, data, options, out)
    publish(rows, data, options, out)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="spoken_digits_synthetic", help="a name of the first lines, or a folder of words")
    parser.add_argument("--losses", nargs="+", default=LOSSES, help="second halves of the names of zoo.list_models('speechcnn_*'); "
                        "two joined by + share the epochs, one after the other")  # fmt: skip
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=4, help="after each the validation clips are looked at")
    parser.add_argument("--steps", type=int, default=40, help="batches in an epoch")
    parser.add_argument("--out", default="runs/speech_retrieval")
    options = parser.parse_args()
    names = [name.partition("_")[2] for name in zoo.list_models("speechcnn_*")]
    for stages in options.losses:
        for loss in stages.split("+"):
            if loss not in names:
                parser.error(f"--losses: unknown {loss!r}; there are: {', '.join(names)}")
        if options.epochs < len(stages.split("+")):
            parser.error(f"--losses: {stages} needs an epoch for each; make --epochs larger")
    return options


def sets(task):
    """The data of a task: one set, one a speaker left out, or words to test that are not those to train on."""
    if task == "fsdd_speakers":
        return [load_speech("fsdd", speaker=speaker) for speaker in SPEAKERS]
    if task != "new_words":
        return [load_speech(task)]
    digits, words, few = load_speech("fsdd"), load_speech("spoken_words"), load_speech("speech_commands_toy")
    parts = [joined(getattr(digits, part), getattr(words, part)) for part in ("train", "validation")]
    test = joined(few.train, few.validation, few.test)
    return [SpeechData(task, *parts, test, few.baseline, few.licence, "Tested on all clips of speech_commands_toy. Recall@1 of "
                       "new words is that of the words that were not trained on, among themselves.")]  # fmt: skip


def joined(*splits):
    columns = "items", "labels", "speakers", "sources"
    return SpeechSplit(*(np.concatenate([getattr(split, key) for split in splits]) for key in columns))


def baseline(data):
    """24 evenly spaced frames of the log-mel as they are: nearest neighbors, and a logistic regression."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    frontend, layer = zoo.frontends.AudioFrontend(seconds=2.0), zoo.layers.LogMel()

    def features(items):
        found = []
        for start in range(0, len(items), 64):
            x, mask = (keras.ops.convert_to_numpy(part) for part in layer(frontend(items[start : start + 64])))
            for frames, count in zip(x, mask.sum(axis=1), strict=True):
                found.append(frames[np.linspace(0, count - 1, DIM_FRAMES).round().astype(int)].ravel())
        return np.array(found, "float32")

    scale = StandardScaler().fit(features(data.train.items))
    vectors = {part: scale.transform(features(getattr(data, part).items)) for part in ("train", "test")}
    row = {"data": data.name, "scores": score(vectors["train"], vectors["test"], data)}
    if set(data.test.labels) <= set(data.train.labels):
        model = LogisticRegression(C=0.1, max_iter=300).fit(vectors["train"], data.train.labels)
        row["regression"] = float(model.score(vectors["test"], data.test.labels))
    return row


def score(train, test, data):
    """Scores of the vectors of test clips, by which nothing is chosen: metric to (value, low, high, n)."""
    found = zoo.metrics.retrieval(test, data.test.labels, k=(1,))
    scores = {"recall@1": found["recall@1"], "map@r": found["map@r"]}
    known = np.isin(data.test.labels, data.train.labels)
    if known.all():
        scores["accuracy"] = zoo.evaluate(None, (test, data.test.labels), (train, data.train.labels))["knn_accuracy"]
    else:
        scores["recall@1, new words"] = zoo.metrics.retrieval(test[~known], data.test.labels[~known], k=(1,))["recall@1"]
    for source in sorted(set(data.test.sources) - {""}) if len(set(data.test.sources)) > 1 and known.all() else ():
        rows, held = data.test.sources == source, data.train.sources == source
        inside = zoo.evaluate(None, (test[rows], data.test.labels[rows]), (train[held], data.train.labels[held]))
        scores[f"accuracy within {source}"] = inside["knn_accuracy"]
    return {name: list(value) for name, value in scores.items()}


def run(loss, seed, data, out, options):
    """Train once, score once. What was done before the recipe was stopped is read again."""
    path = out / "runs" / f"{slug(loss, data, seed)}.json"
    wanted = {"loss": loss, "seed": seed, "data": data.name, "epochs": options.epochs, "steps": options.steps}
    if path.exists():
        row = json.loads(path.read_text())
        if {key: row.get(key) for key in wanted} == wanted:
            print(f"  {loss}, seed {seed}: {shown(row)}, done before", flush=True)
            return row
    started = time.time()
    labels, words = zoo.data.encode(data.train.labels)
    classes = min(16, len(words))
    batches = zoo.data.pk_batches(data.train.items, labels, classes, 64 // classes, steps=options.steps, seed=seed)
    *first, last = loss.split("+")
    model, share = None, options.epochs // (1 + len(first))
    for stage in first:
        model = build(stage, seed, data, words, options, model)
        model.fit(batches, epochs=share, verbose=0)
    model = build(last, seed, data, words, options, model)
    best = zoo.callbacks.KeepBest(path.with_suffix(".npz"), CHOICE)
    callbacks = [zoo.callbacks.Retrieval(data.validation, data.train), best] if len(data.validation) else []
    model.fit(batches, epochs=options.epochs - share * len(first), verbose=0, callbacks=callbacks)
    row = {**wanted, "scores": score(model.predict(data.train.items), model.predict(data.test.items), data)}
    row |= {"validation": None, "epoch": options.epochs}
    if callbacks:
        row |= {"validation": best.score, "epoch": share * len(first) + best.epoch + 1}
    row["seconds"] = time.time() - started
    model.save(path.with_suffix(".keras"))
    path.with_suffix(".npz").unlink(missing_ok=True)
    path.write_text(json.dumps(row))  # last: what is there is whole
    print(f"  {loss}, seed {seed}: {shown(row)}, epoch {row['epoch']}, {row['seconds']:.0f} s", flush=True)
    return row


def slug(loss, data, seed):
    return f"{loss}_{pathlib.Path(data.name).name}_{seed}".replace(" ", "_").replace("+", "_")


def build(loss, seed, data, words, options, before=None):
    """The network under a loss, from the start that a seed gives, or with the encoder of the model `before`."""
    settings = {**NETWORK, "seconds": SECONDS.get(options.task, 1.0), "learning_rate": RATE}
    if zoo.describe(f"speechcnn_{loss}")["settings"].get("classes"):
        settings["classes"] = len(words)
    keras.utils.set_random_seed(seed)
    model = zoo.build(f"speechcnn_{loss}", **settings)
    model.adapt(data.train.items) if before is None else model.start_from(before)
    return model


def shown(row):
    return ", ".join(f"{name} {value[0]:.3f}" for name, value in row["scores"].items())


def table(rows, data, options, out):
    """Print every run with its intervals, and write them."""
    lines = [f"{'loss':22}{'metric':52}{'value':>6}  95 % interval     n  set, seed"]
    if data.synthetic:
        lines.insert(0, "SYNTHETIC speech: for a first look, never the only evidence.")
    for label, runs in rows.items():
        for row in runs:
            place = row["data"] + (f", {row['seed']}" if "seed" in row else "")
            for name, (value, low, high, n) in row["scores"].items():
                lines.append(f"{label:22}{name:52}{value:6.3f}  [{low:.3f}, {high:.3f}] {n:5}  {place}")
            if "regression" in row:
                lines.append(f"{label:22}{'accuracy of a logistic regression':52}{row['regression']:6.3f}{'':23}  {place}")
        for name in runs[0]["scores"] if len(runs) > 1 else ():
            values = [row["scores"][name][0] for row in runs if name in row["scores"]]
            spread = f"{min(values):.3f} to {max(values):.3f}"
            lines.append(f"{label:22}{'mean of ' + name:52}{np.mean(values):6.3f}  {spread} of {len(values)} runs")
    lines += [f"Published with the set: {name} {value:.3f}" for name, value in data.baseline.items()]
    heard = SECONDS.get(options.task, 1.0)
    lines.append(f"speechcnn, {NETWORK}, {heard} s, Adam {RATE:g}, {options.epochs} x {options.steps} steps.")
    text = "\n".join(lines)
    print(f"\n{text}", flush=True)
    (out / "results.txt").write_text(text + "\n", encoding="utf-8")
    with open(out / "results.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["data", "loss", "seed", "epoch", "metric", "value", "low", "high", "n"])
        for label, runs in rows.items():
            for row in runs:
                place = [row["data"], label, row.get("seed", ""), row.get("epoch", "")]
                writer.writerows([*place, name, *value] for name, value in row["scores"].items())


def publish(rows, data, options, out):
    """Draw, export and project the run of the last set that did best on validation clips."""
    runs = [row for loss in options.losses for row in rows[loss] if row["data"] == data.name]
    best = max(runs, key=lambda row: row["validation"] or 0.0)  # MAP@R
    model = zoo.load_model(out / "runs" / f"{slug(best['loss'], data, best['seed'])}.keras")
    vectors = model.predict(data.test.items)
    note = f"{data.name}{', SYNTHETIC' if data.synthetic else ''}"
    figure = zoo.figures.tsne_map({best["loss"]: zoo.figures.fit_tsne(vectors)}, data.test.labels, note=note)
    zoo.figures.save_png(figure, out / "tsne.png")
    folder = out / "projector"
    shutil.rmtree(folder, ignore_errors=True)
    columns = {"clip": model.frontend.names(data.test.items), "word": data.test.labels, "speaker": data.test.speakers}
    zoo.export.write_projector(folder / "test", vectors, columns)
    bundle = zoo.export(
        model, pathlib.Path("saved_models") / f"{model.name}_{out.name}", gallery=data.train,
        data=f"{note} ({data.licence})", scores={"test": best["scores"]},
    )  # fmt: skip
    difference = json.loads((bundle / "card.json").read_text(encoding="utf-8"))["largest_difference"]
    sample = out / "sample.wav"
    sample.write_bytes(model.frontend.as_bytes(data.test.items[:1])[0])
    print(f"""
Exported {best['loss']} to {bundle}; from WAV bytes it answers as model.predict does, largest difference {difference:.1e}
Look at the embeddings:  tensorboard --logdir {shlex.quote(str(folder))}
Ask the exported model:  zoo query {shlex.quote(str(bundle.parent))} {shlex.quote(str(sample))}
Pictures and scores are in {out}""")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        raise SystemExit(f"speech_retrieval.py: {error}") from error
