"""``losskit diagnose``: all questions, asked of the curves of one training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from losskit.check.curves.held_out import below_note
from losskit.check.curves.log import Log, read_logs
from losskit.check.curves.questions import ask
from losskit.check.curves.standstill import FEWEST
from losskit.check.report import Report

__all__ = ["diagnose", "diagnosed"]


def diagnose(
    *paths: str | Path,
    loss: object = None,
    classes: int | None = None,
    train: str | None = None,
    validation: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Say what the loss curves of a training show.

    Parameters
    ----------
    *paths : str or Path
        Logs of one training, in the order in which they were written: CSV (Lightning's
        ``metrics.csv``, or any other), JSON lines, ``trainer_state.json``, TensorBoard's event
        files or a folder of them, a Keras history as CSV or JSON.
    loss : str or loss, optional
        The loss, by any of its names or as `losskit.check` takes it.
    classes : int, optional
        Number of classes: then the values at which a loss stands still are known.
    train, validation : str, optional
        Names of the series that are the losses, where their names do not tell.
    progress : callable, optional
        Called with the number of rows read so far.

    Returns
    -------
    Report
        Findings, and in the notes what was read as what. Without findings the curves are fine,
        as far as curves can show it.

    Raises
    ------
    LogError
        If a log cannot be read, or holds no loss.
    """
    log = read_logs(
        [Path(path) for path in paths],
        loss=loss,
        classes=classes,
        train=train,
        validation=validation,
        progress=progress,
    )
    return diagnosed(log)


def diagnosed(log: Log) -> Report:
    """Say what a log shows."""
    numbers = {}
    for name, curve in (("train", log.train), ("validation", log.validation)):
        if curve is not None and len(curve):
            numbers[f"{name}_last"] = float(curve.mean[-1])
            numbers[f"{name}_lowest"] = float(curve.low.min())
    return Report.of(log.name, ask(log), (*log.notes, *_too_few(log), *below_note(log)), numbers)


def _too_few(log: Log) -> Iterator[str]:
    """Say where silence means nothing."""
    curve = log.train or log.validation
    if curve is not None and curve.points < FEWEST:
        yield (
            f"{curve.name} has too few points to have a shape; from {FEWEST} on there is something "
            "to tell"
        )
