"""What is concluded from numbers, against intervals of SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from losskit.studies.claims import Claim, judge
from losskit.studies.results import Finding

ARMS, MEASURES = {"a": "arm A", "b": "arm B"}, {"m": "recall", "n": "cost"}


def claim(expected: str = "higher", least: float = 0.1, **options: object) -> Claim:
    words = {"higher": "it is higher", "lower": "it is lower", "same": "it is the same"}
    return Claim("c", "m", "a", options.pop("against", "b"), expected, least, **words, **options)


def found(ours: list[float], theirs: list[float], one: Claim | None = None) -> Finding:
    table = {("a", "m"): ours, ("b", "m"): theirs}
    return judge([one or claim()], table, ARMS, MEASURES)[0]


STEADY = [0.5, 0.51, 0.49, 0.5]


@pytest.mark.parametrize(
    ("shift", "expected", "outcome"),
    [
        (0.3, "higher", "confirmed"),
        (-0.3, "higher", "contradicted"),
        (0.0, "higher", "no effect"),
        (-0.3, "lower", "confirmed"),
        (0.3, "lower", "contradicted"),
        (0.0, "lower", "no effect"),
        (0.0, "same", "confirmed"),
        (0.3, "same", "contradicted"),
        (0.1, "higher", "open"),  # on the border of what matters
    ],
)
def test_outcomes(shift: float, expected: str, outcome: str) -> None:
    wiggle = [0.001, -0.001, 0.002, -0.002]
    ours = [value + shift + more for value, more in zip(STEADY, wiggle, strict=True)]
    one = found(ours, STEADY, claim(expected))
    assert one.outcome == outcome
    side = "higher" if shift > 0 else "lower" if shift < 0 else "the same"
    start = f"it is {side}"
    if outcome == "open":
        start = "Recall: higher for arm A than for arm B, but perhaps by too little to matter"
    assert one.text.startswith(f"{start} (recall: arm A ")
    assert one.text.endswith(", where 0.1 would matter).")


@pytest.mark.parametrize(
    ("shift", "expected", "verdict"),
    [
        (0.3, "higher", "shown"),
        (0.0, "same", "shown"),
        (0.0, "lower", "no effect"),
        (0.3, "lower", "against the claim"),
        (0.3, "same", "against the claim"),
        (0.1, "same", "open"),
    ],
)
def test_outcomes_have_names_for_people(shift: float, expected: str, verdict: str) -> None:
    ours = [value + shift + more for value, more in zip(STEADY, (0.001, -0.001) * 2, strict=True)]
    assert found(ours, STEADY, claim(expected)).verdict == verdict


def test_the_interval_is_the_paired_t_interval_of_scipy() -> None:
    ours, theirs = [0.9, 0.8, 0.85, 0.99], [0.5, 0.55, 0.4, 0.7]
    one = found(ours, theirs)
    low, high = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    assert (one.low, one.high) == pytest.approx((low, high))
    assert one.estimate == pytest.approx(np.mean(ours) - np.mean(theirs))
    # Two claims at once: each at 97.5 %.
    table = {("a", "m"): ours, ("b", "m"): theirs}
    two, _ = judge([claim(), claim()], table, ARMS, MEASURES)
    low, high = stats.ttest_rel(ours, theirs).confidence_interval(0.975)
    assert (two.low, two.high) == pytest.approx((low, high))


def test_a_ratio_is_judged_by_logarithms() -> None:
    theirs = [1.0, 2.0, 4.0, 8.0]
    ours = [10.0, 22.0, 38.0, 81.0]
    one = found(ours, theirs, claim(least=2.0, ratio=True))
    assert one.outcome == "confirmed"
    logs = np.log(np.divide(ours, theirs))
    low, high = stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    assert (one.low, one.high) == pytest.approx((math.exp(low), math.exp(high)))
    assert one.numbers.endswith("times as much, where a factor of 2 would matter")
    assert found(theirs, ours, claim("lower", 2.0, ratio=True)).outcome == "confirmed"
    assert found(theirs, theirs, claim("same", 2.0, ratio=True)).outcome == "confirmed"
    assert found([0.0, 1.0], [1.0, 1.0], claim(least=2.0, ratio=True)).outcome == "open"


def test_what_seeds_cannot_tell_is_open() -> None:
    between = "whether arm A and arm B differ in the recall"
    assert found([0.9], [0.1]).words == f"One seed cannot tell {between} by more than chance"
    wild = found([0.1, 0.9, 0.2, 0.8], [0.5, 0.5, 0.5, 0.5])
    assert wild.outcome == "open"
    assert wild.words == f"Four seeds cannot tell {between}"
    broken = found([0.1, math.nan], [0.5, 0.5])
    assert broken.outcome == "open"
    assert broken.words == "Recall could not be compared in every run"


def test_seeds_that_agree_to_the_last_digit() -> None:
    assert found([40.0] * 3, [1.0] * 3).outcome == "confirmed"
    assert found([1.0] * 3, [1.0] * 3).outcome == "no effect"
    assert found([40.0], [1.0]).outcome == "open"


def test_against_nothing() -> None:
    one = judge([claim(against=None)], {("a", "m"): STEADY}, ARMS, MEASURES)[0]
    assert one.outcome == "confirmed"
    assert one.against is None
    assert one.estimate == pytest.approx(0.5)
    shrunk = claim("lower", 2.0, against=None, ratio=True)
    table = {("a", "m"): [0.01, 0.02, 0.015]}
    one = judge([shrunk], table, ARMS, MEASURES)[0]
    assert (one.outcome, one.words) == ("confirmed", "it is lower")
    assert one.estimate == pytest.approx(np.exp(np.mean(np.log(table["a", "m"]))))
    open_one = judge([shrunk], {("a", "m"): [0.01, 50.0]}, ARMS, MEASURES)[0]
    assert open_one.words == "Two seeds cannot tell whether the recall of arm A differs from 1"


VALUES = st.lists(st.floats(-10, 10), min_size=2, max_size=8)


@given(VALUES, st.floats(0.01, 5))
def test_turning_the_arms_around_turns_the_outcome(values: list[float], least: float) -> None:
    zeros = [0.0] * len(values)
    one = found(values, zeros, claim("higher", least)).outcome
    other = found(zeros, values, claim("higher", least)).outcome
    turned = {"confirmed": "contradicted", "contradicted": "confirmed"}
    assert other == turned.get(one, one)
    same = found(values, zeros, claim("same", least)).outcome
    assert (same == "confirmed") == (one == "no effect")
