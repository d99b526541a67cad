"""One of two labels, in whatever coding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from losskit.choose.column import Column
from losskit.choose.facts import Coding, Evidence, Fact, Reading
from losskit.choose.profile import Profile
from losskit.choose.rules.classes import shown, spelling_warnings
from losskit.choose.rules.rule import CERTAIN, LIKELY, Rule
from losskit.core import targets
from losskit.core.loss import Loss
from losskit.core.uses import Sign
from losskit.reporting.wording import number, percent

__all__ = ["Binary", "imbalance", "threshold_advice"]

POSITIVE = {
    *("1", "1.0", "true", "t", "yes", "y", "positive", "pos", "+", "+1", "good", "pass", "on"),
    *(
        "malignant",
        "spam",
        "fraud",
        "dead",
        "died",
        "ill",
        "sick",
        "churn",
        "default",
        "bad",
        "case",
    ),
}
NEGATIVE = {
    *("0", "0.0", "false", "f", "no", "n", "negative", "neg", "-", "-1", "fail", "off", "benign"),
    *("ham", "legit", "alive", "survived", "healthy", "control", "none", "normal"),
}
UNEVEN, IMBALANCED, EXTREME = 0.4, 0.2, 0.02
"""Shares of the rarer label below which it is noticed, weighed up, and a matter of its own."""


class Binary(Rule):
    """Two values: numbers, flags or words."""

    kind = targets.BINARY
    overrule = "there are two outcomes, and the column holds nothing else"

    def read(self, profile: Profile, *, asked: bool = False) -> Reading | None:
        """Take whatever has two values."""
        column = profile.column
        if column is None or column.distinct != 2 or column.form == "times":
            return None
        if column.form == "numbers" and not column.whole:
            weight = LIKELY if column.known >= 10 else 0.4
        else:
            weight = CERTAIN
        low, high = column.labels
        positive, why = _positive(column)
        coding = Coding((low, high), positive, text=_code(column, positive, why))
        share = column.counts[positive] / column.known if column.counts else 0.5
        return Reading(
            self.kind,
            weight,
            f"it has two different values, {shown(low)} and {shown(high)}",
            ("distinct", "positive_share"),
            coding,
            details={"share": share, "signed": (low, high) == (-1.0, 1.0)},
        )

    def facts(self, profile: Profile, reading: Reading) -> Iterable[Fact]:
        """Say how common the positive label is."""
        share = reading.details.get("share")
        if share is not None:
            yield Fact(
                "positive_share",
                share,
                f"{percent(share)} of the labels are {shown(reading.coding.positive)}, which is "
                "taken as positive.",
            )

    def signs(self, profile: Profile, reading: Reading) -> Iterable[Evidence]:
        """See how rare the rarer label is, and how labels are coded."""
        share = reading.details.get("share", 0.5)
        yield from imbalance(min(share, 1 - share), "positive_share")
        if reading.details.get("signed"):
            yield Evidence(Sign.SIGNED, "Its labels are coded as -1 and 1.", ("distinct",))

    def threshold(self, loss: Loss, reading: Reading) -> str:
        """Say where to cut."""
        return threshold_advice(reading.details.get("share", 0.5))

    def metrics(self, loss: Loss, signs: Sequence[str]) -> tuple[str, ...]:
        """With a rare label, accuracy says nothing."""
        extra = ("average precision",) if Sign.IMBALANCED in signs else ()
        return tuple(dict.fromkeys((*loss.card.metrics, *extra)))

    def warnings(self, profile: Profile, reading: Reading) -> Iterable[str]:
        """Find labels that look like each other."""
        if profile.column is not None:
            yield from spelling_warnings(profile.column)


def imbalance(rarest: float, fact: str) -> Iterable[Evidence]:
    """Say how rare the rarest of two labels is."""
    text = f"The rarer label has {_share(rarest)} of the rows"
    if rarest < UNEVEN:
        yield Evidence(Sign.UNEVEN, f"{text}.", (fact,))
    if rarest < IMBALANCED:
        others = number((1 - rarest) / rarest)
        yield Evidence(Sign.IMBALANCED, f"{text}: the other outvotes it {others} to 1.", (fact,))
    if rarest < EXTREME:
        yield Evidence(
            Sign.EXTREME, f"{text}: nearly every batch is nearly all of one label.", (fact,)
        )


def threshold_advice(share: float) -> str:
    """Say how a probability becomes a decision."""
    advice = (
        "tune the threshold on validation data for the metric that counts; 0.5 is right only "
        "where both mistakes cost the same"
    )
    if share < IMBALANCED or share > 1 - IMBALANCED:
        advice += f"; without weights, probabilities lie around {number(share)}: begin there"
    return advice


def _share(share: float) -> str:
    return percent(share) if share >= 0.001 else f"{100 * share:.2g} %"


def _positive(column: Column) -> tuple[Any, str]:
    """Choose the label that counts as 1."""
    low, high = column.labels
    if column.form == "numbers":
        return high, "the larger number"
    if column.boolean:
        return True, "true"
    words = {one: str(one).strip().casefold() for one in (low, high)}
    for one in (high, low):
        other = low if one is high else high
        if words[one] in POSITIVE and words[other] not in POSITIVE:
            return one, "by the word"
        if words[other] in NEGATIVE and words[one] not in NEGATIVE:
            return one, "by the word"
    counts = column.counts or {}
    rare = low if counts.get(low, 0) < counts.get(high, 0) else high
    return rare, "the rarer label, which is an assumption"


def _code(column: Column, positive: Any, why: str) -> str:
    low, high = column.labels
    if column.boolean or (column.form == "numbers" and (low, high) == (0.0, 1.0)):
        return ""
    negative = low if positive == high else high
    return f"code {shown(positive)} as 1 ({why}) and {shown(negative)} as 0"
