"""Poisson negative log-likelihood."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array
from losskit.core.cards import Argument, Card, Family, Outliers, Source, TorchTwin, given, output
from losskit.core.contracts import COUNTS, LOG_MEANS, RATES
from losskit.core.elementwise import Elementwise
from losskit.core.parameters import parameter
from losskit.core.uses import Goal, Presentation, Use

__all__ = ["PoissonNLL"]


@dataclass(frozen=True)
class PoissonNLL(Elementwise):
    """Negative log-likelihood of a count y under a Poisson distribution.

    exp(x) - y x for the logarithm x of the rate, or x - y log(x + eps) for the rate x itself;
    with ``full``, Stirling's approximation of log y! is added where y > 1.

    Parameters
    ----------
    log_input : bool, default True
        Whether the input is the logarithm of the rate.
    full : bool, default False
        Whether the constant that depends on the target alone is added.
    eps : float, default 1e-8
        Added to the rate within the logarithm, where ``log_input`` is False; > 0.

    References
    ----------
    Nelder, J. A. and Wedderburn, R. W. M. (1972). Generalized Linear Models.

    Examples
    --------
    >>> import losskit
    >>> float(losskit.PoissonNLL()([0.0, 0.0], [3.0, 0.0]))
    1.0
    """

    log_input: bool = parameter(True, "whether the input is the log of the rate", kind="flag")
    full: bool = parameter(False, "whether Stirling's term of the target is added", kind="flag")
    eps: float = parameter(1e-8, "added to a rate before its logarithm is taken", above=0)

    card = Card(
        title="Poisson negative log-likelihood",
        summary="Log loss of a count under a predicted rate.",
        family=Family.REGRESSION,
        formula="exp(x) - y x; x - y log(x + eps) without log_input",
        gradient="exp(x) - y; 1 - y/(x + eps) without log_input",
        curvature="exp(x); y/(x + eps)² without log_input",
        arguments=(output("input", LOG_MEANS), given("target", COUNTS)),
        output_layer="linear, the logarithm of the rate",
        outliers=Outliers.SENSITIVE,
        use_when=("The target counts events, and its variance grows with its mean.",),
        avoid_when=(
            "The variance is far above the mean (over-dispersion): model that too.",
            "Zeros are far more common than the rate allows.",
        ),
        pitfalls=(
            "The input is the logarithm of the rate unless log_input=False: do not exponentiate "
            "it twice.",
            "Without full, the value can be negative; only differences mean something.",
        ),
        metrics=("Poisson deviance", "MAE", "RMSE"),
        sources=(
            Source("Nelder, J. A. and Wedderburn, R. W. M.", 1972, "Generalized Linear Models"),
        ),
        aliases=("poisson", "poisson loss"),
        equivalents={
            "Keras": "Poisson (on rates)",
            "scikit-learn": 'ensemble.HistGradientBoostingRegressor(loss="poisson")',
            "XGBoost": "count:poisson",
            "LightGBM": "poisson",
        },
        torch=(TorchTwin("PoissonNLLLoss", "poisson_nll_loss"),),
        uses=(
            Use(
                targets.COUNT,
                1,
                "The likelihood of counts: never below 0, and large counts may be off by more.",
                better_with=(Goal.MEAN,),
                worse_with=(Goal.ROBUST, Goal.MEDIAN),
            ),
            Use(
                targets.AMOUNT_WITH_ZEROS,
                3,
                "It needs no Poisson distribution to predict the mean of amounts with zeros "
                "rightly.",
                better_with=(Goal.MEAN,),
                worse_with=(Goal.ROBUST, Goal.MEDIAN),
            ),
            Use(
                targets.AMOUNT,
                6,
                "It predicts the mean, and leans less on small amounts than the gamma "
                "distribution.",
                better_with=(Goal.MEAN,),
                worse_with=(Goal.ROBUST, Goal.MEDIAN),
            ),
            Use(
                targets.DURATION,
                2,
                "Events per unit of time: right for durations that are cut off, if the "
                "hazard is constant.",
                presentation=Presentation.EXPOSURE,
            ),
        ),
        never_negative=False,
    )

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """Logarithms of rates, or rates."""
        input, target = self.card.arguments
        return input if self.log_input else output("input", RATES), target

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Rate less count times log rate."""
        if self.log_input:
            values = xp.exp(input) - target * input
        else:
            values = input - target * xp.log(input + self.eps)
        if not self.full:
            return values
        y = xp.where(target > 1, target, 1.0)
        stirling = y * xp.log(y) - y + xp.log(2 * math.pi * y) / 2
        return values + xp.where(target > 1, stirling, 0.0)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """exp(x) - y, or 1 - y/(x + eps)."""
        return xp.exp(input) - target if self.log_input else 1 - target / (input + self.eps)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """exp(x), or y/(x + eps)²."""
        return xp.exp(input) if self.log_input else target / (input + self.eps) ** 2

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """Minus the log rate, and the derivative of Stirling's term."""
        gradient = -input if self.log_input else -xp.log(input + self.eps)
        if not self.full:
            return gradient
        y = xp.where(target > 1, target, 1.0)
        return gradient + xp.where(target > 1, xp.log(y) + 0.5 / y, 0.0)
