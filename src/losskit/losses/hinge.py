"""Hinge loss."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, above_zero
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.contracts import SCORES, SIGNS
from losskit.core.elementwise import Elementwise
from losskit.core.uses import Goal, Use

__all__ = ["Hinge"]


@dataclass(frozen=True)
class Hinge(Elementwise):
    """Hinge loss of a score f against a sign y of -1 or 1, max(0, 1 - y f).

    The loss of the support vector machine: nothing once the score is on the right side by 1. At
    the bend itself the subgradient 0 is taken.

    References
    ----------
    Cortes, C. and Vapnik, V. (1995). Support-Vector Networks.

    Examples
    --------
    >>> import losskit
    >>> float(losskit.Hinge()([0.5, 2.0, -1.0], [1.0, 1.0, 1.0], reduction="sum"))
    2.5
    """

    card = Card(
        title="hinge loss",
        summary="Linear cost of a score that is not on its side by a margin of 1.",
        family=Family.BINARY,
        formula="max(0, 1 - y f)",
        gradient="-y where y f < 1, else 0",
        curvature="0",
        arguments=(output("input", SCORES), given("target", SIGNS)),
        output_layer="one linear unit, no activation",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=("The side matters and a probability is not needed.",),
        avoid_when=("Probabilities are wanted: use BinaryCrossEntropyWithLogits.",),
        pitfalls=(
            "Labels must be -1 and 1: with 0 instead of -1 every negative costs 1, whatever is "
            "predicted.",
            "The score is no logit: its sigmoid is not a calibrated probability.",
        ),
        metrics=("accuracy", "F1", "ROC-AUC"),
        sources=(Source("Cortes, C. and Vapnik, V.", 1995, "Support-Vector Networks"),),
        aliases=("hinge loss", "svm loss"),
        equivalents={
            "Keras": "Hinge",
            "optax": "hinge_loss",
            "scikit-learn": 'linear_model.SGDClassifier(loss="hinge")',
            "XGBoost": "binary:hinge",
        },
        uses=(
            Use(
                targets.BINARY,
                7,
                "Only the side matters; what is right by a margin is left alone.",
                worse_with=(Goal.CALIBRATED, Goal.RARE_RECALL),
            ),
        ),
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """max(0, 1 - y f)."""
        return above_zero(1 - target * input, xp)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """-y within the margin."""
        return xp.where(target * input >= 1, 0.0, -target)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """0."""
        return xp.zeros_like(input)

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """-f within the margin."""
        return xp.where(target * input >= 1, 0.0, -input)
