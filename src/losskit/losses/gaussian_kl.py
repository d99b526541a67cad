"""KL divergence of a Gaussian posterior to its prior."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array
from losskit.core.cards import Card, Family, Outliers, Source, output
from losskit.core.contracts import LOG_VARIANCES, REAL_VALUES
from losskit.core.parameters import parameter
from losskit.core.rowwise import Rowwise
from losskit.core.uses import Use

__all__ = ["GaussianKL"]


@dataclass(frozen=True)
class GaussianKL(Rowwise):
    """KL divergence of a diagonal Gaussian to a prior, in closed form, as in variational coders.

    ½ Σ_d (exp(v)/s² + (m - m0)²/s² - 1 - v + log s²) for each row of means m and logarithms v of
    variances, against the prior N(m0, s²) in every dimension. It has no target.

    Parameters
    ----------
    prior_mean : float, default 0.0
        The prior's mean m0.
    prior_variance : float, default 1.0
        The prior's variance s²; > 0.

    References
    ----------
    Kingma, D. P. and Welling, M. (2014). Auto-Encoding Variational Bayes.

    Examples
    --------
    >>> import losskit
    >>> losskit.GaussianKL()([[0.0, 0.0], [1.0, 2.0]], [[0.0, 0.0]] * 2, reduction="none").tolist()
    [0.0, 2.5]
    """

    prior_mean: float = parameter(0.0, "mean of the prior")
    prior_variance: float = parameter(1.0, "variance of the prior", above=0)

    card = Card(
        title="KL divergence of Gaussians",
        summary="How far a predicted Gaussian is from its prior, in nats, summed over dimensions.",
        family=Family.DISTRIBUTION,
        formula="½ Σ_d (exp(v)/s² + (m - m0)²/s² - 1 - v + log s²)",
        gradient="(m - m0)/s² in m, (exp(v)/s² - 1)/2 in v",
        curvature="1/s² in m, exp(v)/(2 s²) in v",
        arguments=(output("mean", REAL_VALUES), output("log_variance", LOG_VARIANCES)),
        output_layer="two linear heads, one for means and one for the logarithms of variances",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=("A latent posterior is held to a prior: variational auto-encoders.",),
        avoid_when=(
            "The posterior is no diagonal Gaussian: estimate the divergence from samples.",
        ),
        pitfalls=(
            "It takes the logarithm of the variance, not the standard deviation's: "
            "log s² is 2 log s.",
            "It is summed over the dimensions and averaged over the rows; a reconstruction loss "
            "averaged over pixels beside it weighs it up by the number of pixels.",
            "Close to 0 in all dimensions the posterior has collapsed: the latents say nothing. "
            "Warm its weight up from 0.",
        ),
        metrics=("ELBO", "reconstruction error", "active latent units"),
        sources=(Source("Kingma, D. P. and Welling, M.", 2014, "Auto-Encoding Variational Bayes"),),
        aliases=("vae kl", "kl to a standard normal"),
        equivalents={"PyTorch": "torch.distributions.kl_divergence(Normal, Normal), unsummed"},
        uses=(
            Use(
                targets.LATENT,
                1,
                "The divergence of two Gaussians in closed form: no sampling, no noise.",
            ),
        ),
    )

    def value_at(self, mean: Array, log_variance: Array, xp: ModuleType) -> Array:
        """½ Σ (exp(t) - 1 - t + (m - m0)²/s²), with t the logarithm of the variances' ratio."""
        shift = (mean - self.prior_mean) ** 2 / self.prior_variance
        return xp.sum(shift + _exp_above_tangent(self._ratio(log_variance), xp), axis=-1) / 2

    def gradient_at(self, mean: Array, log_variance: Array, xp: ModuleType) -> tuple[Array, Array]:
        """Distance from the prior's mean, and what the variance exceeds the prior's by."""
        in_mean = (mean - self.prior_mean) / self.prior_variance
        return in_mean, xp.expm1(self._ratio(log_variance)) / 2

    def curvature_at(self, mean: Array, log_variance: Array, xp: ModuleType) -> tuple[Array, Array]:
        """1/s², and half of the variances' ratio."""
        in_mean = xp.ones_like(mean) / self.prior_variance
        return in_mean, xp.exp(self._ratio(log_variance)) / 2

    def _ratio(self, log_variance: Array) -> Array:
        return log_variance - math.log(self.prior_variance)


def _exp_above_tangent(t: Array, xp: ModuleType) -> Array:
    """exp(t) - 1 - t, to all digits."""
    # Near 0 the difference of expm1(t) and t has lost them; there, the series to t^10 has all.
    series = 1.0
    for order in range(10, 2, -1):
        series = 1 + t / order * series
    near = abs(t) < 0.1
    far = xp.where(near, 0.0, t)
    return xp.where(near, t * t / 2 * series, xp.expm1(far) - far)
