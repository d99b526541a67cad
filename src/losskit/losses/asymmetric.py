"""Asymmetric loss on the logit of a 0/1 label."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, sigmoid, times
from losskit.core.binary import FadingBinary
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.contracts import BINARY, LOGITS
from losskit.core.parameters import parameter
from losskit.core.uses import Goal, Use

__all__ = ["Asymmetric"]


@dataclass(frozen=True)
class Asymmetric(FadingBinary):
    """Focal loss that fades out easy negatives faster than easy positives, the easiest entirely.

    With p = s(z): -y (1 - p)^gamma_positive log p - (1 - y) p_m^gamma_negative log(1 - p_m),
    where p_m = max(p - clip, 0). With both gammas 0 and clip 0 it is the binary cross-entropy
    with logits.

    Parameters
    ----------
    gamma_negative : float, default 4.0
        How fast the weight of a well-predicted negative falls; >= 0.
    gamma_positive : float, default 1.0
        How fast the weight of a well-predicted positive falls; >= 0.
    clip : float, default 0.05
        Probability up to which a negative costs nothing; in [0, 1].

    References
    ----------
    Ridnik, T. et al. (2021). Asymmetric Loss for Multi-Label Classification.

    Examples
    --------
    >>> import losskit
    >>> loss = losskit.Asymmetric(gamma_negative=1.0, clip=0.25)
    >>> round(float(loss([0.0], [0.0])), 4)  # -0.25 log 0.75
    0.0719
    """

    gamma_negative: float = parameter(4.0, "how fast well-predicted negatives fade out", at_least=0)
    gamma_positive: float = parameter(1.0, "how fast well-predicted positives fade out", at_least=0)
    clip: float = parameter(
        0.05, "probability up to which a negative costs nothing", at_least=0, at_most=1
    )

    card = Card(
        title="asymmetric loss (multilabel)",
        summary="Focal loss with an own focus for negatives, the easiest of which are left out.",
        family=Family.BINARY,
        formula="-y (1 - p)^g+ log p - (1 - y) u^g- log(1 - u), "
        "with p = s(z) and u = max(p - clip, 0)",
        gradient="y = 1: -(1 - p)^g+ (1 - p - g+ p log p); "
        "y = 0: p (1 - p) u^g- (1/(1 - u) - g- log(1 - u)/u) where u > 0, else 0",
        curvature="y = 1: as BinaryFocal's; y = 0, where u > 0: f''(u) (p (1 - p))² + "
        "f'(u) p (1 - p)(1 - 2 p), with f(u) = -u^g- log(1 - u)",
        arguments=(output("input", LOGITS), given("target", BINARY)),
        output_layer="one linear unit per label, no activation",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=("Of many labels few are present, and negatives outnumber everything.",),
        avoid_when=(
            "Calibrated probabilities are needed: clip and the gammas move the best prediction.",
            "Labels are balanced: use BinaryCrossEntropyWithLogits.",
        ),
        pitfalls=(
            "A negative predicted below clip has no gradient at all: where a label's "
            "probabilities have all sunk there, only its positives still teach.",
            "The authors sum over the labels: the mean taken here asks for a higher learning rate.",
            "The authors' code leaves the focus out of the gradient by default; here the "
            "gradient is the loss's own.",
        ),
        metrics=("mean average precision over labels", "F1", "precision and recall"),
        sources=(
            Source("Ridnik, T. et al.", 2021, "Asymmetric Loss for Multi-Label Classification"),
        ),
        aliases=("asl", "asymmetric focal loss"),
        equivalents={"timm": "AsymmetricLossMultiLabel (a sum)", "MMPretrain": "AsymmetricLoss"},
        uses=(
            Use(
                targets.MULTI_LABEL,
                4,
                "It leaves out the easiest absent labels, of which there are most.",
                better_with=(Goal.RARE_RECALL,),
                worse_with=(Goal.CALIBRATED,),
            ),
        ),
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Costs of both labels, each faded by the probability that missed it."""
        positive = self._faded(input, self.gamma_positive, xp)
        if self.clip == 0:
            negative = self._faded(-input, self.gamma_negative, xp)
        else:
            above, u, cost = self._clipped(input, xp)
            negative = xp.where(above, u**self.gamma_negative * cost, 0.0)
        return times(target, positive, xp) + times(1 - target, negative, xp)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Slope of the negative's cost less that of the positive's."""
        return (1 - target) * self._negative_slope(input, xp) - target * self._slope(
            input, self.gamma_positive, xp
        )

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Bend of both costs."""
        return target * self._bend(input, self.gamma_positive, xp) + (
            1 - target
        ) * self._negative_bend(input, xp)

    def _negative_slope(self, z: Array, xp: ModuleType) -> Array:
        """Derivative of the negative's cost in z."""
        if self.clip == 0:
            return self._slope(-z, self.gamma_negative, xp)
        above, u, cost = self._clipped(z, xp)
        return xp.where(above, self._first(u, cost, z, xp), 0.0)

    def _negative_bend(self, z: Array, xp: ModuleType) -> Array:
        """Second derivative of the negative's cost in z."""
        if self.clip == 0:
            return self._bend(-z, self.gamma_negative, xp)
        above, u, cost = self._clipped(z, xp)
        p, q, gamma = sigmoid(z, xp), sigmoid(-z, xp), self.gamma_negative
        rest = q + self.clip
        second = 2 * gamma / rest + u / rest**2 + gamma * (gamma - 1) * cost / u
        bend = u ** (gamma - 1) * second * (p * q) ** 2 + self._first(u, cost, z, xp) * (q - p)
        return xp.where(above, bend, 0.0)

    def _first(self, u: Array, cost: Array, z: Array, xp: ModuleType) -> Array:
        """Derivative of u^gamma (-log(1 - u)) in z, above the clip."""
        p, q = sigmoid(z, xp), sigmoid(-z, xp)
        slope = 1 / (q + self.clip) + self.gamma_negative * cost / u
        return u**self.gamma_negative * slope * p * q

    def _clipped(self, z: Array, xp: ModuleType) -> tuple[Array, Array, Array]:
        """Whether p lies above the clip, by how much, and -log(1 - u) of that much."""
        p = sigmoid(z, xp)
        above = ~(p <= self.clip)
        # Any number between serves where p lies below: nothing of it is kept.
        u = xp.where(above, p - self.clip, 0.25)
        # Near 1, 1 - u has lost the digits that 1 - p still has.
        small = u < 0.5
        near_0 = -xp.log1p(-xp.where(small, u, 0.0))
        near_1 = -xp.log(sigmoid(-z, xp) + self.clip)
        return above, u, xp.where(small, near_0, near_1)
