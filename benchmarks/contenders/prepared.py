"""A case that is ready to be timed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Prepared", "UnavailableError", "threads"]


class UnavailableError(Exception):
    """A contender does not have this loss, or is not installed."""


def _nothing(number: int) -> None:
    pass


@dataclass(frozen=True)
class Prepared:
    """What is timed.

    Attributes
    ----------
    steps : mapping
        Pass → what computes it once, on the set of arrays of this number.
    sets : int
        How many sets there are.
    value : float or None
        The mean loss of set 0, to see that all compute the same; None where it says nothing.
    reset : callable
        What is dropped of a set between steps, outside the timed part.
    moved : int
        Bytes that a step reads and writes, where that is what it is there for.
    """

    steps: Mapping[str, Callable[[int], object]]
    sets: int
    value: float | None = None
    reset: Callable[[int], None] = _nothing
    moved: int = 0


def threads() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
