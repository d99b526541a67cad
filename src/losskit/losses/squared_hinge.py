"""Squared hinge loss."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.contracts import SCORES, SIGNS
from losskit.core.elementwise import Elementwise
from losskit.core.uses import Goal, Sign, Use

__all__ = ["SquaredHinge"]


@dataclass(frozen=True)
class SquaredHinge(Elementwise):
    """Squared hinge loss of a score f against a sign y of -1 or 1, max(0, 1 - y f)².

    Smooth at the margin, and harder on scores that are far on the wrong side.

    References
    ----------
    Lee, Y.-J. and Mangasarian, O. L. (2001). SSVM: A Smooth Support Vector Machine for
    Classification.

    Examples
    --------
    >>> import losskit
    >>> float(losskit.SquaredHinge()([0.5, 2.0, -1.0], [1.0, 1.0, 1.0], reduction="sum"))
    4.25
    """

    card = Card(
        title="squared hinge loss",
        summary="Squared cost of a score that is not on its side by a margin of 1.",
        family=Family.BINARY,
        formula="max(0, 1 - y f)²",
        gradient="-2 y max(0, 1 - y f)",
        curvature="2 where y f < 1, else 0",
        arguments=(output("input", SCORES), given("target", SIGNS)),
        output_layer="one linear unit, no activation",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=("A hinge is wanted that has a slope without jumps.",),
        avoid_when=(
            "Some labels are wrong: their cost grows with the square of the score.",
            "Probabilities are wanted: use BinaryCrossEntropyWithLogits.",
        ),
        pitfalls=(
            "Labels must be -1 and 1.",
            "The score is no logit: its sigmoid is not a calibrated probability.",
        ),
        metrics=("accuracy", "F1", "ROC-AUC"),
        sources=(
            Source(
                "Lee, Y.-J. and Mangasarian, O. L.",
                2001,
                "SSVM: A Smooth Support Vector Machine for Classification",
            ),
        ),
        aliases=("squared hinge loss",),
        equivalents={
            "Keras": "SquaredHinge",
            "scikit-learn": 'svm.LinearSVC(loss="squared_hinge")',
        },
        uses=(
            Use(
                targets.BINARY,
                8,
                "As the hinge loss, with a smooth start and a harder end.",
                worse_with=(Goal.CALIBRATED, Goal.RARE_RECALL, Sign.NOISY_LABELS),
            ),
        ),
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """max(0, 1 - y f)²."""
        return xp.clip(1 - target * input, 0.0, None) ** 2

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """-2 y max(0, 1 - y f)."""
        return -2 * target * xp.clip(1 - target * input, 0.0, None)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """2 y² within the margin."""
        return xp.where(target * input >= 1, 0.0, 2 * target**2)

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """-2 f max(0, 1 - y f)."""
        return -2 * input * xp.clip(1 - target * input, 0.0, None)
