"""Compare what different losses do to the same network on the same data.

Needs the extra ``losskit[compare]``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from losskit.compare.errors import CompareError
from losskit.compare.results import Results
from losskit.compare.runs import Progress, run
from losskit.compare.study import EPOCHS, SEEDS, Study, plan
from losskit.core.loss import Loss

if TYPE_CHECKING:
    import polars as pl

__all__ = ["CompareError", "Progress", "Results", "Study", "compare", "plan", "run"]


def compare(
    data: str | Path | pl.DataFrame,
    target: str | None = None,
    losses: Sequence[str | Loss] | None = None,
    *,
    seeds: int = SEEDS,
    epochs: int = EPOCHS,
    metric: str | None = None,
    task: str | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Results:
    """Train the same small network with each loss, and measure it on held-out rows.

    Every loss meets the same splits, initial weights and batch order in each seed, and the same
    metrics judge them all. Nothing is printed or written.

    Parameters
    ----------
    data
        A CSV, Parquet or JSONL file, ``sklearn:NAME`` for a data set that scikit-learn brings
        along, or a Polars data frame.
    target
        The column to predict; may be left out for a bundled data set.
    losses
        Losses, or their text as on the command line (``"Huber:delta=2"``); by default a set
        that follows from the data.
    seeds
        How many times everything is repeated with other splits, weights and orders.
    epochs
        How long each network trains.
    metric
        What decides; by default the mean absolute error or the balanced accuracy.
    task
        ``"regression"``, ``"binary"`` or ``"multiclass"``, where the target leaves it open.
    progress
        Called after each epoch.

    Raises
    ------
    CompareError
        If the request cannot be carried out; the message is one line that says what to mend.

    Examples
    --------
    >>> from losskit.compare import compare
    >>> results = compare("sklearn:diabetes", losses=["MSE", "MAE"], seeds=2, epochs=3)
    >>> [arm.label for arm in results.losses]
    ['MSE', 'MAE']
    """
    study = plan(data, target, losses, seeds=seeds, epochs=epochs, metric=metric, task=task)
    return run(study, progress)
