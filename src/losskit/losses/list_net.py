"""ListNet's loss, for ranking."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, times
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.contracts import RELEVANCE, SCORES
from losskit.core.rowwise import Listwise
from losskit.core.uses import Use

__all__ = ["ListNet"]


@dataclass(frozen=True)
class ListNet(Listwise):
    """Cross-entropy between the orders that relevance and scores suggest (top-one ListNet).

    -Σ_i q_i log p_i over the items of a list, with q = softmax(relevance) and p = softmax(scores):
    the probabilities of each item to come first. Items of negative relevance, and masked ones, pad
    the list. The smallest value is the entropy of q, not 0.

    References
    ----------
    Cao, Z. et al. (2007). Learning to Rank: From Pairwise Approach to Listwise Approach.

    Examples
    --------
    >>> import losskit
    >>> scores = [[2.0, 1.0, -1.0, 7.0]]
    >>> relevance = [[0.0, 0.0, 0.0, -1.0]]  # three items of equal relevance, and padding
    >>> round(float(losskit.ListNet()(scores, relevance)), 4)  # (0.3490 + 1.3490 + 3.3490) / 3
    1.6823
    """

    card = Card(
        title="ListNet",
        summary="Cross-entropy between softmax of relevance and softmax of scores over a list.",
        family=Family.RANKING,
        formula="-Σ_i q_i log p_i, with q = softmax(relevance) and p = softmax(scores)",
        gradient="p - q",
        curvature="p (1 - p)",
        arguments=(output("input", SCORES), given("target", RELEVANCE)),
        output_layer="one linear unit per item, no activation",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=(
            "Lists of items are ranked, and the top matters most.",
            "A convex loss is wanted to start with: it is one in the scores.",
        ),
        avoid_when=(
            "NDCG itself is to be raised: ApproxNDCG is nearer to it.",
            "One item is right and all others are wrong: that is a CrossEntropy.",
        ),
        pitfalls=(
            "softmax turns differences of grades into ratios: a grade more is e times the share.",
            "Its smallest value is the entropy of softmax(relevance), which differs per list.",
            "Lists of different lengths are padded with relevance -1 or a mask, never with 0.",
        ),
        metrics=("NDCG@k", "mean reciprocal rank", "mean average precision"),
        sources=(
            Source(
                "Cao, Z. et al.",
                2007,
                "Learning to Rank: From Pairwise Approach to Listwise Approach",
            ),
        ),
        aliases=("listwise softmax", "top-one listnet"),
        equivalents={"allRank": "losses.listNet"},
        uses=(
            Use(
                targets.RELEVANCE,
                1,
                "It compares whole lists, each as one distribution, and is convex in the scores.",
            ),
        ),
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """-Σ q log p."""
        log_p, q = self._shares(input, target, xp)
        return -xp.sum(times(q, log_p, xp), axis=-1)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """P - q."""
        log_p, q = self._shares(input, target, xp)
        return xp.exp(log_p) - q

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """P (1 - p)."""
        log_p, _ = self._shares(input, target, xp)
        return -xp.exp(log_p) * xp.expm1(log_p)

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """-q (log p - Σ q log p)."""
        log_p, q = self._shares(input, target, xp)
        mean = xp.sum(times(q, log_p, xp), axis=-1, keepdims=True)
        return -times(q, log_p - mean, xp)

    def _shares(self, input: Array, target: Array, xp: ModuleType) -> tuple[Array, Array]:
        """Log p and q."""
        items = self.on_list(target, xp)
        q = xp.exp(self.log_shares(target, items, xp))
        return self.log_shares(input, items, xp), q
