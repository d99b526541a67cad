"""Contenders' processes, as their parent sees them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cases import Case
from benchmarks.contenders import Contender

__all__ = ["Process", "WorkerDiedError", "processes"]

PAUSE = 0.003
"""Seconds between two processes' turns, in which the threads of the last one go to sleep."""


class WorkerDiedError(Exception):
    """A contender's process is gone, with what it said last."""


class Process:
    """The process of one contender; it is started again if it dies.

    Parameters
    ----------
    contender : Contender
        Which one.
    """

    def __init__(self, contender: Contender) -> None:
        self.contender = contender
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115, closed with the process
        self._process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        root = str(Path(__file__).parents[1])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", self.contender.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, **self.contender.environment, "PYTHONPATH": path},
        )

    def prepare(self, case: Case) -> dict[str, Any]:
        """Make a case ready; the answer says which passes it has, or why there are none."""
        return self._ask("prepare", case=case.as_dict())

    def run(self, which: str, repeats: int) -> list[float]:
        """Return the seconds of each of some steps."""
        time.sleep(PAUSE)
        seconds: list[float] = self._ask("run", which=which, repeats=repeats)["seconds"]
        return seconds

    def peak(self, which: str) -> int | None:
        """Return the bytes that one step takes at its peak."""
        taken: int | None = self._ask("peak", which=which)["bytes"]
        return taken

    def release(self) -> None:
        """Let the case's arrays go."""
        self._ask("release")

    def _ask(self, what: str, **options: Any) -> dict[str, Any]:
        if self._process.poll() is not None:
            self._process = self._start()
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("a contender's process has no pipes")
        line = ""
        try:
            stdin.write(json.dumps({"do": what, **options}) + "\n")
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError:
            pass
        if not line:
            code = self._process.wait()
            raise WorkerDiedError(f"its process ended with {code}: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _last_words(self) -> str:
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        return said[-1][:300] if said else "it said nothing"

    def end(self) -> None:
        """End it at once: a step may take long, and nobody waits for it now."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            # What was left to write has nowhere to go.
            with contextlib.suppress(BrokenPipeError):
                if pipe is not None:
                    pipe.close()


@contextlib.contextmanager
def processes(contenders: Sequence[Contender]) -> Iterator[dict[str, Process]]:
    """Start a process for each contender, and end them all."""
    started: dict[str, Process] = {}
    try:
        for contender in contenders:
            started[contender.name] = Process(contender)
        yield started
    finally:
        for process in started.values():
            process.end()
