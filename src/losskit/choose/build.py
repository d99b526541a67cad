"""Putting recommendations together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from losskit.choose.code import Plan, snippets
from losskit.choose.estimates import Given, estimate
from losskit.choose.facts import Evidence, Reading
from losskit.choose.goals import Wanted
from losskit.choose.profile import Profile
from losskit.choose.ranking import Candidate, goals_of, rank, signs_of
from losskit.choose.recommendation import (
    ParameterChoice,
    Reason,
    Recommendation,
    Recommended,
    TransformChoice,
)
from losskit.choose.rules import RULES
from losskit.choose.start import start_of
from losskit.choose.transforms import Applied, transform_of
from losskit.core.contracts import (
    LOG_PROBABILITIES,
    LOGITS,
    PROBABILITIES,
    PROBABILITY_ROWS,
    Contract,
)
from losskit.core.loss import Loss
from losskit.core.targets import TargetKind
from losskit.core.uses import Estimate, Goal, Presentation, Sign, Transform
from losskit.reporting.wording import join

__all__ = ["build", "changes", "described"]

MOST_CHANGES = 6


def build(
    candidate: Candidate,
    profile: Profile,
    reading: Reading,
    evidence: Sequence[Evidence],
    wanted: Wanted,
    *,
    extra: Sequence[Reason] = (),
    would_change: Sequence[str] = (),
) -> Recommended:
    """Turn a candidate into a recommendation: parameters, layer, bias, reasons and code."""
    assert reading.kind is not None  # noqa: S101 - what cannot be learnt has no candidates
    use, rule = candidate.use, RULES.get(reading.kind.name)
    applied = transform_of(use, candidate.loss, profile)
    settings, parameters = _settings(candidate, profile, reading, applied, wanted)
    loss = candidate.loss(**settings)
    start = start_of(loss, profile, reading, applied, use.presentation)
    shown = [one.sign for one in evidence]
    card = loss.card
    plan = _plan(loss, profile, reading, applied, use.presentation, start)
    return Recommended(
        loss,
        plan.native,
        Recommendation(
            name=loss.name,
            spec=loss.spec(),
            title=card.title,
            target=reading.kind.name,
            parameters=parameters,
            coding=_coding(reading, use.presentation),
            transform=_transform(applied),
            output_layer=rule.output_layer(loss, profile, reading) if rule else card.output_layer,
            output_bias=start.value if start else None,
            output_bias_text=start.text if start else "",
            because=[*extra, *_because(candidate, evidence, reading)],
            would_change=list(would_change),
            use_when=list(card.use_when),
            avoid_when=list(card.avoid_when),
            pitfalls=list(card.pitfalls),
            metrics=list(rule.metrics(loss, shown) if rule else card.metrics),
            threshold=rule.threshold(loss, reading) if rule else "",
            mend=_mend(loss, profile),
            code=snippets(plan),
        ),
        presented=use.presentation is not None or reading.coding.scale != 1,
    )


def _plan(
    loss: Loss,
    profile: Profile,
    reading: Reading,
    applied: Applied | None,
    presentation: Presentation | None,
    start: Any,
) -> Plan:
    column = profile.column
    assert reading.kind is not None  # noqa: S101 - as above
    return Plan(
        loss=loss,
        native=_in_target_unit(loss, applied),
        kind=reading.kind,
        coding=reading.coding,
        text=column is not None and column.form == "labels" and not column.boolean,
        applied=applied,
        presentation=presentation,
        start=start,
        width=profile.matrix.width if profile.matrix is not None else 1,
        padding=reading.padding,
    )


def _in_target_unit(loss: Loss, applied: Applied | None) -> Loss:
    """Undo standardising in parameters that have the target's unit."""
    if applied is None or applied.transform is not Transform.STANDARDISE or applied.per_column:
        return loss
    scaled = {
        name: float(f"{getattr(loss, name) * applied.scale:.4g}")
        for name, declared in loss.parameters().items()
        if declared.unit == "target"
    }
    return replace(loss, **scaled)


def _settings(
    candidate: Candidate,
    profile: Profile,
    reading: Reading,
    applied: Applied | None,
    wanted: Wanted,
) -> tuple[dict[str, Any], list[ParameterChoice]]:
    transform = applied.transform if applied else None
    scale = applied.scale if applied else 1.0
    given = Given(profile, reading, transform, scale, wanted.quantile)
    settings: dict[str, Any] = {}
    choices: list[ParameterChoice] = []
    for name, value in candidate.use.settings.items():
        if isinstance(value, Estimate):
            found = estimate(value, given)
            if found is None:
                continue
            settings[name] = found.value
            choices.append(ParameterChoice(name, found.value, found.how))
        else:
            settings[name] = value
            plain = value if isinstance(value, (int, float)) else list(value)
            choices.append(ParameterChoice(name, plain, "a usual start; tune it"))
    return settings, choices


