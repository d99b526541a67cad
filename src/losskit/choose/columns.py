"""One column of a target, looked at without being held in memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl

from losskit.choose.column import Column
from losskit.choose.errors import ChooseError

__all__ = ["SAMPLE", "look"]

SAMPLE = 200_000
"""Values that quantiles and shapes are computed from; of longer columns, every k-th row."""
MOST_VALUES = 5_000
"""Different values up to which each one's rows are counted."""
EXACT = 3_000_000
"""Rows up to which different values are counted exactly."""
ODD_TEXT = 0.02
"""Share of cells without a number up to which a column of text is one of numbers."""

WORDS = ["true", "false"]
VALUE = "value"
TIMES = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f")


def look(frame: pl.LazyFrame, name: str) -> Column:
    """Look at a column, in a few scans that hold a part of it at a time.

    Raises
    ------
    ChooseError
        If it cannot be read, or holds what no target is.
    """
    try:
        kind = frame.collect_schema()[name]
        # Under a name that cannot meet the names of what is computed from it.
        frame, column = frame.select(pl.col(name).alias(VALUE)), pl.col(VALUE)
        rows = _collect(frame.select(rows=pl.len()))["rows"]
        if kind.is_temporal():
            return _times(frame, name, rows)
        if isinstance(kind, pl.Boolean):
            return _labels(frame, name, rows, boolean=True)
        if kind.is_numeric() or isinstance(kind, pl.Decimal):
            return _numbers(frame.select(column.cast(pl.Float64)), name, rows)
        if isinstance(kind, pl.Enum):
            return _labels(frame, name, rows, ordered=True)
        if isinstance(kind, pl.Null):
            return Column(name, "labels", rows, rows)
        if isinstance(kind, (pl.String, pl.Categorical)):
            return _text(frame.select(column.cast(pl.String)), name, rows)
    except pl.exceptions.PolarsError as error:
        raise ChooseError(f"target {name!r} cannot be read: {error}") from error
    raise ChooseError(
        f"target {name!r} has the type {kind}; a target is numbers, booleans, labels or text"
    )


def _collect(frame: pl.LazyFrame) -> dict[str, Any]:
    found: dict[str, Any] = frame.collect(engine="streaming").row(0, named=True)
    return found


def _every(frame: pl.LazyFrame, column: pl.Expr, rows: int) -> pl.Series:
    """Take every k-th row, the same ones each time."""
    step = max(1, -(-rows // SAMPLE))
    return frame.select(column.gather_every(step)).collect(engine="streaming").to_series()


def _numbers(frame: pl.LazyFrame, name: str, rows: int, odd: tuple[str, ...] = ()) -> Column:
    column = pl.col(VALUE)
    # Neither null nor NaN nor infinite.
    finite = column.filter(column.is_finite())
    seen = _collect(
        frame.select(
            missing=column.null_count() + column.is_nan().sum(),
            infinite=column.is_infinite().sum(),
            minimum=finite.min(),
            maximum=finite.max(),
            mean=finite.mean(),
            deviation=finite.std(),
            zeros=(finite == 0).sum(),
            negatives=(finite < 0).sum(),
            fractions=(finite != finite.round(0)).sum(),
            about=finite.approx_n_unique(),
        )
    )
    distinct, exact, counts = _distinct(frame.filter(column.is_finite()), name, rows, seen)
    sample = _every(frame, column, rows).drop_nulls().to_numpy()
    return Column(
        name,
        "numbers",
        rows,
        int(seen["missing"]),
        int(seen["infinite"] or 0),
        distinct,
        exact,
        counts,
        sample=sample[np.isfinite(sample)],
        zeros=int(seen["zeros"]),
        negatives=int(seen["negatives"]),
        fractions=int(seen["fractions"]),
        odd=odd,
        minimum=_number(seen["minimum"]),
        maximum=_number(seen["maximum"]),
        mean=_number(seen["mean"]),
        deviation=_number(seen["deviation"]),
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _distinct(
    frame: pl.LazyFrame, name: str, rows: int, seen: dict[str, Any]
) -> tuple[int, bool, dict[Any, int] | None]:
    """Count the different values, and each one's rows where there are few."""
    about = int(seen["about"] or 0)
    if about <= MOST_VALUES:
        table = frame.group_by(VALUE).agg(size=pl.len()).collect(engine="streaming").sort(VALUE)
        counts = dict(zip(table[VALUE].to_list(), table["size"].to_list(), strict=True))
        return len(counts), True, counts
    if rows > EXACT:
        return about, False, None
    return int(_collect(frame.select(n=pl.col(VALUE).n_unique()))["n"]), True, None


def _labels(
    frame: pl.LazyFrame, name: str, rows: int, *, ordered: bool = False, boolean: bool = False
) -> Column:
    column = pl.col(VALUE)
    present = frame.filter(column.is_not_null())
    seen = _collect(frame.select(missing=column.null_count(), about=column.approx_n_unique()))
    distinct, exact, counts = _distinct(present, name, rows, seen)
    texts = _every(frame, column.cast(pl.String), rows).drop_nulls().to_list()
    return Column(
        name,
        "labels",
        rows,
        int(seen["missing"]),
        0,
        distinct,
        exact,
        counts,
        texts=tuple(texts),
        ordered=ordered,
        boolean=boolean,
    )


def _text(frame: pl.LazyFrame, name: str, rows: int) -> Column:
    """See whether text holds numbers, true and false, times or labels."""
    column = pl.col(VALUE)
    stripped = column.str.strip_chars()
    number = stripped.cast(pl.Float64, strict=False)
    word = stripped.str.to_lowercase().is_in(WORDS)
    time = pl.any_horizontal(
        *(stripped.str.to_datetime(strict=False, format=one).is_not_null() for one in TIMES),
        stripped.str.to_date(strict=False, format="%Y-%m-%d").is_not_null(),
    )
    seen = _collect(
        frame.select(
            present=(column.is_not_null() & (stripped != "")).sum(),
            numbers=number.is_not_null().sum(),
            words=word.sum(),
            times=time.sum(),
        )
    )
    present = seen["present"]
    blank = frame.select(pl.when(stripped == "").then(None).otherwise(column).alias(VALUE))
    if present == 0:
        return Column(name, "labels", rows, rows)
    if seen["words"] == present:
        return _labels(blank.select(_as_flag(stripped).alias(VALUE)), name, rows, boolean=True)
    if seen["times"] == present:
        return _times(blank, name, rows)
    odd = present - seen["numbers"]
    if odd <= ODD_TEXT * present and seen["numbers"] > 0:
        return _numbers(
            blank.select(number.alias(VALUE)), name, rows, _odd_cells(blank, name, number)
        )
    return _labels(blank, name, rows)


def _as_flag(stripped: pl.Expr) -> pl.Expr:
    return stripped.str.to_lowercase() == "true"


def _odd_cells(frame: pl.LazyFrame, name: str, number: pl.Expr) -> tuple[str, ...]:
    column = pl.col(VALUE)
    odd = frame.filter(column.is_not_null() & number.is_null()).select(column.unique().head(5))
    return tuple(sorted(odd.collect(engine="streaming").to_series().to_list()))


def _times(frame: pl.LazyFrame, name: str, rows: int) -> Column:
    seen = _collect(frame.select(missing=pl.col(VALUE).null_count()))
    return Column(name, "times", rows, int(seen["missing"]))
