"""What readers give, and how rows become columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from losskit.check.values import Floats

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ROWS", "Chunk", "Column", "LogError", "from_rows", "numbers_of"]

ROWS = 50_000
"""Rows that are read at a time."""


@dataclass(frozen=True)
class Column:
    """The numbers of a column in a chunk.

    Attributes
    ----------
    where : array
        Which rows of the chunk hold a number.
    values : array
        The numbers; NaN is one.
    lost : int
        How many cells hold something else.
    """

    where: NDArray[np.int64]
    values: Floats
    lost: int = 0


Chunk = dict[str, Column]
"""Columns by name."""

_WRITTEN_OUT = ("nan", "inf", "infinity")


class LogError(ValueError):
    """A log that cannot be read, or holds no curve."""


def from_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[Chunk]:
    """Gather rows of names and numbers; what is no number is left out."""
    source = iter(rows)
    while block := list(islice(source, ROWS)):
        columns: dict[str, tuple[list[int], list[float]]] = {}
        lost = Counter[str]()
        for index, row in enumerate(block):
            for name, value in row.items():
                if isinstance(value, str) and value.lower().lstrip("+-") in _WRITTEN_OUT:
                    value = float(value)  # noqa: PLW2901 - JSON itself has no such number
                if isinstance(value, str) and value.strip():
                    lost[name] += 1
                if isinstance(value, bool) or not isinstance(value, (int, float)):
                    continue
                where, numbers = columns.setdefault(name, ([], []))
                where.append(index)
                numbers.append(float(value))
        yield {
            name: Column(np.asarray(where, np.int64), np.asarray(numbers, np.float64), lost[name])
            for name, (where, numbers) in columns.items()
        }


def numbers_of(cells: Sequence[str], *, decimal: str = ".") -> Column:
    """Return the numbers of a column; blanks hold none."""
    text = np.asarray(cells)
    full = np.flatnonzero(np.char.str_len(text) > 0)
    try:
        return Column(full, text[full].astype(np.float64))
    except ValueError:
        found = [(at, n) for at in full.tolist() if (n := _number(cells[at], decimal)) is not None]
        where, numbers = zip(*found, strict=True) if found else ((), ())
        return Column(
            np.asarray(where, np.int64), np.asarray(numbers, np.float64), len(full) - len(found)
        )


def _number(cell: str, decimal: str) -> float | None:
    text = cell.strip().rstrip("%")
    if "," in text and "." in text:
        # The last of the two parts whole numbers from fractions, the other thousands.
        thousands, decimal = sorted(",.", key=text.rfind)
        text = text.replace(thousands, "")
    text = text.replace(decimal, ".")
    # As printed by whoever printed a tensor.
    text = text.removeprefix("tensor(").removesuffix(")")
    try:
        return float(text)
    except ValueError:
        return None
