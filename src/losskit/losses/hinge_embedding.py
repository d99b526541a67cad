"""Hinge embedding loss."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, times
from losskit.core.cards import Card, Family, Outliers, Source, TorchTwin, given, output
from losskit.core.contracts import DISTANCES, SIGNS
from losskit.core.elementwise import Elementwise
from losskit.core.parameters import parameter
from losskit.core.uses import Use

__all__ = ["HingeEmbedding"]


@dataclass(frozen=True)
class HingeEmbedding(Elementwise):
    """Draws pairs of y = 1 together, and pushes pairs of y = -1 ``margin`` apart.

    For a distance x: x where y = 1, max(0, margin - x) where y = -1.

    Parameters
    ----------
    margin : float, default 1.0
        Distance from which a dissimilar pair costs nothing; >= 0.

    References
    ----------
    Mobahi, H., Collobert, R. and Weston, J. (2009). Deep Learning from Temporal Coherence in Video.

    Examples
    --------
    >>> import losskit
    >>> float(losskit.HingeEmbedding()([0.5, 0.75, 3.0], [1.0, -1.0, -1.0], reduction="sum"))
    0.75
    """

    margin: float = parameter(
        1.0, "distance from which a dissimilar pair costs nothing", at_least=0
    )

    card = Card(
        title="hinge embedding loss",
        summary="Distance of what is similar, and what a dissimilar pair lacks to the margin.",
        family=Family.EMBEDDING,
        formula="x where y = 1, max(0, margin - x) where y = -1",
        gradient="1 where y = 1; -1 where y = -1 and x <= margin, else 0",
        curvature="0",
        arguments=(output("input", DISTANCES), given("target", SIGNS)),
        output_layer="the distance of two embeddings",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=("Pairs are labelled similar or dissimilar, and distances are at hand.",),
        avoid_when=(
            "Order matters and not distance: use MarginRanking.",
            "Distances near 0 are to be let alone: the pull on a similar pair never fades.",
        ),
        pitfalls=(
            "The input is a distance: for a similarity the signs are the wrong way round, and "
            "the loss falls without limit.",
            "The labels are 1 and -1, not 1 and 0.",
            "The margin is in the distance's unit: it means nothing until embeddings are "
            "normalised.",
        ),
        metrics=("recall@k", "mean average precision at R", "ROC-AUC of the distance"),
        sources=(
            Source(
                "Mobahi, H., Collobert, R. and Weston, J.",
                2009,
                "Deep Learning from Temporal Coherence in Video",
            ),
        ),
        aliases=("hinge embedding loss",),
        torch=(TorchTwin("HingeEmbeddingLoss", "hinge_embedding_loss"),),
        uses=(Use(targets.PAIRS, 3, "For models that give the distance itself."),),
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Cost of a similar pair and of a dissimilar one, by their shares."""
        yes, no = self._shares(target)
        return times(yes, input, xp) + times(no, self._missing(input, xp), xp)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """1 for a similar pair; -1 for a dissimilar one within the margin, its end included."""
        yes, no = self._shares(target)
        return xp.where(input > self.margin, yes, yes - no)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """0."""
        return xp.zeros_like(input)

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """Half of what a similar pair costs more than a dissimilar one."""
        return (input - self._missing(input, xp)) / 2

    def _missing(self, input: Array, xp: ModuleType) -> Array:
        """What a distance lacks to the margin."""
        missing = self.margin - input
        return xp.where(missing < 0, 0.0, missing)

    def _shares(self, target: Array) -> tuple[Array, Array]:
        """How much of the similar and of the dissimilar pair's cost counts."""
        return (1 + target) / 2, (1 - target) / 2
