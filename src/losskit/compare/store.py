"""What is kept of a comparison until its report is written: finished runs, and begun ones."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

import losskit
from losskit.compare.errors import CompareError
from losskit.compare.fit import Recipe, Start
from losskit.compare.study import Study
from losskit.compare.training import Fit

__all__ = ["UNFINISHED", "Store", "fingerprint"]

UNFINISHED = "unfinished"
"""The folder's name, in that of the report."""
STUDY = "comparison.json"
EVERY = 20.0
"""Seconds between two checkpoints of one run."""


def fingerprint(study: Study, first: Start, recipe: Recipe) -> dict[str, str]:
    """Tell comparisons apart whose runs differ; more seeds or losses leave runs as they are."""

    def digest(*arrays: Any) -> str:
        together = hashlib.sha256()
        for one in arrays:
            numbers = np.ascontiguousarray(one)
            together.update(f"{numbers.dtype} {numbers.shape}".encode())
            together.update(numbers.tobytes())
        return together.hexdigest()[:16]

    parts = (first.train, first.validation, first.test)
    return {
        "Losskit": losskit.__version__,
        "PyTorch": torch.__version__,
        "data": digest(*(one.features.numpy() for one in parts), *(one.truth for one in parts)),
        "model": digest(*(one.numpy() for one in first.weights.values())),
        "recipe": ", ".join(f"{key} {value}" for key, value in dataclasses.asdict(recipe).items()),
        "metric": study.metric.name,
    }


@dataclass
class Store:
    """A folder of finished and begun runs.

    Parameters
    ----------
    path
        The folder.
    every
        Seconds between two checkpoints of a run.
    """

    path: Path
    every: float = EVERY
    kept: int = 0
    """Finished runs that are in it."""
    _saved: float = field(default_factory=time.monotonic)

    def open(self, prints: dict[str, str], *, resume: bool, overwrite: bool) -> None:
        """Begin, or go on from what is there.

        Raises
        ------
        CompareError
            If runs are there and it was not said what to do with them, or they are of another
            comparison.
        """
        described = self.path / STUDY
        if described.exists() and not resume:
            if not overwrite:
                raise CompareError(
                    f"{str(self.path)!r} holds an interrupted comparison; go on with --resume, or "
                    "begin anew with --overwrite"
                )
            self.clear()
        if described.exists():
            try:
                before = json.loads(described.read_text("utf-8"))
            except (OSError, ValueError) as error:
                raise CompareError(
                    f"{str(described)!r} cannot be read; begin anew with --overwrite"
                ) from error
            differing = [
                f"{name} ({before.get(name)} then, {now} now)"
                for name, now in prints.items()
                if before.get(name) != now
            ]
            if differing:
                raise CompareError(
                    f"{str(self.path)!r} holds another comparison, which differs in "
                    f"{'; '.join(differing)}; begin anew with --overwrite"
                )
            return
        try:
            self.path.mkdir(exist_ok=True)
            _write(described, lambda file: file.write_text(json.dumps(prints, indent=1), "utf-8"))
        except OSError as error:
            raise CompareError(
                f"{str(self.path)!r} cannot be written: {error.strerror or error}"
            ) from error

    def _file(self, label: str, seed: int, ending: str) -> Path:
        name = hashlib.sha256(label.encode()).hexdigest()[:12]
        return self.path / f"seed-{seed}-{name}.{ending}"

    def finished(self, label: str, seed: int) -> Fit | None:
        """Return a run that was finished before."""
        found = _read(self._file(label, seed, "done"))
        if found is None:
            return None
        self.kept += 1
        return Fit(**(found | {"predicted": found["predicted"].numpy()}))

    def finish(self, label: str, seed: int, fit: Fit) -> None:
        """Keep a finished run."""
        content = {one.name: getattr(fit, one.name) for one in dataclasses.fields(fit)}
        content["predicted"] = torch.as_tensor(fit.predicted)
        _write(self._file(label, seed, "done"), lambda file: torch.save(content, file))
        self._file(label, seed, "begun").unlink(missing_ok=True)
        self.kept += 1

    def begun(self, label: str, seed: int) -> dict[str, Any] | None:
        """Return where a run was when it was last looked at."""
        return _read(self._file(label, seed, "begun"))

    def checkpoint(self, label: str, seed: int, state: Callable[[], dict[str, Any]]) -> None:
        """Keep where a run is, now and then."""
        if time.monotonic() - self._saved >= self.every:
            content = state()
            _write(self._file(label, seed, "begun"), lambda file: torch.save(content, file))
            self._saved = time.monotonic()

    @property
    def holds(self) -> tuple[int, int]:
        """How many finished and how many begun runs are there."""
        done, begun = (len(list(self.path.glob(f"*.{kind}"))) for kind in ("done", "begun"))
        return done, begun

    def clear(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path, ignore_errors=True)

    def leave(self) -> None:
        """Remove the folder if it holds no run."""
        if self.path.exists() and self.holds == (0, 0):
            self.clear()


def _write(file: Path, write: Callable[[Path], object]) -> None:
    """Write a file that is whole or not there."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def _read(file: Path) -> dict[str, Any] | None:
    """Read numbers and tensors only: no code is run by it. What is not whole counts as nothing."""
    if not file.exists():
        return None
    try:
        found: dict[str, Any] = torch.load(file, weights_only=True)
    except Exception:
        return None
    return found
