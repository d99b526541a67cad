"""A time until something happens, seen for some only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from losskit.choose.column import Column
from losskit.choose.facts import Evidence, Fact, Reading
from losskit.choose.profile import Profile
from losskit.choose.rules.classes import shown
from losskit.choose.rules.names import hints
from losskit.choose.rules.rule import Rule
from losskit.core import targets
from losskit.core.loss import Loss
from losskit.core.uses import Presentation, Sign
from losskit.reporting.wording import percent

__all__ = ["Duration"]


class Duration(Rule):
    """A column of durations, and one that says whether the event was seen."""

    kind = targets.DURATION
    overrule = "one column is a time, the other says whether it ended with the event"

    def read(self, profile: Profile, *, asked: bool = False) -> Reading | None:
        """Take a positive column beside one with two values."""
        found = _columns(profile)
        if found is None:
            return None
        time, event = found
        named = ("time" in hints(time.name)) + ("event" in hints(event.name))
        seen = _seen(event)
        return Reading(
            self.kind,
            0.75 + 0.1 * named,
            f"{time.name!r} is a positive time and {event.name!r} has {_values(event)}, as whether "
            "the event was seen",
            ("events",),
            details={"share": seen, "time": time.name, "event": event.name, "ways": _ways(event)},
        )

    def facts(self, profile: Profile, reading: Reading) -> Iterable[Fact]:
        """Say how many durations are whole."""
        share = reading.details.get("share")
        if share is not None:
            text = f"The event was seen in {percent(share)} of the rows; the rest is cut off."
            yield Fact("events", share, text)

    def signs(self, profile: Profile, reading: Reading) -> Iterable[Evidence]:
        """See whether durations are cut off."""
        share = reading.details.get("share", 1.0)
        if share < 1:
            text = (
                f"{percent(1 - share)} of the durations are cut off: the event comes later than "
                "the time that stands there."
            )
            yield Evidence(Sign.CENSORED, text, ("events",))

    def output_layer(self, loss: Loss, profile: Profile, reading: Reading) -> str:
        """Say what the units are."""
        uses = (one for one in loss.card.uses if one.target is self.kind)
        if any(one.presentation is Presentation.INTERVALS for one in uses):
            return (
                "one linear unit per interval, no activation: the logit of the event in it; mask "
                "the intervals after a row's own end"
            )
        return "one linear unit, the logarithm of the rate; add log(duration) to it in training"

    def metrics(self, loss: Loss, signs: object) -> tuple[str, ...]:
        """Report what censoring does not spoil."""
        return ("concordance index", "integrated Brier score", "calibration at fixed times")

    def warnings(self, profile: Profile, reading: Reading) -> Iterable[str]:
        """Warn of leaving out what is cut off."""
        ways = reading.details.get("ways", 1)
        if ways > 1:
            yield (
                f"{reading.details['event']!r} tells {ways} kinds of events apart. Here they are "
                "taken as one, and the rest as cut off; for each kind's own risk, give the model "
                "outputs for each, and cross-entropy over the kinds and none of them in each "
                "interval."
            )
        yield (
            "Do not leave out the rows that are cut off, nor take their times as events: both "
            "make durations too short. Cox's partial likelihood is no loss of single rows; XGBoost "
            "has it as survival:cox."
        )


def _columns(profile: Profile) -> tuple[Column, Column] | None:
    if len(profile.columns) != 2:
        return None
    first, second = profile.columns
    for time, event in ((first, second), (second, first)):
        is_event = event.distinct <= 2 and (event.form == "labels" or event.whole)
        if (
            (is_event or _ways(event) > 1)
            and time.form == "numbers"
            and time.minimum >= 0
            and time.distinct > 2
        ):
            return time, event
    return None


MOST_WAYS = 4
UNSEEN = ("cens", "no event", "none", "alive")


def _ways(event: Column) -> int:
    """Count kinds of events that exclude each other: 0 is none, and 1, 2, ... name them."""
    if not 3 <= len(event.counts or {}) <= MOST_WAYS + 1 or _none(event) is None:
        return 1
    named = event.form == "labels" or "event" in hints(event.name)
    return event.distinct - 1 if named else 1


def _none(event: Column) -> Any:
    """Return the value that says that nothing was seen: 0, or a word for it."""
    if event.form == "numbers":
        return 0.0 if event.labels == [float(at) for at in range(event.distinct)] else None
    found = [one for one in event.labels if str(one).strip().casefold().startswith(UNSEEN)]
    return found[0] if len(found) == 1 else None


def _values(event: Column) -> str:
    ways = _ways(event)
    return f"{shown(_none(event))} and {ways} kinds of events" if ways > 1 else "two values"


def _seen(event: Column) -> float:
    """Return the share of the larger value: 1 of 0 and 1, true of both, 2 of 1 and 2."""
    if _ways(event) > 1:
        return 1 - (event.counts or {})[_none(event)] / event.known
    if not event.counts or len(event.counts) < 2:
        return 1.0
    largest = event.labels[-1]
    return event.counts[largest] / event.known
