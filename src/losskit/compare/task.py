"""What the target column asks for: a number, one of two classes, or one of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import polars as pl

from losskit.compare.errors import CompareError
from losskit.reporting.arrays import Bools, Floats, Ints
from losskit.reporting.errors import closest, listing

__all__ = ["TASKS", "Target", "Task", "read_target", "typed"]

Task = Literal["regression", "binary", "multiclass"]
TASKS: tuple[Task, ...] = get_args(Task)

FEWEST_ROWS = 20
"""Below this, a test part holds fewer than four rows."""
FEWEST_PER_CLASS = 5
"""So that each class is in the training, validation and test part."""
MOST_INTEGER_CLASSES = 20
ROWS_PER_INTEGER_CLASS = 10


@dataclass(frozen=True)
class Target:
    """The column to predict, in the form in which a model learns it.

    Parameters
    ----------
    name
        The column's name.
    task
        What there is to learn.
    reason
        Why it is that task, in words.
    values
        Numbers for a regression, class numbers from 0 otherwise; only of the rows kept.
    classes
        The class labels by class number; the second is the positive one of a binary task.
    rows
        Which rows of the table have a target.
    notes
        What was assumed.
    """

    name: str
    task: Task
    reason: str
    values: Floats | Ints
    classes: tuple[str, ...]
    rows: Bools
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> Ints:
        """How many rows each class has."""
        return np.bincount(self.values.astype(np.int64), minlength=len(self.classes))


def typed(series: pl.Series) -> pl.Series:
    """Give a column the type that its text means: numbers and times that came as strings."""
    if isinstance(series.dtype, pl.Decimal):
        return series.cast(pl.Float64)
    if isinstance(series.dtype, pl.Categorical | pl.Enum):
        return series.cast(pl.String)
    if series.dtype != pl.String or series.null_count() == series.len():
        return series
    stripped = series.str.strip_chars()
    present = stripped.is_not_null()
    numbers = stripped.cast(pl.Float64, strict=False)
    if bool((numbers.is_not_null() == present).all()):
        return numbers
    times = stripped.str.to_datetime(strict=False, format="%Y-%m-%dT%H:%M:%S%.f")
    if bool((times.is_not_null() == present).all()):
        return times
    dates = stripped.str.to_date(strict=False, format="%Y-%m-%d")
    return dates if bool((dates.is_not_null() == present).all()) else series


def read_target(frame: pl.DataFrame, name: str, task: str | None = None) -> Target:
    """Find out what the target column asks for, or check that it can be the given task.

    Raises
    ------
    CompareError
        If there is no such column, or nothing can be learnt from it.
    """
    if task is not None and task not in TASKS:
        raise CompareError(f"task {task!r} is unknown; choose one of {listing(TASKS)}")
    if name not in frame.columns:
        raise CompareError(f"target {name!r}: no such column; {closest(name, frame.columns)}")
    series = typed(frame[name])
    if series.dtype.is_float():
        series = series.fill_nan(None)
    present = series.is_not_null().to_numpy()
    kept = series.filter(series.is_not_null())
    if kept.len() == 0:
        raise CompareError(f"target {name!r} is missing in all {series.len()} rows")
    _refuse_unusable(kept, name)
    notes = _missing_note(name, series.len() - kept.len())
    found, reason = _recognise(kept, name)
    if task is not None and task != found:
        found, reason = _overridden(kept, name, task)
    if found == "regression":
        values = kept.cast(pl.Float64).to_numpy()
        return Target(name, found, reason, values, (), present, notes)
    classes, codes = _classes(kept)
    _refuse_rare(name, classes, codes)
    return Target(name, found, reason, codes, classes, present, notes)


def _missing_note(name: str, missing: int) -> tuple[str, ...]:
    if missing == 0:
        return ()
    rows = "1 row was" if missing == 1 else f"{missing} rows were"
    return (f"{rows} left out because the target {name!r} is missing there.",)


def _refuse_unusable(kept: pl.Series, name: str) -> None:
    distinct = kept.n_unique() if not kept.dtype.is_nested() else 0
    if not (kept.dtype.is_numeric() or kept.dtype in (pl.Boolean, pl.String)):
        raise CompareError(
            f"target {name!r} has the type {kept.dtype}; a target is numbers, booleans or labels"
        )
    if kept.dtype.is_float() and (infinite := int(kept.is_infinite().sum())):
        raise CompareError(
            f"target {name!r} holds {infinite} infinite value{'s' * (infinite > 1)}; "
            "remove those rows or make them missing"
        )
    if distinct == 1:
        raise CompareError(
            f"target {name!r} is constant (every row says {kept[0]!r}): there is nothing to learn"
        )
    if kept.dtype == pl.String and distinct > max(2, kept.len() / FEWEST_PER_CLASS):
        raise CompareError(
            f"target {name!r} is free text ({distinct} different texts in {kept.len()} rows); "
            "a target is numbers, booleans or labels that repeat"
        )
    if kept.len() < FEWEST_ROWS:
        raise CompareError(
            f"target {name!r} is known in {kept.len()} row{'s' * (kept.len() > 1)} only; "
            f"at least {FEWEST_ROWS} are needed to train, validate and test"
        )


def _whole(kept: pl.Series) -> bool:
    return kept.dtype.is_integer() or (
        kept.dtype.is_float() and bool((kept == kept.round(0)).all())
    )


def _recognise(kept: pl.Series, name: str) -> tuple[Task, str]:
    distinct = kept.n_unique()
    labels = "labels" if kept.dtype == pl.String else "values"
    two = f"{name!r} has two different {labels}: {listing(kept.unique().sort())}"
    if kept.dtype == pl.Boolean or (distinct == 2 and (kept.dtype == pl.String or _whole(kept))):
        return "binary", two
    if kept.dtype == pl.String:
        return "multiclass", f"{name!r} has {distinct} different labels"
    if not _whole(kept):
        return "regression", f"{name!r} holds numbers with fractions"
    few = distinct <= MOST_INTEGER_CLASSES and kept.len() >= ROWS_PER_INTEGER_CLASS * distinct
    if few:
        return "multiclass", (
            f"{name!r} holds only {distinct} different whole numbers; if they are amounts "
            "rather than classes, ask for the task regression"
        )
    return "regression", f"{name!r} holds {distinct} different whole numbers"


def _overridden(kept: pl.Series, name: str, task: str) -> tuple[Task, str]:
    distinct = kept.n_unique()
    asked = "it was asked for"
    if task == "regression":
        if kept.dtype == pl.String:
            raise CompareError(f"task 'regression' needs numbers, but target {name!r} holds labels")
        return "regression", asked
    if task == "binary":
        if distinct != 2:
            raise CompareError(
                f"task 'binary' needs two different values, but target {name!r} has {distinct}"
            )
        return "binary", asked
    if distinct < 3:
        raise CompareError(
            f"task 'multiclass' needs at least three classes, but target {name!r} has {distinct}; "
            "ask for the task binary"
        )
    return "multiclass", asked


def _classes(kept: pl.Series) -> tuple[tuple[str, ...], Ints]:
    if kept.dtype.is_float() and _whole(kept):
        kept = kept.cast(pl.Int64)
    labels = kept.unique().sort()
    codes = np.searchsorted(labels.to_numpy(), kept.to_numpy())
    return tuple(_label(one) for one in labels), codes.astype(np.int64)


def _label(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refuse_rare(name: str, classes: Sequence[str], codes: Ints) -> None:
    counts = np.bincount(codes, minlength=len(classes))
    rare = int(counts.argmin())
    if counts[rare] < FEWEST_PER_CLASS:
        rows = "1 row" if counts[rare] == 1 else f"{counts[rare]} rows"
        amounts = all(one.removeprefix("-").isdecimal() for one in classes)
        other = ", or ask for the task regression if they are amounts" if amounts else ""
        raise CompareError(
            f"target {name!r}: the class {classes[rare]!r} has {rows}, but at least "
            f"{FEWEST_PER_CLASS} are needed to train, validate and test; merge or remove it{other}"
        )
