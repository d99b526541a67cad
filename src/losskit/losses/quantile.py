"""Quantile (pinball) loss."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, absolute, sign
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.contracts import REAL_VALUES
from losskit.core.elementwise import Residual
from losskit.core.parameters import parameter
from losskit.core.uses import Estimate, Goal, Use

__all__ = ["Quantile"]


@dataclass(frozen=True)
class Quantile(Residual):
    """Pinball loss, whose minimiser is a quantile of the target given the features.

    q (y - x) where y >= x, else (1 - q)(x - y). With q = 0.5 it is half the absolute error; at an
    error of exactly 0 the subgradient 0 is taken.

    Parameters
    ----------
    quantile : float, default 0.5
        The quantile q, in (0, 1).

    References
    ----------
    Koenker, R. and Bassett, G. (1978). Regression Quantiles.

    Examples
    --------
    >>> import losskit
    >>> round(float(losskit.Quantile(quantile=0.9)([1.0, 3.0], [2.0, 2.0])), 6)
    0.5
    """

    quantile: float = parameter(0.5, "quantile of the target that is estimated", above=0, below=1)

    card = Card(
        title="quantile (pinball) loss",
        summary="Absolute error that weighs too low and too high differently: a quantile.",
        family=Family.REGRESSION,
        formula="q (y - x) where y >= x, else (1 - q)(x - y)",
        gradient="-q where x < y, 1 - q where x > y, 0 at x = y",
        curvature="0",
        arguments=(output("input", REAL_VALUES), given("target", REAL_VALUES)),
        output_layer="linear, one unit per quantile",
        outliers=Outliers.ROBUST,
        use_when=(
            "A quantile is wanted: stock for 90 % of days, a bound that holds nine times in ten.",
            "Two quantiles make a prediction interval.",
        ),
        avoid_when=("The mean is wanted.",),
        pitfalls=(
            "Quantiles that are fitted separately can cross: sort them, or fit them together.",
            "The curvature is 0, so boosting libraries need a substitute for the Hessian.",
        ),
        metrics=("pinball loss", "coverage"),
        sources=(Source("Koenker, R. and Bassett, G.", 1978, "Regression Quantiles"),),
        aliases=("pinball", "pinball loss", "quantile loss"),
        equivalents={
            "scikit-learn": 'ensemble.HistGradientBoostingRegressor(loss="quantile")',
            "XGBoost": "reg:quantileerror",
            "LightGBM": "quantile",
        },
        settings_there={
            "scikit-learn": {"quantile": "quantile"},
            "XGBoost": {"quantile": "quantile_alpha"},
            "LightGBM": {"quantile": "alpha"},
        },
        uses=(
            *(
                Use(
                    one,
                    7,
                    "Its best prediction is that quantile, whatever the distribution.",
                    settings={"quantile": Estimate.GOAL_QUANTILE},
                    needs=(Goal.QUANTILE,),
                    better_with=(Goal.QUANTILE,),
                )
                for one in targets.NUMBERS
            ),
            *(
                Use(
                    one,
                    8,
                    "One such loss for the upper end and one with 0.05 for the lower: between "
                    "them lie 90 %.",
                    settings={"quantile": 0.95},
                    needs=(Goal.INTERVALS,),
                    better_with=(Goal.INTERVALS,),
                )
                for one in targets.NUMBERS
            ),
        ),
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Q per unit too low, 1 - q per unit too high."""
        low = target - input
        size = absolute(low, xp)
        return xp.where(low > 0, self.quantile * size, (1 - self.quantile) * size)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """-q below the target, 1 - q above it."""
        error = input - target
        return xp.where(error > 0, 1 - self.quantile, self.quantile * sign(error, xp))

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """0."""
        return xp.zeros_like(input)
