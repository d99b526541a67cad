"""Log-cosh loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.contracts import REAL_VALUES
from losskit.core.elementwise import Residual
from losskit.core.uses import Goal, Sign, Use

__all__ = ["LogCosh"]


@dataclass(frozen=True)
class LogCosh(Residual):
    """Logarithm of the hyperbolic cosine of the error, log cosh(x - y).

    About e²/2 near zero and abs(e) - log 2 far away: Huber's shape with a smooth bend, whose
    place is fixed at errors of about 1.

    References
    ----------
    Green, P. J. (1990). Bayesian Reconstructions from Emission Tomography Data Using a Modified
    EM Algorithm.

    Examples
    --------
    >>> import losskit
    >>> round(float(losskit.LogCosh()([1.0, 3.0], [0.0, 0.0])), 4)
    1.3716
    """

    card = Card(
        title="log-cosh loss",
        summary="A smooth Huber loss that bends at errors of about 1.",
        family=Family.REGRESSION,
        formula="log cosh(x - y)",
        gradient="tanh(x - y)",
        curvature="1 - tanh²(x - y)",
        arguments=(output("input", REAL_VALUES), given("target", REAL_VALUES)),
        output_layer="linear",
        outliers=Outliers.PARTLY,
        use_when=(
            "Huber's robustness is wanted with a curvature that is nowhere 0, as Newton steps and "
            "boosting like it.",
        ),
        avoid_when=("The target's unit is far from 1 and it is not standardised: use Huber.",),
        pitfalls=("The bend lies at errors of about 1 and cannot be moved: scale the target.",),
        metrics=("MAE", "RMSE", "median absolute error"),
        sources=(
            Source(
                "Green, P. J.",
                1990,
                "Bayesian Reconstructions from Emission Tomography Data Using a Modified EM "
                "Algorithm",
            ),
        ),
        aliases=("logcosh loss",),
        equivalents={"Keras": "LogCosh", "optax": "log_cosh"},
        uses=(
            Use(
                targets.REAL,
                5,
                "As Huber's, without a corner; it bends at 1, so it needs a standardised target.",
                better_with=(Sign.OUTLIERS, Goal.ROBUST),
                worse_with=(Goal.MEAN,),
            ),
        ),
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Log cosh(e), without the overflow of cosh, nor its rounding to 1 for small errors."""
        error = input - target
        small = abs(error) < 2
        near = xp.log1p(2 * xp.sinh(xp.where(small, error, 0.0) / 2) ** 2)
        distance = xp.where(small, 2.0, abs(error))
        return xp.where(small, near, distance - math.log(2) + xp.log1p(xp.exp(-2 * distance)))

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Hyperbolic tangent of the error."""
        return xp.tanh(input - target)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """1 - tanh²(e), as 4 t / (1 + t)² with t = exp(-2 |e|), which does not round to 0."""
        shrunk = xp.exp(-2 * abs(input - target))
        return 4 * shrunk / (1 + shrunk) ** 2
