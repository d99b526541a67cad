"""Jensen-Shannon divergence between a target's distribution and the model's."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, log_softmax, times
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.classwise import Classwise
from losskit.core.contracts import LOGITS, PROBABILITY_ROWS
from losskit.core.distributions import logarithm, softmax_curvature, softmax_gradient
from losskit.core.uses import Goal, Use

__all__ = ["JensenShannon"]


@dataclass(frozen=True)
class JensenShannon(Classwise):
    """Jensen-Shannon divergence of rows of probabilities t and the softmax p of logits.

    KL(p‖m)/2 + KL(t‖m)/2 with m = (p + t)/2, in nats: from 0 for equal rows to log 2 for rows that
    share no class. It is finite for zeros, symmetric, and one value for each row. Log-probabilities
    are logits too. The derivative of t log t is taken as 0 where t is 0.

    Parameters
    ----------
    class_axis : int, optional
        Axis of the classes in the input; None is axis 1, or the only one.

    References
    ----------
    Lin, J. (1991). Divergence Measures Based on the Shannon Entropy.

    Examples
    --------
    >>> import losskit
    >>> import math
    >>> value = losskit.JensenShannon()([0.0, -math.inf], [0.0, 1.0])
    >>> round(float(value), 4)  # log 2
    0.6931
    """

    card = Card(
        title="Jensen-Shannon divergence",
        summary="Symmetric and bounded distance of the model's distribution from a given one.",
        family=Family.DISTRIBUTION,
        formula="Σ_c (p_c log(p_c/m_c) + t_c log(t_c/m_c))/2, with p = softmax(z), m = (p + t)/2",
        gradient="p (g - Σ_c p_c g_c), with g = log(p/m)/2",
        curvature="p ((1 - 2p) (g + h - Σ_c p_c g_c) + p Σ_c p_c h_c), with g = log(p/m)/2 and "
        "h = t/(2 (p + t))",
        arguments=(output("input", LOGITS), given("target", PROBABILITY_ROWS)),
        output_layer="K linear units, no activation, or with log-softmax",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=(
            "Both distributions may have zeros, and neither direction of the KL divergence is "
            "right.",
            "Some labels are wrong: no row can cost more than log 2.",
        ),
        avoid_when=("Training starts far off: where p and t share nothing, the gradient is 0.",),
        pitfalls=(
            "Its square root is a metric; the divergence itself is not.",
            "With base-2 logarithms it ends at 1: divide by log 2 to compare.",
        ),
        metrics=("Jensen-Shannon distance", "KL divergence", "total variation distance"),
        sources=(Source("Lin, J.", 1991, "Divergence Measures Based on the Shannon Entropy"),),
        aliases=("js divergence", "jsd", "jensen-shannon divergence"),
        uses=(
            Use(
                targets.DISTRIBUTION,
                3,
                "Symmetric, and no row costs more than log 2.",
                better_with=(Goal.ROBUST,),
                worse_with=(Goal.CALIBRATED,),
            ),
        ),
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Σ (p log(p/m) + t log(t/m))/2."""
        log_p = log_softmax(input, xp)
        p = xp.exp(log_p)
        middle = (p + target) / 2
        to_model, to_target = self._to_middle(log_p, target, xp)
        apart = times(p, to_model, xp) + times(target, to_target, xp)
        # In u = (p - t)/(p + t), the first order of both logarithms cancels exactly.
        u, near = self._difference(p, target, xp)
        together = middle * (xp.log1p(-(u**2)) + 2 * u * xp.atanh(u))
        return xp.sum(xp.where(near, together, apart), axis=-1) / 2

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """P (g - Σ p g), with g = log(p/m)/2."""
        log_p = log_softmax(input, xp)
        p = xp.exp(log_p)
        to_model, _ = self._to_middle(log_p, target, xp)
        return softmax_gradient(times(p, to_model, xp) / 2, p, xp)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """P ((1 - 2p) (g + h - Σ p g) + p Σ p h), with h = t/(2 (p + t))."""
        log_p = log_softmax(input, xp)
        p = xp.exp(log_p)
        to_model, _ = self._to_middle(log_p, target, xp)
        slopes = times(p, to_model, xp) / 2
        both = p + target
        share = target / xp.where(both == 0, 1.0, both)
        return softmax_curvature(slopes, slopes + p * share / 2, p, xp)

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """log(t/m)/2."""
        _, to_target = self._to_middle(log_softmax(input, xp), target, xp)
        return xp.where(target == 0, 0.0, to_target / 2)

    def _difference(self, p: Array, target: Array, xp: ModuleType) -> tuple[Array, Array]:
        """(p - t)/(p + t), and where it is small; 0 where it is not."""
        both = p + target
        u = (p - target) / xp.where(both == 0, 1.0, both)
        near = abs(u) < 0.5
        return xp.where(near, u, 0.0), near

    def _to_middle(self, log_p: Array, target: Array, xp: ModuleType) -> tuple[Array, Array]:
        """log(p/m) and log(t/m); 0 where both are 0."""
        p = xp.exp(log_p)
        u, near = self._difference(p, target, xp)
        both = p + target
        log_middle = xp.log(xp.where(both == 0, 2.0, both) / 2)
        to_model = xp.where(near, xp.log1p(u), log_p - log_middle)
        to_target = xp.where(near, xp.log1p(-u), logarithm(target, xp) - log_middle)
        return to_model, to_target
