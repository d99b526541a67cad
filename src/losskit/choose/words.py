"""From words to recommendations: what is known of a task without its data."""

from __future__ import annotations

from losskit.choose.build import build, changes
from losskit.choose.facts import Reading
from losskit.choose.goals import read_goal
from losskit.choose.kinds import find_task
from losskit.choose.profile import Profile
from losskit.choose.ranking import rank
from losskit.choose.recommendation import Answer, Reason, Recommendations
from losskit.core.targets import KINDS, TargetKind

__all__ = ["QUESTIONS", "choose_from_words"]

MOST = 5

QUESTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("a number", ("real", "amount", "amount-with-zeros", "share", "count", "several", "duration")),
    ("one label", ("binary", "classes", "ordinal")),
    ("several labels, or a probability for each", ("multi-label", "distribution", "teacher")),
    ("a label for each token or pixel", ("tokens", "pixels", "mask")),
    ("an order", ("relevance", "order")),
    ("an embedding", ("pairs", "triplets", "identities", "views", "modalities")),
    (
        "something that another model or the model itself gives",
        ("value", "policy", "latent", "teacher"),
    ),
)
"""What is asked on a terminal: what the model gives, and which kinds of targets that may be."""


def choose_from_words(task: str, goal: str | None = None) -> Recommendations:
    """Recommend losses for a task that is named.

    Raises
    ------
    ChooseError
        If the task or the goal is unknown, or they do not fit together.
    """
    kind, wanted = find_task(task), read_goal(goal)
    wanted.check(kind)
    nothing, reading = Profile(task), Reading(kind, 1.0, "you named it")
    change = changes(kind, (), wanted)
    first = Reason(f"The target is {kind.title}, as in {kind.example}.")
    items = tuple(
        build(
            candidate,
            nothing,
            reading,
            (),
            wanted,
            extra=[first] if at == 0 else (),
            would_change=change if at == 0 else (),
        )
        for at, candidate in enumerate(rank(kind, (), wanted.goals)[:MOST])
    )
    answer = Answer(
        source=task,
        kind=kind.name,
        meaning=kind.title,
        why="",
        assumption="",
        problem="",
        goal=goal or "",
        facts=[],
        warnings=[],
        notes=["Parameters are at their usual values; with data, they are computed."],
        recommendations=[item.recommendation for item in items],
    )
    return Recommendations(answer, items)


def asked() -> list[tuple[str, list[TargetKind]]]:
    """Return the questions with their kinds."""
    return [(question, [KINDS[name] for name in names]) for question, names in QUESTIONS]
