"""Pairwise logistic (RankNet) loss."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, sigmoid, softplus, times
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.contracts import BINARY, SCORES
from losskit.core.elementwise import Elementwise
from losskit.core.parameters import parameter
from losskit.core.uses import Goal, Presentation, Use

__all__ = ["PairwiseLogistic"]


@dataclass(frozen=True)
class PairwiseLogistic(Elementwise):
    """Cross-entropy of which of two ranks higher, by the difference of their scores.

    log(1 + exp(d)) - y d with d = sigma (x1 - x2): the first is held to rank higher with
    probability s(d), s the sigmoid. y is 1 where it does, 0 where the second does, and 0.5 for a
    tie.

    Parameters
    ----------
    sigma : float, default 1.0
        Scale of the scores; > 0.

    References
    ----------
    Burges, C. et al. (2005). Learning to Rank using Gradient Descent.

    Examples
    --------
    >>> import losskit
    >>> round(float(losskit.PairwiseLogistic()([2.0], [1.0], [1.0])), 4)
    0.3133
    """

    sigma: float = parameter(1.0, "scale of the scores", above=0)

    card = Card(
        title="pairwise logistic loss (RankNet)",
        summary="Binary cross-entropy with logits on the difference of two scores.",
        family=Family.RANKING,
        formula="log(1 + exp(d)) - y d, with d = sigma (x1 - x2)",
        gradient="sigma (s(d) - y) in x1, its negative in x2, with s the sigmoid",
        curvature="sigma² s(d) s(-d)",
        arguments=(output("input1", SCORES), output("input2", SCORES), given("target", BINARY)),
        output_layer="one linear unit, for both items, no activation",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=(
            "It is known which of two should rank higher, also with doubt or ties.",
            "A reward model is fitted to preferences of pairs.",
        ),
        avoid_when=("Only the head of a list counts: all pairs weigh the same here.",),
        pitfalls=(
            "The target is the probability that the first ranks higher, 0 to 1, and no sign.",
            "Scores are known up to a constant: they say nothing of how good a single item is.",
            "Pairs without doubt push scores apart without end; hold the weights, or soften "
            "the targets.",
        ),
        metrics=("pairwise accuracy", "Kendall's tau", "NDCG", "MRR"),
        sources=(
            Source("Burges, C. et al.", 2005, "Learning to Rank using Gradient Descent"),
            Source(
                "Bradley, R. A. and Terry, M. E.",
                1952,
                "Rank Analysis of Incomplete Block Designs: I. The Method of Paired Comparisons",
            ),
        ),
        aliases=("ranknet", "bradley-terry", "pairwise logistic loss", "reward model loss"),
        equivalents={
            "CatBoost": "PairLogit",
            "Rax": "pairwise_logistic_loss",
            "TF-Ranking": "PairwiseLogisticLoss",
        },
        uses=(
            Use(
                targets.ORDER,
                2,
                "The likelihood of the order: the difference of the scores is a logit.",
                better_with=(Goal.CALIBRATED,),
            ),
            Use(
                targets.RELEVANCE,
                3,
                "It compares two items at a time, which takes lists of any length.",
                presentation=Presentation.PAIRS_OF_LIST,
            ),
        ),
    )

    def value_at(self, input1: Array, input2: Array, target: Array, xp: ModuleType) -> Array:
        """Costs of both orders by their shares, each of which keeps its digits near 0."""
        d = self.sigma * (input1 - input2)
        return times(target, softplus(-d, xp), xp) + times(1 - target, softplus(d, xp), xp)

    def gradient_at(
        self, input1: Array, input2: Array, target: Array, xp: ModuleType
    ) -> tuple[Array, Array]:
        """Sigma (s(d) - y), and its negative."""
        d = self.sigma * (input1 - input2)
        slope = self.sigma * ((1 - target) * sigmoid(d, xp) - target * sigmoid(-d, xp))
        return slope, -slope

    def curvature_at(
        self, input1: Array, input2: Array, target: Array, xp: ModuleType
    ) -> tuple[Array, Array]:
        """sigma² s(d) s(-d), twice."""
        d = self.sigma * (input1 - input2)
        bend = self.sigma**2 * sigmoid(d, xp) * sigmoid(-d, xp)
        return bend, bend

    def target_gradient_at(
        self, input1: Array, input2: Array, target: Array, xp: ModuleType
    ) -> Array | None:
        """-d."""
        return self.sigma * (input2 - input1)
