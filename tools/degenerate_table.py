"""Hand degenerate batches to our losses and to the peers', and write down what comes back.

    python tools/peers/build.py             once: the peers' environments
    python tools/degenerate_table.py        every library whose environment stands; the rows of others stay
    python tools/degenerate_table.py zoo    ours only
    python tools/degenerate_table.py --check

Rows are handed over as they are: nothing is normalized outside the loss. Writes tools/results/degenerate.csv and .txt, and
the table in README.md. `--check` computes ours again and fails where it, or the README, differs from what is written.
"""

import math
import pathlib
import re
import sys

import numpy as np
from peers import cases, client, tables

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "tools/results"
LOSSES = tuple(key for key, case in cases.CASES.items() if key == case.name and key != "arcface")
COLUMNS = ("batch", "library", "loss", "value", "gradient", "error", "verdict", "version")
PAIRS = np.array([0, 0, 1, 1])
NEAR = 1 + np.random.default_rng(2).normal(size=(4, 4)) / 5  # too near each other for any margin
SOME = np.repeat(np.arange(4), 2), np.random.default_rng(1).normal(size=(8, 4)) / 2
BATCHES = {  # labels, embeddings, their types, and what is asked: 0, a finite number, or the value of SOME
    "no positives": (np.arange(4), NEAR, "int32", "float32", "0"),
    "one class": (np.zeros(4), NEAR, "int32", "float32", "0"),
    "one sample": (np.zeros(1), NEAR[:1], "int32", "float32", "0"),
    "duplicates": (PAIRS, np.repeat(np.eye(4)[:2], 2, axis=0), "int32", "float32", "finite"),
    "zero vectors": (PAIRS, np.zeros((4, 4)), "int32", "float32", "finite"),
    "all rows equal": (PAIRS, np.ones((4, 4)), "int32", "float32", "finite"),
    "float16, norms near 20,000": (PAIRS, np.random.default_rng(0).normal(size=(4, 4)) * 1e4, "int32", "float16", "finite"),
    "ids from 2^24 on": (SOME[0] + 2**24, SOME[1], "int64", "float32", "same"),
    "labels (N, 1)": (SOME[0][:, None], SOME[1], "int32", "float32", "same"),
    "empty batch": (np.zeros(0), np.zeros((0, 4)), "int32", "float32", "refused"),
}
ONE_SIDED = ("contrastive", "npair")  # by definition they have a term without positives, or without negatives
GOOD = ("0, finite", "finite", "right")
WRONG = {"ids from 2^24 on": "wrong: ids merge", "labels (N, 1)": "wrong value"}


def judge(batch, loss, answer, ordinary):
    """One to three words on an answer: {"value": text, "gradient": bool} or {"error": class name}.

    Args:
        batch: a key of BATCHES.
        loss: one of LOSSES.
        answer: what the library gave.
        ordinary: its value for SOME, a float.
    """
    if "error" in answer:
        return answer["error"]
    value, wanted = float(answer["value"]), BATCHES[batch][-1]
    if loss in ONE_SIDED and batch in ("no positives", "one class"):
        wanted = "finite"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "infinite"
    if not answer["gradient"]:
        return "NaN gradient"
    if wanted == "refused":
        return f"{value:.3g}"
    if wanted == "0":
        return "0, finite" if value == 0 else "not 0"
    if wanted == "same":
        same = abs(value - ordinary) <= 1e-4 * abs(ordinary)
        return "right" if same else WRONG[batch]
    return "finite"


def ask(worker, case, labels, x, label_type, dtype):
    request = {"case": case, "labels": labels.tolist(), "shape": x.shape, "x": x.ravel().tolist()}
    try:
        return worker.ask("answer", label_type=label_type, type=dtype, **request)
    except client.Failed as failed:
        return {"error": failed.reason}


def column(library):
    """Rows of one library."""
    worker = client.Worker(library)
    try:
        has = worker.ask("cases")
        versions = worker.ask("versions")
        version = next(iter(versions.items())) if library != "zoo" else ("keras", versions["keras"])
        rows = []
        for case in (case for case in LOSSES if case in has):
            ordinary = ask(worker, case, *SOME, "int32", "float32")
            for batch, (labels, x, label_type, dtype, _) in BATCHES.items():
                answer = ask(worker, case, labels, x, label_type, dtype)
                verdict = judge(batch, case, answer, float(ordinary.get("value", "nan")))
                value = f"{float(answer['value']):.4g}" if "value" in answer else ""
                gradient = {True: "finite", False: "not finite"}.get(answer.get("gradient"), "")
                cells = (batch, library, case, value, gradient, answer.get("error", ""), verdict, " ".join(version))
                rows.append(dict(zip(COLUMNS, cells, strict=True)))
        return rows
    finally:
        worker.close()


