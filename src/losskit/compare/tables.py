"""Reading the data: a CSV, Parquet or JSONL file, or a data set that scikit-learn brings along."""

from __future__ import annotations

import csv
import inspect
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn import datasets

from losskit.compare.errors import CompareError
from losskit.reporting.errors import closest, listing

__all__ = ["BUNDLED", "READERS", "Table", "read_table"]

BUNDLED = "sklearn:"
SEPARATORS = ",;\t|"
SAMPLE = 50
"""Lines that are looked at to find the separator."""
MISSING = ["", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "?"]


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
            f"{_one_line(error)}"
        ) from error
    return Table(path.stem, path.name, frame, notes=notes)


def _one_line(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    line = " ".join(text.partition("\n\n")[0].split())
    return line if len(line) <= 160 else line[:157] + "..."


def _csv(path: Path) -> tuple[pl.DataFrame, tuple[str, ...]]:
    separator = _separator(path)
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


def _separator(path: Path) -> str:
    """Find what separates the columns: it cuts the first lines into the same number of parts."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = [line for line in itertools.islice(file, SAMPLE) if line.strip()]

    def agreement(separator: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=separator) if row]
        if not widths or widths[0] == 1:
            return 0.0, 1
        return widths.count(widths[0]) / len(widths), widths[0]

    return max(SEPARATORS, key=agreement)


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


def _loaders() -> dict[str, Callable[..., Any]]:
    """Find scikit-learn's bundled tables: the loaders that can answer with a data frame."""
    loaders = {
        name.removeprefix("load_"): getattr(datasets, name)
        for name in dir(datasets)
        if name.startswith("load_")
    }
    return {
        name: loader
        for name, loader in loaders.items()
        if "as_frame" in inspect.signature(loader).parameters
    }


def _bundled(name: str) -> Table:
    loaders = _loaders()
    if name not in loaders:
        raise CompareError(
            f"DATA '{BUNDLED}{name}': scikit-learn brings no data set {name!r} along; "
            f"{closest(name, loaders)}"
        )
    loader = loaders[name]
    # The diabetes features come squeezed to unit length unless asked for as they were measured.
    raw = {"scaled": False} if "scaled" in inspect.signature(loader).parameters else {}
    bunch = loader(**raw)
    columns = {
        str(column): pl.Series(str(column), bunch.data[:, index])
        for index, column in enumerate(bunch.feature_names)
    }
    target = np.asarray(bunch.target)
    if target.ndim == 2:
        targets = tuple(str(one) for one in bunch.target_names)
        columns |= {one: pl.Series(one, target[:, i]) for i, one in enumerate(targets)}
    else:
        targets = ("target",)
        if "target_names" in bunch and len(bunch.target_names) == len(np.unique(target)):
            target = np.asarray(bunch.target_names)[target]
        columns["target"] = pl.Series("target", target)
    return Table(
        name,
        f"scikit-learn's {name} data",
        pl.DataFrame(list(columns.values())),
        target=targets[0],
        targets=targets,
    )
