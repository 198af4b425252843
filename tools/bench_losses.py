"""Measure one forward and backward pass of our losses beside the peers': time, and peak memory.

    python tools/peers/build.py                                   once: the peers' environments
    python tools/bench_losses.py                                  everything, about an hour on two free cores
    python tools/bench_losses.py --quick                          two sizes, three rounds: does it work
    python tools/bench_losses.py --losses circle --sizes 1024     one part; other rows of the files stay

Each library runs in a process of its own with one thread; they are asked in turn, in a new order every round. Ratios are
taken within a round, and the median over rounds is given, so that other work on the machine slows both sides alike.
`cpu` is the ratio of processor times, which waiting for a core does not lengthen: where it and the ratio on the clock
differ much, the machine was busy.
Writes tools/results/loss_times.csv and .txt, and loss_memory.csv and .txt.
"""

import argparse
import os
import pathlib
import random
import re
import statistics
import sys
import time

from peers import cases, client, tables

RESULTS = pathlib.Path(__file__).resolve().parent / "results"
BURST = 0.05  # seconds that a round spends on one step, at least


def options(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--losses", nargs="+", choices=list(cases.CASES), default=list(cases.CASES), metavar="LOSS")
    parser.add_argument("--sizes", nargs="+", type=int, default=None, metavar="N", help="batch sizes of the times")
    parser.add_argument("--rounds", type=int, default=None, help="9 by default; fewer, but 3, where steps are slow")
    parser.add_argument("--parts", nargs="+", choices=("time", "memory"), default=["time", "memory"])
    parser.add_argument("--peers", nargs="*", choices=list(cases.LIBRARIES)[1:], default=list(cases.LIBRARIES)[1:])
    parser.add_argument("--seconds", type=float, default=120.0, help="for one loss at one size, before rounds are left out")
    parser.add_argument("--limit", type=float, default=20.0, help="seconds that a peer's step may take")
    parser.add_argument("--cap", type=float, default=18.0, help="GiB that a step may ask for")
    parser.add_argument("--quick", action="store_true", help="N = 128 and 512, three rounds, no memory")
    parser.add_argument("--out", type=pathlib.Path, default=RESULTS)
    chosen = parser.parse_args(arguments)
    if chosen.quick:
        chosen.parts = ["time"]
    chosen.sizes = chosen.sizes or ((128, 512) if chosen.quick else cases.SIZES)
    chosen.rounds = chosen.rounds or (3 if chosen.quick else 9)
    return chosen


def ratios(rounds, of, to, which=0):
    """Median and quartiles of the ratio within a round, on the clock (0) or of the processor (1); None without any."""
    found = [one[of][which] / one[to][which] for one in rounds if of in one and to in one]
    if not found:
        return None
    low, _, high = statistics.quantiles(found, n=4, method="inclusive") if len(found) > 1 else found * 3
    return statistics.median(found), low, high


def time_rows(case, n, rounds, values, notes):
    """Rows of the CSV file for one loss at one size.

    Args:
        rounds: list of dicts from (library, what) to seconds (clock, processor); what is the case or its floor.
        values: library -> loss.
        notes: library -> why there is no time.
    """
    rows = []
    for library in [*values, *(name for name in notes if name not in values)]:
        row = dict.fromkeys(tables.TIME_COLUMNS, "") | {"case": case, "n": n, "library": library}
        own, floor = (library, case), (cases.FLOOR[library], cases.CASES[case].floor)
        seconds = [one[own][0] for one in rounds if own in one]
        if seconds:
            row |= {"ms": f"{1e3 * statistics.median(seconds):.4g}", "rounds": len(seconds)}
            row["value"] = f"{values[library]:.6g}"
            by_floor = ratios(rounds, own, floor)
            row["x_floor"] = f"{by_floor[0]:.4g}" if by_floor else ""
        both = ratios(rounds, ("zoo", case), own) if library != "zoo" else None
        if both:
            row |= dict(zip(("ratio", "low", "high"), (f"{r:.4g}" for r in both), strict=True))
            row["cpu"] = f"{ratios(rounds, ('zoo', case), own, 1)[0]:.4g}"
        row["note"] = notes.get(library) or disagreement(case, library, values)
        rows.append(row)
    return rows


def disagreement(case, library, values):
    """What to say where a peer's value is not the multiple of ours that it ought to be."""
    factor = cases.CASES[case].peers.get(library)
    if factor is None:
        return "another definition" if library != "zoo" else ""
    if "zoo" not in values:
        return ""
    near = abs(values[library] - factor * values["zoo"]) <= 1e-3 * abs(values[library]) + 1e-6
    return "" if near else f"value {values[library]:.5g}, ours {factor * values['zoo']:.5g}"


class Bench:
    """The workers, and what each of them could not do."""

    def __init__(self, chosen):
        self.chosen, self.gave_up = chosen, {}
        words = " ".join(["python tools/bench_losses.py", *sys.argv[1:]])
        self.command = re.sub(r" --out[ =]\S+", "", words)  # a path of this machine
        self.workers, self.found = {}, {}
        for library in ("zoo", *chosen.peers):
            if not client.available(library):
                print(f"{library}: no environment; python tools/peers/build.py builds it", flush=True)
                continue
            self.workers[library] = client.Worker(library)
            self.found[library] = self.workers[library].ask("cases")
        versions = [worker.ask("versions") for worker in self.workers.values()]
        self.versions = ", ".join(sorted({f"{name} {version}" for found in versions for name, version in found.items()}))

    def run(self):
        """What is the same in every row of this run."""
        return {
            "load": f"{os.getloadavg()[0]:.2f}",
            "command": self.command,
            "versions": self.versions,
            "machine": tables.machine(),
        }

    def libraries(self, case):
        wanted = ("zoo", *cases.CASES[case].peers)
        return [name for name, has in self.found.items() if case in has and name in wanted]

    def attempt(self, library, do, case, n, **request):
        """The worker's answer or `Failed`; one that failed at a smaller size is not asked again."""
        before = self.gave_up.get((library, do, case))
        if before and before[0] <= n:
            raise client.Failed(f"{before[1]} from N = {before[0]}")
        try:
            return self.workers[library].ask(do, case=case, n=n, limit=4 * self.chosen.limit + 60, **request)
        except client.Failed as failed:
            if failed.reason in ("time", "memory"):
                self.gave_up[library, do, case] = n, failed.reason
            elif failed.text and "anchor_chunk" not in failed.text:
                print(f"  {library}: {failed.reason}: {failed.text}", flush=True)
            raise

    def time(self, case, n):
        """Rows of one loss at one size."""
        steps, values, notes = {}, {}, {}
        settings = {"cap_gib": self.chosen.cap, "slowest": self.chosen.limit}
        for library in self.libraries(case):
            try:
                ready = self.attempt(library, "prepare", case, n, **settings)
                steps[library, case], values[library] = ready["seconds"], ready["value"]
            except client.Failed as failed:
                notes[library] = failed.reason
        floor = cases.CASES[case].floor
        for library in sorted({cases.FLOOR[library] for library in values} & set(self.workers)):
            try:
                steps[library, floor] = self.attempt(library, "prepare", floor, n, **settings)["seconds"]
            except client.Failed:
                continue
        rounds = self.rounds(steps, n) if "zoo" in values else []
        for worker in self.workers.values():
            worker.ask("forget")
        return time_rows(case, n, rounds, values, notes)

    def rounds(self, steps, n):
        """A list of dicts from step to seconds, one a round."""
        done, began, order = [], time.monotonic(), list(steps)
        repeats = {step: max(1, min(30, round(BURST / seconds))) for step, seconds in steps.items()}
        while len(done) < self.chosen.rounds and (len(done) < 3 or time.monotonic() - began < self.chosen.seconds):
            random.shuffle(order)
            done.append({})
            for library, what in order:
                try:
                    request = {"case": what, "n": n, "repeats": repeats[library, what]}
                    done[-1][library, what] = self.workers[library].ask("time", limit=300, **request)
                except client.Failed as failed:  # the machine was full just now; the other rounds count
                    print(f"  {library} {what}: {failed.reason} in round {len(done)}", flush=True)
        return done

    def memory(self, case, n):
        """Rows of one loss at one size; a fresh process each, ours also some rows at a time."""
        rows = []
        for library, chunk in [*((name, None) for name in self.libraries(case)), ("zoo", cases.CHUNK)]:
            row = dict.fromkeys(tables.MEMORY_COLUMNS, "")
            row |= {"case": case, "n": n, "library": library, "chunk": chunk or ""}
            self.workers[library].close()
            try:
                peak = self.attempt(library, "peak", case, n, cap_gib=self.chosen.cap, chunk=chunk)
                row |= {"mib": f"{peak / 2**20:.1f}", "bytes_a_pair": f"{peak / n**2:.2f}"}
            except client.Failed as failed:
                if chunk:  # ours has no such setting, or said so above
                    continue
                row["note"] = failed.reason
            rows.append(row)
        return rows

    def close(self):
        for worker in self.workers.values():
            worker.close()


def keep(out, name, rows, key, columns, table):
    """Merge rows into the CSV file and write the text table of all of them."""
    columns = (*columns, *tables.RUN_COLUMNS)
    path = out / f"{name}.csv"
    rows = tables.merge(tables.read(path), [{k: str(v) for k, v in row.items()} for row in rows], key)
    tables.write(path, rows, columns)
    path.with_suffix(".txt").write_text("\n".join([*tables.runs(rows), "", *table(rows), ""]), encoding="utf-8")


def main(arguments=None):
    chosen = options(arguments)
    bench = Bench(chosen)
    try:
        for case in chosen.losses:
            if case not in bench.found["zoo"]:
                print(f"{case}: the zoo has no loss {cases.CASES[case].name!r}, skipped", flush=True)
                continue
            for n in chosen.sizes if "time" in chosen.parts else ():
                rows = [row | bench.run() for row in bench.time(case, n)]
                keep(chosen.out, "loss_times", rows, tables.TIME_KEY, tables.TIME_COLUMNS, tables.time_table)
                show(rows)
            sizes = (4096, 8192) if cases.CASES[case].peak_gib else (4096,)
            for n in sizes if "memory" in chosen.parts and cases.CASES[case].bytes_a_pair else ():
                rows = [row | bench.run() for row in bench.memory(case, n)]
                keep(chosen.out, "loss_memory", rows, tables.MEMORY_KEY, tables.MEMORY_COLUMNS, tables.memory_table)
                for row in rows:
                    who = f"{row['library']}{', ' + str(row['chunk']) + ' rows at a time' if row['chunk'] else ''}"
                    found = f"{row['mib']} MiB, {row['bytes_a_pair']} bytes a pair" if row["mib"] else f"- {row['note']}"
                    print(f"{case} N={n} {who}: {found}", flush=True)
    finally:
        bench.close()


def show(rows):
    """Print what was just measured, in one line."""
    parts = []
    for row in rows:
        text = f"{row['library']} {tables.figure(row['ms'])} ms (x{tables.figure(row['x_floor'])})"
        if row["ratio"]:
            target, met = tables.verdict(row)
            text += f", ours/it {tables.figure(row['ratio'])}, cpu {tables.figure(row['cpu'])} {target} {met}".rstrip()
        parts.append(f"{text} {row['note']}".rstrip())
    print(f"{rows[0]['case']} N={rows[0]['n']}: {'; '.join(parts)}", flush=True)


if __name__ == "__main__":
    main()
