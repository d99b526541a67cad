"""Tweedie loss."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.contracts import AMOUNTS, LOG_MEANS
from losskit.core.elementwise import Elementwise
from losskit.core.parameters import parameter
from losskit.core.uses import Estimate, Goal, Use

__all__ = ["Tweedie"]


@dataclass(frozen=True)
class Tweedie(Elementwise):
    """Negative log-likelihood of an amount with exact zeros: a Poisson number of gamma amounts.

    With mean exp(x) and p = ``power``: exp((2 - p) x)/(2 - p) - y exp((1 - p) x)/(1 - p), up to
    what depends on y alone and per unit of dispersion.

    Parameters
    ----------
    power : float, default 1.5
        The variance grows as the mean to this power, in (1, 2); near 1 it is a Poisson, near 2 a
        gamma distribution.

    References
    ----------
    Jørgensen, B. (1987). Exponential Dispersion Models.

    Examples
    --------
    >>> import losskit
    >>> float(losskit.Tweedie(power=1.5)([0.0, 0.0], [0.0, 1.0]))
    3.0
    """

    power: float = parameter(
        1.5, "power of the mean with which the variance grows", above=1, below=2
    )

    card = Card(
        title="Tweedie loss",
        summary="Log loss of an amount that is often exactly 0 and otherwise positive.",
        family=Family.REGRESSION,
        formula="exp((2 - p) x)/(2 - p) - y exp((1 - p) x)/(1 - p)",
        gradient="exp((2 - p) x) - y exp((1 - p) x)",
        curvature="(2 - p) exp((2 - p) x) + (p - 1) y exp((1 - p) x)",
        arguments=(output("input", LOG_MEANS), given("target", AMOUNTS)),
        output_layer="linear, the logarithm of the mean",
        outliers=Outliers.SENSITIVE,
        use_when=(
            "Most targets are 0 and the others are positive and skewed: claims, rain, sales.",
        ),
        avoid_when=(
            "There are no zeros: use GammaNLL.",
            "The target counts something: use PoissonNLL.",
        ),
        pitfalls=(
            "The input is the logarithm of the mean: apply exp to predict.",
            "Values with different powers cannot be compared.",
        ),
        metrics=("Tweedie deviance", "MAE", "Gini coefficient"),
        sources=(Source("Jørgensen, B.", 1987, "Exponential Dispersion Models"),),
        aliases=("tweedie loss", "tweedie deviance"),
        equivalents={
            "scikit-learn": 'linear_model.TweedieRegressor(link="log")',
            "XGBoost": "reg:tweedie",
            "LightGBM": "tweedie",
            "CatBoost": "Tweedie",
        },
        settings_there={
            "scikit-learn": {"power": "power"},
            "XGBoost": {"power": "tweedie_variance_power"},
            "LightGBM": {"power": "tweedie_variance_power"},
        },
        uses=(
            Use(
                targets.AMOUNT_WITH_ZEROS,
                1,
                "One distribution for exact zeros and for positive amounts, whose mean it "
                "predicts.",
                settings={"power": Estimate.TWEEDIE_POWER},
                better_with=(Goal.MEAN,),
                worse_with=(Goal.ROBUST, Goal.MEDIAN),
            ),
        ),
        never_negative=False,
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """exp((2 - p) x)/(2 - p) + y exp((1 - p) x)/(p - 1)."""
        rest, rise = 2 - self.power, self.power - 1
        return xp.exp(rest * input) / rest + target * xp.exp(-rise * input) / rise

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """exp((2 - p) x) - y exp((1 - p) x)."""
        return xp.exp((2 - self.power) * input) - target * xp.exp((1 - self.power) * input)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """(2 - p) exp((2 - p) x) + (p - 1) y exp((1 - p) x)."""
        rest, rise = 2 - self.power, self.power - 1
        return rest * xp.exp(rest * input) + rise * target * xp.exp(-rise * input)

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """exp((1 - p) x)/(p - 1)."""
        return xp.exp((1 - self.power) * input) / (self.power - 1)
