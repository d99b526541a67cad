"""What readers give, and how rows become columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losskit.check.values import Floats

__all__ = ["ROWS", "Chunk", "LogError", "from_rows", "numbers_of"]

ROWS = 50_000
"""Rows that are read at a time."""

Chunk = dict[str, tuple[NDArray[np.int64], Floats]]
"""Columns by name: which rows of the chunk hold a number, and the numbers. NaN is a number."""

_WRITTEN_OUT = ("nan", "inf", "infinity")


class LogError(ValueError):
    """A log that cannot be read, or holds no curve."""


def from_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[Chunk]:
    """Gather rows of names and numbers; what is no number is left out."""
    source = iter(rows)
    while block := list(islice(source, ROWS)):
        columns: dict[str, tuple[list[int], list[float]]] = {}
        for index, row in enumerate(block):
            for name, value in row.items():
                if isinstance(value, str) and value.lower().lstrip("+-") in _WRITTEN_OUT:
                    value = float(value)  # noqa: PLW2901 - JSON itself has no such number
                if isinstance(value, bool) or not isinstance(value, (int, float)):
                    continue
                where, numbers = columns.setdefault(name, ([], []))
                where.append(index)
                numbers.append(float(value))
        yield {
            name: (np.asarray(where, np.int64), np.asarray(numbers, np.float64))
            for name, (where, numbers) in columns.items()
        }


def numbers_of(cells: Sequence[str], *, decimal: str = ".") -> tuple[NDArray[np.int64], Floats]:
    """Return which cells of a column hold a number, and the numbers; blanks hold none."""
    text = np.asarray(cells)
    full = np.flatnonzero(np.char.str_len(text) > 0)
    try:
        return full, text[full].astype(np.float64)
    except ValueError:
        found = [(at, n) for at in full.tolist() if (n := _number(cells[at], decimal)) is not None]
        where, numbers = zip(*found, strict=True) if found else ((), ())
        return np.asarray(where, np.int64), np.asarray(numbers, np.float64)


def _number(cell: str, decimal: str) -> float | None:
    text = cell.strip().rstrip("%").replace(decimal, ".")
    # As printed by whoever printed a tensor.
    text = text.removeprefix("tensor(").removesuffix(")")
    try:
        return float(text)
    except ValueError:
        return None
