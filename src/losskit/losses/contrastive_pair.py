"""Contrastive loss of pairs."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, above_zero
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.contracts import BINARY, EMBEDDINGS
from losskit.core.distances import direction, length
from losskit.core.parameters import parameter
from losskit.core.rowwise import Rowwise
from losskit.core.uses import Use

__all__ = ["ContrastivePair"]


@dataclass(frozen=True)
class ContrastivePair(Rowwise):
    """Pulls similar pairs together, and pushes others apart up to a margin.

    y d²/2 + (1 - y) max(0, margin - d)²/2 for each pair at the Euclidean distance d, with y = 1
    for a similar pair. The halves are those of the paper; some libraries leave them out.

    Parameters
    ----------
    margin : float, default 1.0
        Distance from which a dissimilar pair is far enough apart; > 0.

    References
    ----------
    Hadsell, R., Chopra, S. and LeCun, Y. (2006). Dimensionality Reduction by Learning an
    Invariant Mapping.

    Examples
    --------
    >>> import losskit
    >>> x, y = [[0.0, 0.0], [0.0, 0.0]], [[0.6, 0.8], [0.3, 0.4]]
    >>> losskit.ContrastivePair(margin=1.0)(x, y, [1.0, 0.0], reduction="none").tolist()
    [0.5, 0.125]
    """

    margin: float = parameter(1.0, "distance that is enough for a dissimilar pair", above=0)

    card = Card(
        title="contrastive loss of pairs",
        summary="Pulls similar pairs together and pushes dissimilar ones apart, up to a margin.",
        family=Family.EMBEDDING,
        formula="y d²/2 + (1 - y) max(0, margin - d)²/2, with d the Euclidean distance",
        gradient="in input1, with e = input1 - input2: y e - (1 - y) max(0, margin - d) e/d, with "
        "0/0 taken as 0; the opposite in input2",
        curvature="none: it is without bound where a dissimilar pair meets",
        arguments=(
            output("input1", EMBEDDINGS),
            output("input2", EMBEDDINGS),
            given("target", BINARY, per_row=True),
        ),
        output_layer="linear, often scaled to unit length",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=("Pairs are labelled as similar or dissimilar: duplicates, signatures, faces.",),
        avoid_when=(
            "What is known is only which of two is nearer: use Triplet, which sets no absolute "
            "distances.",
        ),
        pitfalls=(
            "1 means similar; some libraries and the paper itself code it the other way round.",
            "With similar pairs alone all embeddings collapse to one point.",
            "A dissimilar pair at one and the same point has no direction to part in, and gets no "
            "gradient.",
        ),
        metrics=("recall at k", "ROC-AUC of the distance", "equal error rate"),
        sources=(
            Source(
                "Hadsell, R., Chopra, S. and LeCun, Y.",
                2006,
                "Dimensionality Reduction by Learning an Invariant Mapping",
            ),
        ),
        aliases=("contrastive loss", "contrastive", "siamese loss"),
        equivalents={
            "pytorch-metric-learning": "ContrastiveLoss (distances not squared)",
            "TensorFlow Addons": "ContrastiveLoss (without the halves)",
            "sentence-transformers": "ContrastiveLoss (of cosine distances by default)",
        },
        uses=(
            Use(
                targets.PAIRS,
                1,
                "Similar pairs are pulled together, others pushed apart until a margin.",
            ),
        ),
    )

    def value_at(self, input1: Array, input2: Array, target: Array, xp: ModuleType) -> Array:
        """Half the squared distance, or half the square of what is missing to the margin."""
        error = input1 - input2
        distance = length(error, 2, xp)
        # 0 · inf is NaN. Not `times`, whose derivative in every target of 0 would be 0.
        beyond = (target == 0) & (distance > float(xp.finfo(error.dtype).max) ** 0.5)
        similar = _half_square(xp.where(beyond[..., None], 0.0, error), xp)
        return target * similar + (1 - target) * self._missing(distance, xp) ** 2 / 2

    def gradient_at(
        self, input1: Array, input2: Array, target: Array, xp: ModuleType
    ) -> tuple[Array, Array]:
        """Together for a similar pair, apart for another within the margin."""
        error, same = input1 - input2, target[..., None]
        missing = self._missing(length(error, 2, xp), xp)[..., None]
        slope = same * error - (1 - same) * missing * direction(error, 2, xp)
        return slope, -slope

    def target_gradient_at(
        self, input1: Array, input2: Array, target: Array, xp: ModuleType
    ) -> Array:
        """Cost of a similar pair less that of a dissimilar one."""
        error = input1 - input2
        missing = self._missing(length(error, 2, xp), xp)
        return _half_square(error, xp) - missing**2 / 2

    def _missing(self, distance: Array, xp: ModuleType) -> Array:
        """What is missing to the margin."""
        return above_zero(self.margin - distance, xp)


def _half_square(error: Array, xp: ModuleType) -> Array:
    """Half the squared length; halved before the product, which may have no room otherwise."""
    return xp.sum(error * (error / 2), axis=-1)
