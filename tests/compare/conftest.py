"""Data and finished comparisons that several tests look at."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
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


Compare = Callable[..., Results]


@pytest.fixture(scope="session")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compare:
    """Compare, or give what was found before, also in another process."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "compared"
    shared.mkdir(exist_ok=True)

    def results(name: str, *asked: object, **options: int) -> Results:
        file = shared / f"{name}.json"
        if not file.exists():
            temporary = shared / f"{name}.{os.getpid()}"
            found = compare(*asked, **options).model_dump_json()
            temporary.write_text(found, encoding="utf-8")
            temporary.replace(file)
        return Results.model_validate_json(file.read_text("utf-8"))

    return results


@pytest.fixture(scope="session")
def regression(compared: Compare) -> Results:
    return compared("regression", "sklearn:diabetes", seeds=3, epochs=4)


@pytest.fixture(scope="session")
def binary(compared: Compare) -> Results:
    return compared("binary", "sklearn:breast_cancer", seeds=2, epochs=3)


@pytest.fixture(scope="session")
def multiclass(compared: Compare) -> Results:
    return compared("multiclass", "sklearn:wine", seeds=2, epochs=3)


@pytest.fixture(scope="session")
def evil(compared: Compare) -> Results:
    frame = pl.DataFrame(
        {
            f"x {EVIL}": [float(i) for i in range(60)],
            f"same {EVIL}": ["1"] * 60,
            f"y {EVIL}": [f"no {EVIL}", 'yes & <b>so</b> "on"'] * 30,
        }
    )
    return compared("evil", frame, f"y {EVIL}", seeds=2, epochs=2)


@pytest.fixture
def own_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a project of the user's own, which one is in."""
    monkeypatch.chdir(tmp_path)
    Path("own_project.py").write_text(OWN_PROJECT, encoding="utf-8")
    Path("half_written.py").write_text("def load(:\n", encoding="utf-8")
    Path("far_reaching.py").write_text("import nowhere\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "own_project", raising=False)
