"""Gamma negative log-likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.contracts import LOG_MEANS, POSITIVE_AMOUNTS
from losskit.core.elementwise import Elementwise
from losskit.core.uses import Goal, Use

__all__ = ["GammaNLL"]


@dataclass(frozen=True)
class GammaNLL(Elementwise):
    """Negative log-likelihood of an amount y > 0 under a gamma distribution with mean exp(x).

    x + y exp(-x), per unit of the shape parameter and without what depends on y alone. Errors
    count by their ratio to the mean: 10 instead of 20 costs what 100 instead of 200 costs.

    References
    ----------
    McCullagh, P. and Nelder, J. A. (1989). Generalized Linear Models, second edition.

    Examples
    --------
    >>> import losskit
    >>> float(losskit.GammaNLL()([0.0, 0.0], [1.0, 2.0]))
    1.5
    """

    card = Card(
        title="gamma negative log-likelihood",
        summary="Log loss of a positive amount whose spread grows with its mean.",
        family=Family.REGRESSION,
        formula="x + y exp(-x)",
        gradient="1 - y exp(-x)",
        curvature="y exp(-x)",
        arguments=(output("input", LOG_MEANS), given("target", POSITIVE_AMOUNTS)),
        output_layer="linear, the logarithm of the mean",
        outliers=Outliers.SENSITIVE,
        use_when=(
            "The target is a positive amount, its errors are relative: costs, durations, sizes.",
        ),
        avoid_when=("The target has zeros: use Tweedie.",),
        pitfalls=("The input is the logarithm of the mean: apply exp to predict.",),
        metrics=("gamma deviance", "MAE", "mean absolute percentage error"),
        sources=(Source("McCullagh, P. and Nelder, J. A.", 1989, "Generalized Linear Models"),),
        aliases=("gamma", "gamma deviance"),
        equivalents={
            "scikit-learn": 'ensemble.HistGradientBoostingRegressor(loss="gamma")',
            "XGBoost": "reg:gamma",
            "LightGBM": "gamma",
        },
        uses=(
            Use(
                targets.AMOUNT,
                2,
                "It predicts the mean itself, and takes the spread to grow with it.",
                better_with=(Goal.MEAN,),
                worse_with=(Goal.ROBUST, Goal.MEDIAN),
            ),
        ),
        never_negative=False,
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """X + y exp(-x)."""
        return input + target * xp.exp(-input)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """1 - y exp(-x)."""
        return 1 - target * xp.exp(-input)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Y exp(-x)."""
        return target * xp.exp(-input)

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """exp(-x)."""
        return xp.exp(-input)
