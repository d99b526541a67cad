"""Margin ranking loss."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array
from losskit.core.cards import Card, Family, Outliers, Source, TorchTwin, given, output
from losskit.core.contracts import SCORES, SIGNS
from losskit.core.elementwise import Elementwise
from losskit.core.parameters import parameter
from losskit.core.uses import Goal, Use

__all__ = ["MarginRanking"]


@dataclass(frozen=True)
class MarginRanking(Elementwise):
    """Linear cost of two scores that are not in the wanted order by ``margin``.

    max(0, margin - y (x1 - x2)): y = 1 wants the first score to be the higher one, y = -1 the
    second. Scores that are the same infinity, as masked ones, are equal.

    Parameters
    ----------
    margin : float, default 0.0
        How far apart the scores must be; a negative one forgives a small disorder.

    References
    ----------
    Herbrich, R., Graepel, T. and Obermayer, K. (2000). Large Margin Rank Boundaries for Ordinal
    Regression.

    Examples
    --------
    >>> import losskit
    >>> loss = losskit.MarginRanking(margin=1.0)
    >>> float(loss([2.0, 0.5], [0.0, 1.0], [1.0, 1.0]))
    0.75
    """

    margin: float = parameter(0.0, "how far apart the scores must be")

    card = Card(
        title="margin ranking loss",
        summary="Linear cost of two scores in the wrong order, or too close.",
        family=Family.RANKING,
        formula="max(0, margin - y (x1 - x2))",
        gradient="-y in x1 and y in x2 where y (x1 - x2) <= margin, else 0",
        curvature="0",
        arguments=(output("input1", SCORES), output("input2", SCORES), given("target", SIGNS)),
        output_layer="one linear unit, for both items, no activation",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=("It is known which of two should rank higher, and scores need no scale.",),
        avoid_when=(
            "A probability of the order is wanted, or there are ties: use PairwiseLogistic.",
        ),
        pitfalls=(
            "With margin 0, equal scores for everything cost nothing: a constant model is perfect.",
            "A pair in order by the margin teaches nothing: the loss may be 0 on most pairs.",
        ),
        metrics=("pairwise accuracy", "Kendall's tau", "NDCG", "MRR"),
        sources=(
            Source(
                "Herbrich, R., Graepel, T. and Obermayer, K.",
                2000,
                "Large Margin Rank Boundaries for Ordinal Regression",
            ),
        ),
        aliases=("ranking hinge", "pairwise hinge", "ranking svm"),
        equivalents={
            "Rax": "pairwise_hinge_loss (margin 1)",
            "TF-Ranking": "PairwiseHingeLoss (margin 1)",
        },
        torch=(TorchTwin("MarginRankingLoss", "margin_ranking_loss"),),
        uses=(
            Use(
                targets.ORDER,
                1,
                "It asks for the right order by a margin, and leaves what has it alone.",
                worse_with=(Goal.CALIBRATED,),
            ),
        ),
    )

    def value_at(self, input1: Array, input2: Array, target: Array, xp: ModuleType) -> Array:
        """max(0, margin - y (x1 - x2))."""
        missing = self.margin - target * self._lead(input1, input2, xp)
        return xp.where(missing < 0, 0.0, missing)

    def gradient_at(
        self, input1: Array, input2: Array, target: Array, xp: ModuleType
    ) -> tuple[Array, Array]:
        """-y and y within the margin, its end included."""
        slope = xp.where(self._satisfied(input1, input2, target, xp), 0.0, target)
        return -slope, slope

    def curvature_at(
        self, input1: Array, input2: Array, target: Array, xp: ModuleType
    ) -> tuple[Array, Array]:
        """0."""
        return xp.zeros_like(input1), xp.zeros_like(input2)

    def target_gradient_at(
        self, input1: Array, input2: Array, target: Array, xp: ModuleType
    ) -> Array | None:
        """x2 - x1 within the margin."""
        satisfied = self._satisfied(input1, input2, target, xp)
        return xp.where(satisfied, 0.0, self._lead(input2, input1, xp))

    def _satisfied(self, input1: Array, input2: Array, target: Array, xp: ModuleType) -> Array:
        """Whether the order holds by more than the margin."""
        return target * self._lead(input1, input2, xp) > self.margin

    def _lead(self, ahead: Array, behind: Array, xp: ModuleType) -> Array:
        """Difference of the scores, 0 where both are the same infinity."""
        tied = (ahead == behind) & xp.isinf(ahead)
        return xp.where(tied, 0.0, ahead) - xp.where(tied, 0.0, behind)
