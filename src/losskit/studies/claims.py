"""What is said about losses, and whether the numbers bear it out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass

import numpy as np

from losskit.reporting.statistics import Estimate, estimate
from losskit.reporting.wording import count, number, sentence
from losskit.studies.results import Finding, Outcome, Side

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
        Whose measures are compared; None compares with 0, or with 1 where ``ratio``.
    expected
        Which of the three outcomes below is claimed.
    least
        The smallest difference that matters, as a factor where ``ratio``. A difference is shown
        where the whole interval lies beyond it, and shown not to matter where it lies within.
    higher, lower, same
        What is said where the arm's measure is higher, lower, or not different by what matters;
        the numbers are put after it. What cannot come out needs no words, as that a distance is
        below 0.
    ratio
        Whether the arms are compared by their quotient.
    """

    name: str
    measure: str
    arm: str
    against: str | None
    expected: Side
    least: float
    _: KW_ONLY
    higher: str = ""
    lower: str = ""
    same: str = ""
    ratio: bool = False

    def words(self, side: Side) -> str:
        """Return what an outcome means."""
        return {"higher": self.higher, "lower": self.lower, "same": self.same}[side]


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
        np.full_like(ours, float(claim.ratio))
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
    side = _side(found, least, len(ours))
    back = np.exp if claim.ratio else np.asarray
    return Finding(
        claim=claim.name,
        measure=claim.measure,
        arm=claim.arm,
        against=claim.against,
        expected=claim.expected,
        outcome=_outcome(claim.expected, side),
        words=claim.words(side) if side else _open(claim, found, len(ours), naming),
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


def _side(found: Estimate, least: float, seeds: int) -> Side | None:
    """Say where the whole interval lies; None where it reaches across a border."""
    ends = _ends(found, seeds)
    if ends is None:
        return None
    low, high = ends
    if -least <= low and high <= least:
        return "same"
    return "higher" if low > least else "lower" if high < -least else None


def _outcome(expected: Side, side: Side | None) -> Outcome:
    if side is None:
        return "open"
    if side == expected:
        return "confirmed"
    return "no effect" if side == "same" else "contradicted"


def _open(claim: Claim, found: Estimate, seeds: int, naming: Naming) -> str:
    measure, arm = naming.measures[claim.measure], naming.arms[claim.arm]
    if not math.isfinite(found.mean):
        return f"{sentence(measure)} could not be compared in every run"
    if claim.against is None:
        reference = "1" if claim.ratio else "0"
        differs = f"the {measure} of {arm} differs from {reference}"
    else:
        differs = f"{arm} and {naming.arms[claim.against]} differ in the {measure}"
    if seeds == 1:
        return f"One seed cannot tell whether {differs} by more than chance"
    if found.excludes_zero:
        where = "higher" if found.mean > 0 else "lower"
        than = f" than for {naming.arms[claim.against]}" if claim.against else ""
        return f"{sentence(measure)}: {where} for {arm}{than}, but perhaps by too little to matter"
    return f"{sentence(count(seeds, 'seed'))} cannot tell whether {differs}"


def _numbers(
    claim: Claim, ours: np.ndarray, theirs: np.ndarray, found: Estimate, naming: Naming
) -> str:
    measure = naming.measures[claim.measure]
    text = f"{measure}: {naming.arms[claim.arm]} {number(_mean(ours))}"
    if claim.against is not None:
        text += f", {naming.arms[claim.against]} {number(_mean(theirs))}"
    if not found.has_interval or not found.deviation:
        return text
    matters = f"{claim.least:g} would matter"
    if claim.ratio:
        low, high = (number(math.exp(end)) for end in (found.low, found.high))
        return f"{text}; {low} to {high} times as much, where a factor of {matters}"
    if claim.against is None:
        return f"{text}; interval {number(found.low)} to {number(found.high)}, where {matters}"
    return f"{text}; difference {number(found.low)} to {number(found.high)}, where {matters}"


def _mean(values: np.ndarray) -> float:
    return float(values.mean())
