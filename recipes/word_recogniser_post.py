"""What word_recogniser.py shows of its runs: the table, the conclusions and the pictures."""

import csv
import json
import pathlib
import shlex

import numpy as np
import word_recogniser as recipe

import zoo
from zoo.figures.word_scores import rank_correlation

FREQUENT = 5  # words whose share of the guesses is told
METRICS = ("macro_auc", "weighted_auc", "micro_auc", "mean_average_precision")
PANELS = 9


def bias(run, fed):
    """How a run leans to frequent words.

    `auc`, `precision`, `wrong`: rank correlations with the frequency in train of the words' AUC, their average precision,
    and how often a word is guessed where it is not. `share`: share of the guesses that the most frequent words take.
    """
    guesses = np.array(run["guesses"])
    return {
        "auc": rank_correlation(fed.frequencies, np.array(run["auc"], float)),
        "precision": rank_correlation(fed.frequencies, np.array(run["average_precision"], float)),
        "wrong": rank_correlation(fed.frequencies, np.array(run["wrong"], float)),
        "share": float(guesses[:FREQUENT].sum() / guesses.sum()),
    }


def table(rows, data, fed, options, out):
    """Print the scores as means over seeds, and write them run by run."""
    lines = [f"{data.name}, test: means over seeds. Rank correlations are with the frequency in train."]
    heads = ("macro AUC", "weighted", "micro", "mean AP", "train macro", "corr. AUC", "corr. AP", "corr. wrong")
    heads += ("first five",)
    lines.append(f"{'loss':32}" + "".join(f"{head:>12}" for head in heads) + "   macro AUC of the seeds")
    for label, runs in rows.items():
        values = [np.mean([run["scores"][name][0] for run in runs]) for name in METRICS]
        leans = [bias(run, fed) for run in runs]
        values += [np.mean([run["train_macro_auc"] for run in runs])]
        values += [np.mean([lean[key] for lean in leans]) for key in ("auc", "precision", "wrong", "share")]
        seeds = ", ".join(f"{run['scores']['macro_auc'][0]:.3f}" for run in runs)
        lines.append(f"{label:32}" + "".join(f"{value:12.3f}" for value in values) + f"   {seeds}")
    lines += ["", *notes(rows, data, fed, options)]
    conclusions = verdict(rows, fed)
    print("\n".join([*lines, *conclusions]), flush=True)
    (out / "results.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (out / "conclusions.txt").write_text("\n".join(conclusions) + "\n", encoding="utf-8")
    with open(out / "results.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["data", "recipe", "loss", "seed", "metric", "value", "low", "high", "n"])
        for label, runs in rows.items():
            for run in runs:
                place = [data.name, "word_recogniser", label, run["seed"]]
                writer.writerows([*place, name, *score] for name, score in run["scores"].items())
                plain = {"train_macro_auc": run["train_macro_auc"], "words_undefined": run["undefined"]}
                plain |= {f"frequency_{key}": value for key, value in bias(run, fed).items()}
                writer.writerows([*place, name, value, "", "", ""] for name, value in plain.items())


def said_share(fed):
    """The share of the words said in test that the most frequent ones are."""
    counts = fed.y["test"].sum(axis=0)
    return counts[:FREQUENT].sum() / counts.sum()


def notes(rows, data, fed, options):
    """What a reader of the table must know."""
    some = next(iter(rows.values()))[0]
    low, high = some["scores"]["macro_auc"][1:3]
    counts, network = fed.frequencies, {key: value for key, value in recipe.NETWORK.items() if value is not None}
    return [
        f"95 % interval of one run's macro AUC: about ±{(high - low) / 2:.3f}, {len(data.test)} utterances; "
        f"{some['undefined']} of {len(data.words)} words are undefined on test (no positives).",
        f"corr. wrong: how often a word is among the {recipe.GUESSES} first guesses where it is not said. first five: share "
        f"of the guesses that the {FREQUENT} most frequent words take; they are {said_share(fed):.3f} of the words said.",
        f"Words are said {counts.max()} to {counts.min()} times in train, from {data.recordings.max()} to "
        f"{data.recordings.min()} recordings. A rank correlation beyond ±{1.96 / np.sqrt(len(counts) - 1):.2f} is more than "
        "chance. That of the average precision is above 0 by nature: its chance level is the frequency.",
        f"speechcnn, {network}, Adam {recipe.RATE:g}, batches of {recipe.SIZE}, {options.epochs} epochs of "
        f"{len(data.train)} utterances, {options.seeds} seeds{once(rows, options)}; the last epoch is "
        "scored.",
        data.note,
    ]  # fmt: skip


def once(rows, options):
    """Which losses are seen with one seed, in words."""
    few = [label for label in rows if label in options.once]
    return f" (one of {'; '.join(few)})" * bool(few)


def ends(runs):
    """Mean AUC of the most frequent words, and of the rarer half."""
    auc = np.array([run["auc"] for run in runs], float)
    return np.nanmean(auc[:, :FREQUENT]), np.nanmean(auc[:, auc.shape[1] // 2 :])


def verdict(rows, fed):
    """Whether 1 / frequency cures the bias, in figures."""

    def mean(label, key):
        return np.mean([bias(run, fed)[key] for run in rows[label]])

    def auc(label):
        return np.mean([run["scores"]["macro_auc"][0] for run in rows[label]])

    chance, lines = 1.96 / np.sqrt(len(fed.frequencies) - 1), []
    for label in rows:
        gap = np.mean([run["train_macro_auc"] - run["scores"]["macro_auc"][0] for run in rows[label]])
        lines.append(f"{label}: macro AUC {auc(label):.3f}, {gap:.3f} below that on train; the {FREQUENT} most frequent "
                     f"words take {mean(label, 'share'):.2f} of the guesses (said: {said_share(fed):.2f}); rank correlation "
                     f"with the frequency: wrong guesses {mean(label, 'wrong'):+.2f}, "
                     f"AUC {mean(label, 'auc'):+.2f}.")  # fmt: skip
    plain, weighed = "no weights", "1 / frequency"
    if plain in rows and weighed in rows:
        guesses = abs(mean(weighed, "wrong")) < chance
        scores = mean(weighed, "auc") < chance
        (few, rare), (few_weighed, rare_weighed) = (ends(rows[label]) for label in (plain, weighed))
        lines.append(f"Does 1 / frequency alone cure the bias? Wrong guesses: {'yes' if guesses else 'no'} (rank "
                     f"correlation {mean(plain, 'wrong'):+.2f} without, {mean(weighed, 'wrong'):+.2f} with). The words' "
                     f"AUC: {'yes' if scores else 'no'} ({mean(plain, 'auc'):+.2f}, {mean(weighed, 'auc'):+.2f}). Macro AUC "
                     f"{auc(plain):.3f} without, {auc(weighed):.3f} with; of the {FREQUENT} most frequent words {few:.3f} "
                     f"and {few_weighed:.3f}, of the rarer half {rare:.3f} and {rare_weighed:.3f}.")  # fmt: skip
        lines.append("A weight of a whole word leaves the best constant answer for it where it was, at its frequency; only "
                     "a weight of its positives (balanced) moves it.")  # fmt: skip
    best = max(rows, key=auc)
    lines.append(f"Best macro AUC: {best}, {auc(best):.3f}.")
    return lines


def pictures(rows, data, fed, out):
    """Draw the words' AUC against their frequency, macro AUC over epochs, and ROC curves of some words."""
    figures = zoo.figures
    note = f"{data.name}{' (SYNTHETIC)' if data.synthetic else ''}, test, means over seeds."
    with np.errstate(all="ignore"):
        panels = {label: np.array([run["auc"] for run in runs], float).mean(axis=0) for label, runs in rows.items()}
    panels = dict(list(panels.items())[:PANELS])
    known = fed.frequencies > 0
    words = [word for word, there in zip(data.words, known, strict=True) if there]
    panels = {label: values[known] for label, values in panels.items()}
    picture = figures.auc_by_frequency(panels, fed.frequencies[known], words, note=note)
    figures.save_png(picture, out / "auc_by_frequency.png")
    length = max(len(run["validation"]) for runs in rows.values() for run in runs)
    bands = {label: [[np.nan] * (length - len(run["validation"])) + run["validation"] for run in runs]
             for label, runs in list(rows.items())[:8]}  # fmt: skip
    picture = figures.epoch_bands(bands, range(1, length + 1), "macro AUC on validation", level=0.5, note=data.name)
    figures.save_png(picture, out / "auc.png")
    label = max(rows, key=lambda label: np.mean([run["scores"]["macro_auc"][0] for run in rows[label]]))
    with np.load(out / "runs" / f"{recipe.slug(label, 0)}.npz") as file:
        scores = file["scores"]
    y = fed.y["test"]
    both = [w for w in range(len(data.words)) if 0 < y[:, w].sum() < len(y)]
    chosen = sorted({both[int(i)] for i in np.linspace(0, len(both) - 1, 6)})
    curves = {"all words (micro)": zoo.metrics.roc_curve(y.reshape(-1), scores.reshape(-1))}
    curves |= {f"{data.words[w]}, {fed.frequencies[w]} times": zoo.metrics.roc_curve(y[:, w], scores[:, w]) for w in chosen}
    picture = figures.roc_curves(curves, f"ROC curves of words: {label}", "utterances with the word", "other utterances",
                                 f"{data.name}, test, seed 0; how often a word is said in train.")  # fmt: skip
    figures.save_png(picture, out / "roc.png")


def publish(rows, data, out):
    """Export the model that is best on validation, seed 0, with its words."""
    labels = [label for label in rows if recipe.served(label)]
    if not labels:
        print("Scores of the hinge are no probabilities: nothing is exported.")
        return
    best = max(labels, key=lambda label: rows[label][0]["validation"][-1])
    model = zoo.load_model(out / "runs" / f"{recipe.slug(best, 0)}.keras")
    bundle = zoo.export(
        model, pathlib.Path("saved_models") / f"{model.name}_{out.name}", neighbors=5, words=data.words,
        samples=list(data.test.items[:8]), data=f"{data.name} ({data.licence})", scores={"test": rows[best][0]["scores"]},
    )  # fmt: skip
    difference = json.loads((bundle / "card.json").read_text(encoding="utf-8"))["largest_difference"]
    print(f"\nBest on validation: {best}. Exported to {bundle}: words and their probabilities, and the embedding, from WAV "
          f"files; it answers as the trained model does, largest difference {difference:.1e}")  # fmt: skip
    clip = out / "query.wav"
    clip.write_bytes(data.test.items[0])
    said = ", ".join(word for word, there in zip(data.words, data.test.targets[0], strict=True) if there)
    print(f"""
Ask the exported model, here what is said ({said}):
  zoo query {shlex.quote(str(bundle.parent))} {shlex.quote(str(clip))}""")
