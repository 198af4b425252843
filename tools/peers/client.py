"""The near end of a worker: starts it, asks it, and starts it again when it had to be killed."""

import json
import os
import select
import subprocess
import sys
import time

from peers import build, cases, worker


class Failed(Exception):
    """No answer: `reason` says why in a word or two."""

    def __init__(self, reason, text=""):
        super().__init__(reason)
        self.reason, self.text = reason, text


def available(library):
    """Whether the library's environment stands."""
    return cases.LIBRARIES[library] is None or build.built(cases.LIBRARIES[library])


class Worker:
    """One library in its own process.

    Args:
        library: a key of `cases.LIBRARIES`.
    """

    def __init__(self, library):
        self.library, self.process = library, None

    def ask(self, do, limit=120.0, **request):
        """Return the worker's answer; `Failed` when it raises, dies, or needs more than `limit` seconds."""
        if self.process is None:
            self._start()
        try:
            self.process.stdin.write(json.dumps({"do": do, **request}).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the empty line below says it
        line = self._line(limit)
        reply = json.loads(line)
        if "error" in reply:
            memory = reply["error"] in ("MemoryError", "ResourceExhaustedError", "OutOfMemoryError")
            memory |= any(words in reply["text"] for words in ("can't allocate memory", "not enough memory", "bad_alloc"))
            reason = "memory" if memory else "time" if reply["error"] == "TimeoutError" else reply["error"]
            raise Failed(reason, reply["text"])
        return reply["answer"]

    def _start(self):
        environment = cases.LIBRARIES[self.library]
        python = sys.executable if environment is None else build.python(environment)
        self.process = subprocess.Popen(
            [python, worker.__file__, self.library],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **worker.SETTINGS},
            bufsize=0,
        )
        self.ask("versions", limit=600.0)  # imports take long on a busy machine

    def _line(self, limit):
        end, line = time.monotonic() + limit, b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))
            part = os.read(self.process.stdout.fileno(), 65536) if ready else None
            if not part:  # None: too slow; b"": gone, as TensorFlow does when it cannot allocate
                code = self.close()
                raise Failed("time" if part is None else "memory" if code in (-6, -9, -11) else f"exit {code}")
            line += part
        return line

    def close(self):
        """End the process, which may be in the middle of a step; return its exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(timeout=1.0)
            except subprocess.TimeoutExpired:
                self.process.kill()
        code = self.process.wait()
        self.process.stdout.close()
        self.process = None
        return code