def cell(verdicts):
    """What a library does with a batch: one word where its losses agree, else who differs from most of them.

    Args:
        verdicts: dict from losses to words of `judge`.
    """
    if set(verdicts.values()) <= {*GOOD}:
        return "finite" if "finite" in verdicts.values() else next(iter(verdicts.values()))
    by_verdict = {}
    for loss, verdict in verdicts.items():
        by_verdict.setdefault("fine" if verdict in GOOD else verdict, []).append(loss)
    most = max(by_verdict, key=lambda verdict: (len(by_verdict[verdict]), verdict == "fine"))
    parts = [f"{verdict}: {', '.join(losses)}" for verdict, losses in by_verdict.items() if verdict != most]
    return "; ".join([*parts, f"others {most}"]) if parts else most


def markdown(rows):
    """Lines of the README's table: one a batch, one column a library."""
    libraries = [name for name in cases.LIBRARIES if any(row["library"] == name for row in rows)]
    lines = [f"| batch | {' | '.join(cases.FULL_NAMES[name] for name in libraries)} |", "|---" * (len(libraries) + 1) + "|"]
    for batch in BATCHES:
        found = []
        for name in libraries:
            mine = {row["loss"]: row["verdict"] for row in rows if (row["batch"], row["library"]) == (batch, name)}
            found.append(cell(mine))
        lines.append(f"| {batch} | {' | '.join(found)} |")
    return lines


def text(rows):
    """Lines of the text table: each answer."""
    versions = sorted({row["version"] for row in rows})
    table = [("batch", "loss", "library", "value", "gradient", "")]
    keys = ("batch", "loss", "library", "value", "gradient", "verdict")
    table += [tuple(row[key] for key in keys) for row in rows]
    return ["versions: " + ", ".join(versions), "", *tables.aligned(table)]


def arranged(rows):
    order = list(BATCHES), list(cases.LIBRARIES), list(LOSSES)
    keys = ("batch", "library", "loss")
    return sorted(rows, key=lambda row: [known.index(row[key]) for known, key in zip(order, keys, strict=True)])


def in_readme(readme, rows):
    """The README's text with the table of these rows."""
    pattern = r"(<!-- degenerate: [^\n]*-->\n).*?(<!-- end -->)"
    return re.sub(pattern, lambda found: "\n".join([found[1], *markdown(rows), "", found[2]]), readme, flags=re.S)


def check(old, readme):
    """What is stale, or None."""
    written = {(row["batch"], row["loss"]): row["verdict"] for row in old if row["library"] == "zoo"}
    now = {(row["batch"], row["loss"]): row["verdict"] for row in column("zoo")}
    if written != now:
        different = sorted({f"{loss} on {batch}" for batch, loss in dict(written.items() ^ now.items())})
        return f"tools/results/degenerate.csv is stale ({'; '.join(different)}): run python tools/degenerate_table.py zoo"
    if in_readme(readme, old) != readme:
        return "README.md is stale: run python tools/degenerate_table.py"
    return None


def main(arguments):
    path, readme = RESULTS / "degenerate.csv", ROOT / "README.md"
    old = tables.read(path)
    if "--check" in arguments:
        return check(old, readme.read_text(encoding="utf-8"))
    new = []
    for library in arguments or cases.LIBRARIES:
        if not client.available(library):
            print(f"{library}: no environment; python tools/peers/build.py builds it", flush=True)
            continue
        new += column(library)
        print(f"{library}: {len({row['loss'] for row in new if row['library'] == library})} losses", flush=True)
    done = {row["library"] for row in new}
    rows = arranged([row for row in old if row["library"] not in done] + new)
    tables.write(path, rows, COLUMNS)
    path.with_suffix(".txt").write_text("\n".join([*text(rows), ""]), encoding="utf-8")
    readme.write_text(in_readme(readme.read_text(encoding="utf-8"), rows), encoding="utf-8")
    print("\n".join(markdown(rows)))
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
