"""Studies that several tests look at, each run once, in the fast form."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import pytest
import torch

from losskit.studies import StudyResults, study

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
def run() -> Callable[[str], StudyResults]:
    """Run a study in its fast form, or give what it gave before."""
    return functools.cache(lambda text: study(text).run(SEEDS, fast=True))
