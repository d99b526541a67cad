"""One column of a target: whether it holds numbers, labels or times, whatever its type."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from losskit.choose.column import Column
from losskit.choose.errors import ChooseError
from losskit.choose.scans import (
    EXACT,
    MOST_VALUES,
    SIZE,
    VALUE,
    collect,
    every,
    look_at_labels,
    look_at_numbers,
    look_at_times,
    tally,
)
from losskit.choose.stand_ins import stand_in

__all__ = ["as_number", "look"]

ODD_TEXT = 0.02
"""Share of cells without a number up to which a column of text is one of numbers."""
EXACT_WHOLE = 2**53
"""Whole numbers up to which a float holds each."""

WORDS = ["true", "false"]
TIMES = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f")
DATES = ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d")
DECIMAL_COMMA = r"^[-+]?(\d{1,3}(\.\d{3})+|\d+),\d+$"
GROUPED = r"^[-+]?\d{1,3}(,\d{3})+(\.\d*)?$"
SIGNS = "$€£¥% "


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
        rows = collect(frame.select(rows=pl.len()))["rows"]
        if kind.is_temporal():
            return look_at_times(frame, name, rows)
        if isinstance(kind, pl.Boolean):
            return look_at_labels(frame, name, rows, boolean=True)
        if kind.is_numeric() or isinstance(kind, pl.Decimal):
            return _numbers(frame, name, rows, whole=kind.is_integer())
        if isinstance(kind, pl.Enum):
            return look_at_labels(frame, name, rows, ordered=True)
        if isinstance(kind, pl.Null):
            return Column(name, "labels", rows, rows)
        if isinstance(kind, (pl.String, pl.Categorical)):
            return _text(frame.select(column.cast(pl.String)), name, rows)
    except pl.exceptions.PolarsError as error:
        raise ChooseError(f"target {name!r} cannot be read: {error}") from error
    raise ChooseError(
        f"target {name!r} has the type {kind}; a target is numbers, booleans, labels or text"
    )


def as_number(column: pl.Expr) -> pl.Expr:
    """Read text as numbers: also with separated thousands, a currency's or a percent sign."""
    bare = column.str.strip_chars(SIGNS + "\t\r\n")
    grouped = pl.when(bare.str.contains(GROUPED)).then(bare.str.replace_all(",", "", literal=True))
    return grouped.otherwise(bare).cast(pl.Float64, strict=False)


def _numbers(frame: pl.LazyFrame, name: str, rows: int, *, whole: bool) -> Column:
    column = pl.col(VALUE)
    numbers = frame.select(column.cast(pl.Float64))
    found = _unmarked(look_at_numbers(numbers, name, rows), numbers)
    return _counted(found, frame) if whole else found


def _unmarked(found: Column, numbers: pl.LazyFrame) -> Column:
    """Look again without a number that stands for a missing value."""
    code = stand_in(found)
    if code is None:
        return found
    column = pl.col(VALUE)
    seen = look_at_numbers(
        numbers.select(pl.when(column != code).then(column)),
        found.name,
        found.rows,
        found.odd,
        found.written,
    )
    return replace(seen, marked=code, marks=found.known - seen.known)


def _counted(found: Column, frame: pl.LazyFrame) -> Column:
    """Count large whole numbers as they stand there: as floats, neighbours are the same."""
    if not found.whole or max(abs(found.minimum), abs(found.maximum)) <= EXACT_WHOLE:
        return found
    column = pl.col(VALUE)
    expression = column.n_unique() if found.known <= EXACT else column.approx_n_unique()
    distinct = int(collect(frame.filter(column.is_not_null()).select(n=expression))["n"])
    kept = found.counts if distinct == found.distinct else None
    return replace(found, distinct=min(distinct, found.known), counts=kept, rounded=True)


def _text(frame: pl.LazyFrame, name: str, rows: int) -> Column:
    """See whether text holds numbers, true and false, times or labels."""
    about = int(collect(frame.select(about=pl.col(VALUE).approx_n_unique()))["about"])
    if about <= MOST_VALUES:
        return _few_texts(frame, name, rows, tally(frame))
    return _many_texts(frame, name, rows)


def _few_texts(frame: pl.LazyFrame, name: str, rows: int, table: pl.DataFrame) -> Column:
    """Look at the different texts rather than at all rows."""
    stripped = pl.col(VALUE).str.strip_chars()
    table = table.filter(stripped != "").sort(VALUE)
    present = int(table[SIZE].sum())
    if present == 0:
        return Column(name, "labels", rows, rows)
    if table.select(stripped.str.to_lowercase().is_in(WORDS).all()).item():
        flags = table.with_columns(stripped.str.to_lowercase() == "true")
        return _few_labels(frame, name, rows, flags, boolean=True)
    if table.select(_is_time(stripped).all()).item():
        return Column(name, "times", rows, rows - present)
    table = table.with_columns(number=as_number(pl.col(VALUE)))
    odd = table.filter(pl.col("number").is_null())
    if odd[SIZE].sum() > ODD_TEXT * present or len(odd) == len(table):
        found = _few_labels(frame, name, rows, table)
        comma = table.filter(stripped.str.contains(DECIMAL_COMMA))
        if comma[SIZE].sum() >= (1 - ODD_TEXT) * present:
            return replace(found, written=comma[VALUE][-1])
        return found
    found = _few_numbers(frame, name, rows, table, tuple(odd[VALUE].head(5).to_list()))
    found = _unmarked(found, frame.select(as_number(pl.col(VALUE)).alias(VALUE)))
    return _counted(found, frame.filter(stripped != ""))


