"""PolyLoss of one term: cross-entropy with another slope where the prediction is good."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, log_softmax, times
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.classwise import Classification
from losskit.core.contracts import CLASS_INDICES, LOGITS, PROBABILITY_ROWS
from losskit.core.distributions import softmax_curvature, softmax_gradient
from losskit.core.parameters import parameter
from losskit.core.uses import Goal, Use

__all__ = ["Poly1"]


@dataclass(frozen=True)
class Poly1(Classification):
    """Cross-entropy whose first polynomial term counts 1 + epsilon times.

    Σ_c w_c q_c (epsilon (1 - p_c) - log p_c), with p the softmax of the logits and q the one-hot
    or given distribution: -log p is Σ_j (1 - p)^j / j, and epsilon is added to the first
    coefficient. With epsilon 0 it is the cross-entropy.

    Parameters
    ----------
    epsilon : float, default 1.0
        What is added to the first coefficient; >= -1.
    class_weight : array, optional
        Weight of each class, (K,). The mean divides by the weights of the targets' classes.
    ignore_index : int, default -100
        Class index that takes no part. Does not go with probabilities.
    class_axis : int, optional
        Axis of the classes in the input; None is axis 1, or the only one.

    References
    ----------
    Leng, Z. et al. (2022). PolyLoss: A Polynomial Expansion Perspective of Classification Loss
    Functions.

    Examples
    --------
    >>> import losskit
    >>> round(float(losskit.Poly1(epsilon=2.0)([0.0, 0.0], 0)), 4)  # log 2 + 2 · 1/2
    1.6931
    """

    epsilon: float = parameter(1.0, "what is added to the first coefficient", at_least=-1)

    card = Card(
        title="Poly-1 loss",
        summary="Cross-entropy plus a multiple of the probability that the target lacks.",
        family=Family.MULTICLASS,
        formula="Σ_c w_c q_c (epsilon (1 - p_c) - log p_c), with p = softmax(z)",
        gradient="p Σ_c a_c - a, with a = w q (1 + epsilon p)",
        curvature="p (1 - p) Σ_c a_c - (1 - 2p) b - p² Σ_c b_c, with a as in the gradient and "
        "b = epsilon w q p",
        arguments=(output("input", LOGITS), given("target", CLASS_INDICES, PROBABILITY_ROWS)),
        output_layer="K linear units, no activation",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=(
            "A few tries of epsilon are affordable on top of a tuned cross-entropy: the paper "
            "found gains with 1 to 2 on images.",
        ),
        avoid_when=(
            "Calibrated probabilities are needed: it is smallest away from the true ones.",
        ),
        pitfalls=(
            "The best epsilon differs from task to task, and may be negative: below 0 the loss is "
            "flatter near p = 1.",
        ),
        metrics=("accuracy", "balanced accuracy", "F1", "calibration error"),
        sources=(
            Source(
                "Leng, Z. et al.",
                2022,
                "PolyLoss: A Polynomial Expansion Perspective of Classification Loss Functions",
            ),
        ),
        aliases=("polyloss", "poly loss cross-entropy"),
        equivalents={"optax": "poly_loss_cross_entropy"},
        uses=(
            Use(
                targets.CLASSES,
                7,
                "Cross-entropy with a little more pull where the class is predicted badly.",
                worse_with=(Goal.CALIBRATED,),
            ),
        ),
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Σ w q (epsilon (1 - p) - log p)."""
        rows = self.weighted_rows(input, target, xp)
        return xp.sum(times(rows, self._cost(input, xp), xp), axis=-1)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """P Σ a - a, with a = w q (1 + epsilon p)."""
        rows = self.weighted_rows(input, target, xp)
        p = xp.exp(log_softmax(input, xp))
        return softmax_gradient(-rows * (1 + self.epsilon * p), p, xp)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """P (1 - p) Σ a - (1 - 2p) b - p² Σ b, with b = epsilon w q p."""
        rows = self.weighted_rows(input, target, xp)
        p = xp.exp(log_softmax(input, xp))
        slopes, bends = -rows * (1 + self.epsilon * p), -rows * (self.epsilon * p)
        return softmax_curvature(slopes, bends, p, xp)

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """Give w (epsilon (1 - p) - log p)."""
        return self.weighted_rows(input, self._cost(input, xp), xp)

    def _cost(self, input: Array, xp: ModuleType) -> Array:
        """Cost of each class."""
        log_p = log_softmax(input, xp)
        # expm1, since 1 - p keeps no digits of a p near 1.
        return -self.epsilon * xp.expm1(log_p) - log_p
