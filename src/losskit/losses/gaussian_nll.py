"""Gaussian negative log-likelihood."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, constant
from losskit.core.cards import Card, Family, Outliers, Source, TorchTwin, given, output
from losskit.core.contracts import REAL_VALUES, VARIANCES
from losskit.core.elementwise import Elementwise
from losskit.core.parameters import parameter
from losskit.core.uses import Goal, Sign, Transform, Use

__all__ = ["GaussianNLL"]


@dataclass(frozen=True)
class GaussianNLL(Elementwise):
    """Negative log-likelihood of a real y under a Gaussian with predicted mean x and variance v.

    (log v + (x - y)²/v)/2, with v held to at least ``eps``. The variance may be one number for
    all, one for each row (without the last axis), or have axes of length 1; its gradient comes
    in its own shape.

    Parameters
    ----------
    full : bool, default False
        Whether the constant (log 2π)/2 is added.
    eps : float, default 1e-6
        Least variance; > 0. Below it, the variance's gradient is the one at ``eps``.

    References
    ----------
    Nix, D. A. and Weigend, A. S. (1994). Estimating the Mean and Variance of the Target
    Probability Distribution.

    Examples
    --------
    >>> import losskit
    >>> float(losskit.GaussianNLL()([1.0, 3.0], [0.0, 1.0], [1.0, 1.0]))
    1.25
    """

    full: bool = parameter(False, "whether the constant (log 2π)/2 is added", kind="flag")
    eps: float = parameter(1e-6, "least variance", above=0)

    card = Card(
        title="Gaussian negative log-likelihood",
        summary="Squared error weighed by a predicted variance, with a price on the variance.",
        family=Family.REGRESSION,
        formula="(log v + (x - y)²/v)/2, with v = max(var, eps); full adds (log 2π)/2",
        gradient="in x: (x - y)/v; in var: (1 - (x - y)²/v)/(2 v)",
        curvature="in x: 1/v; in var: (2 (x - y)²/v - 1)/(2 v²)",
        arguments=(
            output("input", REAL_VALUES),
            given("target", REAL_VALUES),
            output("var", VARIANCES, stretches=True),
        ),
        output_layer="two linear units per target, softplus or exp on the one for the variance",
        outliers=Outliers.SENSITIVE,
        use_when=(
            "The noise differs from example to example, and how much is wanted as well.",
            "Predictions need intervals.",
        ),
        avoid_when=(
            "The noise is the same everywhere: MSE gives the same mean with less trouble.",
            "Outliers are no noise: one of them makes the model doubt its whole surroundings.",
        ),
        pitfalls=(
            "The mean's gradient is divided by the variance: where the fit is bad, the variance "
            "grows first and the mean stops learning (Seitzer et al., 2022); start with MSE.",
            "It takes variances: pass neither standard deviations nor log-variances.",
            "The value can be negative, without a lower end as variances shrink; only "
            "differences mean something.",
        ),
        metrics=("RMSE", "coverage of prediction intervals", "CRPS"),
        sources=(
            Source(
                "Nix, D. A. and Weigend, A. S.",
                1994,
                "Estimating the Mean and Variance of the Target Probability Distribution",
            ),
            Source(
                "Seitzer, M. et al.",
                2022,
                "On the Pitfalls of Heteroscedastic Uncertainty Estimation with Probabilistic "
                "Neural Networks",
            ),
        ),
        aliases=("gaussian nll", "heteroscedastic regression", "gaussian likelihood"),
        torch=(TorchTwin("GaussianNLLLoss", "gaussian_nll_loss"),),
        uses=(
            Use(
                targets.REAL,
                4,
                "The model says with each prediction how sure it is.",
                better_with=(Goal.INTERVALS, Sign.MEAN_AND_VARIANCE),
                worse_with=(Sign.OUTLIERS, Goal.ROBUST, Goal.MEDIAN),
            ),
            Use(
                targets.AMOUNT,
                5,
                "On the logarithm, the model says with each prediction how sure it is.",
                better_with=(Goal.INTERVALS, Sign.MEAN_AND_VARIANCE),
                worse_with=(Sign.OUTLIERS, Goal.ROBUST, Goal.MEDIAN),
                transform=Transform.LOG,
            ),
        ),
        never_negative=False,
    )

    def value_at(self, input: Array, target: Array, var: Array, xp: ModuleType) -> Array:
        """Price of the variance, and squared error in its unit."""
        v = self._floored(var, xp)
        values = (xp.log(v) + (input - target) ** 2 / v) / 2
        return values + math.log(2 * math.pi) / 2 if self.full else values

    def gradient_at(
        self, input: Array, target: Array, var: Array, xp: ModuleType
    ) -> tuple[Array, Array]:
        """Error in the unit of the variance; what the variance exceeds the error by."""
        v = self._floored(var, xp)
        error = input - target
        return error / v, (1 - error**2 / v) / (2 * v)

    def curvature_at(
        self, input: Array, target: Array, var: Array, xp: ModuleType
    ) -> tuple[Array, Array]:
        """1/v, and (2 e²/v - 1)/(2 v²)."""
        v = self._floored(var, xp)
        return 1 / v, (2 * (input - target) ** 2 / v - 1) / (2 * v**2)

    def target_gradient_at(
        self, input: Array, target: Array, var: Array, xp: ModuleType
    ) -> Array | None:
        """The mean's, with the other sign."""
        return (target - input) / self._floored(var, xp)

    def _floored(self, var: Array, xp: ModuleType) -> Array:
        """Variance, at least eps; its derivative is 1 below as well, so that it can grow back."""
        enough = var >= self.eps
        low = xp.where(enough, self.eps, var)
        return xp.where(enough, var, self.eps + (low - constant(low)))
