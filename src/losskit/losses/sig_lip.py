"""SigLIP's loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from losskit.core import contrast, targets
from losskit.core.arrays import Array, sigmoid, softplus
from losskit.core.batchwise import Batchwise
from losskit.core.cards import Card, Family, Outliers, Source, learned, output
from losskit.core.contracts import EMBEDDINGS, LOG_SCALES, OFFSETS
from losskit.core.definition import Arrays
from losskit.core.embeddings import Units, pull_similarities, similarities
from losskit.core.uses import Use

__all__ = ["SigLIP"]


@dataclass(frozen=True)
class SigLIP(Batchwise):
    """Binary cross-entropy of every image with every text: a pair or not.

    Σ_j log(1 + exp(-z_ij (exp(logit_scale) s_ij + logit_bias))) for image i, with s the cosine
    similarity to text j, and z 1 where they are a pair and -1 elsewhere. Where sums of exp would
    overflow, from a logit_scale of 72 on in float32 and of 673 in float64, it is held, and
    logit_scale gets no gradient.

    References
    ----------
    Zhai, X. et al. (2023). Sigmoid Loss for Language Image Pre-Training.

    Examples
    --------
    Similarities of 1 in each pair and of 0 across, log(1 + exp(-1)) + log(2):

    >>> import losskit
    >>> image, text = [[1.0, 0.0], [0.0, 1.0]], [[2.0, 0.0], [0.0, 3.0]]
    >>> round(float(losskit.SigLIP()(image, text, logit_scale=0.0, logit_bias=0.0)), 4)
    1.0064
    """

    card = Card(
        title="SigLIP loss",
        summary="Binary cross-entropy of every image with every text: a pair or not.",
        family=Family.EMBEDDING,
        formula="Σ_j log(1 + exp(-z_ij (t s_ij + b))), with s the cosine, t = exp(logit_scale), "
        "b = logit_bias, z_ij = 1 where i = j, else -1",
        gradient="in b: Σ g, with g = -z sigmoid(-z (t s + b)); in logit_scale: t Σ g s; "
        "in s: t g, and from s = u·v to embeddings: (g - u (u·g)) / |x|",
        curvature="an embedding meets all others, so that a diagonal says little",
        arguments=(
            output("image", EMBEDDINGS),
            output("text", EMBEDDINGS),
            learned("logit_scale", LOG_SCALES, start=math.log(10)),
            learned("logit_bias", OFFSETS, start=-10.0),
        ),
        output_layer="a linear projection on each tower; lengths do not matter",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=(
            "Two modalities come in pairs, such as images and their captions.",
            "Batches are too small for a softmax over them, or spread over many devices.",
        ),
        avoid_when=("Captions repeat within a batch: true pairs then count as negatives.",),
        pitfalls=(
            "The bias has to begin low, since nearly all of the B² entries are negatives.",
            "Leave weight decay off logit_scale and logit_bias.",
            "The value grows with the batch: compare equal batches only.",
        ),
        metrics=("recall@k in both directions", "zero-shot accuracy"),
        sources=(Source("Zhai, X. et al.", 2023, "Sigmoid Loss for Language Image Pre-Training"),),
        aliases=("sigmoid contrastive loss", "sigmoid loss for language-image pre-training"),
        equivalents={"open_clip": "SigLipLoss"},
        function="siglip_loss",
        uses=(
            Use(
                targets.MODALITIES,
                2,
                "A yes-or-no question for each pair, which suits smaller batches.",
            ),
        ),
    )

    def value_at(
        self,
        image: Array,
        text: Array,
        logit_scale: Array,
        logit_bias: Array,
        present: Array,
        xp: ModuleType,
    ) -> Array:
        """Σ_j softplus(-z (t s + b))."""
        cosines = similarities(Units.of(image, xp), Units.of(text, xp), xp)
        logits = contrast.held_exp(logit_scale, xp)[0] * cosines + logit_bias
        pairs, _ = contrast.pairs(present, xp)
        cost = softplus(xp.where(pairs, -logits, logits), xp)
        return xp.sum(xp.where(present, cost, 0.0), axis=-1)

    def pull_back(
        self, arrays: Arrays, outer: Array, wanted: Sequence[bool], xp: ModuleType
    ) -> list[Array | None]:
        """-z sigmoid(-z (t s + b)), back through the cosines, and summed for scale and bias."""
        image, text, logit_scale, logit_bias, present = arrays
        left, right = Units.of(image, xp), Units.of(text, xp)
        cosines = similarities(left, right, xp)
        scale, held = contrast.held_exp(logit_scale, xp)
        logits = scale * cosines + logit_bias
        pairs, _ = contrast.pairs(present, xp)
        missed = sigmoid(xp.where(pairs, -logits, logits), xp)
        slopes = xp.where(present, xp.where(pairs, -missed, missed), 0.0) * outer[:, None]
        of_scale = None
        if wanted[2]:
            of_scale = xp.where(held, 0.0, scale * xp.sum(slopes * cosines))
        of_bias = xp.sum(slopes) if wanted[3] else None
        return [
            *pull_similarities(scale * slopes, left, right, wanted, xp),
            of_scale,
            of_bias,
            None,
        ]
