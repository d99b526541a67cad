"""Looking at a target with several numbers per example, a part of the rows at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from losskit.choose.column import Column
from losskit.choose.columns import as_number
from losskit.choose.matrix import Matrix
from losskit.choose.reading import blocks
from losskit.choose.scans import SAMPLE

__all__ = ["look_at_array", "look_at_columns"]

MOST_VALUES = 5_000
ROUNDING = 2e-3
"""How far rows of shares may be from their sum, as printed tables are."""

Floats = NDArray[np.float64]


def look_at_array(array: Any, names: tuple[str, ...]) -> Matrix:
    """Look at an array of several axes, in two passes at most."""
    found = Matrix(tuple(array.shape), names)
    step = max(1, array.size // SAMPLE)
    rows, kept = 0, []
    for block in blocks(array):
        values = block.astype(np.float64, copy=False)
        _add(found, values)
        kept.append(values[(-rows) % step :: step])
        rows += len(values)
    found.sample = np.concatenate(kept)
    if len(found.shape) == 2 and found.whole and not found.flags:
        _find_fill(found, array)
    return found


def look_at_columns(frame: pl.LazyFrame, columns: tuple[Column, ...]) -> Matrix:
    """Put together what is known of columns of numbers, and scan for sums of rows once."""
    names = tuple(one.name for one in columns)
    found = Matrix((columns[0].rows, len(columns)), names)
    found.missing = sum(one.missing + one.infinite for one in columns)
    found.minimum = min(_ends(one)[0] for one in columns)
    found.maximum = max(_ends(one)[1] for one in columns)
    found.fractions = sum(one.fractions for one in columns)
    found.counts = _merged(columns)
    found.ones = np.asarray([(one.counts or {}).get(1, 0) for one in columns])
    schema = frame.collect_schema()
    numbers = frame.select(_as_number(name, schema[name]) for name in names)
    step = max(1, found.rows * len(names) // SAMPLE)
    found.sample = (
        numbers.select(pl.all().gather_every(step)).collect(engine="streaming").to_numpy()
    )
    if found.minimum >= 0 and found.maximum <= 100:
        _find_sums(found, numbers)
    return found


def _as_number(name: str, kind: pl.DataType) -> pl.Expr:
    """Read a column as `columns.look` does, which takes text for numbers and for flags too."""
    if not isinstance(kind, (pl.String, pl.Categorical)):
        return pl.col(name).cast(pl.Float64)
    cells = pl.col(name).cast(pl.String)
    text = cells.str.strip_chars().str.to_lowercase()
    flag = pl.when(text == "true").then(1.0).when(text == "false").then(0.0)
    return flag.otherwise(as_number(cells)).alias(name)


def _ends(column: Column) -> tuple[float, float]:
    return (0.0, 1.0) if column.boolean else (column.minimum, column.maximum)


def _merged(columns: tuple[Column, ...]) -> dict[float, int] | None:
    merged: dict[float, int] = {}
    for column in columns:
        if column.counts is None:
            return None
        for value, size in column.counts.items():
            merged[float(value)] = merged.get(float(value), 0) + size
    return merged


def _find_sums(found: Matrix, numbers: pl.LazyFrame) -> None:
    total = pl.sum_horizontal(pl.all())
    seen = numbers.select(
        one=((total - 1).abs() <= ROUNDING).sum(),
        hundred=((total - 100).abs() <= 100 * ROUNDING).sum(),
    ).collect(engine="streaming")
    found.sum = 100.0 if seen["hundred"][0] > seen["one"][0] else 1.0
    found.sums = int(max(seen["hundred"][0], seen["one"][0]))
    found.one_hot = found.sums if found.flags and found.sum == 1 else 0


def _add(found: Matrix, values: Floats) -> None:
    flat = values.reshape(-1)
    finite = np.isfinite(flat)
    if not finite.all():
        found.missing += int((~finite).sum())
        flat = flat[finite]
    if len(flat):
        found.minimum = min(found.minimum, float(flat.min()))
        found.maximum = max(found.maximum, float(flat.max()))
        found.fractions += int((flat != np.round(flat)).sum())
        _count(found, flat)
    rows = values.reshape(len(values), -1)
    ones = (rows == 1).sum(axis=0)
    found.ones = ones if found.ones is None else found.ones + ones
    sums = rows.sum(axis=1)
    if math.isnan(found.sum) and len(sums):
        # A composition's rows sum to 1 or to 100, as far as they were rounded.
        found.sum = 100.0 if abs(sums[0] - 100) < 100 * ROUNDING else 1.0
    near = np.abs(sums - found.sum) <= ROUNDING * found.sum
    found.sums += int((near & (rows >= 0).all(axis=1)).sum())
    found.one_hot += int(
        ((rows == 1).sum(axis=1) == 1)[(rows.max(axis=1) == 1) & (sums == 1)].sum()
    )


def _count(found: Matrix, flat: Floats) -> None:
    if found.counts is None or (found.fractions and len(found.counts) > MOST_VALUES):
        found.counts = None
        return
    values, sizes = np.unique(flat, return_counts=True)
    if len(values) + len(found.counts) > 2 * MOST_VALUES:
        found.counts = None
        return
    for value, size in zip(values.tolist(), sizes.tolist(), strict=True):
        found.counts[value] = found.counts.get(value, 0) + size
    if len(found.counts) > MOST_VALUES:
        found.counts = None


def _find_fill(found: Matrix, array: Any) -> None:
    """See whether rows end with a value that fills them up."""
    candidate = _commonest(found.sample[:, -1])
    if candidate is None:
        return
    scattered = 0
    for block in blocks(array):
        values = block.astype(np.float64, copy=False)
        is_fill = values == candidate
        tail = np.logical_and.accumulate(is_fill[:, ::-1], axis=1)[:, ::-1]
        found.filled += int(tail[:, -1].sum())
        found.fills += int(tail.sum())
        scattered += int((is_fill & ~tail).any(axis=1).sum())
        ordered = np.sort(values, axis=1)
        found.repeats += int((ordered[:, 1:] == ordered[:, :-1]).any(axis=1).sum())
    # A token may end a row by chance; what fills rows up stands nowhere else, and in runs.
    lengths = found.fills / max(found.filled, 1)
    if found.filled >= 0.05 * found.rows and lengths > 1.5 and scattered <= 0.02 * found.rows:
        found.fill = candidate


def _commonest(values: Floats) -> float | None:
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    different, sizes = np.unique(values, return_counts=True)
    return float(different[np.argmax(sizes)])
