"""Settling what is compared, before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from losskit.compare.candidates import (
    Candidate,
    default_candidates,
    named_candidates,
    recommended_candidate,
)
from losskit.compare.errors import CompareError
from losskit.compare.features import Features, read_features
from losskit.compare.metrics import Metric, default_metric, find_metric
from losskit.compare.tables import Table, read_table
from losskit.compare.task import Target, read_target
from losskit.core.loss import Loss

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
    """

    table: Table
    target: Target
    features: Features
    candidates: Sequence[Candidate]
    metric: Metric
    seeds: int
    epochs: int
    notes: Sequence[str] = ()
    recommended: Candidate | None = None


def plan(
    data: str | Path | pl.DataFrame,
    target: str | None = None,
    losses: Sequence[str | Loss] | None = None,
    *,
    seeds: int = SEEDS,
    epochs: int = EPOCHS,
    metric: str | None = None,
    task: str | None = None,
) -> Study:
    """Read the data and settle what is compared; parameters as of `losskit.compare.compare`."""
    for name, value in (("seeds", seeds), ("epochs", epochs)):
        if value < 1:
            raise CompareError(f"{name} is {value}; it must be at least 1")
    table = read_table(data)
    wanted = target if target is not None else table.target
    if wanted is None:
        raise CompareError(
            f"{table.source} needs a target: name the column to predict, "
            f"one of {', '.join(table.frame.columns[:12])}"
        )
    found = read_target(table.frame, wanted, task)
    features = read_features(table.frame.filter(found.rows), wanted, table.targets)
    decides = default_metric(found.task) if metric is None else find_metric(metric, found.task)
    notes: list[str] = []
    if losses:
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
    )
