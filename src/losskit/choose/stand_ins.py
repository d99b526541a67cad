"""Numbers that stand for a missing value."""

from __future__ import annotations

from losskit.choose.column import Column

__all__ = ["sentinels", "stand_in"]

SENTINELS = (
    *(-9999.0, -999.0, -100.0, -99.0, -9.0, -1.0),
    *(99.0, 999.0, 9999.0, 99999.0),
)
"""Numbers that stand for "unknown" in many data sets; -100 is what PyTorch's losses leave out."""
CERTAIN = 99.0
"""Size from which on such a number, alone and far from the rest, is taken for a missing value."""
FEWEST = 2
"""Rows that it must have."""
BELOW, ABOVE = 0.5, 2.0
"""How far from the rest, in lengths of their range: large numbers happen, negative ones seldom."""


def stand_in(column: Column) -> float | None:
    """Return a usual code for "missing" that lies far from all other values; None without one."""
    values = column.sorted
    for code in SENTINELS:
        if abs(code) < CERTAIN or code not in (column.minimum, column.maximum):
            continue
        rest = values[values != code]
        rows = (column.counts or {}).get(code, len(values) - len(rest))
        if len(rest) < 2 or rest[0] == rest[-1] or rows < FEWEST or rows > len(rest):
            continue
        range_ = rest[-1] - rest[0]
        if rest[0] - code > BELOW * range_ or code - rest[-1] > ABOVE * range_:
            return code
    return None


def sentinels(column: Column) -> list[tuple[float, int]]:
    """Find numbers that may stand for a missing value: usual ones, alone and common."""
    if column.form != "numbers" or not column.counts or column.distinct < 3:
        return []
    found = []
    for value in SENTINELS:
        rows = column.counts.get(value, 0)
        rest = [one for one in column.labels if one != value]
        if not rows or not rest or rest[0] < value < rest[-1]:
            continue
        gap = rest[0] - value if value < rest[0] else value - rest[-1]
        lone = gap > 0.5 * (rest[-1] - rest[0]) or (value < 0 <= rest[0] and rows > 1 and gap > 0.9)
        if lone and (rows > 1 or abs(value) >= CERTAIN) and not (value == -1 and len(rest) == 2):
            found.append((value, rows))
    return found
