"""The data sets that scikit-learn brings along."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from losskit.choose.errors import ChooseError
from losskit.reporting.errors import closest

__all__ = ["BUNDLED", "Bundled", "bundled"]

BUNDLED = "sklearn:"


@dataclass(frozen=True)
class Bundled:
    """A data set with what its own account says.

    Attributes
    ----------
    source : str
        Where it comes from, in words.
    frame : polars.DataFrame
        Features and targets.
    targets : tuple of str
        The columns that are targets.
    """

    source: str
    frame: pl.DataFrame
    targets: tuple[str, ...]


def _loaders() -> dict[str, Callable[..., Any]]:
    """Find scikit-learn's bundled tables: the loaders that can answer with a data frame."""
    try:
        from sklearn import datasets  # noqa: PLC0415 - only where it is asked for
    except ModuleNotFoundError as error:
        raise ChooseError(
            f"DATA '{BUNDLED}...' needs scikit-learn, which is not installed: pip install "
            "scikit-learn"
        ) from error
    loaders = {
        name.removeprefix("load_"): getattr(datasets, name)
        for name in dir(datasets)
        if name.startswith("load_")
    }
    return {
        name: loader
        for name, loader in loaders.items()
        if "as_frame" in inspect.signature(loader).parameters
    }


def bundled(name: str) -> Bundled:
    """Load a data set by its name.

    Raises
    ------
    ChooseError
        If scikit-learn is missing, or has none of this name.
    """
    loaders = _loaders()
    if name not in loaders:
        raise ChooseError(
            f"DATA '{BUNDLED}{name}': scikit-learn brings no data set {name!r} along; "
            f"{closest(name, loaders)}"
        )
    loader = loaders[name]
    # The diabetes features come squeezed to unit length unless asked for as they were measured.
    raw = {"scaled": False} if "scaled" in inspect.signature(loader).parameters else {}
    bunch = loader(**raw)
    columns = {
        str(column): pl.Series(str(column), bunch.data[:, index])
        for index, column in enumerate(bunch.feature_names)
    }
    target = np.asarray(bunch.target)
    if target.ndim == 2:
        targets = tuple(str(one) for one in bunch.target_names)
        columns |= {one: pl.Series(one, target[:, i]) for i, one in enumerate(targets)}
    else:
        targets = ("target",)
        if "target_names" in bunch and len(bunch.target_names) == len(np.unique(target)):
            target = np.asarray(bunch.target_names)[target]
        columns["target"] = pl.Series("target", target)
    return Bundled(f"scikit-learn's {name} data", pl.DataFrame(list(columns.values())), targets)
