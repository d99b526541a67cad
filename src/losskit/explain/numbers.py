"""Telling numbers of each contract, for sample calls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from losskit.core.cards import Role
from losskit.core.contracts import (
    AMOUNTS,
    BINARY,
    COUNTS,
    DISTANCES,
    EMBEDDINGS,
    LOG_MEANS,
    LOG_PROBABILITIES,
    LOG_VARIANCES,
    LOGITS,
    POSITIVE_AMOUNTS,
    PROBABILITIES,
    RATES,
    REAL_VALUES,
    RELEVANCE,
    SIGNS,
    VARIANCES,
    Contract,
)

__all__ = ["REALS", "Numbers", "numbers_of", "standing", "telling"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Numbers:
    """Telling numbers of a contract: a range, one for itself, and some that differ."""

    low: float
    high: float
    alone: float
    several: tuple[float, ...] = ()


_KNOWN = {
    REAL_VALUES: Numbers(-4, 4, 0, (-1, 2)),
    LOG_MEANS: Numbers(-2, 2.5, 0),
    RATES: Numbers(0.1, 8, 1),
    COUNTS: Numbers(0, 8, 2, (0, 2, 5)),
    AMOUNTS: Numbers(0, 8, 1, (0, 1, 4)),
    POSITIVE_AMOUNTS: Numbers(0.1, 8, 1, (0.5, 1, 4)),
    LOGITS: Numbers(-5, 5, 0, (-2, 0, 2)),
    PROBABILITIES: Numbers(0.03, 0.97, 0.5, (0.2, 0.8)),
    LOG_PROBABILITIES: Numbers(-5, 0, -1, (-3, -1)),
    SIGNS: Numbers(-1, 1, 1, (-1, 1)),
    BINARY: Numbers(0, 1, 1, (0, 1)),
    EMBEDDINGS: Numbers(-3, 3, 0),
    VARIANCES: Numbers(0.1, 4, 1, (0.25, 1, 4)),
    LOG_VARIANCES: Numbers(-3, 3, 0, (-1, 0, 1)),
    DISTANCES: Numbers(0, 3, 1),
}

REALS = _KNOWN[REAL_VALUES]


def numbers_of(contract: Contract) -> Numbers:
    """Return the numbers of a contract; of one that is not known here, what it lets pass."""
    known = _KNOWN.get(contract)
    if known is not None:
        return known
    grid = np.linspace(-4, 4, 81)
    fits = [x for x in grid if contract.violation(np.full((1,), x), np) is None]
    low, high = (float(fits[0]), float(fits[-1])) if len(fits) > 1 else (grid[0], grid[-1])
    if grid[0] < low and high < grid[-1]:
        inner = (0.8 * low + 0.2 * high, 0.2 * low + 0.8 * high)
        return Numbers(low, high, (low + high) / 2, inner)
    return Numbers(low, high, contract.neutral)


def standing(contract: Contract, size: int) -> Floats:
    """Return a row of equal numbers, for the model's output."""
    if contract.sums_to_one:
        return _distribution(contract, np.full(size, 1 / size))
    number = -np.log(size) if contract is LOG_PROBABILITIES else numbers_of(contract).alone
    return np.full(size, number, dtype=np.float64)


def telling(contract: Contract, size: int, role: Role) -> Floats:
    """Return a row whose numbers differ, where the contract has such: the first is the largest."""
    places = np.arange(size, dtype=np.float64)
    halves: Floats = np.exp2(-places)
    shares: Floats = halves / halves.sum()
    if contract.sums_to_one:
        return _distribution(contract, shares)
    if contract is LOG_PROBABILITIES:
        return np.asarray(np.log(shares))
    if contract is LOGITS and role is Role.GIVEN:
        return np.linspace(2, 0, size)
    if contract is RELEVANCE:
        return np.asarray(np.maximum(2 - places, 0))
    numbers = numbers_of(contract)
    if contract in (BINARY, SIGNS):
        low, high = numbers.several
        return np.where(places < (size + 1) // 2, float(high), float(low))
    return np.full(size, numbers.alone, dtype=np.float64)


def _distribution(contract: Contract, shares: Floats) -> Floats:
    """Return probabilities, or their logarithms where the contract wants those."""
    return shares if contract.violation(shares[None], np) is None else np.log(shares)
