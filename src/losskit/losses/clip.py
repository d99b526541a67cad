"""CLIP's loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from losskit.core import contrast, targets
from losskit.core.arrays import Array
from losskit.core.batchwise import Batchwise
from losskit.core.cards import Card, Family, Outliers, Source, learned, output
from losskit.core.contracts import EMBEDDINGS, LOG_SCALES
from losskit.core.definition import Arrays
from losskit.core.embeddings import Units, pull_similarities, similarities
from losskit.core.parameters import parameter
from losskit.core.uses import Use

__all__ = ["CLIP"]


@dataclass(frozen=True)
class CLIP(Batchwise):
    """Cross-entropy of finding each image's text and each text's image, with a learnt scale.

    (CE of row i + CE of column i) / 2 of the logits k s_ij, with s the cosine similarity of image
    i and text j, and k = exp(logit_scale), held to ``max_scale``: beyond it, logit_scale gets no
    gradient.

    Parameters
    ----------
    max_scale : float, default 100.0
        Largest factor of the similarities; > 0.

    References
    ----------
    Radford, A. et al. (2021). Learning Transferable Visual Models From Natural Language
    Supervision.

    Examples
    --------
    Similarities of 1 in each pair and of 0 across, with a factor of 1, log(1 + exp(-1)):

    >>> import losskit
    >>> image, text = [[1.0, 0.0], [0.0, 1.0]], [[2.0, 0.0], [0.0, 3.0]]
    >>> round(float(losskit.CLIP()(image, text, logit_scale=0.0)), 4)
    0.3133
    """

    max_scale: float = parameter(100.0, "largest factor of the similarities", above=0)

    card = Card(
        title="CLIP loss",
        summary="Cross-entropy of finding each image's text and each text's image.",
        family=Family.EMBEDDING,
        formula="(log Σ_j exp(k (s_ij - s_ii)) + log Σ_j exp(k (s_ji - s_ii))) / 2, with s the "
        "cosine and k = min(exp(logit_scale), max_scale)",
        gradient="in s: k (softmax over rows + softmax over columns - 2 on the diagonal) / 2; "
        "in logit_scale: Σ s times that, 0 beyond max_scale; "
        "from s = u·v to embeddings: (g - u (u·g)) / |x|",
        curvature="an embedding meets all others, so that a diagonal says little",
        arguments=(
            output("image", EMBEDDINGS),
            output("text", EMBEDDINGS),
            learned("logit_scale", LOG_SCALES, start=math.log(1 / 0.07)),
        ),
        output_layer="a linear projection on each tower; lengths do not matter",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=("Two modalities come in pairs, such as images and their captions.",),
        avoid_when=(
            "Batches are small: SigLIP suffers less from few negatives.",
            "Captions repeat within a batch: true pairs then count as negatives.",
        ),
        pitfalls=(
            "Beyond max_scale the scale has no gradient and stays: after each step, hold "
            "logit_scale to log(max_scale), as the authors do.",
            "Leave weight decay off logit_scale.",
            "Under data parallelism embeddings have to be gathered from all devices first.",
        ),
        metrics=("recall@k in both directions", "zero-shot accuracy"),
        sources=(
            Source(
                "Radford, A. et al.",
                2021,
                "Learning Transferable Visual Models From Natural Language Supervision",
            ),
        ),
        aliases=("contrastive language-image pre-training", "image-text contrastive loss"),
        equivalents={"open_clip": "ClipLoss"},
        uses=(
            Use(
                targets.MODALITIES, 1, "Both directions at once, with a temperature that is learnt."
            ),
        ),
    )

    def value_at(
        self, image: Array, text: Array, logit_scale: Array, present: Array, xp: ModuleType
    ) -> Array:
        """Mean of the cross-entropies of row and column."""
        cosines = similarities(Units.of(image, xp), Units.of(text, xp), xp)
        logits = contrast.held_exp(logit_scale, xp, self.max_scale)[0] * cosines
        return contrast.both_ways(logits, *contrast.pairs(present, xp), xp)

    def pull_back(
        self, arrays: Arrays, outer: Array, wanted: Sequence[bool], xp: ModuleType
    ) -> list[Array | None]:
        """Two softmaxes less the pairs, back through the cosines; and what the scale makes."""
        image, text, logit_scale, present = arrays
        left, right = Units.of(image, xp), Units.of(text, xp)
        cosines = similarities(left, right, xp)
        scale, held = contrast.held_exp(logit_scale, xp, self.max_scale)
        slopes = contrast.both_ways_slopes(scale * cosines, *contrast.pairs(present, xp), outer, xp)
        slopes = scale * slopes
        of_scale = None
        if wanted[2]:
            of_scale = xp.where(held, 0.0, xp.sum(slopes * cosines))
        return [*pull_similarities(slopes, left, right, wanted, xp), of_scale, None]
