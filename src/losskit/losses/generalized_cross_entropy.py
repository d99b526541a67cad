"""Generalised cross-entropy, between cross-entropy and absolute error."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, log_softmax
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.classwise import Classification
from losskit.core.contracts import CLASS_INDICES, LOGITS, PROBABILITY_ROWS
from losskit.core.distributions import softmax_curvature, softmax_gradient
from losskit.core.parameters import parameter
from losskit.core.uses import Goal, Sign, Use

__all__ = ["GeneralizedCrossEntropy"]


@dataclass(frozen=True)
class GeneralizedCrossEntropy(Classification):
    """Cost of a class that is bounded, so that wrong labels pull no harder than they may.

    Σ_c w_c r_c (1 - p_c^q)/q, with p the softmax of the logits and r the one-hot or given
    distribution. With q = 1 it is 1 - p_y, half the absolute error; for q to 0 it becomes
    CrossEntropy, which takes its place there.

    Parameters
    ----------
    q : float, default 0.7
        From the cross-entropy near 0 to the absolute error at 1; in (0, 1].
    class_weight : array, optional
        Weight of each class, (K,). The mean divides by the weights of the targets' classes.
    ignore_index : int, default -100
        Class index that takes no part. Does not go with probabilities.
    class_axis : int, optional
        Axis of the classes in the input; None is axis 1, or the only one.

    References
    ----------
    Zhang, Z. and Sabuncu, M. R. (2018). Generalized Cross Entropy Loss for Training Deep Neural
    Networks with Noisy Labels.

    Examples
    --------
    >>> import losskit
    >>> import math
    >>> logits = [math.log(0.25), math.log(0.75)]
    >>> round(float(losskit.GeneralizedCrossEntropy(q=0.5)(logits, 0)), 6)  # (1 - 1/2) / (1/2)
    1.0
    """

    q: float = parameter(
        0.7, "from cross-entropy near 0 to absolute error at 1", above=0, at_most=1
    )

    card = Card(
        title="generalised cross-entropy",
        summary="Bounded cost of a class, between cross-entropy and absolute error.",
        family=Family.MULTICLASS,
        formula="Σ_c w_c r_c (1 - p_c^q)/q, with p = softmax(z)",
        gradient="p Σ_c a_c - a, with a = w r p^q",
        curvature="p (1 - p) Σ_c a_c - q (1 - 2p) a - q p² Σ_c a_c, with a = w r p^q",
        arguments=(output("input", LOGITS), given("target", CLASS_INDICES, PROBABILITY_ROWS)),
        output_layer="K linear units, no activation",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=("A share of the labels is wrong: crawled images, crowd-sourced annotations.",),
        avoid_when=("Labels can be trusted: CrossEntropy learns faster from what is hard.",),
        pitfalls=(
            "With q near 1 and many classes training hardly starts: the slope at p_y = 1/K is "
            "of the order of K^-q.",
            "Rare classes look like wrong labels to it.",
        ),
        metrics=("accuracy on clean labels", "balanced accuracy", "calibration error"),
        sources=(
            Source(
                "Zhang, Z. and Sabuncu, M. R.",
                2018,
                "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy "
                "Labels",
            ),
        ),
        aliases=("gce", "generalised cross-entropy", "lq loss"),
        uses=(
            Use(
                targets.CLASSES,
                6,
                "A row costs no more than 1/q, so that wrong labels cannot pull without limit.",
                better_with=(Sign.NOISY_LABELS, Goal.ROBUST),
                worse_with=(Sign.IMBALANCED, Goal.CALIBRATED),
            ),
            Use(
                targets.BINARY,
                6,
                "With a logit for each label, a row costs no more than 1/q: wrong labels "
                "cannot pull without limit.",
                needs=(Sign.NOISY_LABELS, Goal.ROBUST),
                better_with=(Sign.NOISY_LABELS, Goal.ROBUST),
                worse_with=(Sign.IMBALANCED, Goal.CALIBRATED),
            ),
        ),
    )

    def __post_init__(self) -> None:
        if self.q == 0:
            raise ValueError(f"{self.name}: q must be > 0, got {self.q!r}; 0 is CrossEntropy")
        super().__post_init__()

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Σ w r (1 - p^q)/q."""
        return xp.sum(self.weighted_rows(input, target, xp) * self._cost(input, xp), axis=-1)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """P Σ a - a, with a = w r p^q."""
        log_p = log_softmax(input, xp)
        return softmax_gradient(self._slopes(log_p, target, xp), xp.exp(log_p), xp)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """P (1 - p) Σ a - q (1 - 2p) a - q p² Σ a."""
        log_p = log_softmax(input, xp)
        slopes = self._slopes(log_p, target, xp)
        return softmax_curvature(slopes, self.q * slopes, xp.exp(log_p), xp)

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """Give w (1 - p^q)/q."""
        return self.weighted_rows(input, self._cost(input, xp), xp)

    def _cost(self, input: Array, xp: ModuleType) -> Array:
        """(1 - p^q)/q, exact for p near 1."""
        return -xp.expm1(self.q * log_softmax(input, xp)) / self.q

    def _slopes(self, log_p: Array, target: Array, xp: ModuleType) -> Array:
        """Derivative in each log p."""
        return -self.weighted_rows(log_p, target, xp) * xp.exp(self.q * log_p)
