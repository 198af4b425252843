"""CSV files that can be written in parts, and the text tables made from them."""

import csv
import os
import platform

from peers import cases

TIME_KEY = ("case", "n", "library")
TIME_COLUMNS = (*TIME_KEY, "ms", "x_floor", "ratio", "low", "high", "cpu", "rounds", "value", "note")
MEMORY_KEY = ("case", "n", "library", "chunk")
MEMORY_COLUMNS = (*MEMORY_KEY, "mib", "bytes_a_pair", "note")
RUN_COLUMNS = ("load", "command", "versions", "machine")


def read(path):
    """Rows of a CSV file as dicts of strings; none where there is no file."""
    if not path.is_file():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def merge(old, new, key):
    """Rows with those of `new` in place of the old ones of the same key, in the order of the cases."""
    rows = {tuple(str(row[k]) for k in key): row for row in (*old, *new)}
    order = list(cases.CASES), list(cases.LIBRARIES)

    def place(row):
        return order[0].index(row["case"]), int(row["n"]), order[1].index(row["library"]), row.get("chunk", "")

    return sorted((row for row in rows.values() if row["case"] in order[0]), key=place)


def write(path, rows, columns):
    """Write beside the file and rename, so that a run that is killed leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    with open(beside, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(beside, path)


def machine():
    """What kind of machine this is; not which one."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB, Python {platform.python_version()}"


def figure(text, digits=3):
    """A number of a CSV cell with so many digits, or `-` where there is none."""
    if text in ("", None):
        return "-"
    value = float(text)
    return f"{value:.0f}" if abs(value) >= 10 ** (digits - 1) else f"{value:.{digits}g}"


def verdict(row):
    """The target of a row of times, and whether it was met: on the clock, and with another word where `cpu` disagrees."""
    target = cases.CASES[row["case"]].targets.get(row["library"])
    if target is None or int(row["n"]) < 512:
        return "", ""
    if row["ratio"] == "":
        return f"<= {target:g}", ""
    clock, processor = ("met" if float(row[key]) <= target else "missed" for key in ("ratio", "cpu"))
    return f"<= {target:g}", clock if clock == processor else f"{clock}, cpu {processor}"


def aligned(rows):
    """Lines of a table of strings: the first two columns to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    place = [str.ljust] * 2 + [str.rjust] * len(widths)
    return ["  ".join(p(cell, w) for p, cell, w in zip(place, row, widths, strict=False)).rstrip() for row in rows]


def runs(rows):
    """Lines that say how, with what and where the rows were measured."""
    lines = []
    for column in ("command", "versions", "machine"):
        lines += [f"{column}: {value}" for value in sorted({row[column] for row in rows})]
    loads = [float(row["load"]) for row in rows]
    return [*lines, f"load average while it ran: {min(loads):.1f} to {max(loads):.1f}"]


def time_table(rows):
    """Lines of the table of times: the verdicts first, then a line a loss, size and peer."""
    ours = {(row["case"], row["n"]): row for row in rows if row["library"] == "zoo"}
    heads = "loss,peer,N,ours ms,x floor,peer ms,x floor,ours/peer,quartiles,cpu,target,,note"
    table = [tuple(heads.split(","))]
    worst = {}
    for row in rows:
        if row["library"] == "zoo":
            continue
        case, library, n = row["case"], row["library"], row["n"]
        own = ours.get((case, n), {})
        target, met = verdict(row)
        spread = f"{figure(row['low'])}..{figure(row['high'])}" if row["ratio"] else "-"
        figures = [figure(part.get(key)) for part in (own, row) for key in ("ms", "x_floor")]
        ratios = figure(row["ratio"]), spread, figure(row["cpu"])
        line = (cases.CASES[case].title, library, n, *figures, *ratios, target, met, row["note"])
        table.append(tuple(map(str, line)))
        if met:
            before = worst.get((case, library), (0.0, "", "", ""))
            worst[case, library] = max(before, (float(row["ratio"]), n, target, met))
    summary = [("loss", "peer", "worst ours/peer", "at N", "target", "")]
    for (case, library), (ratio, n, target, met) in worst.items():
        summary.append((cases.CASES[case].title, library, figure(ratio), n, target, met))
    return [*aligned(summary), "", *aligned(table)]


def memory_table(rows):
    """Lines of the table of peak memory."""
    table = [("loss", "library", "rows at a time", "N", "peak MiB", "bytes a pair", "target", "", "note")]
    for row in rows:
        case, target, met = cases.CASES[row["case"]], "", ""
        if row["library"] == "zoo" and not row["chunk"] and row["mib"]:
            if row["n"] == "4096" and case.bytes_a_pair:
                target = f"<= {case.bytes_a_pair:g} bytes a pair"
                met = "met" if float(row["bytes_a_pair"]) <= case.bytes_a_pair else "missed"
            elif row["n"] == "8192" and case.peak_gib:
                target = f"<= {case.peak_gib:g} GiB"
                met = "met" if float(row["mib"]) <= 1024 * case.peak_gib else "missed"
        figures = figure(row["mib"], 4), figure(row["bytes_a_pair"])
        table.append((case.title, row["library"], row["chunk"] or "all", row["n"], *figures, target, met, row["note"]))
    return aligned(table)
