"""Cosine embedding loss."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, above_zero
from losskit.core.cards import Card, Family, Outliers, Source, TorchTwin, given, output
from losskit.core.contracts import EMBEDDINGS, SIGNS
from losskit.core.distances import Cosine
from losskit.core.parameters import parameter
from losskit.core.rowwise import Rowwise
from losskit.core.uses import Use

__all__ = ["CosineEmbedding"]

_COSINE = Cosine()


@dataclass(frozen=True)
class CosineEmbedding(Rowwise):
    """Turns similar pairs to one direction, and dissimilar ones away from each other.

    1 - cos(x1, x2) where y = 1, and max(0, cos(x1, x2) - margin) where y = -1. The cosine to a
    zero vector is 0: 1e-12 is added to squared lengths, as ``torch.nn`` does.

    Parameters
    ----------
    margin : float, default 0.0
        Cosine that a dissimilar pair may have; in [-1, 1].

    References
    ----------
    Bromley, J. et al. (1993). Signature Verification Using a "Siamese" Time Delay Neural Network
    (cosines of pairs, held near 1 or below a bound).

    Examples
    --------
    >>> import losskit
    >>> x, y = [[1.0, 0.0], [1.0, 0.0]], [[0.0, 2.0], [3.0, 4.0]]
    >>> losses = losskit.CosineEmbedding()(x, y, [1.0, -1.0], reduction="none")
    >>> [round(float(loss), 6) for loss in losses]
    [1.0, 0.6]
    """

    margin: float = parameter(0.0, "cosine that a dissimilar pair may have", at_least=-1, at_most=1)

    card = Card(
        title="cosine embedding loss",
        summary="Turns similar pairs to one direction, and dissimilar ones apart up to a margin.",
        family=Family.EMBEDDING,
        formula="1 - cos(x1, x2) where y = 1, max(0, cos(x1, x2) - margin) where y = -1",
        gradient="for y = 1, in x1: (cos u1 - u2)/|x1| with u the unit vectors; for y = -1 the "
        "opposite while cos > margin, else 0; alike in x2",
        curvature="none: it is without bound towards a zero vector",
        arguments=(
            output("input1", EMBEDDINGS),
            output("input2", EMBEDDINGS),
            given("target", SIGNS, per_row=True),
        ),
        output_layer="linear",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=(
            "Pairs are labelled as similar or dissimilar, and the length of an embedding should "
            "not matter, as with sentences of any length.",
        ),
        avoid_when=("Lengths carry meaning: use ContrastivePair.",),
        pitfalls=(
            "Dissimilar pairs are coded -1; a label of 0 means nothing and is refused.",
            "Embeddings of length 0 have no direction: their cosine counts as 0.",
            "The gradient is across the embedding, so that lengths only ever grow under plain "
            "gradient steps, and steps get smaller.",
        ),
        metrics=("recall at k", "ROC-AUC of the cosine", "Spearman correlation"),
        sources=(
            Source(
                "Bromley, J. et al.",
                1993,
                'Signature Verification Using a "Siamese" Time Delay Neural Network',
            ),
        ),
        aliases=("cosine loss", "cosine embedding loss"),
        equivalents={
            "Keras": "CosineSimilarity (similar pairs only)",
            "optax": "cosine_distance (similar pairs only)",
        },
        torch=(TorchTwin("CosineEmbeddingLoss", "cosine_embedding_loss"),),
        uses=(
            Use(targets.PAIRS, 2, "The same by angle: the lengths of embeddings do not matter."),
        ),
    )

    def value_at(self, input1: Array, input2: Array, target: Array, xp: ModuleType) -> Array:
        """1 - cos for a similar pair, what exceeds the margin for another."""
        apart, over = self._costs(input1, input2, xp)
        return (1 + target) / 2 * apart + (1 - target) / 2 * over

    def gradient_at(
        self, input1: Array, input2: Array, target: Array, xp: ModuleType
    ) -> tuple[Array, Array]:
        """Slope of 1 - cos, with the sign of the label while it costs anything."""
        over = self._costs(input1, input2, xp)[1]
        counts = (1 + target) / 2 - (1 - target) / 2 * xp.astype(over > 0, input1.dtype)
        first, second = _COSINE.slopes(input1, input2, xp)
        return counts[..., None] * first, counts[..., None] * second

    def target_gradient_at(
        self, input1: Array, input2: Array, target: Array, xp: ModuleType
    ) -> Array:
        """Half of what a similar pair costs more than a dissimilar one."""
        apart, over = self._costs(input1, input2, xp)
        return (apart - over) / 2

    def _costs(self, input1: Array, input2: Array, xp: ModuleType) -> tuple[Array, Array]:
        """Cost of the pair if it is similar, and if it is not."""
        cosine, apart = _COSINE.similarity(input1, input2, xp)
        return apart, above_zero(cosine - self.margin, xp)
