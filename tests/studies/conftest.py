"""Studies that several tests look at, each run once, in the fast form."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from losskit.studies import StudyResults, study
from losskit.studies.circle import Circle
from losskit.studies.landscapes import Landscapes
from losskit.studies.smoothing import Smoothing

SEEDS = 5
"""Enough for intervals; the same for all tests, so that each study runs once."""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tests run side by side, where threads that wait for each other take ten times as long."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], StudyResults]:
    """Run a study in its fast form, or give what it gave before, also in another process."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "studies"
    shared.mkdir(exist_ok=True)
    known: dict[str, StudyResults] = {}

    def results(text: str) -> StudyResults:
        file = shared / f"{text.replace(':', '-')}.json"
        if text not in known and file.exists():
            known[text] = StudyResults.model_validate_json(file.read_text("utf-8"))
        if text not in known:
            with pytest.MonkeyPatch.context() as shorter:
                # Still shorter than the fast form, where that is what takes the time.
                shorter.setattr(Circle, "_epochs", lambda self, fast: 15)
                shorter.setattr(Smoothing, "_steps", lambda self, fast: 300)
                shorter.setattr(Landscapes, "_points", lambda self, fast: 9)
                known[text] = study(text).run(SEEDS, fast=True)
            temporary = Path(f"{file}.{os.getpid()}")
            temporary.write_text(known[text].model_dump_json(), encoding="utf-8")
            temporary.replace(file)
        return known[text]

    return results
