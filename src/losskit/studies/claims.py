"""What is said about losses, and whether the numbers bear it out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from losskit.reporting.statistics import Estimate, estimate
from losskit.reporting.wording import count, number, sentence
from losskit.studies.results import Finding, Outcome

__all__ = ["Claim", "Table", "judge"]

Table = Mapping[tuple[str, str], Sequence[float]]
"""(arm, measure) → one number per seed."""


@dataclass(frozen=True)
class Claim:
    """A sentence about two arms that numbers can confirm, contradict or leave open.

    Parameters
    ----------
    name
        Identifier.
    measure
        What it is about.
    arm, against
        Whose measures are compared; None compares with 0.
    expected
        What is said of the arm's measure.
    least
        The smallest difference that matters, as a factor where ``ratio``. A difference is shown
        where the whole interval lies beyond it, and shown to be none where it lies within.
    confirmed, no_effect, contradicted
        What each outcome means, in words; the numbers are put after them. For ``"equal"``, there
        is no outcome of no effect, as that is what confirms it; and what cannot be negative
        cannot contradict that it is above 0.
    ratio
        Whether the arms are compared by their quotient.
    """

    name: str
    measure: str
    arm: str
    against: str | None
    expected: Literal["higher", "lower", "equal"]
    least: float
    confirmed: str
    contradicted: str = ""
    no_effect: str = ""
    ratio: bool = False


@dataclass(frozen=True)
class Naming:
    """What arms and measures are called in a sentence."""

    arms: Mapping[str, str]
    measures: Mapping[str, str]


def judge(
    claims: Sequence[Claim], table: Table, arms: Mapping[str, str], measures: Mapping[str, str]
) -> list[Finding]:
    """Judge every claim; the intervals hold together for all of them (Bonferroni).

    Parameters
    ----------
    claims
        What is said.
    table
        What was measured.
    arms, measures
        Their titles, by label and by name.
    """
    naming = Naming(arms, measures)
    return [_judge(claim, table, naming, len(claims)) for claim in claims]


def _judge(claim: Claim, table: Table, naming: Naming, comparisons: int) -> Finding:
    ours = np.asarray(table[claim.arm, claim.measure], dtype=np.float64)
    theirs = (
        np.zeros_like(ours)
        if claim.against is None
        else np.asarray(table[claim.against, claim.measure], dtype=np.float64)
    )
    if claim.ratio:
        with np.errstate(divide="ignore", invalid="ignore"):
            differences, least = np.log(ours / theirs), math.log(claim.least)
    else:
        differences, least = ours - theirs, claim.least
    # The seeds' data are drawn independently, so there is no overlap to correct for.
    found = estimate(list(differences), test_to_train=0.0, comparisons=comparisons)
    outcome = _outcome(claim.expected, found, least, len(ours))
    words = {
        "confirmed": claim.confirmed,
        "no effect": claim.no_effect,
        "contradicted": claim.contradicted,
        "open": _open(claim, found, least, len(ours), naming),
    }[outcome]
    back = np.exp if claim.ratio else np.asarray
    return Finding(
        claim=claim.name,
        measure=claim.measure,
        arm=claim.arm,
        against=claim.against,
        outcome=outcome,
        words=words,
        numbers=_numbers(claim, ours, theirs, found, naming),
        ratio=claim.ratio,
        estimate=float(back(found.mean)),
        low=float(back(found.low)),
        high=float(back(found.high)),
        least=claim.least,
    )


def _ends(found: Estimate, seeds: int) -> tuple[float, float] | None:
    """Return the interval's ends; where all of several seeds agree to the last digit, the mean."""
    if found.has_interval:
        return found.low, found.high
    if seeds > 1 and math.isfinite(found.mean):
        return found.mean, found.mean
    return None


def _outcome(expected: str, found: Estimate, least: float, seeds: int) -> Outcome:
    ends = _ends(found, seeds)
    if ends is None:
        return "open"
    low, high = ends
    if -least <= low and high <= least:
        return "confirmed" if expected == "equal" else "no effect"
    side = "higher" if low > least else "lower" if high < -least else None
    if side is None:
        return "open"
    return "confirmed" if side == expected else "contradicted"


def _open(claim: Claim, found: Estimate, least: float, seeds: int, naming: Naming) -> str:
    measure = naming.measures[claim.measure]
    if not math.isfinite(found.mean):
        return f"{sentence(measure)} could not be compared in every run"
    if seeds == 1:
        return f"One seed cannot tell whether the {measure} differs by more than chance"
    if found.excludes_zero:
        return f"There is a difference in {measure}, but it may be too small to matter"
    return (
        f"{sentence(count(seeds, 'seed'))} cannot tell whether there is a difference in {measure}"
    )


def _numbers(
    claim: Claim, ours: np.ndarray, theirs: np.ndarray, found: Estimate, naming: Naming
) -> str:
    measure = naming.measures[claim.measure]
    text = f"{measure}: {naming.arms[claim.arm]} {number(_mean(ours))}"
    if claim.against is not None:
        text += f", {naming.arms[claim.against]} {number(_mean(theirs))}"
    if not found.has_interval or not found.deviation:
        return text
    if claim.ratio:
        low, high = (number(math.exp(end)) for end in (found.low, found.high))
        return f"{text}; {low} to {high} times as much"
    if claim.against is None:
        return f"{text}; interval {number(found.low)} to {number(found.high)}"
    return f"{text}; difference {number(found.low)} to {number(found.high)}"


def _mean(values: np.ndarray) -> float:
    return float(values.mean())
