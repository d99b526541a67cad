"""What a target is: the likeliest reading, and those that it leaves open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from losskit.choose.errors import ChooseError
from losskit.choose.facts import Reading
from losskit.choose.profile import Profile
from losskit.choose.rules import RULES
from losskit.choose.rules.unusable import problem
from losskit.core.targets import KINDS, TargetKind
from losskit.reporting.errors import closest

__all__ = ["Readings", "find_kind", "find_task", "read_kind"]

OPEN = 0.5
"""A reading with this much of the likeliest one's weight is left open."""
LEAST = 0.3
"""Weight below which a reading is not worth a word."""


@dataclass(frozen=True)
class Readings:
    """How a target is read, and how else it could be.

    Attributes
    ----------
    chosen : Reading
        The likeliest one, or the one that was asked for.
    others : tuple of Reading
        Those that the data leave open, the likelier first.
    asked : bool
        Whether it was asked for.
    """

    chosen: Reading
    others: Sequence[Reading] = ()
    asked: bool = False

    @property
    def assumption(self) -> str:
        """Say what was assumed, why, and how to overrule it; empty where nothing was."""
        if self.asked or not self.others or self.chosen.kind is None:
            return ""
        said = "; ".join(
            f"if {RULES[other.kind.name].overrule}: --kind {other.kind}"
            for other in self.others
            if other.kind is not None
        )
        taken = f"Taken for {self.chosen.kind.title}, which the values alone cannot tell."
        return f"{taken} {_upper(said)}"


def read_kind(profile: Profile, asked: str | None = None) -> Readings:
    """Decide what a target is.

    Raises
    ------
    ChooseError
        If it cannot be what was asked for, or nothing fits it.
    """
    if asked is not None:
        return Readings(_asked(profile, find_kind(asked)), asked=True)
    broken = problem(profile)
    if broken is not None:
        return Readings(broken)
    readings = [reading for rule in RULES.values() if (reading := rule.read(profile)) is not None]
    readings.sort(key=lambda reading: -reading.weight)
    if not readings:
        names = ", ".join(repr(one.name) for one in profile.columns)
        raise ChooseError(
            f"the columns {names} make no target together; choose for each of them alone"
        )
    first = readings[0]
    others = [one for one in readings[1:] if one.weight >= max(OPEN * first.weight, LEAST)]
    # What is certain leaves nothing open.
    return Readings(first, () if first.weight >= 1 else tuple(others[:2]))


def _asked(profile: Profile, kind: TargetKind) -> Reading:
    rule = RULES.get(kind.name)
    if rule is None:
        raise ChooseError(
            f"kind {kind.name!r} is not seen in data: {kind.title} comes from how a model is "
            f"trained; ask by its name instead (task {kind.name!r})"
        )
    reading = rule.read(profile, asked=True)
    if reading is None:
        raise ChooseError(
            f"kind {kind.name!r} does not fit: {kind.title} means that {rule.overrule}, and "
            f"{_found(profile)}"
        )
    return reading


def _found(profile: Profile) -> str:
    column = profile.column
    if column is None:
        return f"this target has {len(profile.columns) or profile.matrix.width} numbers per row"  # type: ignore[union-attr]
    if column.form == "numbers":
        what = "whole numbers" if column.whole else "numbers"
        return f"this one holds {what} from {column.minimum:g} to {column.maximum:g}"
    return f"this one holds {column.distinct:,} different {column.form}"


def find_kind(name: str) -> TargetKind:
    """Return the kind of this name.

    Raises
    ------
    ChooseError
        If there is none.
    """
    found = KINDS.get(_key(name))
    if found is None:
        raise ChooseError(f"kind {name!r} is unknown; {closest(_key(name), KINDS)}")
    return found


def find_task(name: str) -> TargetKind:
    """Return the kind of target that a task has, by its own name or one of its tasks'.

    Raises
    ------
    ChooseError
        If it is unknown.
    """
    known = {_key(word): kind for kind in KINDS.values() for word in (kind.name, *kind.tasks)}
    found = known.get(_key(name))
    if found is None:
        raise ChooseError(f"task {name!r} is unknown; {closest(_key(name), known)}")
    return found


def _key(name: str) -> str:
    return "-".join(name.lower().replace("_", " ").replace("-", " ").split())


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:] + "." if text else ""
