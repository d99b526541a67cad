"""InfoNCE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from losskit.core import contrast, targets
from losskit.core.arrays import Array, is_floating, is_integer
from losskit.core.batchwise import Batchwise
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.contracts import EMBEDDINGS, LABELS
from losskit.core.definition import Arrays
from losskit.core.embeddings import Units, pull_similarities, pull_within, similarities
from losskit.core.parameters import parameter
from losskit.core.uses import Use

__all__ = ["InfoNCE"]


@dataclass(frozen=True)
class InfoNCE(Batchwise):
    """Cross-entropy of finding an example's partner among the rest of the batch.

    -log(exp(s_ij/t) / (exp(s_ij/t) + Σ_k exp(s_ik/t))) for anchor i, its positive j and its
    negatives k, with s the cosine similarity and t the temperature.

    The target is a second view of each example, (B, D), whose row i is the positive of row i of
    the input; or one label per row, (B,): each anchor's value is then the mean over its
    positives, which have its label, and its negatives have another. An anchor without a positive
    takes no part.

    Parameters
    ----------
    temperature : float, default 0.07
        What similarities are divided by; > 0. The smaller, the more the hardest negatives count.
    negatives : {"cross", "symmetric", "all"}, default "cross"
        What a row is held against where the target is a second view. "cross": the target's other
        rows. "symmetric": the mean of that and of the target's row against the input's. "all":
        all other rows of both views (NT-Xent); the value is the mean of the pair's two anchors.

    References
    ----------
    van den Oord, A. et al. (2018). Representation Learning with Contrastive Predictive Coding.
    Chen, T. et al. (2020). A Simple Framework for Contrastive Learning of Visual Representations.

    Examples
    --------
    Similarities of 1 to the positive and of 0 to the negative, log(1 + exp(-1)):

    >>> import losskit
    >>> loss = losskit.InfoNCE(temperature=1.0)
    >>> round(float(loss([[1.0, 0.0], [0.0, 1.0]], [[2.0, 0.0], [0.0, 3.0]])), 4)
    0.3133
    """

    temperature: float = parameter(0.07, "what similarities are divided by", above=0)
    negatives: str = parameter(
        "cross",
        "what a row is held against where the target is a second view",
        kind="choice",
        choices=("cross", "symmetric", "all"),
    )

    card = Card(
        title="InfoNCE",
        summary="Cross-entropy of finding an example's partner among the rest of the batch.",
        family=Family.EMBEDDING,
        formula="-log(exp(s_ij/t) / (exp(s_ij/t) + Σ_k exp(s_ik/t))), with s the cosine, "
        "j the positive and k the negatives; the mean over positives where there are several",
        gradient="in s_ij: -(1 - p_ij)/t; in s_ik: p_ik/t, with p the softmax over j and all k; "
        "from there through s = u·v to embeddings: (g - u (u·g)) / |x|",
        curvature="an embedding meets all others, so that a diagonal says little",
        arguments=(output("input", EMBEDDINGS), given("target", EMBEDDINGS, LABELS)),
        output_layer="linear projection; lengths do not matter",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=(
            "Two views or two modalities of the same example should be found by each other.",
            "Batches are large: in one of 256 each positive meets 255 others.",
        ),
        avoid_when=(
            "Batches are small, so that there are few negatives to learn from.",
            "Many rows of a batch are the same thing in truth: each is pushed from its like.",
        ),
        pitfalls=(
            "The value grows with the batch, up to log(B) for chance: compare equal batches only.",
            "Embeddings are brought to length 1 inside.",
            "Too small a temperature looks at one negative alone, too large a one at none.",
            "Anchors without a positive take no part: taking_part shows them.",
        ),
        metrics=("recall@k", "linear probe accuracy", "alignment and uniformity"),
        sources=(
            Source(
                "van den Oord, A., Li, Y. and Vinyals, O.",
                2018,
                "Representation Learning with Contrastive Predictive Coding",
            ),
            Source(
                "Sohn, K.",
                2016,
                "Improved Deep Metric Learning with Multi-class N-pair Loss Objective",
            ),
            Source(
                "Chen, T. et al.",
                2020,
                "A Simple Framework for Contrastive Learning of Visual Representations",
            ),
        ),
        aliases=("nt-xent", "ntxent", "contrastive cross-entropy", "simclr loss"),
        equivalents={
            "optax": "ntxent (mean over pairs, as with each anchor's number of positives as "
            "weight)",
            "pytorch-metric-learning": "NTXentLoss (mean over pairs, as with each anchor's number "
            "of positives as weight)",
            "lightly": 'NTXentLoss (negatives="all")',
        },
        uses=(
            Use(targets.VIEWS, 1, "Each view has to find its partner among the rest of the batch."),
            Use(targets.MODALITIES, 3, "One direction only, at a fixed temperature."),
            Use(
                targets.TRIPLETS,
                2,
                "The other rows of the batch serve as negatives, so that none need be given.",
            ),
        ),
    )

    def arrange(self, arrays: Arrays, xp: ModuleType) -> Arrays:
        """Refuse a choice of negatives that labels make already."""
        labelled = not is_floating(arrays[1], xp) and arrays[1].ndim == 1
        if self.negatives != "cross" and labelled:
            raise ValueError(
                f"{self.name}: negatives={self.negatives!r} goes with a second view as target, "
                "got labels, which say themselves what is a negative; leave it out"
            )
        return super().arrange(arrays, xp)

    def takes_part(self, arrays: Arrays, xp: ModuleType) -> Array:
        """Leave out anchors without a positive."""
        _, target, present = arrays
        if not is_integer(target, xp):
            return present
        positive, _ = self._masks(target, present, xp)
        return present & xp.any(positive, axis=-1)

    def value_at(self, input: Array, target: Array, present: Array, xp: ModuleType) -> Array:
        """Mean over positives of log(1 + Σ exp((s_ik - s_ij)/t))."""
        first = Units.of(input, xp)
        masks = self._masks(target, present, xp)
        if is_integer(target, xp):
            return contrast.each_positive(self._logits(first, first, xp), *masks, xp)
        second = Units.of(target, xp)
        if self.negatives == "all":
            both = _stacked(first, second, xp)
            values = contrast.one_positive(self._logits(both, both, xp), *masks, xp)
            count = input.shape[0]
            return (values[:count] + values[count:]) / 2
        logits = self._logits(first, second, xp)
        form = contrast.one_positive if self.negatives == "cross" else contrast.both_ways
        return form(logits, *masks, xp)

    def pull_back(
        self, arrays: Arrays, outer: Array, wanted: Sequence[bool], xp: ModuleType
    ) -> list[Array | None]:
        """Softmax over positive and negatives, without its positive, back through the cosines."""
        input, target, present = arrays
        first = Units.of(input, xp)
        masks = self._masks(target, present, xp)
        if is_integer(target, xp):
            logits = self._logits(first, first, xp)
            slopes = contrast.each_positive_slopes(logits, *masks, xp) * outer[:, None]
            return [pull_within(slopes / self.temperature, first, xp), None, None]
        second = Units.of(target, xp)
        if self.negatives == "all":
            both = _stacked(first, second, xp)
            logits = self._logits(both, both, xp)
            half = xp.concat([outer, outer])[:, None] / 2
            slopes = contrast.one_positive_slopes(logits, *masks, xp) * half
            gradients = pull_within(slopes / self.temperature, both, xp)
            count = input.shape[0]
            return [gradients[:count, :], gradients[count:, :], None]
        logits = self._logits(first, second, xp)
        if self.negatives == "cross":
            slopes = contrast.one_positive_slopes(logits, *masks, xp) * outer[:, None]
        else:
            slopes = contrast.both_ways_slopes(logits, *masks, outer, xp)
        return [*pull_similarities(slopes / self.temperature, first, second, wanted, xp), None]

    def _masks(self, target: Array, present: Array, xp: ModuleType) -> tuple[Array, Array]:
        """Tell which entries of the logits are positives, and which negatives."""
        if not is_integer(target, xp) and self.negatives != "all":
            return contrast.pairs(present, xp)
        rows = contrast.numbered(present, xp)
        if is_integer(target, xp):
            same = contrast.alike(target, target)
            return same & present & ~contrast.alike(rows, rows), ~same & present
        here = xp.concat([rows, rows + rows.shape[0]])
        own = contrast.alike(here, xp.concat([rows + rows.shape[0], rows]))
        return own, ~own & ~contrast.alike(here, here) & xp.concat([present, present])

    def _logits(self, left: Units, right: Units, xp: ModuleType) -> Array:
        return similarities(left, right, xp) / self.temperature


def _stacked(first: Units, second: Units, xp: ModuleType) -> Units:
    """Both views, one below the other."""
    return Units(xp.concat([first.rows, second.rows]), xp.concat([first.shrunk, second.shrunk]))
