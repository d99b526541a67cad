"""Hinge loss of several classes."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, above_zero, is_class
from losskit.core.cards import Card, Family, Outliers, Source, TorchTwin, WeightRole, given, output
from losskit.core.classwise import Classification
from losskit.core.contracts import CLASS_INDICES, SCORES
from losskit.core.parameters import parameter
from losskit.core.uses import Goal, Use

__all__ = ["MultiMargin"]


@dataclass(frozen=True)
class MultiMargin(Classification):
    """Hinge loss of K scores x against a class y, which should lead every other by a margin.

    w_y/K Σ_{c≠y} max(0, margin - x_y + x_c)^p. At the bend itself the subgradient 0 is taken.

    Parameters
    ----------
    p : int, default 1
        Power of what is missing to the margin, 1 or 2.
    margin : float, default 1.0
        How far the score of the class should lead.
    class_weight : array, optional
        Weight of each class, (K,). The mean divides by the weights of the targets' classes.
    ignore_index : int, default -100
        Class index that takes no part.
    class_axis : int, optional
        Axis of the classes in the input; None is axis 1, or the only one.

    References
    ----------
    Weston, J. and Watkins, C. (1999). Support Vector Machines for Multi-Class Pattern
    Recognition. Crammer, K. and Singer, Y. (2001). On the Algorithmic Implementation of
    Multiclass Kernel-based Vector Machines (the same with the largest term for the sum).

    Examples
    --------
    >>> import losskit
    >>> float(losskit.MultiMargin()([2.0, 1.5, -1.0, 2.0], 0))  # (0.5 + 0 + 1) / 4
    0.375
    """

    p: int = parameter(
        1, "power of what is missing to the margin", kind="integer", at_least=1, at_most=2
    )
    margin: float = parameter(1.0, "how far the score of the class should lead")

    card = Card(
        title="multiclass hinge loss",
        summary="Cost of every class whose score is not a margin below that of the target.",
        family=Family.MULTICLASS,
        formula="w_y/K Σ_{c≠y} max(0, margin - x_y + x_c)^p",
        gradient="for c≠y: g_c = w_y/K where x_y < x_c + margin, times 2 (margin - x_y + x_c) "
        "for p = 2, else 0; for y: -Σ g_c",
        curvature="0 for p = 1; for p = 2: 2 w_y/K for each c≠y that costs, for y their sum",
        arguments=(output("input", SCORES), given("target", CLASS_INDICES)),
        output_layer="K linear units, no activation",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=("The best class matters and its probability is not needed.",),
        avoid_when=("Probabilities are wanted: use CrossEntropy.",),
        pitfalls=(
            "The scores are no logits: their softmax is not calibrated.",
            "It sums over the classes and divides by K; other libraries take the worst class only.",
        ),
        metrics=("accuracy", "balanced accuracy", "F1"),
        sources=(
            Source(
                "Weston, J. and Watkins, C.",
                1999,
                "Support Vector Machines for Multi-Class Pattern Recognition",
            ),
            Source(
                "Crammer, K. and Singer, Y.",
                2001,
                "On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines",
            ),
        ),
        aliases=("multiclass hinge", "multiclass svm loss"),
        torch=(TorchTwin("MultiMarginLoss", "multi_margin_loss", WeightRole.CLASS_SCALE),),
        uses=(
            Use(
                targets.CLASSES,
                8,
                "Only the order of the classes' scores matters, not their probabilities.",
                worse_with=(Goal.CALIBRATED,),
            ),
        ),
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """w_y/K Σ max(0, margin - x_y + x_c)^p."""
        missing = self._missing(input, target, xp)
        total = xp.sum(missing if self.p == 1 else missing**2, axis=-1)
        return self._mean(total, input, target, xp)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """What each class costs, less their sum for the target."""
        missing = self._missing(input, target, xp)
        slopes = 2 * missing if self.p == 2 else xp.astype(missing > 0, input.dtype)
        return self._for_target(slopes, -1.0, input, target, xp)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """0, or 2 for each class that costs."""
        if self.p == 1:
            return xp.zeros_like(input)
        missing = self._missing(input, target, xp)
        bends = xp.astype(missing > 0, input.dtype) * 2
        return self._for_target(bends, 1.0, input, target, xp)

    def _missing(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """What each class lacks to the margin; 0 for the target itself."""
        lead = self.at_target(input, target, xp)[..., None]
        missing = above_zero(self.margin - lead + input, xp)
        return xp.where(is_class(target, input, xp), 0.0, missing)

    def _for_target(
        self, others: Array, sign: float, input: Array, target: Array, xp: ModuleType
    ) -> Array:
        """Give the target the sum over the others."""
        total = sign * xp.sum(others, axis=-1, keepdims=True)
        each = xp.where(is_class(target, input, xp), total, others)
        return self._mean(each, input, target, xp)

    def _mean(self, costs: Array, input: Array, target: Array, xp: ModuleType) -> Array:
        """Share of the mean over the classes, times the weight of the target's class."""
        mean = costs / input.shape[-1]
        if self.class_weight is None:
            return mean
        return mean * self.spread(self.weight_of(target, input, xp), mean)