def _few_labels(
    frame: pl.LazyFrame, name: str, rows: int, table: pl.DataFrame, *, boolean: bool = False
) -> Column:
    counts = _counts(table.group_by(VALUE).agg(pl.col(SIZE).sum()).sort(VALUE), VALUE)
    present = pl.col(VALUE).str.strip_chars() != ""
    return Column(
        name,
        "labels",
        rows,
        rows - sum(counts.values()),
        distinct=len(counts),
        counts=counts,
        texts=tuple(every(frame.filter(present), pl.col(VALUE), rows).to_list()),
        boolean=boolean,
    )


def _few_numbers(
    frame: pl.LazyFrame, name: str, rows: int, table: pl.DataFrame, odd: tuple[str, ...]
) -> Column:
    value = pl.col("number")
    plain = pl.col(VALUE).str.strip_chars().cast(pl.Float64, strict=False)
    unlike = table.filter(value.is_not_null() & plain.is_null())
    finite = table.filter(value.is_finite()).group_by("number").agg(pl.col(SIZE).sum())
    counts = _counts(finite.sort("number"), "number")
    values = np.asarray(list(counts), dtype=np.float64)
    sizes = np.asarray(list(counts.values()), dtype=np.float64)
    known, infinite = int(sizes.sum()), int(table.filter(value.is_infinite())[SIZE].sum())
    mean = float(values @ sizes / known) if known else np.nan
    squares = float(((values - mean) ** 2) @ sizes) if known else np.nan
    sample = every(frame, as_number(pl.col(VALUE)), rows).drop_nulls().to_numpy()
    return Column(
        name,
        "numbers",
        rows,
        rows - known - infinite,
        infinite,
        len(counts),
        counts=counts,
        sample=sample[np.isfinite(sample)],
        minimum=float(values[0]) if known else np.nan,
        maximum=float(values[-1]) if known else np.nan,
        mean=mean,
        deviation=(squares / (known - 1)) ** 0.5 if known > 1 else np.nan,
        zeros=int(sizes[values == 0].sum()),
        negatives=int(sizes[values < 0].sum()),
        fractions=int(sizes[values != np.round(values)].sum()),
        odd=odd,
        written=unlike[VALUE][0] if len(unlike) else "",
    )


def _counts(table: pl.DataFrame, key: str) -> dict[Any, int]:
    return dict(zip(table[key].to_list(), table[SIZE].to_list(), strict=True))


def _many_texts(frame: pl.LazyFrame, name: str, rows: int) -> Column:
    column = pl.col(VALUE)
    stripped = column.str.strip_chars()
    plain = stripped.cast(pl.Float64, strict=False)
    seen = collect(frame.select(present=(stripped != "").sum(), numbers=plain.is_not_null().sum()))
    present, number, written = seen["present"], plain, ""
    blank = frame.select(pl.when(stripped != "").then(column).alias(VALUE))
    if seen["numbers"] < present:
        # Rather slow, and hardly ever needed at this size.
        number = as_number(column)
        seen = collect(
            frame.select(numbers=number.is_not_null().sum(), times=_is_time(stripped).sum())
        )
        if seen["times"] == present:
            return look_at_times(blank, name, rows)
        written = _first(frame.filter(number.is_not_null() & plain.is_null()))
        comma = stripped.str.contains(DECIMAL_COMMA)
        if collect(frame.select(n=comma.sum()))["n"] >= (1 - ODD_TEXT) * present:
            return replace(look_at_labels(blank, name, rows), written=_first(frame.filter(comma)))
    if present - seen["numbers"] <= ODD_TEXT * present and seen["numbers"]:
        odd = frame.filter((stripped != "") & number.is_null()).select(column.unique().head(5))
        cells = tuple(sorted(odd.collect(engine="streaming").to_series().to_list()))
        found = look_at_numbers(blank.select(number.alias(VALUE)), name, rows, cells, written)
        found = _unmarked(found, blank.select(number.alias(VALUE)))
        return _counted(found, blank)
    return look_at_labels(blank, name, rows)


def _first(frame: pl.LazyFrame) -> str:
    found = frame.head(1).collect(engine="streaming").to_series().to_list()
    return found[0] if found else ""


def _is_time(stripped: pl.Expr) -> pl.Expr:
    return pl.any_horizontal(
        *(stripped.str.to_datetime(strict=False, format=one).is_not_null() for one in TIMES),
        *(stripped.str.to_date(strict=False, format=one).is_not_null() for one in DATES),
    )
