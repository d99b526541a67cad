"""Parameters of losses from the data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from losskit.choose.column import robust_deviation
from losskit.choose.facts import Reading
from losskit.choose.profile import Profile
from losskit.choose.rules.classes import shown, sizes_of
from losskit.core.uses import Estimate, Transform
from losskit.reporting.wording import number, percent

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Estimated", "Given", "estimate"]

EFFICIENCY = 1.345
"""Keeps 95 % of least squares' efficiency on normal errors; in robust standard deviations."""
MOST_POSITIVE = 100.0
"""Limit of pos_weight: beyond, single rows rule whole batches."""
MOST_CLASS = 20.0
"""Limit of the ratio of two class weights."""
MOST_CLASSES = 1000
"""Classes up to which weights are written out."""


@dataclass(frozen=True)
class Estimated:
    """A parameter's value, how it came about, and the facts that it rests on."""

    value: Any
    how: str
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Given:
    """What an estimate is made from."""

    profile: Profile
    reading: Reading
    transform: Transform | None
    scale: float
    quantile: float | None


def estimate(what: Estimate, given: Given) -> Estimated | None:
    """Compute a parameter; None where the data do not say it."""
    return _ESTIMATES[what](given)


def _robust_threshold(given: Given) -> Estimated | None:
    values = _learnt(given)
    if values is None or not len(values):
        return None
    spread = robust_deviation(np.sort(values))
    if not spread > 0:
        return None
    threshold = _rounded(EFFICIENCY * spread / given.scale)
    unit = {
        None: "the target's unit",
        Transform.LOG: "the unit of the logarithm",
        Transform.LOG1P: "the unit of log(1 + y)",
        Transform.STANDARDISE: "units of the standardised target",
    }[given.transform]
    if given.transform is Transform.STANDARDISE:
        unit += f", {number(EFFICIENCY * spread)} in the target's own"
    return Estimated(
        threshold,
        f"{EFFICIENCY} times the robust standard deviation, {number(spread / given.scale)}, in "
        f"{unit}; of the errors, which are smaller, once there is a fit",
        ("robust_deviation",),
    )


def _learnt(given: Given) -> NDArray[np.float64] | None:
    """Return a sample of what is learnt, before standardising."""
    column = given.profile.column
    if column is None:
        matrix = given.profile.matrix
        if matrix is None or matrix.sample is None:
            return None
        rows: NDArray[np.float64] = matrix.sample.reshape(len(matrix.sample), -1)
        rows = np.where(np.isfinite(rows), rows, np.nan) - matrix.centres
        flat = rows / np.where(matrix.spreads > 0, matrix.spreads, 1)
        return flat[np.isfinite(flat)]
    if column.form != "numbers":
        return None
    values = column.sample / given.reading.coding.scale
    if given.transform is Transform.LOG:
        return np.log(values[values > 0])
    if given.transform is Transform.LOG1P:
        return np.log1p(values[values > -1])
    return values


def _balanced(given: Given) -> Estimated | None:
    sizes = sizes_of(given.profile, given.reading)
    if not 2 <= len(sizes) <= MOST_CLASSES:
        return None
    counts = _by_class(sizes, given.reading)
    present = counts > 0
    weights = np.where(present, counts.sum() / (present.sum() * np.where(present, counts, 1)), 0.0)
    limit = MOST_CLASS * weights[present].min()
    held = np.minimum(weights, limit)
    how = "rows / (classes × rows of the class), so that each class counts the same"
    if (weights > limit).any():
        rare = shown(min(sizes, key=sizes.__getitem__))
        how += (
            f"; held to {MOST_CLASS:g} times the smallest, since {rare} would weigh "
            f"{number(float(weights.max() / weights[present].min()))} times as much"
        )
    return Estimated([_rounded(float(one)) for one in held], how, ("imbalance",))


def _by_class(sizes: dict[Any, int], reading: Reading) -> NDArray[np.float64]:
    """Return rows by class number, with 0 for classes of which there are none."""
    classes = reading.coding.classes or tuple(sizes)
    return np.asarray(
        [
            sizes.get(one, sizes.get(float(one) if isinstance(one, int) else one, 0))
            for one in classes
        ],
        dtype=np.float64,
    )


def _negatives_per_positive(given: Given) -> Estimated | None:
    details = given.reading.details
    if "shares" in details:
        weights = [
            min((1 - one) / one, MOST_POSITIVE) if one > 0 else 1.0 for one in details["shares"]
        ]
        return Estimated(
            [_rounded(one) for one in weights],
            f"negatives / positives of each label, held to {MOST_POSITIVE:g}",
            ("rarest_label",),
        )
    share = details.get("share")
    if not share or share >= 1:
        return None
    weight = (1 - share) / share
    how = f"negatives / positives = {percent(1 - share)} / {percent(share)}"
    if weight > MOST_POSITIVE:
        how += f", held to {MOST_POSITIVE:g}, since {number(weight)} would let single rows rule"
    return Estimated(_rounded(min(weight, MOST_POSITIVE)), how, ("positive_share",))


def _tweedie_power(given: Given) -> Estimated | None:
    """Solve P(0) = exp(-mean² / (variance (2 - power))) for the power.

    A Tweedie variable is a Poisson number of gamma amounts. With dispersion d its variance is
    d mean^power and it is 0 with probability exp(-mean^(2 - power) / (d (2 - power)))
    (Jørgensen, 1987).
    """
    column = given.profile.column
    if column is None or not column.zeros or not column.mean > 0 or not column.deviation > 0:
        return None
    share = column.zeros / column.known
    if share >= 1:
        return None
    power = 2 - column.mean**2 / (column.deviation**2 * -math.log(share))
    held = min(max(power, 1.1), 1.9)
    how = (
        f"at this power a mean of {number(column.mean)}, a standard deviation of "
        f"{number(column.deviation)} and {percent(share)} zeros go together"
    )
    if held != power:
        how = f"held to [1.1, 1.9]; mean, deviation and zeros would ask for {number(power)}"
    return Estimated(_rounded(held, 3), how, ("zeros", "mean", "deviation"))


def _padding(given: Given) -> Estimated | None:
    fill = given.reading.padding
    if fill is None:
        return None
    return Estimated(int(fill), "the value that marks what takes no part", ("padding",))


def _goal_quantile(given: Given) -> Estimated | None:
    if given.quantile is None:
        return None
    return Estimated(given.quantile, "the quantile that you asked for")


_ESTIMATES: dict[Estimate, Callable[[Given], Estimated | None]] = {
    Estimate.ROBUST_THRESHOLD: _robust_threshold,
    Estimate.BALANCED_CLASSES: _balanced,
    Estimate.NEGATIVES_PER_POSITIVE: _negatives_per_positive,
    Estimate.TWEEDIE_POWER: _tweedie_power,
    Estimate.PADDING: _padding,
    Estimate.GOAL_QUANTILE: _goal_quantile,
}


def _rounded(value: float, digits: int = 4) -> float:
    return float(f"{value:.{digits}g}")
