"""Triplet loss."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

from losskit.core import targets
from losskit.core.arrays import Array, above_zero
from losskit.core.cards import Card, Family, Outliers, Source, TorchTwin, output
from losskit.core.contracts import EMBEDDINGS
from losskit.core.distances import EPS, NORM, SETTINGS, Distance, P, distance_from
from losskit.core.parameters import field_of, parameter
from losskit.core.rowwise import Rowwise
from losskit.core.uses import Presentation, Use

__all__ = ["Triplet"]


@dataclass(frozen=True)
class Triplet(Rowwise):
    """Asks that the anchor is nearer to the positive than to the negative, by a margin.

    max(0, d(a, p) - d(a, n) + margin) for each row of anchors a, positives p and negatives n. A
    triplet that has its margin gives no gradient: `losskit.mining` finds those that have not.

    Parameters
    ----------
    margin : float, default 1.0
        By how much the negative must be farther, in the unit of the distance; >= 0.
    p : float, default 2.0
        Degree of the norm; >= 1.
    eps : float, default 1e-6
        Added to each element of the difference in the norm, as ``torch.nn.PairwiseDistance`` does
        to keep off 0; >= 0.
    swap : bool, default False
        Take the negative's distance to the positive where that is the smaller one.
    distance : {"norm", "squared_euclidean", "cosine"} or function, default "norm"
        The p-norm of x - y + eps; Σ (x - y)²; 1 - cosine similarity, where the similarity to a
        zero vector is 0 (1e-12 is added to squared lengths); or a function of two arrays (..., D)
        that gives (...), whose derivative only PyTorch finds. None is the norm.

    References
    ----------
    Schroff, F. et al. (2015). FaceNet: A Unified Embedding for Face Recognition and Clustering.
    Balntas, V. et al. (2016). Learning Local Feature Descriptors with Triplets and Shallow
    Convolutional Neural Networks (swap).

    Examples
    --------
    >>> import losskit
    >>> loss = losskit.Triplet(margin=1.0, eps=0.0)
    >>> float(loss([[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 5.5]]))  # 5 - 5.5 + 1
    0.5
    """

    margin: float = parameter(1.0, "by how much the negative must be farther", at_least=0)
    p: float = field_of(SETTINGS["p"], P)
    eps: float = field_of(SETTINGS["eps"], EPS)
    swap: bool = parameter(
        False, "whether the negative's distance to the positive counts too", kind="flag"
    )
    distance: Any = field_of(SETTINGS["distance"], NORM)

    card = Card(
        title="triplet loss",
        summary="Pulls an anchor nearer to its positive than to its negative, by a margin.",
        family=Family.EMBEDDING,
        formula="max(0, d(a, p) - d(a, n) + margin)",
        gradient="within the margin, in p: the slope of d(a, p), in n: minus that of d(a, n), and "
        "in a their sum; else 0. The slope of a norm at 0 is taken as 0",
        curvature="none: that of a norm is without bound where two embeddings meet",
        arguments=(
            output("anchor", EMBEDDINGS),
            output("positive", EMBEDDINGS),
            output("negative", EMBEDDINGS),
        ),
        output_layer="linear, often scaled to unit length",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=(
            "Examples come with labels of what belongs together, and unseen labels will follow: "
            "faces, products, signatures.",
            "Relative judgements are known: this is more like that than like the other.",
        ),
        avoid_when=(
            "Batches are large and every other example can serve as a negative: InfoNCE uses all "
            "of them.",
        ),
        pitfalls=(
            "Random triplets soon have their margin and teach nothing: mine semi-hard or hard ones "
            "with losskit.mining, and watch the share of active triplets.",
            "The hardest negatives of noisy labels can collapse all embeddings to one point, where "
            "the loss stays at the margin.",
            "The margin is in the unit of the distance: 1.0 asks much of unit vectors, which are "
            "at most 2 apart.",
        ),
        metrics=("recall at k", "mean average precision", "share of active triplets"),
        sources=(
            Source(
                "Schroff, F. et al.",
                2015,
                "FaceNet: A Unified Embedding for Face Recognition and Clustering",
            ),
            Source(
                "Balntas, V. et al.",
                2016,
                "Learning Local Feature Descriptors with Triplets and Shallow Convolutional "
                "Neural Networks",
            ),
        ),
        aliases=("triplet loss", "triplet margin"),
        equivalents={
            "pytorch-metric-learning": "TripletMarginLoss",
            "optax": "triplet_margin_loss",
            "sentence-transformers": "TripletLoss",
            "TensorFlow Addons": "TripletSemiHardLoss, TripletHardLoss (mined in the batch)",
        },
        torch=(
            TorchTwin("TripletMarginLoss", "triplet_margin_loss"),
            TorchTwin(
                "TripletMarginWithDistanceLoss",
                "triplet_margin_with_distance_loss",
                renamed={"distance_function": "distance"},
                without=("p", "eps"),
            ),
        ),
        uses=(
            Use(
                targets.TRIPLETS,
                1,
                "The positive has to be nearer to the anchor than the negative, by a margin.",
            ),
            Use(
                targets.IDENTITIES,
                2,
                "With triplets mined from each batch, it asks only for order, not for fixed "
                "distances.",
                presentation=Presentation.MINED,
            ),
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.distance is None:
            object.__setattr__(self, "distance", NORM)
        self._distance()  # refuses settings that do not go together

    @property
    def closed_form(self) -> bool:
        """Whether the distance is one whose derivative is known."""
        return not callable(self.distance)

    def value_at(self, anchor: Array, positive: Array, negative: Array, xp: ModuleType) -> Array:
        """max(0, d(a, p) - d(a, n) + margin)."""
        missing = self._missing(anchor, positive, negative, xp)[0]
        return above_zero(missing, xp)

    def gradient_at(
        self, anchor: Array, positive: Array, negative: Array, xp: ModuleType
    ) -> tuple[Array, Array, Array]:
        """Slopes of the two distances that count, while the margin is missing."""
        missing, swapped = self._missing(anchor, positive, negative, xp)
        distance = self._distance()
        in_anchor, in_positive = distance.slopes(anchor, positive, xp)
        from_anchor, in_negative = distance.slopes(anchor, negative, xp)
        if swapped is not None:
            swapped = swapped[..., None]
            from_positive, of_swapped = distance.slopes(positive, negative, xp)
            from_anchor = xp.where(swapped, 0.0, from_anchor)
            in_positive = in_positive - xp.where(swapped, from_positive, 0.0)
            in_negative = xp.where(swapped, of_swapped, in_negative)
        # A product, so that a NaN is not hidden.
        active = xp.astype(missing > 0, anchor.dtype)[..., None]
        return active * (in_anchor - from_anchor), active * in_positive, -active * in_negative

    def _missing(
        self, anchor: Array, positive: Array, negative: Array, xp: ModuleType
    ) -> tuple[Array, Array | None]:
        """What is missing to the margin, and where the positive stands in for the anchor."""
        distance = self._distance()
        near, far = distance.between(anchor, positive, xp), distance.between(anchor, negative, xp)
        swapped = None
        if self.swap:
            other = distance.between(positive, negative, xp)
            swapped = other < far
            far = xp.where(swapped, other, far)
        return self.margin + near - far, swapped

    def _distance(self) -> Distance:
        return distance_from(self.name, self.distance, self.p, self.eps)
