"""The README's tables of speech, from recipes/results/{speech_image,words}_*.csv; tools/readme_tables.py writes them.

    python tools/speech_tables.py                                    prints them
    python tools/speech_tables.py runs/speech_to_image/*/results.csv  takes these scores, conclusions and pictures over first
"""

import csv
import pathlib
import shutil
import statistics
import sys

RESULTS = pathlib.Path(__file__).parents[1] / "recipes/results"
NAMES = {"speech_to_image": "speech_image", "word_recogniser": "words"}  # of files, by recipe
PICTURES = {
    "speech_to_image": ("convergence.png", "similarities.png", "auc_l1.png"),
    "word_recogniser": ("auc_by_frequency.png",),
}
SHOWN = {"spoken_digits", "utterances"}  # sets whose pictures are kept
PAIRS = {
    "loss_at_end": "loss at end",
    "zero_level": "loss of zeros",
    "similarity_of_matches": "S of matches",
    "similarity_of_others": "S of others",
    "pair_auc": "AUC of pairs",
    "speech_to_image_recall@1": "speech→image R@1",
    "speech_to_image_recall@5": "R@5",
    "speech_to_image_recall@10": "R@10",
    "image_to_speech_recall@1": "image→speech R@1",
    "image_to_speech_recall@5": "R@5",
    "image_to_speech_recall@10": "R@10",
}
WORDS = {
    "macro_auc": "macro AUC",
    "weighted_auc": "weighted AUC",
    "micro_auc": "micro AUC",
    "mean_average_precision": "mean AP",
    "train_macro_auc": "macro AUC on train",
    "words_undefined": "undefined words",
    "frequency_auc": "corr. AUC",
    "frequency_wrong": "corr. wrong guesses",
    "frequency_share": "first five's share",
}


def speech_image():
    """One table a set: a line a loss, means over seeds, and the range of the AUC over them."""
    return _tables("speech_image", PAIRS, "pair_auc", "AUC of the seeds")


def words():
    """One table a set: a line a weighting, means over seeds, and the range of the macro AUC over them."""
    return _tables("words", WORDS, "macro_auc", "macro AUC of the seeds")


def _tables(name, columns, spread, head):
    lines = []
    for path in sorted(RESULTS.glob(f"{name}_*.csv")):
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        found = {}
        for row in rows:
            found.setdefault(row["loss"], {}).setdefault(row["metric"], []).append(row)
        lines += [f"**{rows[0]['data']}**, test.", "", f"| loss | {' | '.join(columns.values())} | {head} |"]
        lines.append("|---" * (len(columns) + 2) + "|")
        for loss, of in found.items():
            values = [float(row["value"]) for row in of[spread]]
            seeds = f"{min(values):.3f} to {max(values):.3f}" if len(values) > 1 else "one seed"
            lines.append(f"| {loss} | {' | '.join(_cell(of.get(key, ())) for key in columns)} | {seeds} |")
        lines += ["", *(f"- {line}" for line in path.with_suffix(".txt").read_text(encoding="utf-8").splitlines()), ""]
    return lines[:-1]


def _cell(rows):
    """The mean over seeds; nothing where the metric is none of this loss."""
    values = [float(row["value"]) for row in rows if row["value"] not in ("", "nan")]
    return "" if not values else f"{statistics.fmean(values):.3f}"


def take_over(path):
    """Copy scores, conclusions and pictures of a run of a recipe to recipes/results; whether it was one of these."""
    path = pathlib.Path(path)
    text = path.read_text(encoding="utf-8")
    row = next(csv.DictReader(text.splitlines()))
    recipe = row.get("recipe")
    if recipe not in NAMES:
        return False
    place = RESULTS / f"{NAMES[recipe]}_{row['data']}.csv"
    place.write_text(text, encoding="utf-8")
    said = path.with_name("results.txt").read_text(encoding="utf-8").rstrip().splitlines()
    said = said[said.index("") + 1 :] + path.with_name("conclusions.txt").read_text(encoding="utf-8").splitlines()
    place.with_suffix(".txt").write_text("\n".join(said) + "\n", encoding="utf-8")
    for name in PICTURES[recipe] if row["data"] in SHOWN else ():
        shutil.copyfile(path.with_name(name), RESULTS / f"{NAMES[recipe]}_{name}")
    return True


if __name__ == "__main__":
    for given in sys.argv[1:]:
        if not take_over(given):
            sys.exit(f"{given}: no scores of {' or '.join(NAMES)}")
    print("\n".join([*speech_image(), "", *words()]))
