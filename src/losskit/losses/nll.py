"""Negative log-likelihood on log-probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, is_integer, times
from losskit.core.cards import Card, Family, Outliers, Source, TorchTwin, WeightRole, given, output
from losskit.core.classwise import Classification
from losskit.core.contracts import CLASS_INDICES, LOG_PROBABILITIES, PROBABILITY_ROWS
from losskit.core.uses import Estimate, Sign, Use

__all__ = ["NLL"]


@dataclass(frozen=True)
class NLL(Classification):
    """Negative log-likelihood of a class, or of a distribution of classes, given log-probabilities.

    -Σ_c w_c q_c x_c, for x the log-probabilities and q the one-hot or given distribution.

    Parameters
    ----------
    class_weight : array, optional
        Weight of each class, (K,). The mean divides by the weights of the targets' classes.
    ignore_index : int, default -100
        Class index that takes no part. Does not go with probabilities.
    class_axis : int, optional
        Axis of the classes in the input; None is axis 1, or the only one.

    References
    ----------
    Fisher, R. A. (1922). On the Mathematical Foundations of Theoretical Statistics.

    Examples
    --------
    >>> import losskit
    >>> import numpy as np
    >>> round(float(losskit.NLL()(np.log([[0.25, 0.75]]), [0])), 4)
    1.3863
    """

    card = Card(
        title="negative log-likelihood",
        summary="Minus the log-probability of the target's class.",
        family=Family.MULTICLASS,
        formula="-Σ_c w_c q_c x_c",
        gradient="-w q",
        curvature="0",
        arguments=(
            output("input", LOG_PROBABILITIES),
            given("target", CLASS_INDICES, PROBABILITY_ROWS),
        ),
        output_layer="K units with log-softmax",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=("The model gives log-probabilities, such as those of a mixture.",),
        avoid_when=("The model's logits can be had: CrossEntropy takes them as they are.",),
        pitfalls=(
            "Probabilities or raw scores instead of log-probabilities: the loss becomes negative "
            "and falls without limit.",
        ),
        metrics=("accuracy", "balanced accuracy", "F1", "calibration error"),
        sources=(
            Source(
                "Fisher, R. A.", 1922, "On the Mathematical Foundations of Theoretical Statistics"
            ),
        ),
        aliases=("negative log likelihood",),
        torch=(TorchTwin("NLLLoss", "nll_loss", WeightRole.CLASSES),),
        uses=(
            Use(
                targets.CLASSES,
                4,
                "The same likelihood, for a model that gives log-probabilities.",
                needs=(Sign.LOG_PROBABILITIES,),
                better_with=(Sign.LOG_PROBABILITIES,),
            ),
            Use(
                targets.TOKENS,
                3,
                "The same likelihood, for a model that gives log-probabilities.",
                settings={"ignore_index": Estimate.PADDING},
                needs=(Sign.LOG_PROBABILITIES,),
                better_with=(Sign.LOG_PROBABILITIES,),
            ),
        ),
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """-Σ w q x."""
        if not is_integer(target, xp):
            return -xp.sum(times(self.weighted_rows(input, target, xp), input, xp), axis=-1)
        values = -self.at_target(input, target, xp)
        if self.class_weight is None:
            return values
        return values * self.weight_of(target, input, xp)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """-w q."""
        return -self.weighted_rows(input, target, xp)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """0."""
        return xp.zeros_like(input)

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """-w x."""
        return self.weighted_rows(input, -input, xp)
