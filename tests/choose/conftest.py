"""Small models on cores that other workers of the tests use as well."""

from __future__ import annotations

from collections.abc import Iterator

import lightgbm
import pytest
import sklearn.ensemble
import threadpoolctl
import torch
import xgboost

LIBRARIES = (lightgbm, sklearn.ensemble, xgboost)
"""Each brings threads of its own, which can be held back once it is loaded."""


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # LightGBM asks for as many threads as there are cores, whatever OpenMP was told.
    monkeypatch.setattr("lightgbm.sklearn._LGBMCpuCount", lambda **_: 1)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpoolctl.threadpool_limits(1):
        yield
    torch.set_num_threads(threads)
