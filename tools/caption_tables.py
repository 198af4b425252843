"""The README's tables of captions and images, from recipes/results/caption_*.csv; tools/readme_tables.py writes them."""

import csv
import pathlib
import statistics

RESULTS = pathlib.Path(__file__).parents[1] / "recipes/results"
WAYS = {"text_to_image": "text→image", "image_to_text": "image→text"}
MATCHES = {"equal": "Equal texts are matches", "own": "Only a caption's own image is a match"}
RIDGE = "ridge regression"


def captions():
    """One table a set and meaning of a match: a line a loss, means over seeds, the range of the sum of recalls."""
    lines = []
    for path in sorted(RESULTS.glob("caption_*.csv")):
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for what, said in MATCHES.items():
            lines += _table([row for row in rows if row["matches"] == what], said) + [""]
        lines += [f"- {line}" for line in _said(path.with_suffix(".txt"))] + [""]
    return lines[:-1]


def _table(rows, said):
    found, counts = {}, {}
    for row in rows:
        found.setdefault(row["loss"], {}).setdefault(row["metric"], []).append(float(row["value"]))
        counts[row["metric"]] = row["n"]
    columns = [name for name in next(iter(found.values())) if name.startswith(tuple(WAYS)) and "mrr" not in name]
    numbers = f"{counts['text_to_image_recall@1']} sentences, {counts['image_to_text_recall@1']} images"
    lines = [f"**{rows[0]['data']}**, test: {numbers}. {said}.", ""]
    lines.append(f"| loss | {' | '.join(map(_head, columns))} | sum of recalls | of the seeds |")
    lines.append("|---" * (len(columns) + 3) + "|")
    order = sorted(found, key=lambda loss: (loss == RIDGE, -statistics.fmean(found[loss]["recall_sum"])))
    for loss in order:
        figures = " | ".join(f"{statistics.fmean(found[loss][name]):.{1 if 'median' in name else 3}f}" for name in columns)
        sums = found[loss]["recall_sum"]
        spread = f"{min(sums):.3f} to {max(sums):.3f}" if len(sums) > 1 else ""
        lines.append(f"| {loss} | {figures} | {statistics.fmean(sums):.3f} | {spread} |")
    return lines


def _head(name):
    for key, way in WAYS.items():
        name = name.replace(f"{key}_", f"{way} ")
    return name.replace("recall@", "R@").replace("median_rank", "median rank")


def _said(path):
    """What the recipe wrote below its tables."""
    text = path.read_text(encoding="utf-8").rstrip().splitlines()
    last = max(i for i, line in enumerate(text) if not line)  # an empty line ends a table
    return text[last + 1 :]


if __name__ == "__main__":
    print("\n".join(captions()))
