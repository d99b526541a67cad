"""What is wanted besides a good fit."""

from __future__ import annotations

from dataclasses import dataclass

from losskit.choose.errors import ChooseError
from losskit.choose.ranking import goals_of
from losskit.core.targets import TargetKind
from losskit.core.uses import Goal
from losskit.reporting.errors import closest

__all__ = ["Wanted", "read_goal"]


@dataclass(frozen=True)
class Wanted:
    """A goal, and its number where it has one."""

    goal: Goal | None = None
    quantile: float | None = None

    @property
    def goals(self) -> tuple[Goal, ...]:
        """The goal, or none."""
        return () if self.goal is None else (self.goal,)

    def check(self, kind: TargetKind) -> None:
        """Refuse a goal that no loss for this kind of target serves."""
        fitting = goals_of(kind)
        if self.goal is None or self.goal in fitting:
            return
        fits = ", ".join(fitting) or "none"
        raise ChooseError(
            f"goal {str(self.goal)!r} does not fit: it asks for {self.goal.meaning}, and the "
            f"target is {kind.title}; goals that fit: {fits}"
        )


def read_goal(text: str | None) -> Wanted:
    """Read a goal as it is written: its name, or ``quantile=0.9``.

    Raises
    ------
    ChooseError
        If it is unknown, or its number is wrong.
    """
    if text is None:
        return Wanted()
    name, equals, number = (part.strip() for part in text.partition("="))
    name = name.lower().replace("_", "-")
    known = [str(one) for one in Goal]
    if name not in known:
        raise ChooseError(f"goal {text!r} is unknown; {closest(name, known)}")
    goal = Goal(name)
    if goal is not Goal.QUANTILE:
        if equals:
            raise ChooseError(f"goal {text!r}: {name} takes no number")
        return Wanted(goal)
    try:
        quantile = float(number)
    except ValueError:
        raise ChooseError(f"goal {text!r}: quantile needs a number, as in quantile=0.9") from None
    if not 0 < quantile < 1:
        raise ChooseError(f"goal {text!r}: a quantile lies between 0 and 1")
    return Wanted(goal, quantile)
