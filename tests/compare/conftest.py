"""Data and finished comparisons that several tests look at."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import torch
from compare_data import EVIL, OWN_PROJECT, houses

with warnings.catch_warnings():
    # Ignite imports torch.distributed.optim, which uses what torch itself has deprecated.
    warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", DeprecationWarning)
    from losskit.compare import Results, compare


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tests run side by side, where threads that wait for each other take ten times as long."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def house_file(tmp_path: Path) -> Path:
    file = tmp_path / "häuser.csv"
    houses().write_csv(file)
    return file


@pytest.fixture(scope="session")
def regression() -> Results:
    return compare("sklearn:diabetes", seeds=3, epochs=4)


@pytest.fixture(scope="session")
def binary() -> Results:
    return compare("sklearn:breast_cancer", seeds=2, epochs=3)


@pytest.fixture(scope="session")
def multiclass() -> Results:
    return compare("sklearn:wine", seeds=2, epochs=3)


@pytest.fixture(scope="session")
def evil() -> Results:
    frame = pl.DataFrame(
        {
            f"x {EVIL}": [float(i) for i in range(60)],
            f"same {EVIL}": ["1"] * 60,
            f"y {EVIL}": [f"no {EVIL}", 'yes & <b>so</b> "on"'] * 30,
        }
    )
    return compare(frame, f"y {EVIL}", seeds=2, epochs=2)


@pytest.fixture
def own_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a project of the user's own, which one is in."""
    monkeypatch.chdir(tmp_path)
    Path("own_project.py").write_text(OWN_PROJECT, encoding="utf-8")
    Path("half_written.py").write_text("def load(:\n", encoding="utf-8")
    Path("far_reaching.py").write_text("import nowhere\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "own_project", raising=False)
