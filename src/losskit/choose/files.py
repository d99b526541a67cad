"""Files with data: which there are, and how each is scanned without being read at once."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from losskit.choose.errors import ChooseError
from losskit.reporting.errors import closest, listing

__all__ = ["ARRAYS", "MISSING", "TABLES", "one_line", "open_array", "scan", "separator_of"]

SEPARATORS = ",;\t|"
SAMPLE = 50
"""Lines that are looked at to find the separator."""
MISSING = ["", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "?"]
ARRAYS = (".npy", ".npz")


def scan(path: Path, columns: tuple[str, ...]) -> tuple[pl.LazyFrame, tuple[str, ...]]:
    """Open columns of a table lazily; those of CSV files are text, whatever they hold.

    Returns
    -------
    frame : polars.LazyFrame
        The columns.
    notes : tuple of str
        What was assumed.

    Raises
    ------
    ChooseError
        If the file is no table that can be read, or lacks a column.
    """
    reader = TABLES.get(path.suffix.lower())
    if reader is None:
        raise ChooseError(
            f"DATA {str(path)!r} has the unknown extension {path.suffix!r}; these can be read: "
            f"{listing((*TABLES, *ARRAYS))}"
        )
    try:
        frame, notes = reader(path)
        names = frame.collect_schema().names()
    except (pl.exceptions.PolarsError, OSError, UnicodeError, csv.Error) as error:
        kind = path.suffix.lower().lstrip(".")
        raise ChooseError(
            f"DATA {str(path)!r} cannot be read as {kind}: {one_line(error)}"
        ) from error
    if any("\x00" in name for name in names):
        raise ChooseError(f"DATA {str(path)!r} is not text: it holds binary data")
    for column in columns:
        if column not in names:
            raise ChooseError(f"--target {column!r}: no such column; {closest(column, names)}")
    if not columns:
        if len(names) > 1:
            raise ChooseError(
                f"DATA {str(path)!r} needs --target: name the column to predict, one of "
                f"{listing(names)}"
            )
        columns = tuple(names)
    return frame.select(columns), notes


def open_array(path: Path, columns: tuple[str, ...]) -> Any:
    """Map an array into memory, one of several by its name; objects are never unpickled.

    Raises
    ------
    ChooseError
        If there is no such array, or it holds Python objects.
    """
    try:
        opened = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        pickled = "pickle" in str(error) or "Python objects" in str(error)
        why = "it holds Python objects, which are never unpickled" if pickled else one_line(error)
        raise ChooseError(f"DATA {str(path)!r} cannot be read as an array: {why}") from None
    if isinstance(opened, np.ndarray):
        return opened
    with opened:
        names = list(opened.files)
        wanted = columns[0] if columns else (names[0] if len(names) == 1 else None)
        if wanted not in names:
            said = f"has no array {wanted!r}" if wanted else "holds several arrays"
            raise ChooseError(f"DATA {str(path)!r} {said}; --target names one of {listing(names)}")
        try:
            return opened[wanted]
        except ValueError:
            raise ChooseError(
                f"DATA {str(path)!r}: the array {wanted!r} holds Python objects, which are never "
                "unpickled"
            ) from None


def separator_of(path: Path) -> str:
    """Find what separates the columns: it cuts the first lines into the same number of parts."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = [line for line in itertools.islice(file, SAMPLE) if line.strip()]

    def agreement(separator: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=separator) if row]
        if not widths or widths[0] == 1:
            return 0.0, 1
        return widths.count(widths[0]) / len(widths), widths[0]

    return max(SEPARATORS, key=agreement)


def one_line(error: Exception) -> str:
    """Say what an error says in one line."""
    if isinstance(error, UnicodeDecodeError):
        return (
            f"byte {error.start} is no UTF-8; save it as UTF-8, "
            "such as by iconv --from-code=LATIN1 --to-code=UTF-8"
        )
    text = getattr(error, "strerror", None) or str(error)
    line = " ".join(text.partition("\n\n")[0].split())
    return line if len(line) <= 160 else line[:157] + "..."


def _csv(path: Path) -> tuple[pl.LazyFrame, tuple[str, ...]]:
    separator = separator_of(path)
    # Text, since what a column holds is seen only when all of it has been.
    frame = pl.scan_csv(path, separator=separator, null_values=MISSING, infer_schema=False)
    if separator == ",":
        return frame, ()
    shown = "a tab" if separator == "\t" else repr(separator)
    return frame, (f"The columns are separated by {shown}.",)


def _parquet(path: Path) -> tuple[pl.LazyFrame, tuple[str, ...]]:
    return pl.scan_parquet(path), ()


def _jsonl(path: Path) -> tuple[pl.LazyFrame, tuple[str, ...]]:
    return pl.scan_ndjson(path, infer_schema_length=10_000), ()


TABLES: dict[str, Callable[[Path], tuple[pl.LazyFrame, tuple[str, ...]]]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".parquet": _parquet,
    ".pq": _parquet,
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
}
