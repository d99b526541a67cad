"""What code is written from."""

from __future__ import annotations

from dataclasses import dataclass

from losskit.choose.facts import Coding
from losskit.choose.start import Start
from losskit.choose.transforms import Applied
from losskit.core.loss import Loss
from losskit.core.targets import TargetKind
from losskit.core.uses import Presentation

__all__ = ["Plan"]


@dataclass(frozen=True)
class Plan:
    """A recommendation, as far as code depends on it.

    Attributes
    ----------
    loss, native : Loss
        For what is learnt, and with parameters in the target's own unit.
    kind : TargetKind
        What the target is.
    coding : Coding
        How its values meet losses.
    text : bool
        Whether the values are labels rather than numbers.
    applied : Applied, optional
        What is learnt instead of the target.
    presentation : Presentation, optional
        How the target meets a loss that was not made for its kind.
    start : Start, optional
        The output layer's bias.
    width : int
        Numbers per example.
    padding : float, optional
        What takes no part.
    """

    loss: Loss
    native: Loss
    kind: TargetKind
    coding: Coding
    text: bool = False
    applied: Applied | None = None
    presentation: Presentation | None = None
    start: Start | None = None
    width: int = 1
    padding: float | None = None

    @property
    def bias(self) -> float | list[float] | None:
        """The output layer's bias, if it is known."""
        return self.start.value if self.start is not None else None
