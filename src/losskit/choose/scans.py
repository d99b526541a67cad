"""Numbers, labels and times of a column, looked at without being held in memory."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from losskit.choose.column import Column

__all__ = [
    "EXACT",
    "MOST_VALUES",
    "SAMPLE",
    "SIZE",
    "VALUE",
    "collect",
    "every",
    "look_at_labels",
    "look_at_numbers",
    "look_at_times",
    "tally",
]

SAMPLE = 200_000
"""Values that quantiles and shapes are computed from; of longer columns, every k-th row."""
MOST_VALUES = 5_000
"""Different values up to which each one's rows are counted."""
EXACT = 3_000_000
"""Rows up to which different values are counted exactly."""
VALUE, SIZE = "value", "size"


def collect(frame: pl.LazyFrame) -> dict[str, Any]:
    """Compute one row of numbers in a scan that holds a part of the frame at a time."""
    found: dict[str, Any] = frame.collect(engine="streaming").row(0, named=True)
    return found


def every(frame: pl.LazyFrame, column: pl.Expr, rows: int) -> pl.Series:
    """Take every k-th row, the same ones each time."""
    step = max(1, -(-rows // SAMPLE))
    return frame.select(column.gather_every(step)).collect(engine="streaming").to_series()


def look_at_numbers(
    frame: pl.LazyFrame, name: str, rows: int, odd: tuple[str, ...] = (), written: str = ""
) -> Column:
    """Look at numbers in the column `VALUE` of a frame; parameters as of `Column`."""
    column = pl.col(VALUE)
    unusual = {"missing": column.is_nan().sum(), "infinite": column.is_infinite().sum()}
    seen = collect(frame.select(gone=column.null_count(), **unusual, **_statistics(column)))
    if seen["missing"] or seen["infinite"]:
        # Rare enough that a second scan is cheaper than a filter in every first one.
        frame = frame.with_columns(pl.when(column.is_finite()).then(column))
        seen |= collect(frame.filter(column.is_not_null()).select(**_statistics(column)))
    known = rows - int(seen["gone"] + seen["missing"] + seen["infinite"])
    distinct, exact, counts = _distinct(
        frame.filter(column.is_not_null()), known, int(seen["about"])
    )
    return Column(
        name,
        "numbers",
        rows,
        int(seen["gone"] + seen["missing"]),
        int(seen["infinite"]),
        distinct,
        exact,
        counts,
        sample=every(frame, column, rows).drop_nulls().to_numpy(),
        zeros=int(seen["zeros"]),
        negatives=int(seen["negatives"]),
        fractions=int(seen["fractions"]),
        odd=odd,
        written=written,
        minimum=_number(seen["minimum"]),
        maximum=_number(seen["maximum"]),
        mean=_number(seen["mean"]),
        deviation=_number(seen["deviation"]),
    )


def _statistics(column: pl.Expr) -> dict[str, pl.Expr]:
    return {
        "minimum": column.min(),
        "maximum": column.max(),
        "mean": column.mean(),
        "deviation": column.std(),
        "zeros": (column == 0).sum(),
        "negatives": (column < 0).sum(),
        "fractions": (column != column.round(0)).sum(),
        "about": column.approx_n_unique(),
    }


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _distinct(
    frame: pl.LazyFrame, known: int, about: int
) -> tuple[int, bool, dict[Any, int] | None]:
    """Count the different values, and each one's rows where there are few."""
    if about <= MOST_VALUES:
        table = tally(frame).sort(VALUE)
        counts = dict(zip(table[VALUE].to_list(), table[SIZE].to_list(), strict=True))
        return len(counts), True, counts
    if known > EXACT:
        return min(about, known), False, None
    return int(collect(frame.select(n=pl.col(VALUE).n_unique()))["n"]), True, None


def tally(frame: pl.LazyFrame) -> pl.DataFrame:
    """Count the rows of each different value."""
    return frame.group_by(VALUE).agg(pl.len().alias(SIZE)).collect(engine="streaming")


def look_at_labels(
    frame: pl.LazyFrame, name: str, rows: int, *, ordered: bool = False, boolean: bool = False
) -> Column:
    """Look at labels in the column `VALUE` of a frame; parameters as of `Column`."""
    column = pl.col(VALUE)
    seen = collect(frame.select(missing=column.null_count(), about=column.approx_n_unique()))
    missing = int(seen["missing"])
    present = frame.filter(column.is_not_null())
    distinct, exact, counts = _distinct(present, rows - missing, int(seen["about"]))
    texts = every(frame, column.cast(pl.String), rows).drop_nulls().to_list()
    return Column(
        name,
        "labels",
        rows,
        missing,
        0,
        distinct,
        exact,
        counts,
        texts=tuple(texts),
        ordered=ordered,
        boolean=boolean,
    )


def look_at_times(frame: pl.LazyFrame, name: str, rows: int) -> Column:
    """Look at dates and times in the column `VALUE` of a frame."""
    seen = collect(frame.select(missing=pl.col(VALUE).null_count()))
    return Column(name, "times", rows, int(seen["missing"]))
