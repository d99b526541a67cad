"""CSV of any kind, and JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from itertools import chain, count, islice, zip_longest
from pathlib import Path
from typing import Any

from losskit.check.curves.read.chunks import ROWS, Chunk, LogError, numbers_of

__all__ = ["delimited", "json_lines"]

_DELIMITERS = ",;\t| "


def delimited(path: Path) -> Iterator[Chunk]:
    """Give the columns of a CSV file; one without a header has the columns 1, 2, …."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            start = file.read(65536)
            file.seek(0)
            delimiter = _delimiter(start)
            reader = csv.reader(
                (line for line in file if not line.startswith("#")),
                delimiter=delimiter,
                skipinitialspace=True,
            )
            first = next(reader, None)
            if first is None:
                raise LogError(f"{str(path)!r} is empty")
            headed = any(cell.strip() and not _is_number(cell) for cell in first)
            names = _told_apart(cell.strip() or str(at + 1) for at, cell in enumerate(first))
            if not headed:
                names = ["loss"] if len(first) == 1 else [str(n + 1) for n in range(len(first))]
            # Where commas do not part cells, they part whole numbers from fractions.
            decimal = "." if delimiter == "," else ","
            rows = reader if headed else chain([first], reader)
            while block := list(islice(rows, ROWS)):
                columns = list(zip_longest(*block, fillvalue=""))
                yield {
                    name: numbers_of(column, decimal=decimal)
                    for name, column in zip(names, columns, strict=False)
                }
    except UnicodeDecodeError:
        raise LogError(f"{str(path)!r} is no text in UTF-8") from None
    except csv.Error as error:
        raise LogError(f"{str(path)!r} is no CSV: {error}") from None


def _delimiter(start: str) -> str:
    """Return the delimiter that parts the first lines into the same number of cells."""
    lines = [line for line in start.splitlines()[:20] if line and not line.startswith("#")]
    if start and not start.endswith("\n") and len(lines) > 1:
        lines = lines[:-1]

    def score(delimiter: str) -> int:
        counts = [line.count(delimiter) for line in lines]
        return counts[0] if counts and min(counts) == max(counts) else 0

    return max(_DELIMITERS, key=score) if lines else ","


def _told_apart(names: Iterable[str]) -> list[str]:
    """Number what is called the same."""
    apart: list[str] = []
    for name in names:
        others = (f"{name} ({again})" for again in count(2))
        apart.append(next(one for one in chain([name], others) if one not in apart))
    return apart


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Give the objects of the lines; a last line that is cut off is left out."""
    failed = ""
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                if failed:
                    raise LogError(failed)
                try:
                    row = json.loads(line, parse_int=float)
                except (json.JSONDecodeError, RecursionError):
                    # A training that goes on may be writing its last line.
                    failed = f"{str(path)!r}: line {number} is no JSON"
                    continue
                if isinstance(row, dict):
                    yield row
            if failed and number == 1:
                raise LogError(failed)
    except UnicodeDecodeError:
        raise LogError(f"{str(path)!r} is no text in UTF-8") from None
