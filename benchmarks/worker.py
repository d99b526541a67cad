"""The process of one contender: it reads commands, line by line, and answers each in JSON.

``python -m benchmarks.worker NAME``. It computes only between a command and its answer, so that
the contenders' processes can all be alive while one of them runs.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.cases import Case
from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.contenders.prepared import Prepared, UnavailableError

__all__ = ["peak_bytes", "times"]

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def times(prepared: Prepared, which: str, repeats: int) -> list[float]:
    """Time steps one by one, in seconds, on one set of arrays after the other.

    A step's result and gradient are dropped after it, outside the timed part. The first of
    several steps is not counted: another process has had the caches until now.
    """
    step, reset = prepared.steps[which], prepared.reset
    seconds = []
    for number in range(repeats + (repeats > 1)):
        chosen = number % prepared.sets
        start = time.perf_counter_ns()
        result = step(chosen)
        end = time.perf_counter_ns()
        seconds.append((end - start) / 1e9)
        del result
        reset(chosen)
    return seconds[-repeats:]


def peak_bytes(prepared: Prepared, which: str) -> int | None:
    """How much memory a step takes beyond its arrays: the peak of it; None where unknown."""
    gc.collect()
    if not sys.platform.startswith("linux"):
        return None
    _give_back()
    try:
        _CLEAR.write_text("5", encoding="ascii")  # sets the peak back to what is used now
    except OSError:  # some containers refuse
        return None
    # Not the pages of libraries: they come with a first call, and a system takes them back at will.
    before = _status("VmRSS") - _status("RssFile")
    result = prepared.steps[which](0)
    peak = _status("VmHWM") - _status("RssFile")
    del result
    prepared.reset(0)
    return max(0, peak - before)


def _give_back() -> None:
    """Give freed memory back to the system: what a step finds there would not be seen as its."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
    if trim is not None:
        trim(0)
    native = sys.modules.get("losskit.engines.native")
    if native is not None and native.native is not None:
        native.native.release_memory()


def _status(key: str) -> int:
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"{_STATUS} has no {key}")


class _Worker:
    def __init__(self, contender: Contender) -> None:
        self.contender = contender
        self.prepared: Prepared | None = None

    def prepare(self, case: dict[str, Any]) -> dict[str, Any]:
        self.prepared = None
        gc.collect()
        try:
            found = self.contender.prepare(Case.from_dict(case))
            for step in found.steps.values():
                # What compiles does so now.
                step(0)
                found.reset(0)
        except UnavailableError as reason:
            return {"unavailable": str(reason)}
        except Exception as error:
            # PyTorch lacks some kernels for bfloat16, a machine lacks a C++ compiler.
            first = str(error).strip().partition("\n")[0]
            return {"failed": f"{type(error).__name__}: {first[:200]}"}
        gc.collect()
        self.prepared = found
        return {"passes": list(found.steps), "value": found.value, "moved": found.moved}

    def run(self, which: str, repeats: int) -> dict[str, Any]:
        prepared = self._ready()
        gc.disable()
        try:
            return {"seconds": times(prepared, which, repeats)}
        finally:
            gc.enable()

    def peak(self, which: str) -> dict[str, Any]:
        return {"bytes": peak_bytes(self._ready(), which)}

    def release(self) -> dict[str, Any]:
        self.prepared = None
        gc.collect()
        return {}

    def _ready(self) -> Prepared:
        if self.prepared is None:
            raise RuntimeError("no case is prepared")
        return self.prepared


def main() -> None:
    """Answer until the commands end."""
    # What libraries print must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = _Worker(CONTENDERS[sys.argv[1]])
    commands = {name: getattr(worker, name) for name in ("prepare", "run", "peak", "release")}
    for line in sys.stdin:
        command = json.loads(line)
        answer = commands[command.pop("do")](**command)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
