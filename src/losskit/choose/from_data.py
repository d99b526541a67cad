"""From data to recommendations."""

from __future__ import annotations

from collections.abc import Sequence

from losskit.choose.build import build, changes, described
from losskit.choose.errors import ChooseError
from losskit.choose.facts import Evidence, Fact, Reading
from losskit.choose.fit import output_signs, output_warnings
from losskit.choose.general import general_facts, general_warnings
from losskit.choose.goals import Wanted, read_goal
from losskit.choose.kinds import Readings, read_kind
from losskit.choose.looking import profile
from losskit.choose.profile import Profile
from losskit.choose.ranking import Candidate, rank
from losskit.choose.recommendation import Answer, Reason, Recommendations, Recommended
from losskit.choose.rules import RULES
from losskit.core.targets import RELEVANCE

__all__ = ["choose_from_data", "recommend"]

MOST = 5
"""Recommendations; more are hard to weigh."""


def choose_from_data(
    target: object,
    columns: Sequence[str] = (),
    *,
    output: object = None,
    groups: object = None,
    goal: str | None = None,
    kind: str | None = None,
) -> Recommendations:
    """Look at a target and recommend; parameters as of `losskit.choose.choose`."""
    wanted = read_goal(goal)
    return recommend(
        profile(target, columns, groups=groups, output=output), wanted, kind, most=MOST
    )


def recommend(
    looked: Profile, wanted: Wanted, kind: str | None = None, *, most: int | None = MOST
) -> Recommendations:
    """Recommend losses for a target that was looked at.

    Parameters
    ----------
    looked
        What is known of it.
    wanted
        What is wanted.
    kind
        What it is, where that was said.
    most
        How many recommendations; None for all.
    """
    readings = read_kind(looked, kind)
    reading = readings.chosen
    if reading.kind is None:
        return _nothing(looked, readings)
    wanted.check(reading.kind)
    if looked.groups is not None and reading.kind is not RELEVANCE:
        raise ChooseError(
            f"groups go with {RELEVANCE.title}, and the target is {reading.kind.title}; leave the "
            "groups out"
        )
    evidence = _evidence(looked, reading)
    items = tuple(_items(looked, readings, evidence, wanted)[:most])
    answer = Answer(
        source=looked.name,
        kind=reading.kind.name,
        meaning=reading.kind.title,
        why=f"you said so, and {reading.why}" if readings.asked else reading.why,
        assumption=readings.assumption,
        problem="",
        goal=str(wanted.goal or "") + (f"={wanted.quantile:g}" if wanted.quantile else ""),
        facts=_facts(looked, reading, *readings.others),
        warnings=_warnings(looked, reading),
        notes=list(looked.notes),
        recommendations=[item.recommendation for item in items],
    )
    return Recommendations(answer, items)


def _items(
    looked: Profile, readings: Readings, evidence: Sequence[Evidence], wanted: Wanted
) -> list[Recommended]:
    reading = readings.chosen
    assert reading.kind is not None  # noqa: S101 - seen by the caller
    signs = [one.sign for one in evidence]
    ranked = rank(reading.kind, signs, wanted.goals)
    others = [_other(looked, other, wanted) for other in readings.others]
    open_ones = [one for one in others if one is not None]
    change = changes(
        reading.kind,
        signs,
        wanted,
        [
            (RULES[other.kind.name].overrule, described(candidate))
            for other, candidate, _ in open_ones
            if other.kind
        ],
    )
    items = [
        build(
            candidate,
            looked,
            reading,
            evidence,
            wanted,
            extra=[
                Reason(f"The target is {reading.kind.title}: {reading.why}.", list(reading.facts))
            ]
            if at == 0
            else (),
            would_change=change if at == 0 else (),
        )
        for at, candidate in enumerate(ranked)
    ]
    # What is right if the likeliest reading is wrong comes second: it is what to check next.
    names = {(items[0].name, items[0].recommendation.transform)}
    for place, (other, candidate, shown) in enumerate(open_ones, start=1):
        assert other.kind is not None  # noqa: S101 - seen in _other
        when = Reason(f"If {RULES[other.kind.name].overrule}.", list(other.facts))
        built = build(candidate, looked, other, shown, wanted, extra=[when])
        key = (built.name, built.recommendation.transform)
        if key in names or place > 1:
            continue
        names.add(key)
        # The same loss, used in the same way, need not be told twice.
        items = [one for one in items if not _same(one, built)]
        items.insert(1, built)
        break
    return items


def _same(one: Recommended, other: Recommended) -> bool:
    return one.loss == other.loss and (
        (one.recommendation.transform, one.presented)
        == (other.recommendation.transform, other.presented)
    )


def _other(
    looked: Profile, other: Reading, wanted: Wanted
) -> tuple[Reading, Candidate, list[Evidence]] | None:
    """Return the first loss for another reading; None where the goal does not fit it."""
    if other.kind is None:
        return None
    try:
        wanted.check(other.kind)
    except ChooseError:
        return None
    shown = _evidence(looked, other)
    ranked = rank(other.kind, [one.sign for one in shown], wanted.goals)
    return other, ranked[0], shown


def _evidence(looked: Profile, reading: Reading) -> list[Evidence]:
    assert reading.kind is not None  # noqa: S101 - seen by the caller
    rule = RULES.get(reading.kind.name)
    found = list(rule.signs(looked, reading)) if rule else []
    return [*found, *output_signs(looked, reading)]


def _facts(looked: Profile, *readings: Reading) -> list[Fact]:
    """Return what is known of the target, and what matters for each way to read it."""
    own = [
        fact
        for reading in readings
        if reading.kind is not None and reading.kind.name in RULES
        for fact in RULES[reading.kind.name].facts(looked, reading)
    ]
    found = {fact.name: fact for fact in (*general_facts(looked), *own)}
    return list(found.values())


def _warnings(looked: Profile, reading: Reading) -> list[str]:
    rule = RULES.get(reading.kind.name) if reading.kind else None
    own = list(rule.warnings(looked, reading)) if rule else []
    return [*general_warnings(looked), *own, *output_warnings(looked, reading)]


def _nothing(looked: Profile, readings: Readings) -> Recommendations:
    reading = readings.chosen
    answer = Answer(
        source=looked.name,
        kind="",
        meaning="",
        why=reading.why,
        assumption="",
        problem=reading.problem,
        goal="",
        facts=_facts(looked, reading),
        warnings=[],
        notes=list(looked.notes),
        recommendations=[],
    )
    return Recommendations(answer)
