"""What the times say: medians, and ratios of turns that followed each other."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.cases import Case
from benchmarks.contenders import AT_BEST, COPY, EAGER, LOSSKIT, NUMPY
from benchmarks.rounds import Measured, Timing

__all__ = ["as_results", "best_of", "disagreeing", "is_steady", "ratio"]

TELLING_BYTES = 2**20
"""Below this a peak of memory is that of pages and pools, not of arrays."""

STEADY = 1.5

ROUNDING = {"float32": 1e-3, "float64": 1e-6, "bfloat16": 5e-2}
"""How far apart mean losses may be that are the same."""


def ratio(own: Sequence[float], other: Sequence[float]) -> float | None:
    """Median over the rounds of own / other; None without a round.

    Not the ratio of the medians: both turns of a round met the same machine.
    """
    pairs = [(mine, theirs) for mine, theirs in zip(own, other, strict=True) if theirs > 0]
    return statistics.median(mine / theirs for mine, theirs in pairs) if pairs else None


def is_steady(own: Sequence[float], other: Sequence[float]) -> bool:
    """Whether the quartiles of the rounds' ratios lie within a factor of `STEADY`."""
    ratios = [mine / theirs for mine, theirs in zip(own, other, strict=True) if theirs > 0]
    if len(ratios) < 2:
        return True
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return high <= STEADY * low


def best_of(timings: Mapping[str, Timing], names: Sequence[str] = AT_BEST) -> str | None:
    """Return which of these has the smallest median; None if none took part."""
    took_part = [name for name in names if name in timings and timings[name].rounds]
    return min(took_part, key=lambda name: statistics.median(timings[name].rounds), default=None)


def disagreeing(measured: Measured) -> dict[str, float]:
    """Return the contenders whose mean loss is not Losskit's: they compute something else."""
    reference = measured.values.get(LOSSKIT, measured.values.get(NUMPY))
    if reference is None:
        return {}
    close = ROUNDING[measured.case.dtype]
    return {
        name: value
        for name, value in measured.values.items()
        if not math.isclose(value, reference, rel_tol=close, abs_tol=close)
    }


def as_results(measured: Measured) -> dict[str, Any]:
    """Write a case's numbers and their ratios as the README of this directory says."""
    case = measured.case
    return case.as_dict() | {
        "name": case.name,
        "unavailable": measured.unavailable,
        "failed": measured.failed,
        "values": {name: _finite(value) for name, value in measured.values.items()},
        "disagreeing": sorted(disagreeing(measured)),
        "passes": {
            which: _pass(case, which, timings, measured.moved.get(COPY))
            for which, timings in measured.passes.items()
        },
    }


def _pass(
    case: Case, which: str, timings: Mapping[str, Timing], moved: int | None
) -> dict[str, Any]:
    limit_bytes = case.limit_bytes(which)
    limit = None
    if limit_bytes and moved and COPY in timings:
        share = limit_bytes / moved
        limit = [seconds * share for seconds in timings[COPY].rounds]
    return {
        "limit_bytes": limit_bytes,
        "limit_seconds": statistics.median(limit) if limit else None,
        "contenders": {name: _timing(timing) for name, timing in timings.items() if timing.rounds},
        "ratios": {
            name: _ratios(name, timings, limit)
            for name in (LOSSKIT, NUMPY)
            if name in timings and timings[name].rounds
        },
    }


def _timing(timing: Timing) -> dict[str, Any]:
    return {
        "median_seconds": statistics.median(timing.rounds),
        "rounds_seconds": timing.rounds,
        "repeats": timing.repeats,
        "peak_bytes": timing.peak_bytes,
    }


def _ratios(
    name: str, timings: Mapping[str, Timing], limit: Sequence[float] | None
) -> dict[str, Any]:
    """Own time over each other's, over the limit; own memory over eager's."""
    own = timings[name]
    best = best_of(timings)
    others = {
        other: timing.rounds for other, timing in timings.items() if other not in (name, COPY)
    }
    times = {other: ratio(own.rounds, rounds) for other, rounds in others.items()}
    compared = others | ({"limit": limit} if limit else {})
    return {
        "time": times,
        "best": times.get(best) if best else None,
        "best_is": best,
        "limit": ratio(own.rounds, limit) if limit else None,
        "memory": _memory(own, timings.get(EAGER)),
        "unsteady": [
            other for other, rounds in compared.items() if not is_steady(own.rounds, rounds)
        ],
    }


def _memory(own: Timing, eager: Timing | None) -> float | None:
    if eager is None or own.peak_bytes is None or eager.peak_bytes is None:
        return None
    return own.peak_bytes / eager.peak_bytes if eager.peak_bytes >= TELLING_BYTES else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
