"""Mean absolute error."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, absolute, sign
from losskit.core.cards import Card, Family, Outliers, Source, TorchTwin, WeightRole, given, output
from losskit.core.contracts import REAL_VALUES
from losskit.core.elementwise import Residual
from losskit.core.uses import Goal, Sign, Use

__all__ = ["MAE"]


@dataclass(frozen=True)
class MAE(Residual):
    """Absolute error, abs(x - y).

    Its minimiser is the median of the target given the features. The gradient is the sign of the
    error; at an error of exactly 0 the subgradient 0 is taken.

    References
    ----------
    Boscovich, R. J. (1757); Laplace, P.-S. (1774). *Mémoire sur la probabilité des causes par les
    événements*.

    Examples
    --------
    >>> import losskit
    >>> float(losskit.MAE()([90.0, 110.0, 200.0], [100.0, 100.0, 100.0]))
    40.0
    """

    card = Card(
        title="mean absolute error",
        summary="Absolute difference; its best constant is the median.",
        family=Family.REGRESSION,
        formula="|x - y|",
        gradient="sign(x - y), and 0 at x = y",
        curvature="0",
        arguments=(output("input", REAL_VALUES), given("target", REAL_VALUES)),
        output_layer="linear",
        outliers=Outliers.ROBUST,
        use_when=(
            "Some targets are wild, and the typical case matters more than they do.",
            "The conditional median is wanted, or an error in the target's own unit.",
        ),
        avoid_when=("The mean is wanted of a skewed target: the median lies elsewhere.",),
        pitfalls=(
            "The gradient does not shrink near the optimum: lower the learning rate at the end.",
            "The curvature is 0, so boosting libraries need a substitute for the Hessian.",
        ),
        metrics=("MAE", "median absolute error", "R²"),
        sources=(
            Source(
                "Laplace, P.-S.", 1774, "Mémoire sur la probabilité des causes par les événements"
            ),
        ),
        aliases=("l1", "absolute error", "least absolute deviations"),
        equivalents={
            "Keras": "MeanAbsoluteError",
            "scikit-learn": 'ensemble.HistGradientBoostingRegressor(loss="absolute_error")',
            "XGBoost": "reg:absoluteerror",
            "LightGBM": "regression_l1",
        },
        torch=(TorchTwin("L1Loss", "l1_loss", WeightRole.AVERAGE),),
        uses=(
            Use(
                targets.REAL,
                3,
                "It estimates the median: how far off a wild target is does not matter.",
                better_with=(Sign.OUTLIERS, Goal.ROBUST, Goal.MEDIAN),
                worse_with=(Goal.MEAN,),
            ),
            Use(
                targets.AMOUNT,
                4,
                "It estimates the median, which is the same before and after a logarithm.",
                better_with=(Goal.ROBUST, Goal.MEDIAN),
                worse_with=(Goal.MEAN,),
            ),
            Use(
                targets.AMOUNT_WITH_ZEROS,
                5,
                "It estimates the median, which is 0 where more than half of the targets are.",
                better_with=(Goal.ROBUST, Goal.MEDIAN),
                worse_with=(Goal.MEAN,),
            ),
            Use(
                targets.COUNT,
                5,
                "It estimates the median count.",
                better_with=(Goal.ROBUST, Goal.MEDIAN),
                worse_with=(Goal.MEAN,),
            ),
            Use(
                targets.SHARE,
                3,
                "It estimates the median share.",
                better_with=(Goal.ROBUST, Goal.MEDIAN),
                worse_with=(Goal.MEAN,),
            ),
            Use(
                targets.ORDINAL,
                4,
                "It uses the order, and aims at the median grade.",
                better_with=(Goal.ROBUST, Goal.MEDIAN),
                worse_with=(Goal.CALIBRATED,),
            ),
            Use(
                targets.SEVERAL,
                3,
                "How far off a wild value is does not matter.",
                better_with=(Sign.OUTLIERS, Goal.ROBUST, Goal.MEDIAN),
                worse_with=(Goal.MEAN,),
            ),
        ),
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """abs(x - y)."""
        return absolute(input - target, xp)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """sign(x - y)."""
        return sign(input - target, xp)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """0."""
        return xp.zeros_like(input)
