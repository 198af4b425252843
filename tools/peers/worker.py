"""One library in a process of its own, with one thread: python worker.py zoo|tfa|tfsim|pml

Reads one request a line from stdin, {"do": ..., ...} in JSON, and answers with one line. `Worker` is its other end.
"""

import gc
import importlib
import json
import os
import pathlib
import resource
import statistics
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
SETTINGS = {**ONE_THREAD, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "KERAS_BACKEND": "tensorflow"}


def memory(key):
    """A figure of this process in bytes: `VmRSS`, `VmHWM` (the most resident so far) or `VmSize`."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key + ":"))


def cap(gib):
    """Let this process grow by so many GiB, and by no more than four fifths of what the machine has free."""
    with open("/proc/meminfo", encoding="ascii") as file:
        free = next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable:"))
    soft = memory("VmSize") + int(min(gib * 2**30, 0.8 * free))
    resource.setrlimit(resource.RLIMIT_AS, (soft, resource.getrlimit(resource.RLIMIT_AS)[1]))


class Answers:
    """What a worker does; the library's module makes the steps.

    A module of a library has `versions()`, `step(case, n, chunk)` -> function that does one forward and backward pass and
    returns the loss, and `answer(case, labels, x)` -> loss and gradient [N, D] of any batch.
    """

    def __init__(self, library):
        self.module = importlib.import_module("run_torch" if library == "pml" else "run_tensorflow")
        self.module.start(library)
        self.steps = {}

    def versions(self):
        return self.module.versions()

    def cases(self):
        """Cases that this library has."""
        return self.module.cases()

    def forget(self):
        self.steps = {}
        gc.collect()

    def prepare(self, case, n, cap_gib, slowest):
        """Make a step and run it until it is warm; return its value and the seconds of its last run."""
        cap(cap_gib)
        step = self.module.step(case, n)
        for _ in range(2):
            started = time.perf_counter()
            value = step()
            seconds = time.perf_counter() - started
            if seconds > 2 * slowest:  # no need to know it better
                break
        if seconds > slowest:
            raise TimeoutError(f"{seconds:.0f} s a step")
        self.steps[case, n] = step
        return {"value": value, "seconds": seconds}

    def time(self, case, n, repeats):
        """Median seconds of so many runs of a prepared step: on the clock, and of processor time."""
        clock, processor = [], []
        for _ in range(repeats):
            started = time.perf_counter(), time.process_time()
            self.steps[case, n]()
            clock.append(time.perf_counter() - started[0])
            processor.append(time.process_time() - started[1])
        return statistics.median(clock), statistics.median(processor)

    def peak(self, case, n, cap_gib, chunk=None):
        """Bytes above what the process held before the step, at the worst moment of two runs."""
        cap(cap_gib)
        self.module.step(case, 64, chunk)()  # loads what every first step loads
        step = self.module.step(case, n, chunk)
        gc.collect()
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")  # the high-water mark starts again from here
        before = memory("VmRSS")
        step()
        step()
        return memory("VmHWM") - before

    def answer(self, case, labels, shape, x, label_type, type):
        """Loss and whether its gradient is finite, of a batch given as lists."""
        import numpy as np

        x = np.asarray(x, dtype=type).reshape(shape)
        value, gradient = self.module.answer(case, np.asarray(labels, dtype=label_type), x)
        return {"value": repr(value), "gradient": bool(np.isfinite(gradient).all())}


def main(library):
    sys.path[:0] = [str(HERE), str(HERE.parents[1])]
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not mix with the answers
    answers = Answers(library)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"answer": getattr(answers, request.pop("do"))(**request)}
        except Exception as error:  # also what a library raises for want of memory
            answer = {"error": type(error).__name__, "text": str(error)[:300]}
            gc.collect()
        print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
