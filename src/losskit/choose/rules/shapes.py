"""How the rows spread over whole numbers: what tells classes, grades, counts and amounts apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from losskit.choose.column import Column

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Shape", "hollow", "shape_of"]


@dataclass(frozen=True)
class Shape:
    """The shape of a column of whole numbers with few different values.

    Attributes
    ----------
    codes : int
        Different values.
    step : int
        Greatest common divisor of their distances.
    gaps : int
        Steps between the least and the largest value that no row has.
    evenness : float
        Entropy of the values' shares, 1 where all are equally common.
    top : float
        Share of rows with the largest value.
    tail : float
        Share of rows in the upper half of the range.
    peaks : int
        Values that are clearly commoner than their neighbours on both sides.
    dispersion : float
        Variance divided by the mean.
    """

    codes: int
    step: int
    gaps: int
    evenness: float
    top: float
    tail: float
    peaks: int
    dispersion: float


def shape_of(column: Column) -> Shape | None:
    """Return the shape; None where the values are no whole numbers or too many."""
    if not column.whole or not column.counts or column.distinct < 2:
        return None
    values = np.asarray(column.labels, dtype=np.float64).astype(np.int64)
    sizes = column.sizes.astype(np.float64)
    shares = sizes / sizes.sum()
    step = int(np.gcd.reduce(np.diff(values)))
    gaps = int((values[-1] - values[0]) // step + 1 - len(values))
    middle = values[0] / 2 + values[-1] / 2
    return Shape(
        len(values),
        step,
        gaps,
        float(-(shares * np.log(shares)).sum() / math.log(len(values))),
        float(shares[-1]),
        float(shares[values > middle].sum()),
        _peaks(sizes),
        column.deviation**2 / column.mean if column.mean > 0 else math.nan,
    )


ENOUGH = 15
"""Values above 0 from which on a gap below them says something."""


def hollow(column: Column) -> bool:
    """Whether a pile at 0 stands apart from the rest, as of those who do not work or spend.

    Of a count that is often 0, 1 and 2 are common too.
    """
    values = column.sorted
    positive = values[values > 0]
    if not column.zeros or len(positive) < ENOUGH or column.zeros < 0.05 * column.known:
        return False
    middle = float(np.median(positive))
    return middle >= 20 and float((positive <= 0.1 * middle).mean()) < 0.1


def _peaks(sizes: NDArray[np.float64]) -> int:
    """Count maxima that chance does not explain: two standard deviations of a count above."""
    peaks, rising, extreme = 0, True, sizes[0]
    for size in sizes[1:]:
        noise = 2 * math.sqrt(max(size, extreme) + 1)
        if rising:
            if size < extreme - noise:
                peaks, rising, extreme = peaks + 1, False, size
            else:
                extreme = max(extreme, size)
        elif size > extreme + noise:
            rising, extreme = True, size
        else:
            extreme = min(extreme, size)
    return peaks + rising
