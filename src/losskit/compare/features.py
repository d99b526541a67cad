"""From columns of any type to the numbers that a network takes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from losskit.compare.errors import CompareError
from losskit.compare.task import typed
from losskit.reporting.arrays import Floats, Ints, Objects, Singles

__all__ = ["Encoder", "Features", "Kind", "read_features"]

Kind = Literal["number", "boolean", "date", "category"]

MOST_CATEGORIES = 20
MISSING_CATEGORY = "(missing)"


@dataclass(frozen=True)
class Features:
    """The usable columns: numbers in one array, categories in another.

    Parameters
    ----------
    kinds
        What each used column is taken for.
    dropped
        Why each unused column is not used.
    numbers
        Rows by numeric columns; NaN where a value is missing.
    categories
        Rows by categorical columns, as text.
    notes
        What was assumed.
    """

    kinds: dict[str, Kind]
    dropped: dict[str, str]
    numbers: Floats
    categories: Objects
    notes: tuple[str, ...] = ()
    parts = None
    """Where the parts' rows are: they are drawn."""

    def encoder(self, rows: Ints) -> Encoder:
        """Return what encodes rows, having learnt how from some of them."""
        return Encoder(self, rows)


def read_features(frame: pl.DataFrame, target: str, others: Collection[str] = ()) -> Features:
    """Take every column but the target for what it most likely is.

    Parameters
    ----------
    frame
        The rows to be used.
    target
        The column to predict.
    others
        Further columns that are targets themselves.

    Raises
    ------
    CompareError
        If no column is usable.
    """
    kinds: dict[str, Kind] = {}
    dropped: dict[str, str] = {}
    numbers: list[Floats] = []
    categories: list[pl.Series] = []
    notes: list[str] = []
    for name in frame.columns:
        if name == target:
            continue
        series = typed(frame[name])
        reason = "it is another target of this data set" if name in others else _unusable(series)
        if reason is not None:
            dropped[name] = reason
        elif series.dtype == pl.String:
            kinds[name] = "category"
            categories.append(series.fill_null(MISSING_CATEGORY))
        elif series.dtype.is_temporal():
            kinds[name] = "date"
            numbers.extend(_time_numbers(series))
        else:
            kinds[name] = "boolean" if series.dtype == pl.Boolean else "number"
            values = series.cast(pl.Float64).to_numpy().copy()
            if infinite := int(np.isinf(values).sum()):
                values[np.isinf(values)] = np.nan
                notes.append(f"Infinite values in {name!r} count as missing ({infinite}).")
            numbers.append(values)
    if not kinds:
        why = "; ".join(f"{name!r}: {reason}" for name, reason in list(dropped.items())[:3])
        raise CompareError(f"no feature column is usable ({why})")
    rows = frame.height
    return Features(
        kinds,
        dropped,
        np.stack(numbers, axis=1) if numbers else np.empty((rows, 0)),
        np.stack([one.to_numpy() for one in categories], axis=1).astype(object)
        if categories
        else np.empty((rows, 0), dtype=object),
        tuple(notes),
    )


def _unusable(series: pl.Series) -> str | None:
    """Say why a column teaches a model nothing, or None when it may."""
    if not (
        series.dtype.is_numeric()
        or series.dtype.is_temporal()
        or series.dtype in (pl.Boolean, pl.String)
    ):
        return (
            f"its type {series.dtype} is not a single value"
            if series.dtype != pl.Null
            else ("it is empty")
        )
    present = series.fill_nan(None).drop_nulls() if series.dtype.is_float() else series.drop_nulls()
    if present.len() == 0:
        return "it is empty"
    distinct = present.n_unique()
    if distinct == 1 and present.len() == series.len():
        return "it is constant"
    if series.dtype.is_integer() and distinct == series.len() and _dense(present):
        return "it numbers the rows, like an id"
    if series.dtype == pl.String:
        return _unusable_text(present, distinct)
    return None


def _unusable_text(present: pl.Series, distinct: int) -> str | None:
    if distinct <= max(MOST_CATEGORIES, present.len() // 2):
        return None
    lengths = present.str.split(" ").list.len().mean()
    if isinstance(lengths, float) and lengths > 2:
        return f"it is free text ({distinct} different texts)"
    return f"nearly every row has its own value, like an id ({distinct} different values)"


def _dense(present: pl.Series) -> bool:
    """Whether distinct whole numbers fill most of their range, which measurements do not."""
    low, high = present.min(), present.max()
    return isinstance(low, int) and isinstance(high, int) and high - low < 2 * present.len()


def _time_numbers(series: pl.Series) -> list[Floats]:
    """Take a time apart: how late it is, and where it stands in its day, week and year."""
    if series.dtype == pl.Duration:
        return [series.dt.total_seconds(fractional=True).to_numpy().astype(np.float64)]
    if series.dtype == pl.Time:
        seconds = series.cast(pl.Int64).cast(pl.Float64) / 1e9
        return _circle(seconds / 86400)
    moment = series.cast(pl.Datetime("us"))
    days = (moment.cast(pl.Int64).cast(pl.Float64) / 86400e6).to_numpy()
    parts = [days]
    parts += _circle(moment.dt.ordinal_day().cast(pl.Float64) / 365.25)
    parts += _circle(moment.dt.weekday().cast(pl.Float64) / 7)
    if series.dtype != pl.Date:
        parts += _circle(moment.dt.hour().cast(pl.Float64) / 24)
    return parts


def _circle(share: pl.Series) -> list[Floats]:
    """Put a share of a period on a circle, so its end lies beside its beginning."""
    angle = 2 * np.pi * share.to_numpy().astype(np.float64)
    return [np.sin(angle), np.cos(angle)]


class Encoder:
    """Turns features into network inputs; learns how from the training rows only.

    Numbers get the median where they are missing, a column that says so, and the training rows'
    mean and deviation; categories become one column each, rare and unknown ones share one.

    Parameters
    ----------
    features
        The usable columns.
    rows
        The training rows.
    """

    def __init__(self, features: Features, rows: Ints) -> None:
        self._features = features
        self._numbers: Pipeline = make_pipeline(
            SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
            StandardScaler(),
        )
        self._categories = OneHotEncoder(
            handle_unknown="infrequent_if_exist",
            min_frequency=2,
            max_categories=MOST_CATEGORIES,
            sparse_output=False,
        )
        if features.numbers.shape[1]:
            self._numbers.fit(features.numbers[rows])
        if features.categories.shape[1]:
            self._categories.fit(features.categories[rows])

    def __call__(self, rows: Ints) -> Singles:
        """Encode some rows."""
        parts = []
        if self._features.numbers.shape[1]:
            parts.append(self._numbers.transform(self._features.numbers[rows]))
        if self._features.categories.shape[1]:
            parts.append(self._categories.transform(self._features.categories[rows]))
        encoded: Singles = np.concatenate(parts, axis=1).astype(np.float32)
        return encoded