def _coding(reading: Reading, presentation: Presentation | None) -> str:
    parts = [reading.coding.text, str(presentation) if presentation else ""]
    return "; then ".join(part for part in parts if part)


def _transform(applied: Applied | None) -> TransformChoice | None:
    if applied is None:
        return None
    name: Any = applied.transform.value
    return TransformChoice(name, str(applied), applied.why, applied.mean, applied.scale)


def _because(candidate: Candidate, evidence: Sequence[Evidence], reading: Reading) -> list[Reason]:
    """Cite what was asked for, what the data show, and what suits the kind."""
    reasons = [
        Reason(f"You asked for {one.meaning}.")
        for one in candidate.speaks_for
        if isinstance(one, Goal)
    ]
    by_sign = {one.sign: one for one in evidence}
    reasons += [
        Reason(by_sign[one].text, list(by_sign[one].facts))
        for one in candidate.speaks_for
        if isinstance(one, Sign) and one in by_sign
    ]
    reasons.append(Reason(candidate.use.why, list(reading.facts)))
    reasons += [
        Reason(
            f"Against it: {by_sign[one].text[:1].lower()}{by_sign[one].text[1:]}",
            list(by_sign[one].facts),
        )
        for one in candidate.speaks_against
        if isinstance(one, Sign) and one in by_sign
    ]
    return reasons


def described(candidate: Candidate) -> str:
    """Name a candidate with what sets it apart from others of its loss."""
    notes = [
        f"{name} = {value}" if not isinstance(value, float) else f"{name} = {value:g}"
        for name, value in candidate.use.settings.items()
    ]
    if candidate.use.transform is not None:
        notes.append(f"on {candidate.use.transform} of the target")
    name = candidate.loss.__name__
    return f"{name} ({', '.join(notes)})" if notes else name


def changes(
    kind: TargetKind,
    signs: Collection[Sign],
    wanted: Wanted,
    others: Sequence[tuple[str, str]] = (),
) -> list[str]:
    """Say what would bring another loss to the front, by asking again with that changed.

    Parameters
    ----------
    kind
        What the target is.
    signs
        What the data show.
    wanted
        What is wanted.
    others
        Other readings of the target: when they hold, and the loss that is first for them.
    """
    first = rank(kind, signs, wanted.goals)[0]
    found = [f"If {when}: {name}." for when, name in others]
    seen = [(first.loss, first.use)]
    for sign in signs_of(kind):
        changed = [one for one in signs if one is not sign] if sign in signs else [*signs, sign]
        leader = rank(kind, changed, wanted.goals)[0]
        if (leader.loss, leader.use) not in seen:
            seen.append((leader.loss, leader.use))
            opposite = f"If it were not so that {sign}" if sign in signs else f"If {sign}"
            found.append(f"{opposite}: {described(leader)}.")
    for goal in goals_of(kind):
        if goal in wanted.goals:
            continue
        leader = rank(kind, signs, (goal,))[0]
        if (leader.loss, leader.use) != (first.loss, first.use):
            found.append(f"If you want {goal.meaning} (goal {goal}): {described(leader)}.")
    return found[: MOST_CHANGES + len(others)]


def _mend(loss: Loss, profile: Profile) -> str:
    """Say what is wrong with the model's output for a loss."""
    output = profile.output
    if output is None:
        return ""
    wanted, found = loss.card.input, output.contract
    said: list[str] = []
    if _clash(wanted, found):
        said.append(
            f"the output looks like {found.title}, but {loss.name} takes {wanted.title}: "
            f"{_TAKE.get((wanted.name, found.name), wanted.mend or 'change the last layer')}"
        )
    return join(said)


_ROWS = (PROBABILITIES.name, PROBABILITY_ROWS.name)
_TAKE = {
    **{(LOGITS.name, name): "take the values before softmax or sigmoid" for name in _ROWS},
    (LOGITS.name, LOG_PROBABILITIES.name): "take the values before log-softmax; they do as well as "
    "they are, since log-softmax changes nothing twice",
    **{
        (LOG_PROBABILITIES.name, name): "take their logarithm, better by log_softmax"
        for name in _ROWS
    },
    (LOG_PROBABILITIES.name, LOGITS.name): "apply log_softmax",
    (
        PROBABILITIES.name,
        LOGITS.name,
    ): "apply sigmoid, or keep the logits and use the loss for them",
}


def _clash(wanted: Contract, found: Contract) -> bool:
    """Whether values that look like one thing are certainly not the other."""
    if found.name in _ROWS:
        return wanted in (LOGITS, LOG_PROBABILITIES)
    if found == LOG_PROBABILITIES:
        return wanted in (LOGITS, PROBABILITIES)
    return found == LOGITS and wanted in (PROBABILITIES, LOG_PROBABILITIES)
