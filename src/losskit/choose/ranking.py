"""The order of the losses for a kind of target, as their cards give it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from losskit.core.loss import Loss
from losskit.core.targets import TargetKind
from losskit.core.uses import Goal, Sign, Use
from losskit.losses import CATALOGUE

__all__ = ["IMPLIED", "Candidate", "goals_of", "rank", "signs_of"]

IMPLIED = {Sign.IMBALANCED: (Sign.UNEVEN,), Sign.EXTREME: (Sign.UNEVEN, Sign.IMBALANCED)}
"""What a sign brings with it."""


@dataclass(frozen=True)
class Candidate:
    """A loss, and the use of it that its card proposes.

    Attributes
    ----------
    loss : type of Loss
        Its class.
    use : Use
        The use.
    speaks_for, speaks_against : tuple of Sign or Goal
        What moved it up or down.
    """

    loss: type[Loss]
    use: Use
    speaks_for: tuple[Sign | Goal, ...]
    speaks_against: tuple[Sign | Goal, ...]

    @property
    def order(self) -> tuple[int, int, int, str]:
        """What candidates are sorted by.

        What was asked for comes before what the data show, and that before the cards' ranks.
        """
        wanted = _goals(self.speaks_for) - _goals(self.speaks_against)
        shown = _signs(self.speaks_for) - _signs(self.speaks_against)
        return (-wanted, -shown, self.use.rank, self.loss.__name__)


def _goals(reasons: Collection[Sign | Goal]) -> bool:
    return any(isinstance(one, Goal) for one in reasons)


def _signs(reasons: Collection[Sign | Goal]) -> bool:
    return any(isinstance(one, Sign) for one in reasons)


def rank(
    kind: TargetKind, signs: Collection[Sign], goals: Collection[Goal] = ()
) -> list[Candidate]:
    """Return the losses for a kind of target, the best first.

    Parameters
    ----------
    kind
        What the target is.
    signs
        What the data show.
    goals
        What is wanted.
    """
    present: set[Sign | Goal] = {*signs, *goals}
    present |= {more for sign in signs for more in IMPLIED.get(sign, ())}
    found = [
        Candidate(
            loss,
            use,
            tuple(one for one in use.better_with if one in present),
            tuple(one for one in use.worse_with if one in present),
        )
        for loss in CATALOGUE.values()
        for use in loss.card.uses
        if use.target == kind and (not use.needs or present & set(use.needs))
    ]
    return sorted(found, key=lambda candidate: candidate.order)


def goals_of(kind: TargetKind) -> list[Goal]:
    """Return the goals that change the order for a kind of target."""
    return [one for one in Goal if any(one in _named(use) for use in _uses(kind))]


def signs_of(kind: TargetKind) -> list[Sign]:
    """Return the signs that matter for a kind of target."""
    return [one for one in Sign if any(one in _named(use) for use in _uses(kind))]


def _uses(kind: TargetKind) -> list[Use]:
    return [use for loss in CATALOGUE.values() for use in loss.card.uses if use.target == kind]


def _named(use: Use) -> tuple[Sign | Goal, ...]:
    return (*use.needs, *use.better_with)
