"""Write the README's tables, and zoo/scores.json, from the catalogue and from recipes/results/*.csv.

    python tools/readme_tables.py                                       writes them
    python tools/readme_tables.py runs/*/*/results.csv                  takes these scores over first
    python tools/readme_tables.py --check                               fails where the README differs (a test calls it)
"""

import csv
import json
import pathlib
import re
import shutil
import statistics
import sys

import caption_tables
import speech_tables
from peers import cases, tables

from zoo import registry
from zoo.data import images as image_sets
from zoo.data import sets

ROOT = pathlib.Path(__file__).parents[1]
NAMES = {  # of the recipe's models, in the zoo
    "triplet, unit, 0.2": "bilstm_triplet",
    "batch-hard, unit, 0.2": "bilstm_batchhard",
    "semi-hard, unit, 0.2": "bilstm_semihard",
    "EPSHN, unit": "bilstm_epshn",
    "softmax": "bilstm_softmax",
    "hinge, margin 1": "bilstm_hinge",
}
SHOWN = ("Recall@1", "kNN accuracy", "macro-F1")
PICTURES = {"gates_1.png": "gates.png", "logits.png": "logits.png"}  # of nav_zh, as the README shows them
IMAGE_COLUMNS = ["recall@1", "recall@2", "recall@4", "recall@8", "map@r", "r_precision", "nmi"]
SWEEPS = {"lr_sweep": ["lr_sweep.png"], "embedding_size": ["spectrum.png", "pruning.png", "spectrum_chunks.png", "pruning_chunks.png", "coordinates.png"]}
IMAGE_PICTURES = {  # photographs of flowers102 may not be passed on, drawings of omniglot may
    "flowers102": ("scatter_epshn.png",),
    "omniglot": ("neighbors.png", "paths.png"),
}
COLUMNS = ["Recall@1", "kNN accuracy", "softmax accuracy", "macro-F1", "navigation AP", "navigation AUC", "MAP@R"]


def losses():
    """One line a loss: what it is called, what it sets, where it is from."""
    lines = ["| name | what it does | class and settings | paper |", "|---|---|---|---|"]
    for name, item in sorted(registry.LOSSES.items()):
        settings = ", ".join(f"{key}={value!r}" for key, value in item.settings.items())
        lines.append(f"| `{name}` | {item.summary} | `{item.path.split(':')[1]}({settings})` | {item.paper} |")
    return lines


def encoders():
    """One line an encoder."""
    lines = ["| name | what it is | takes | parameters | paper |", "|---|---|---|---|---|"]
    for name, item in sorted(registry.ENCODERS.items()):
        lines.append(f"| `{name}` | {item.summary} | {item.inputs} | {item.parameters} | {item.paper} |")
    return lines


