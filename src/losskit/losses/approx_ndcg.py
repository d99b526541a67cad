"""Smooth NDCG, for ranking."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, constant, device_of, largest, sigmoid
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.contracts import RELEVANCE, SCORES
from losskit.core.definition import Arrays
from losskit.core.parameters import parameter
from losskit.core.rowwise import Listwise
from losskit.core.uses import Use

__all__ = ["ApproxNDCG"]


@dataclass(frozen=True)
class ApproxNDCG(Listwise):
    """One minus NDCG, with ranks made smooth so that they have a gradient.

    1 - Σ_i g_i / log2(1 + r_i) / ideal, with gains g = 2^relevance - 1, ranks
    r_i = 1 + Σ_{j≠i} s((z_j - z_i) / T), and ideal the same sum for the best order. Items of
    negative relevance, and masked ones, pad the list. A score of -inf ranks last; items of an equal
    infinite score are tied, and no step parts them. A list without a relevant item has no NDCG
    and takes no part: `taking_part` tells.

    Gains are computed relative to the list's largest, so no grade is too large for float32, in
    which 2^relevance itself is inf from 128 on.

    Parameters
    ----------
    temperature : float, default 0.1
        Difference of scores that tells two items apart; > 0. Near 0 it is 1 - NDCG, whose gradient
        is 0 almost everywhere.

    References
    ----------
    Qin, T., Liu, T.-Y. and Li, H. (2010). A General Approximation Framework for Direct
    Optimization of Information Retrieval Measures. Bruch, S. et al. (2019). Revisiting Approximate
    Metric Optimization in the Age of Deep Neural Networks.

    Examples
    --------
    >>> import losskit
    >>> relevance = [[1.0, 0.0]]
    >>> loss = losskit.ApproxNDCG()
    >>> round(float(loss([[5.0, 0.0]], relevance)), 6)  # the best order
    0.0
    >>> round(float(loss([[0.0, 5.0]], relevance)), 6)  # 1 - 1 / log2(3)
    0.36907
    """

    temperature: float = parameter(0.1, "difference of scores that tells two items apart", above=0)

    card = Card(
        title="approximate NDCG",
        summary="One minus NDCG with smooth ranks, so that the metric itself has a gradient.",
        family=Family.RANKING,
        formula="1 - Σ_i g_i / log2(1 + r_i) / ideal, with g = 2^y - 1 and "
        "r_i = 1 + Σ_{j≠i} s((z_j - z_i) / T)",
        gradient="1/T Σ_i s'((z_i - z_k) / T) (c_i - c_k), with "
        "c = g ln 2 / ((1 + r) ln²(1 + r) ideal), what a rank more costs",
        curvature="1/T² Σ_{i≠k} (s''((z_k - z_i) / T) (c_i - c_k) + s'² c'_i + s' c'_k Σ_j s'_jk), "
        "with c' the derivative of c in r",
        arguments=(output("input", SCORES), given("target", RELEVANCE)),
        output_layer="one linear unit per item, no activation",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=(
            "The model is judged by NDCG, with grades of relevance.",
            "A model trained with a pairwise loss or ListNet is to be sharpened.",
        ),
        avoid_when=(
            "Scores start far apart: beyond a few temperatures the gradient vanishes.",
            "Lists have many thousands of items: every pair is compared.",
        ),
        pitfalls=(
            "The temperature is in the unit of scores: it means nothing without their scale.",
            "It is not convex: start from small scores, or from a model trained with ListNet.",
            "Lists without a relevant item are left out of the mean.",
        ),
        metrics=("NDCG@k", "mean reciprocal rank", "mean average precision"),
        sources=(
            Source(
                "Qin, T., Liu, T.-Y. and Li, H.",
                2010,
                "A General Approximation Framework for Direct Optimization of Information "
                "Retrieval Measures",
            ),
            Source(
                "Bruch, S. et al.",
                2019,
                "Revisiting Approximate Metric Optimization in the Age of Deep Neural Networks",
            ),
        ),
        aliases=("NDCG loss", "smooth NDCG"),
        equivalents={
            "TensorFlow Ranking": "ApproxNDCGLoss",
            "allRank": "losses.approxNDCGLoss (alpha is 1/temperature)",
        },
        uses=(
            Use(
                targets.RELEVANCE,
                2,
                "It is the metric itself, made smooth: for models that are judged by NDCG.",
            ),
        ),
    )

    def takes_part(self, arrays: Arrays, xp: ModuleType) -> Array:
        """Leave out lists without a relevant item; a NaN is not hidden."""
        return xp.any(~(arrays[1] <= 0), axis=-1)

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """What each item's rank costs against its place in the best order."""
        gain, best, ideal = self._ideal(input, target, xp)
        # 1 - DCG / ideal would leave nothing but rounding of a list that is nearly in order.
        lost = xp.log1p(self._late(input, target, xp) / (1 + best))
        cost = gain * lost / (xp.log1p(best) * (lost + xp.log1p(best)))
        return math.log(2) * xp.sum(cost, axis=-1) / ideal

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Each pair pulls where a rank costs more."""
        cost, _ = self._costs(input, target, xp)
        slope, _ = self._pairs(input, target, xp)
        # Of (item k, other i) this is c_i - c_k: equal parts cancel pair by pair.
        pull = slope * (cost[..., None, :] - cost[..., :, None])
        return xp.sum(pull, axis=-1) / self.temperature

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """How each pair's pull changes, by itself and by the ranks it moves."""
        cost, bend = self._costs(input, target, xp)
        slope, turn = self._pairs(input, target, xp)
        pull = turn * (cost[..., None, :] - cost[..., :, None])
        moved = slope * (slope * bend[..., None, :])
        own = bend * xp.sum(slope, axis=-1) ** 2
        return (xp.sum(pull + moved, axis=-1) + own) / self.temperature**2

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """Through the gains of both sums; the best order itself is constant."""
        gain, best, ideal = self._ideal(input, target, xp)
        rank = best + self._late(input, target, xp)
        discount, best_discount = (math.log(2) / xp.log1p(one) for one in (rank, best))
        ideal = ideal[..., None]
        share = xp.sum(gain * discount, axis=-1, keepdims=True) / ideal
        rise = math.log(2) * self._power(target, xp)
        return xp.where(
            self.on_list(target, xp), rise * (share * best_discount - discount) / ideal, 0.0
        )

    def _others(self, target: Array, xp: ModuleType) -> Array:
        """Whether each pair (item, other) is two items of the list."""
        items = self.on_list(target, xp)
        place = xp.arange(target.shape[-1], device=device_of(target))
        return items[..., :, None] & items[..., None, :] & (place[:, None] != place)

    def _above(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Whether each pair's other comes before the item in the best order.

        Among items of equal relevance the scores decide, then the place: any order is best.
        """
        place = xp.arange(target.shape[-1], device=device_of(target))
        above = place < place[:, None]
        for key in (input, target):
            item, other = key[..., :, None], key[..., None, :]
            above = (other > item) | ((other == item) & above)
        return above & self._others(target, xp)

    def _late(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Rank less the rank in the best order."""
        others, above = self._others(target, xp), self._above(input, target, xp)
        ahead, _ = self._ahead(input, xp)
        # What should be above lacks s(-x) of 1, what should not has s(x) too much.
        wrong = xp.where(others, sigmoid(xp.where(above, -ahead, ahead), xp), 0.0)
        return xp.sum(xp.where(above, -wrong, wrong), axis=-1)

    def _power(self, target: Array, xp: ModuleType) -> Array:
        """2^relevance over that of the list's largest."""
        return 2.0 ** (target - constant(largest(target, xp)))

    def _ideal(self, input: Array, target: Array, xp: ModuleType) -> tuple[Array, Array, Array]:
        """Gains over 2 to the largest relevance, ranks in the best order, and its DCG."""
        # Not 2^y - 1, which loses the digits of a small y, and overflows for a large one.
        gain = -self._power(target, xp) * xp.expm1(-math.log(2) * target)
        gain = xp.where(self.on_list(target, xp), gain, 0.0)
        above = self._above(input, target, xp)
        best = 1 + xp.sum(xp.astype(above, target.dtype), axis=-1)
        ideal = math.log(2) * xp.sum(gain / xp.log1p(best), axis=-1)
        return gain, best, xp.where(ideal == 0, 1.0, ideal)

    def _costs(self, input: Array, target: Array, xp: ModuleType) -> tuple[Array, Array]:
        """What a rank more costs each item, and how that changes with the rank."""
        gain, best, ideal = self._ideal(input, target, xp)
        rank = best + self._late(input, target, xp)
        log = xp.log1p(rank)
        cost = math.log(2) * gain / ((1 + rank) * log**2 * ideal[..., None])
        return cost, -cost * (1 + 2 / log) / (1 + rank)

    def _pairs(self, input: Array, target: Array, xp: ModuleType) -> tuple[Array, Array]:
        """Slope and bend of the sigmoid at each pair's difference; 0 where there is no pair."""
        ahead, stuck = self._ahead(input, xp)
        yes, no = sigmoid(ahead, xp), sigmoid(-ahead, xp)
        slope = xp.where(self._others(target, xp) & ~stuck, yes * no, 0.0)
        return slope, slope * (yes - no)

    def _ahead(self, input: Array, xp: ModuleType) -> tuple[Array, Array]:
        """How far each other is ahead of the item, and where both are the same infinity."""
        item, other = input[..., :, None], input[..., None, :]
        stuck = (item == other) & xp.isinf(item)
        lead = xp.where(stuck, 0.0, other) - xp.where(stuck, 0.0, item)
        return lead / self.temperature, stuck
