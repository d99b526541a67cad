"""Penalty on the distance from a reference policy."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.contracts import LOG_PROBABILITIES
from losskit.core.elementwise import Residual
from losskit.core.parameters import parameter
from losskit.core.uses import Use

__all__ = ["PolicyKL"]


@dataclass(frozen=True)
class PolicyKL(Residual):
    """Estimate of KL(policy‖reference) from the log-probabilities of sampled tokens.

    With d = x - y, for x the policy's log-probability of a token that was sampled from it and y
    the reference's: d (k1), d²/2 (k2) or exp(-d) - 1 + d (k3). Of a token that both rule out d
    is 0.

    Parameters
    ----------
    estimator : {"k1", "k2", "k3"}, default "k3"
        k1 is unbiased but may be negative, k2 is biased with little variance, k3 is unbiased and
        never negative.

    References
    ----------
    Schulman, J. (2020). Approximating KL Divergence.

    Examples
    --------
    >>> import losskit
    >>> loss = losskit.PolicyKL("k2")
    >>> float(loss([-1.0, -3.0], [-2.0, -1.0]))
    1.25
    """

    estimator: str = parameter(
        "k3", "which estimate of the divergence", kind="choice", choices=("k1", "k2", "k3")
    )

    card = Card(
        title="KL penalty to a reference policy",
        summary="What a policy's log-probability of its own sample differs from a reference's.",
        family=Family.DISTRIBUTION,
        formula="d = x - y: k1 d, k2 d²/2, k3 exp(-d) - 1 + d",
        gradient="k1: 1; k2: d; k3: 1 - exp(-d)",
        curvature="k1: 0; k2: 1; k3: exp(-d)",
        arguments=(output("input", LOG_PROBABILITIES), given("target", LOG_PROBABILITIES)),
        output_layer="log-softmax, taken at the sampled token",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=(
            "A policy is trained by reinforcement and must stay near a reference, and only the "
            "sampled tokens' probabilities are at hand.",
        ),
        avoid_when=("All log-probabilities are at hand: use KLDivergence, which is exact.",),
        pitfalls=(
            "A good estimate is not a good gradient. Over samples of the policy, the gradient of "
            "k1 as a loss is 0 on average, that of k2 is the gradient of KL(policy‖reference), "
            "and that of k3 is the gradient of KL(reference‖policy).",
            "Tokens of an older policy need importance weights: without them every estimate is "
            "biased.",
            "k3 grows as exp(-d): a token that the reference finds e^20 times as likely as the "
            "policy costs 5e8, and overflows float32 from a factor of e^88 on; hold d, or use k2.",
            "Detach the reference, and leave padding out with a mask.",
            "Log-densities of continuous actions may be above 0: pass validate=False.",
        ),
        metrics=("mean KL per token", "reward", "entropy of the policy"),
        sources=(
            Source("Schulman, J.", 2020, "Approximating KL Divergence"),
            Source(
                "Shao, Z. et al.",
                2024,
                "DeepSeekMath: Pushing the Limits of Mathematical Reasoning in Open Language "
                "Models",
            ),
        ),
        aliases=("kl penalty", "k3", "grpo kl"),
        equivalents={"verl": 'kl_loss_type="low_var_kl" (k3)'},
        uses=(
            Use(
                targets.POLICY,
                1,
                "It estimates from the policy's own samples how far it has moved from its "
                "reference.",
            ),
        ),
        never_negative=False,
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """The estimate of each token."""
        d = self._log_ratio(input, target, xp)
        if self.estimator == "k1":
            return d
        if self.estimator == "k2":
            return d**2 / 2
        # Near 0 exp(-d) - 1 and d cancel: there, the series of what they leave.
        small = abs(d) < 0.5
        near = xp.where(small, d, 0.0)
        series = 1 - near / 17
        for term in range(16, 2, -1):
            series = 1 - near / term * series
        # exp(inf) - inf, of a token that only the policy rules out, is inf.
        far = xp.expm1(-xp.where(small, 0.0, d)) + xp.where(d == -xp.inf, 0.0, d)
        return xp.where(small, near**2 / 2 * series, far)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """1, d, or 1 - exp(-d)."""
        d = self._log_ratio(input, target, xp)
        if self.estimator == "k1":
            return xp.ones_like(d)
        return d if self.estimator == "k2" else -xp.expm1(-d)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """0, 1, or exp(-d)."""
        d = self._log_ratio(input, target, xp)
        if self.estimator == "k3":
            return xp.exp(-d)
        return xp.zeros_like(d) if self.estimator == "k1" else xp.ones_like(d)

    def _log_ratio(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Difference of the logarithms, 0 where both are -inf."""
        ruled_out = (input == -xp.inf) & (target == -xp.inf)
        return xp.where(ruled_out, 0.0, input) - xp.where(ruled_out, 0.0, target)
