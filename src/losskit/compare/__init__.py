"""Compare what different losses do to the same network on the same data.

``losskit.compare(...)`` is `compare` itself. Needs the extra ``losskit[compare]``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from losskit.core.loss import Loss
from losskit.core.packages import make_callable, needs

with needs("compare", "losskit.compare"):
    from losskit.compare.errors import CompareError
    from losskit.compare.processes import Processes
    from losskit.compare.results import Results
    from losskit.compare.runs import Keeping, Progress, run
    from losskit.compare.store import Store
    from losskit.compare.study import EPOCHS, SEEDS, Study, plan

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "CompareError",
    "Keeping",
    "Processes",
    "Progress",
    "Results",
    "Store",
    "Study",
    "compare",
    "plan",
    "run",
]


def compare(
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
    progress: Callable[[Progress], None] | None = None,
) -> Results:
    """Train the same small network with each loss, and measure it on held-out rows.

    Every loss meets the same splits, initial weights and batch order in each seed, and the same
    metrics judge them all. Nothing is printed or written.

    Parameters
    ----------
    data
        A CSV, Parquet or JSONL file, ``sklearn:NAME`` for a data set that scikit-learn brings
        along, a Polars data frame, or a function that returns inputs and targets (see
        ``docs/compare.md``).
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
    model
        A function that builds a model of your own, or its name, ``package.module:build``; by
        default a small network.
    batch_size, learning_rate
        Of Adam's steps; by default about 32 steps an epoch, and 0.003.
    progress
        Called after each epoch.

    Raises
    ------
    CompareError
        If the request cannot be carried out; the message is one line that says what to mend.

    Examples
    --------
    >>> import losskit
    >>> results = losskit.compare("sklearn:diabetes", losses=["MSE", "MAE"], seeds=2, epochs=3)
    >>> [arm.label for arm in results.losses]
    ['MSE', 'MAE']
    """
    study = plan(
        data,
        target,
        losses,
        seeds=seeds,
        epochs=epochs,
        metric=metric,
        task=task,
        model=model,
        batch_size=batch_size,
        learning_rate=learning_rate,
    )
    return run(study, progress)


make_callable(__name__, __name__)
