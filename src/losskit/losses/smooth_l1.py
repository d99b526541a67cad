"""Smooth L1 loss."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, absolute, sign
from losskit.core.cards import Card, Family, Outliers, Source, TorchTwin, given, output
from losskit.core.contracts import REAL_VALUES
from losskit.core.elementwise import Residual
from losskit.core.parameters import parameter
from losskit.core.uses import Estimate, Goal, Sign, Use

__all__ = ["SmoothL1"]


@dataclass(frozen=True)
class SmoothL1(Residual):
    """Absolute error, rounded off within ``beta`` of zero.

    With e = x - y: e²/(2 beta) where abs(e) < beta, else abs(e) - beta/2. It is Huber's loss
    divided by its delta: the slope far away is always 1. With beta = 0 it is the absolute error.

    Parameters
    ----------
    beta : float, default 1.0
        Where the parabola turns into a line, in the target's unit; >= 0.

    References
    ----------
    Girshick, R. (2015). Fast R-CNN.

    Examples
    --------
    >>> import losskit
    >>> float(losskit.SmoothL1(beta=0.5)([1.0, 3.0], [1.25, 1.0]))
    0.90625
    """

    beta: float = parameter(
        1.0, "error where the parabola turns into a line", unit="target", at_least=0
    )

    card = Card(
        title="smooth L1 loss",
        summary="Absolute error with a rounded tip: Huber's loss divided by its delta.",
        family=Family.REGRESSION,
        formula="e = x - y: e²/(2 beta) where |e| < beta, else |e| - beta/2",
        gradient="e/beta, held to [-1, 1]",
        curvature="1/beta where |e| < beta, else 0",
        arguments=(output("input", REAL_VALUES), given("target", REAL_VALUES)),
        output_layer="linear",
        outliers=Outliers.PARTLY,
        use_when=(
            "Boxes or other coordinates are regressed beside another loss: the slope stays 1 "
            "whatever beta is.",
        ),
        avoid_when=("Outliers are what must be predicted.",),
        pitfalls=(
            "It is Huber(delta=beta) / beta, so changing beta also changes the size of small "
            "errors' gradients.",
        ),
        metrics=("MAE", "RMSE", "median absolute error"),
        sources=(Source("Girshick, R.", 2015, "Fast R-CNN"),),
        aliases=("smooth l1 loss",),
        torch=(TorchTwin("SmoothL1Loss", "smooth_l1_loss"),),
        uses=(
            Use(
                targets.REAL,
                6,
                "Huber's loss divided by its threshold: the same fit at another learning rate.",
                settings={"beta": Estimate.ROBUST_THRESHOLD},
                better_with=(Sign.OUTLIERS, Goal.ROBUST),
                worse_with=(Goal.MEAN,),
            ),
            Use(
                targets.SEVERAL,
                4,
                "The usual loss of boxes in detection, where pixels are the unit.",
                better_with=(Sign.OUTLIERS, Goal.ROBUST),
            ),
        ),
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Parabola within beta, a line of slope 1 beyond."""
        error = absolute(input - target, xp)
        if self.beta == 0:
            return error
        return xp.where(error < self.beta, error**2 / (2 * self.beta), error - self.beta / 2)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Error over beta, held to [-1, 1]."""
        error = input - target
        return sign(error, xp) if self.beta == 0 else xp.clip(error / self.beta, -1.0, 1.0)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """1/beta within beta, 0 beyond."""
        if self.beta == 0:
            return xp.zeros_like(input)
        return xp.astype(abs(input - target) < self.beta, input.dtype) / self.beta
