"""Reading the data: a CSV, Parquet or JSONL file, or a data set that scikit-learn brings along."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from losskit.choose.bundled import BUNDLED, bundled
from losskit.choose.errors import ChooseError
from losskit.choose.files import MISSING, one_line, separator_of
from losskit.compare.errors import CompareError
from losskit.reporting.errors import listing

__all__ = ["BUNDLED", "READERS", "Table", "read_table"]


@dataclass(frozen=True)
class Table:
    """A table of data, and what is known of it besides its columns.

    Parameters
    ----------
    name
        A short name, used for the report's folder.
    source
        Where the data came from, in words.
    frame
        The columns.
    target
        The column to predict when the user names none; only bundled data sets have one.
    targets
        All columns that are targets by the data set's own account, so none of them is a feature.
    notes
        What was assumed while reading.
    """

    name: str
    source: str
    frame: pl.DataFrame
    target: str | None = None
    targets: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_table(data: str | Path | pl.DataFrame) -> Table:
    """Read a table from a file, a bundled data set (``sklearn:NAME``) or a Polars frame.

    Raises
    ------
    CompareError
        If there is nothing to read there, or it cannot be understood.
    """
    if isinstance(data, pl.DataFrame):
        table = Table("data", "a Polars data frame", data)
    elif not isinstance(data, (str, Path)):
        raise CompareError(
            f"data is a {type(data).__name__}; give the path of a file, sklearn:NAME, a Polars "
            "data frame (polars.from_pandas makes one), or a function that returns the rows"
        )
    elif str(data).startswith(BUNDLED):
        table = _bundled(str(data).removeprefix(BUNDLED))
    else:
        table = _file(Path(data))
    if table.frame.height == 0:
        raise CompareError(f"{table.source} has a header but no rows: there is nothing to learn")
    if table.frame.width < 2:
        raise CompareError(
            f"{table.source} has only one column ({table.frame.columns[0]!r}): "
            "a target and at least one feature are needed"
        )
    return table


def _file(path: Path) -> Table:
    if path.is_dir():
        raise CompareError(f"DATA {str(path)!r} is a folder; name one file in it")
    if not path.exists():
        raise CompareError(
            f"DATA {str(path)!r}: no such file (for a bundled data set write sklearn:NAME)"
        )
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise CompareError(
            f"DATA {str(path)!r} has the unknown extension {path.suffix!r}; "
            f"these can be read: {listing(READERS)}"
        )
    try:
        if path.stat().st_size == 0:
            raise CompareError(f"DATA {str(path)!r} is empty (0 bytes)")
        frame, notes = reader(path)
    except (pl.exceptions.PolarsError, OSError, UnicodeError, csv.Error) as error:
        raise CompareError(
            f"DATA {str(path)!r} cannot be read as {path.suffix.lower().lstrip('.')}: "
            f"{one_line(error)}"
        ) from error
    return Table(path.stem, path.name, frame, notes=notes)


def _csv(path: Path) -> tuple[pl.DataFrame, tuple[str, ...]]:
    separator = separator_of(path)
    options: dict[str, Any] = {
        "separator": separator,
        "try_parse_dates": True,
        "infer_schema_length": None,
        "null_values": MISSING,
    }
    frame = pl.read_csv(path, **options)
    notes: list[str] = []
    if separator != ",":
        shown = "a tab" if separator == "\t" else repr(separator)
        notes.append(f"The columns are separated by {shown}.")
    if separator == ";" and _has_decimal_commas(frame):
        frame = pl.read_csv(path, **options, decimal_comma=True)
        notes.append("A comma is read as the decimal point (1,5 is one and a half).")
    if "\x00" in "".join(frame.columns):
        raise CompareError(f"DATA {str(path)!r} is not text: it holds binary data")
    return frame, tuple(notes)


def _has_decimal_commas(frame: pl.DataFrame) -> bool:
    return any(
        frame[name].drop_nulls().len() > 0
        and bool(frame[name].drop_nulls().str.contains(r"^\s*[+-]?\d+,\d+\s*$").all())
        for name, kind in frame.schema.items()
        if kind == pl.String
    )


def _parquet(path: Path) -> tuple[pl.DataFrame, tuple[str, ...]]:
    return pl.read_parquet(path), ()


def _jsonl(path: Path) -> tuple[pl.DataFrame, tuple[str, ...]]:
    return pl.read_ndjson(path, infer_schema_length=None), ()


READERS: dict[str, Callable[[Path], tuple[pl.DataFrame, tuple[str, ...]]]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".parquet": _parquet,
    ".pq": _parquet,
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
}


def _bundled(name: str) -> Table:
    try:
        found = bundled(name)
    except ChooseError as error:
        raise CompareError(str(error)) from error
    return Table(name, found.source, found.frame, target=found.targets[0], targets=found.targets)
