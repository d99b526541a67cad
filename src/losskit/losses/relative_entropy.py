"""Terms of the Kullback-Leibler divergence."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array
from losskit.core.cards import Argument, Card, Family, Outliers, Source, TorchTwin, given, output
from losskit.core.contracts import LOG_PROBABILITIES, SHARES
from losskit.core.elementwise import Elementwise
from losskit.core.parameters import parameter
from losskit.core.uses import Sign, Use

__all__ = ["RelativeEntropy"]


@dataclass(frozen=True)
class RelativeEntropy(Elementwise):
    """Terms of KL(y‖exp(x)), one for each element; over a distribution they sum to it.

    y (log y - x), and 0 where y is 0, for x the model's log-probability; exp(y) (y - x) with
    ``log_target``.

    Parameters
    ----------
    log_target : bool, default False
        Whether the target holds log-probabilities too.

    References
    ----------
    Kullback, S. and Leibler, R. A. (1951). On Information and Sufficiency.

    Examples
    --------
    >>> import losskit
    >>> import numpy as np
    >>> p, q = np.array([0.6, 0.3, 0.1]), np.array([0.7, 0.2, 0.1])
    >>> round(float(losskit.RelativeEntropy()(np.log(p), q, reduction="sum")), 4)
    0.0268
    """

    log_target: bool = parameter(
        False, "whether the target holds log-probabilities too", kind="flag"
    )

    card = Card(
        title="Kullback-Leibler divergence, element by element",
        summary="Terms whose sum over the classes is the divergence from the target.",
        family=Family.DISTRIBUTION,
        formula="y (log y - x); exp(y) (y - x) with log_target",
        gradient="-y; -exp(y) with log_target",
        curvature="0",
        arguments=(output("input", LOG_PROBABILITIES), given("target", SHARES)),
        output_layer="K units with log-softmax",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=("Code that calls kl_div is to keep its numbers, or single terms are looked at.",),
        avoid_when=("The divergence of rows is wanted: use KLDivergence.",),
        pitfalls=(
            'reduction="mean" divides by the classes as well (pytorch#6622): use KLDivergence, or '
            "batchmean in losskit.torch.",
            "The input is the model's log-probability and the target the truth: exchanged, it is "
            "another divergence.",
            "Probabilities as input make the value negative, and with logits it falls without "
            "limit: apply log_softmax.",
            "Single terms may be negative; only their sum over a distribution cannot.",
        ),
        metrics=("KL divergence per row", "cross-entropy", "total variation distance"),
        sources=(
            Source("Kullback, S. and Leibler, R. A.", 1951, "On Information and Sufficiency"),
        ),
        aliases=("elementwise kl", "kl terms"),
        equivalents={"SciPy": "special.rel_entr (of two probabilities)"},
        torch=(TorchTwin("KLDivLoss", "kl_div", batchmean=True),),
        uses=(
            Use(
                targets.DISTRIBUTION,
                4,
                "The same terms one by one, for a model that gives log-probabilities.",
                needs=(Sign.LOG_PROBABILITIES,),
                better_with=(Sign.LOG_PROBABILITIES,),
            ),
        ),
    )

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """A target of probabilities, or of their logarithms."""
        input, target = self.card.arguments
        return input, given("target", LOG_PROBABILITIES) if self.log_target else target

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Share of each class, times what its logarithms differ by."""
        share, difference = self._parts(input, target, xp)
        return share * difference

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Minus the share."""
        return -xp.exp(target) if self.log_target else -target

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """0."""
        return xp.zeros_like(input)

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """What the logarithms differ by, and 1; times exp(y) for y the logarithm."""
        share, difference = self._parts(input, target, xp)
        return xp.where(share == 0, 0.0, (share if self.log_target else 1) * (difference + 1))

    def _parts(self, input: Array, target: Array, xp: ModuleType) -> tuple[Array, Array]:
        """Share of each class, and its logarithm less the model's; finite where both are 0."""
        share = xp.exp(target) if self.log_target else target
        absent = share == 0
        logarithm = target if self.log_target else xp.log(xp.where(absent, 1.0, share))
        impossible = absent & (input == -xp.inf)
        return share, xp.where(absent, 0.0, logarithm) - xp.where(impossible, 0.0, input)
