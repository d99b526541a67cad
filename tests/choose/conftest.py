"""Small models on cores that other workers of the tests use as well."""

from __future__ import annotations

from collections.abc import Iterator

import lightgbm
import pytest
import sklearn.ensemble
import threadpoolctl
import xgboost

LIBRARIES = (lightgbm, sklearn.ensemble, xgboost)
"""Each brings threads of its own, which can be held back once it is loaded."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with threadpoolctl.threadpool_limits(1):
        yield