def results():
    """One table a data set: a line a model, each figure with its 95 % interval, and the baseline."""
    lines = []
    for path in sorted((ROOT / "recipes/results").glob("intent_*.csv")):
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        name, task = rows[0]["data"], rows[0]["task"]
        scores = {}
        for row in rows:
            value, low, high = (float(row[key]) for key in ("value", "low", "high"))
            scores.setdefault(row["model"], {})[row["metric"]] = f"{value:.3f} ({low:.3f}-{high:.3f})"
        columns = [column for column in COLUMNS if column in next(iter(scores.values()))]
        baseline = sets.baseline(name, task)
        lines += [f"**{name}**, {task}. {sets.describe(name)}.", ""]
        lines += [f"| loss | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
        lines += [f"| {model} | {' | '.join(found[column] for column in columns)} |" for model, found in scores.items()]
        known = {"accuracy": "softmax accuracy", "macro_f1": "macro-F1"}
        cells = {known[key]: f"{value:.3f}" for key, value in baseline.items() if key in known}
        lines += [f"| {baseline['what']} | {' | '.join(cells.get(column, '') for column in columns)} |", ""]
    return lines[:-1]


def scores():
    """Scores by model of the zoo and data set, for the settings that a model has by default but for its head."""
    found = {}
    for path in sorted((ROOT / "recipes/results").glob("intent_*.csv")):
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["model"] in NAMES and row["metric"] in SHOWN:
                    data = found.setdefault(NAMES[row["model"]], {}).setdefault(f"{row['data']}, {row['task']}", {})
                    data[row["metric"]] = round(float(row["value"]), 3)
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


FAILED = {"memory": "out of memory", "time": "too slow"}  # by the first word of a note


def cell(row, key):
    """A figure of a row of the bench, or why there is none."""
    if row[key]:
        return tables.figure(row[key], 2)
    return FAILED.get(row["note"].partition(" ")[0], row["note"])


def speed():
    """Time of ours over the peer's, a line a loss and peer, a column a batch size; and over the floor."""
    measured = tables.read(ROOT / "tools/results/loss_times.csv")
    sizes = sorted({int(row["n"]) for row in measured})
    lines = [f"| loss | beside | {' | '.join(f'N = {n}' for n in sizes)} | asked |", "|---|---|" + "---|" * (len(sizes) + 1)]
    for name, case in cases.CASES.items():
        for library in cases.LIBRARIES:
            of = {int(row["n"]): row for row in measured if (row["case"], row["library"]) == (name, library)}
            key = "x_floor" if library == "zoo" else "ratio"
            cells = [cell(of[n], key) if n in of else "" for n in sizes]
            if any(cells):
                beside = cases.FLOORS[case.floor] if library == "zoo" else cases.FULL_NAMES[library]
                target = f"{case.targets[library]:g}" if library in case.targets else ""
                lines.append(f"| {case.title} | {beside} | {' | '.join(cells)} | {target} |")
    return lines


def memory():
    """Peak memory of ours over N^2, whole and some rows at a time, and of the peers."""
    measured = tables.read(ROOT / "tools/results/loss_memory.csv")
    lines = ["| loss | N | whole | 512 rows at a time | peers |", "|---|---|---|---|---|"]
    found = {}
    for row in measured:
        text = f"{float(row['bytes_a_pair']):.0f} B a pair, {float(row['mib']):,.0f} MiB" if row["mib"] else cell(row, "mib")
        found.setdefault((row["case"], row["n"]), {})[row["library"] + row["chunk"]] = text
    for (name, n), of in found.items():
        peers = "; ".join(f"{cases.FULL_NAMES[key]} {text}" for key, text in of.items() if key in cases.CASES[name].peers)
        lines.append(f"| {cases.CASES[name].title} | {n} | {of.get('zoo', '')} | {of.get('zoo512', '')} | {peers} |")
    return lines


def images():
    """One table an image set: a line a loss, means over seeds, and the lowest and highest Recall@1 of them."""
    lines = []
    for path in sorted((ROOT / "recipes/results").glob("image_*.csv")):
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        found = {}
        for row in rows:
            found.setdefault(row["loss"], {}).setdefault(row["metric"], []).append(float(row["value"]))
        rates = {row["loss"]: f"{float(row['rate']):g}" if row["rate"] else "" for row in rows}
        columns = [name for name in IMAGE_COLUMNS if name in next(iter(found.values()))]
        about = image_sets.CATALOGUE.get(rows[0]["data"], image_sets.DIGITS)
        wide = ", MobileNet of full width" * ("_wide" in path.stem) + " without a head" * ("_headless" in path.stem)
        wide += ", trained on cuts" * ("_cuts" in path.stem)
        lines += [f"**{rows[0]['data']}**{wide}. {about.about}; {rows[0]['n']} queries of classes never trained on.", ""]
        lines += [f"| loss | rate | {' | '.join(columns)} | Recall@1 of the seeds |", "|---" * (len(columns) + 3) + "|"]
        ordered = sorted(found, key=lambda loss: -statistics.fmean(found[loss]["recall@1"]))
        for loss in ordered:
            figures = " | ".join(f"{statistics.fmean(found[loss][name]):.3f}" for name in columns)
            seeds = found[loss]["recall@1"]
            spread = f"{min(seeds):.3f} to {max(seeds):.3f}" if len(seeds) > 1 else ""
            lines.append(f"| {loss} | {rates[loss]} | {figures} | {spread} |")
        lines += [f"| {name} | | {value:.3f} |" + " |" * len(columns) for name, value in about.baseline.items()]
        lines += ["", *(f"- {line}" for line in path.with_suffix(".txt").read_text(encoding="utf-8").splitlines()), ""]
    return lines[:-1]


def sweep(recipe):
    """What a recipe concluded, set by set."""
    lines = []
    for path in sorted((ROOT / "recipes/results").glob(f"{recipe}_*.txt")):
        note, *rest = path.read_text(encoding="utf-8").splitlines()
        lines += [f"**{note}**", "", *(f"- {line}" for line in rest), ""]
    return lines[:-1]


def beside_peer():
    """Recall@1 after training on our loss and on the peer's, a line a loss, means and range over seeds."""
    names = {name: case.title for name, case in cases.CASES.items()}
    rows = tables.read(ROOT / "tools/results/trained_beside_peer.csv")
    lines = ["| loss | steps | zoo | pytorch-metric-learning | apart |", "|---|---|---|---|---|"]
    for loss in dict.fromkeys(row["loss"] for row in rows):
        found = {key: [float(row[key]) for row in rows if row["loss"] == loss] for key in ("zoo", "pml")}
        cells = [f"{statistics.fmean(v):.3f} ({min(v):.3f} to {max(v):.3f})" for v in found.values()]
        apart = abs(statistics.fmean(found["zoo"]) - statistics.fmean(found["pml"]))
        steps = next(row["steps"] for row in rows if row["loss"] == loss)
        title = ", then ".join(names[stage] for stage in loss.split("+"))
        lines.append(f"| {title} | {steps} | {' | '.join(cells)} | {apart:.3f} |")
    return lines


def evaluation():
    """Time and memory of retrieval evaluation, a line a method and size."""
    names = {
        "product": "the product alone, numpy",
        "zoo": "zoo",
        "faiss": "faiss, 1,001 neighbors",
        "pml": "pytorch-metric-learning, MAP@R and Recall@1",
        "pml, k = 1000": "pytorch-metric-learning, a subclass with recalls",
    }
    rows = tables.read(ROOT / "tools/results/evaluation.csv")
    lines = ["| rows | method | seconds | of the product | MiB | Recall@1 | Recall@1000 | MAP@R |", "|---" * 8 + "|"]
    for row in rows:
        cells = [f"{int(row['n']):,}", names[row["method"]], row["seconds"], row["of product"], row["mib"]]
        lines.append(f"| {' | '.join([*cells, row['recall@1'], row['recall@1000'], row['map@r']])} |")
    return lines


def take_over(paths):
    """Copy scores, conclusions and pictures of recipe runs to recipes/results."""
    for path in map(pathlib.Path, paths):
        if path.parent.parent.name in SWEEPS:  # runs/RECIPE/DATA/conclusions.txt
            recipe, data = path.parent.parent.name, path.parent.name
            shutil.copyfile(path.with_name("conclusions.txt"), ROOT / f"recipes/results/{recipe}_{data}.txt")
            for name in SWEEPS[recipe]:
                shutil.copyfile(path.with_name(name), ROOT / f"recipes/results/{recipe}_{data}_{name}")
            continue
        text = path.read_text(encoding="utf-8")
        row = next(csv.DictReader(text.splitlines()))
        if speech_tables.take_over(path):
            continue
        if "loss" in row:
            place = ROOT / f"recipes/results/image_{path.parent.name}.csv"
            said = path.with_name("results.txt").read_text(encoding="utf-8").splitlines()[-1:]
            said += path.with_name("conclusions.txt").read_text(encoding="utf-8").splitlines()
            if kept := other_losses(text, place):
                text += kept
                said += place.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
            place.write_text(text, encoding="utf-8")
            said = {line.rpartition(": ")[0] or line: line for line in said}.values()
            place.with_suffix(".txt").write_text("\n".join(said) + "\n", encoding="utf-8")
            for name in () if kept else IMAGE_PICTURES.get(path.parent.name, ()):
                shutil.copyfile(path.with_name(name), ROOT / "recipes/results" / f"image_{name}")
            continue
        place = ROOT / f"recipes/results/intent_{row['data']}_{row['task']}"
        place.with_suffix(".csv").write_text(text, encoding="utf-8")
        place.with_suffix(".txt").write_text(path.with_name("conclusions.txt").read_text(encoding="utf-8"), encoding="utf-8")
        for source, target in PICTURES.items() if row["data"] == "nav_zh" else ():
            shutil.copyfile(path.with_name(source), ROOT / "recipes/results" / target)


def other_losses(text, place):
    """Lines of losses that a run did not train, from the table that is there; none of them if its start was another."""
    if not place.exists():
        return ""
    new, old = text.splitlines()[1:], place.read_text(encoding="utf-8").splitlines()[1:]
    starts = [[line for line in lines if line.split(",")[1:6:4] == ["start", "recall@1"]] for lines in (new, old)]
    trained = {next(csv.reader([line]))[1] for line in new}
    same = starts[0] == starts[1]
    return "".join(f"{line}\n" for line in old if same and next(csv.reader([line]))[1] not in trained)


def main():
    take_over(argument for argument in sys.argv[1:] if argument != "--check")
    readme = ROOT / "README.md"
    before = after = readme.read_text(encoding="utf-8")
    post = (ROOT / "recipes/results/intent_nav_zh_navigation.txt").read_text(encoding="utf-8").splitlines()
    parts = {"encoders": encoders(), "losses": losses(), "speed": speed(), "memory": memory(), "results": results()}
    parts |= {"conclusions": post, "captions": caption_tables.captions()}
    parts |= {"speech to image": speech_tables.speech_image(), "words": speech_tables.words()}
    parts |= {"images": images(), "evaluation": evaluation(), "beside peer": beside_peer()}
    parts |= {"rates": sweep("lr_sweep"), "sizes": sweep("embedding_size")}
    for name, lines in parts.items():
        pattern = rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- end -->)"
        after = re.sub(pattern, lambda found: found[1] + "\n".join(["", *lines, "", ""]) + found[2], after, flags=re.S)
    card = ROOT / "zoo/scores.json"
    if "--check" in sys.argv:
        stale = before != after or card.read_text(encoding="utf-8") != scores()
        sys.exit("README.md or zoo/scores.json is stale: run python tools/readme_tables.py" if stale else 0)
    readme.write_text(after, encoding="utf-8")
    card.write_text(scores(), encoding="utf-8")


if __name__ == "__main__":
    main()
