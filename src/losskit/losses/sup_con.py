"""Supervised contrastive loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from losskit.core import contrast, targets
from losskit.core.arrays import Array
from losskit.core.batchwise import Batchwise
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.contracts import EMBEDDINGS, LABELS
from losskit.core.definition import Arrays
from losskit.core.embeddings import Units, pull_within, similarities
from losskit.core.parameters import parameter
from losskit.core.uses import Use

__all__ = ["SupCon"]


@dataclass(frozen=True)
class SupCon(Batchwise):
    """Mean cross-entropy of finding each example of an anchor's label among the whole batch.

    -1/|P| Σ_p log(exp(s_ip/t) / Σ_a exp(s_ia/t)) for anchor i, with P the others of its label,
    a all others, s the cosine similarity and t the temperature. An anchor without another of its
    label takes no part.

    Parameters
    ----------
    temperature : float, default 0.07
        What similarities are divided by; > 0. The smaller, the more the nearest ones count.

    References
    ----------
    Khosla, P. et al. (2020). Supervised Contrastive Learning.

    Examples
    --------
    Every other example is as far as every other, so that each anchor's value is log(2):

    >>> import losskit
    >>> loss = losskit.SupCon(temperature=1.0)
    >>> round(float(loss([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [7, 7, 3])), 4)
    0.6931
    """

    temperature: float = parameter(0.07, "what similarities are divided by", above=0)

    card = Card(
        title="supervised contrastive loss",
        summary="Mean cross-entropy of finding what has an anchor's label among all others.",
        family=Family.EMBEDDING,
        formula="-1/|P| Σ_p log(exp(s_ip/t) / Σ_a exp(s_ia/t)), with s the cosine, P the others "
        "of i's label and a all others",
        gradient="in s_ia: (softmax_a - 1/|P| where a is in P)/t; "
        "from there through s = u·v to embeddings: (g - u (u·g)) / |x|",
        curvature="an embedding meets all others, so that a diagonal says little",
        arguments=(output("input", EMBEDDINGS), given("target", LABELS)),
        output_layer="linear projection; lengths do not matter",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=(
            "Embeddings should gather by label, for retrieval or for a classifier on top.",
            "Batches hold several examples of each label.",
        ),
        avoid_when=(
            "Most labels come once per batch: those anchors teach nothing.",
            "Labels are wrong now and then: unlike things are then pulled together.",
        ),
        pitfalls=(
            "With several positives it does not reach 0: they compete, down to log |P|.",
            "For several views repeat the labels and stack the views along axis 0.",
            "The authors' code multiplies by temperature/0.07 besides; the paper and this do not.",
            "Anchors without a positive take no part: taking_part shows them.",
        ),
        metrics=("recall@k", "k-nearest-neighbour accuracy", "linear probe accuracy"),
        sources=(Source("Khosla, P. et al.", 2020, "Supervised Contrastive Learning"),),
        aliases=("supervised contrastive", "supcon loss"),
        equivalents={"pytorch-metric-learning": "SupConLoss"},
        uses=(
            Use(
                targets.IDENTITIES,
                1,
                "All of a batch with the anchor's label are its positives, all others its "
                "negatives.",
            ),
        ),
    )

    def takes_part(self, arrays: Arrays, xp: ModuleType) -> Array:
        """Leave out anchors without a positive."""
        _, target, present = arrays
        positive, _ = self._masks(target, present, xp)
        return present & xp.any(positive, axis=-1)

    def value_at(self, input: Array, target: Array, present: Array, xp: ModuleType) -> Array:
        """Mean over positives of -log softmax among all others."""
        units = Units.of(input, xp)
        logits = similarities(units, units, xp) / self.temperature
        return contrast.among_all(logits, *self._masks(target, present, xp), xp)

    def pull_back(
        self, arrays: Arrays, outer: Array, wanted: Sequence[bool], xp: ModuleType
    ) -> list[Array | None]:
        """Softmax less the positives' even shares, back through the cosines."""
        input, target, present = arrays
        units = Units.of(input, xp)
        logits = similarities(units, units, xp) / self.temperature
        slopes = contrast.among_all_slopes(logits, *self._masks(target, present, xp), xp)
        slopes = slopes * outer[:, None] / self.temperature
        return [pull_within(slopes, units, xp), None, None]

    def _masks(self, target: Array, present: Array, xp: ModuleType) -> tuple[Array, Array]:
        """Tell which entries of the logits are positives, and which are counted at all."""
        rows = contrast.numbered(present, xp)
        others = present & ~contrast.alike(rows, rows)
        return contrast.alike(target, target) & others, others
