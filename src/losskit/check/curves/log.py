"""A log: the curves of one training, each known for what it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from losskit.check.criterion import criterion_of
from losskit.check.curves.names import EPOCHS, STEPS, Kind, kind_of, unnamed_loss, words
from losskit.check.curves.read import Chunk, LogError, open_log
from losskit.check.curves.series import Curve, Recorder
from losskit.check.values import Floats

__all__ = ["Log", "gathered", "read_logs"]


@dataclass(frozen=True)
class Log:
    """The curves of one training.

    Attributes
    ----------
    name : str
        The file or files.
    curves : dict
        Every series by its name.
    train, validation : Curve or None
        The losses.
    metrics : tuple of Curve
        Metrics, those of validation first.
    rate, gradient : Curve or None
        Learning rate and norm of the gradients.
    classes : int or None
        Number of classes, where it is known.
    never_negative : bool
        Whether the loss cannot be below 0, where that is known.
    label_shares : array or None
        Share of each class among the targets, where that is known.
    constant_loss : float or None
        Loss of the best answer that does not look at the input, where that is known.
    """

    name: str
    curves: dict[str, Curve]
    train: Curve | None = None
    validation: Curve | None = None
    metrics: tuple[Curve, ...] = ()
    rate: Curve | None = None
    gradient: Curve | None = None
    classes: int | None = None
    never_negative: bool = False
    label_shares: Floats | None = None
    constant_loss: float | None = None
    notes: tuple[str, ...] = field(default=())


def read_logs(
    paths: Sequence[Path],
    *,
    classes: int | None = None,
    loss: object = None,
    train: str | None = None,
    validation: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Log:
    """Read the logs of one training, in the order in which they were written.

    `losskit.check.curves.diagnose.diagnose` says what the arguments are.

    Raises
    ------
    LogError
        If one cannot be read, or there is no loss, or no series of a given name, in them.
    """
    kinds: list[str] = []
    recorders: dict[str, Recorder] = {}
    rows, axes, lost = 0, _Axes(), Counter[str]()
    for path in paths:
        try:
            kind, chunks = open_log(path)
            kinds.append(kind)
            for chunk in chunks:
                lost.update({name: column.lost for name, column in chunk.items()})
                rows += _record(chunk, axes, recorders)
                if progress is not None:
                    progress(rows)
        except OSError as error:
            raise LogError(f"{str(path)!r} cannot be read: {error.strerror or error}") from None
    curves = [recorder.curve() for recorder in recorders.values()]
    name = paths[0].name if len(paths) == 1 else f"{len(paths)} logs"
    known = None if loss is None else criterion_of(loss).loss
    signed = known is None or not known.card.never_negative
    log = gathered(
        name,
        curves,
        classes=classes,
        never_negative=not signed,
        kinds=kinds,
        train=train,
        validation=validation,
    )
    used = [log.train, log.validation, *log.metrics, log.rate, log.gradient]
    notes = [
        f"{_cells(lost[curve.name])} in {curve.name!r}, left out"
        for curve in used
        if curve is not None and lost[curve.name]
    ]
    return replace(log, notes=(*log.notes, *notes))


def gathered(
    name: str,
    curves: Iterable[Curve],
    *,
    classes: int | None = None,
    never_negative: bool = False,
    kinds: Sequence[str] = (),
    label_shares: Floats | None = None,
    constant_loss: float | None = None,
    train: str | None = None,
    validation: str | None = None,
) -> Log:
    """Make a log of curves, finding out which is what.

    Raises
    ------
    LogError
        If none of them is a loss.
    """
    known = {curve.name: curve for curve in curves if curve.points}
    by_kind: dict[Kind, list[Curve]] = {}
    for curve in known.values():
        by_kind.setdefault(kind_of(curve.name), []).append(curve)
    notes = []
    trained = _given(name, known, train) or _main(by_kind.get(Kind.TRAIN_LOSS, []))
    held = _given(name, known, validation) or _main(by_kind.get(Kind.VALIDATION_LOSS, []))
    if trained is None and held is None:
        trained = unnamed_loss(known.values())
        if trained is None:
            raise LogError(
                f"{name} has no loss: it has {_names(known)}; name a column loss or "
                "val_loss, or say which it is with --train and --validation"
            )
        notes.append(
            f"no series is named a loss; {trained.name!r} is taken for the training loss; say "
            "which it is with --train and --validation"
        )
    metrics = [*by_kind.get(Kind.VALIDATION_METRIC, []), *by_kind.get(Kind.TRAIN_METRIC, [])]
    rate = _main(by_kind.get(Kind.LEARNING_RATE, []))
    gradient = _main(by_kind.get(Kind.GRADIENT_NORM, []))
    used = [
        f"{label} {curve.name!r} ({_counted(curve)})"
        for label, curve in (
            ("training loss", trained),
            ("validation loss", held),
            ("learning rate", rate),
            ("gradient norm", gradient),
        )
        if curve is not None
    ]
    used += [f"metric {curve.name!r}" for curve in metrics]
    source = f"{' and '.join(dict.fromkeys(kinds))}: " if kinds else ""
    notes.insert(0, f"read as {source}{', '.join(used)}")
    losses = [*by_kind.get(Kind.TRAIN_LOSS, []), *by_kind.get(Kind.VALIDATION_LOSS, [])]
    others = [repr(curve.name) for curve in losses if curve not in (trained, held)]
    if others:
        notes.append(f"other losses are left aside: {', '.join(others)}")
    return Log(
        name,
        known,
        trained,
        held,
        tuple(metrics),
        rate,
        gradient,
        classes,
        never_negative,
        label_shares,
        constant_loss,
        tuple(notes),
    )


def _given(log: str, known: dict[str, Curve], name: str | None) -> Curve | None:
    """Return the series that the user named."""
    if name is None:
        return None
    if name not in known:
        raise LogError(f"{log} has no series {name!r}; it has {_names(known)}")
    return known[name]


def _names(known: dict[str, Curve]) -> str:
    return ", ".join(map(repr, known)) or "no numbers"


def _cells(count: int) -> str:
    return "1 cell that is no number" if count == 1 else f"{count:,} cells that are no numbers"


def _counted(curve: Curve) -> str:
    return "1 point" if curve.points == 1 else f"{curve.points:,} points"


def _main(curves: list[Curve]) -> Curve | None:
    """Return the series that stands for its kind: the one with most points, and a plain name."""
    if not curves:
        return None
    return max(curves, key=lambda curve: (min(curve.points, 10_000), -len(words(curve.name))))


class _Axes:
    """Steps and epochs of rows, kept from chunk to chunk."""

    def __init__(self) -> None:
        self.row = 0
        self.epoch = np.nan


def _record(chunk: Chunk, axes: _Axes, recorders: dict[str, Recorder]) -> int:
    """Take a chunk in; return how many rows it has."""
    ends = (int(one.where[-1]) for one in chunk.values() if len(one.where))
    rows = 1 + max(ends, default=-1)
    lowered = {name.strip().lower(): name for name in chunk}
    step_name = next((lowered[name] for name in STEPS if name in lowered), None)
    epoch_name = next((lowered[name] for name in EPOCHS if name in lowered), None)
    step = np.arange(axes.row, axes.row + rows, dtype=np.float64)
    if step_name is not None:
        column = chunk[step_name]
        step = np.full(rows, np.nan)
        step[column.where] = column.values
        step = _filled(step, axes.row)
    epoch = np.full(rows, np.nan)
    if epoch_name is not None:
        column = chunk[epoch_name]
        epoch[column.where] = column.values
        epoch = _filled(epoch, axes.epoch)
        axes.epoch = float(epoch[-1]) if rows else axes.epoch
    for name, column in chunk.items():
        where = column.where
        if name in (step_name, epoch_name) or not len(where):
            continue
        recorder = recorders.setdefault(name, Recorder(name))
        recorder.add(step[where], epoch[where], column.values)
    axes.row += rows
    return rows


def _filled(values: Floats, first: float) -> Floats:
    """Repeat the last known number where there is none."""
    known = np.where(np.isfinite(values), np.arange(len(values)), -1)
    last = np.maximum.accumulate(known)
    return np.where(last >= 0, values[np.maximum(last, 0)], first)
