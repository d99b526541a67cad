"""Settling what is compared, before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from losskit.compare.candidates import (
    Candidate,
    default_candidates,
    named_candidates,
    recommended_candidate,
)
from losskit.compare.errors import CompareError
from losskit.compare.features import Features, read_features
from losskit.compare.metrics import Metric, default_metric, find_metric
from losskit.compare.network import seeded
from losskit.compare.own import Given, Maker, given_rows, maker
from losskit.compare.tables import Table, read_table
from losskit.compare.task import Target, read_target
from losskit.core.loss import Loss
from losskit.reporting.errors import is_count

if TYPE_CHECKING:
    import polars as pl

__all__ = ["EPOCHS", "SEEDS", "Study", "plan"]

SEEDS = 5
EPOCHS = 60


@dataclass(frozen=True)
class Study:
    """A comparison that is ready to run.

    Parameters
    ----------
    table
        The data.
    target
        What is predicted.
    features
        What it is predicted from.
    candidates
        The losses.
    metric
        What decides.
    seeds, epochs
        How often, and for how long, each loss trains.
    notes
        About the choice of losses.
    recommended
        The loss that `losskit.choose` puts first, of those that can be trained here.
    model
        What builds the user's own model; None for the network that all tables get.
    batch_size, learning_rate
        As asked for; None for those of every comparison.
    """

    table: Table
    target: Target
    features: Features | Given
    candidates: Sequence[Candidate]
    metric: Metric
    seeds: int
    epochs: int
    notes: Sequence[str] = ()
    recommended: Candidate | None = None
    model: Maker | None = None
    batch_size: int | None = None
    learning_rate: float | None = None


def plan(
    data: str | Path | pl.DataFrame | Callable[[], Any],
    target: str | None = None,
    losses: Sequence[str | Loss] | None = None,
    *,
    seeds: int = SEEDS,
    epochs: int = EPOCHS,
    metric: str | None = None,
    task: str | None = None,
    model: str | Callable[..., Any] | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
) -> Study:
    """Read the data and settle what is compared; parameters as of `losskit.compare.compare`."""
    _check_counts(seeds=seeds, epochs=epochs, batch_size=batch_size)
    _check_words(target=target, metric=metric, task=task)
    if learning_rate is not None and not (
        isinstance(learning_rate, (int, float)) and 0 < learning_rate < float("inf")
    ):
        raise CompareError(f"learning_rate is {learning_rate!r}; it must be a number above 0")
    make = maker(model)
    given: Given | None = None
    if callable(data):
        name = f"{data.__module__}:{getattr(data, '__qualname__', type(data).__name__)}"
        table, given = given_rows("data", name, data)
    else:
        table = read_table(data)
    wanted = target if target is not None else table.target
    if wanted is None:
        raise CompareError(
            f"{table.source} needs a target: name the column to predict, "
            f"one of {', '.join(table.frame.columns[:12])}"
        )
    found = read_target(table.frame, wanted, task)
    if given is None:
        features: Features | Given = read_features(
            table.frame.filter(found.rows), wanted, table.targets
        )
    else:
        features = _present(given, found, own_model=make is not None)
    decides = default_metric(found.task) if metric is None else find_metric(metric, found.task)
    if make is not None:
        _try(make, features, found)
    notes: list[str] = []
    if losses is not None:
        candidates = named_candidates(losses, found)
    else:
        candidates, notes = default_candidates(found)
    return Study(
        table,
        found,
        features,
        candidates,
        decides,
        seeds,
        epochs,
        notes,
        recommended_candidate(found),
        make,
        batch_size,
        learning_rate,
    )


def _check_counts(**counts: object) -> None:
    for name, value in counts.items():
        if value is not None and not is_count(value):
            raise CompareError(f"{name} is {value!r}; it must be an integer of at least 1")


def _check_words(**words: object) -> None:
    for name, word in words.items():
        if word is not None and not isinstance(word, str):
            raise CompareError(f"{name} is {word!r}; it must be a text")


def _try(make: Maker, features: Features | Given, target: Target) -> None:
    """Build the model once and show it some rows, so that what does not fit is refused early."""
    every = np.arange(len(target.values))
    rows = torch.as_tensor(features.encoder(every)(every[:4]))
    outputs = len(target.classes) if len(target.classes) > 2 else 1
    with seeded(0):
        make.check(rows, outputs)


def _present(given: Given, target: Target, *, own_model: bool) -> Given:
    """Take the rows that have a target, and refuse what the network of tables cannot take."""
    if not own_model and (given.inputs.ndim != 2 or not given.inputs.is_floating_point()):
        raise CompareError(
            f"inputs of shape {tuple(given.inputs.shape)} and type "
            f"{str(given.inputs.dtype).removeprefix('torch.')} need a model of your own (--model); "
            "the network that comes with compare takes rows of floating-point numbers"
        )
    if target.rows.all():
        if given.parts is not None and target.classes:
            there = np.bincount(target.values[given.parts.train], minlength=len(target.classes))
            if not there.all():
                missing = target.classes[int(there.argmin())]
                raise CompareError(f"the training rows have none of the class {missing!r}")
        return given
    if given.parts is not None:
        raise CompareError("targets are missing in parts that are divided already; leave them out")
    return replace(given, inputs=given.inputs[torch.as_tensor(target.rows)])
