"""What a rule is: how a kind of target is recognised, and what its data speak for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

from losskit.choose.facts import Evidence, Fact, Reading
from losskit.choose.profile import Profile
from losskit.core.loss import Loss
from losskit.core.targets import TargetKind

__all__ = ["CERTAIN", "LIKELY", "POSSIBLE", "Rule"]

CERTAIN, LIKELY, POSSIBLE = 1.0, 0.7, 0.35


class Rule(ABC):
    """All that is known of a kind of target, apart from the losses, which say that themselves.

    Attributes
    ----------
    kind : TargetKind
        For which kind.
    overrule : str
        When to say that a target is of this kind where it was taken for another.
    """

    kind: ClassVar[TargetKind]
    overrule: ClassVar[str]

    @abstractmethod
    def read(self, profile: Profile, *, asked: bool = False) -> Reading | None:
        """Return how the target can be read as this kind; None if it cannot.

        Where it was ``asked`` for, it does not matter how likely that is, only whether it can be.
        """

    def facts(self, profile: Profile, reading: Reading) -> Iterable[Fact]:
        """Return facts that matter for this kind only."""
        return ()

    def signs(self, profile: Profile, reading: Reading) -> Iterable[Evidence]:
        """Return what the data speak for."""
        return ()

    def output_layer(self, loss: Loss, profile: Profile, reading: Reading) -> str:
        """Return the model's last layer; by default what the loss's card says."""
        return loss.card.output_layer

    def metrics(self, loss: Loss, signs: Sequence[str]) -> tuple[str, ...]:
        """Return what to report."""
        return loss.card.metrics

    def threshold(self, loss: Loss, reading: Reading) -> str:
        """Return advice on turning outputs into decisions; empty where there are none."""
        return ""

    def warnings(self, profile: Profile, reading: Reading) -> Iterable[str]:
        """Return what looks wrong with the data."""
        return ()
