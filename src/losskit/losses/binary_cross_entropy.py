"""Binary cross-entropy on probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array
from losskit.core.cards import Card, Family, Outliers, Source, TorchTwin, WeightRole, given, output
from losskit.core.contracts import BINARY, PROBABILITIES
from losskit.core.elementwise import Elementwise
from losskit.core.uses import Goal, Sign, Use

__all__ = ["BinaryCrossEntropy"]

# torch.nn's limits, so that values agree: a log is never below -100 (log 0 included), and a
# derivative never divides by less than 1e-12.
_LEAST_LOG = -100.0
_LEAST_PROBABILITY = 1e-12


@dataclass(frozen=True)
class BinaryCrossEntropy(Elementwise):
    """Cross-entropy of a probability p against a 0/1 label y.

    -(y log p + (1 - y) log(1 - p)). Logarithms are clipped at -100, so p = 0 for a positive costs
    100, not infinity; in the derivative, p and 1 - p are clipped at 1e-12, each by itself, so that
    a right answer of exactly 0 or 1 still has its slope.

    References
    ----------
    Good, I. J. (1952). Rational Decisions.

    Examples
    --------
    >>> import losskit
    >>> loss = losskit.BinaryCrossEntropy()
    >>> round(float(loss([0.9, 0.2, 0.8, 0.1], [1.0, 0.0, 1.0, 0.0])), 4)
    0.1643
    """

    card = Card(
        title="binary cross-entropy",
        summary="Log loss of a probability against a 0/1 label.",
        family=Family.BINARY,
        formula="-(y log p + (1 - y) log(1 - p))",
        gradient="-y/p + (1 - y)/(1 - p)",
        curvature="y/p² + (1 - y)/(1 - p)²",
        arguments=(output("input", PROBABILITIES), given("target", BINARY)),
        output_layer="one unit with sigmoid",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=("The model can give nothing but probabilities.",),
        avoid_when=(
            "The model's logits can be had: BinaryCrossEntropyWithLogits is exact where this one "
            "has to clip.",
        ),
        pitfalls=(
            "Raw scores instead of probabilities: apply sigmoid, or use the loss with logits.",
            "Probabilities rounded to 0 or 1 lose what the logit knew.",
        ),
        metrics=("ROC-AUC", "F1", "precision and recall", "calibration error"),
        sources=(Source("Good, I. J.", 1952, "Rational Decisions"),),
        aliases=("bce", "log loss"),
        equivalents={"Keras": "BinaryCrossentropy", "scikit-learn": "metrics.log_loss"},
        torch=(TorchTwin("BCELoss", "binary_cross_entropy", WeightRole.SCALE, stretches=True),),
        uses=(
            *(
                Use(
                    one,
                    3,
                    "The same likelihood, for a model that can give nothing but probabilities.",
                    needs=(Sign.PROBABILITIES,),
                    worse_with=(Goal.RARE_RECALL,),
                )
                for one in (targets.BINARY, targets.MULTI_LABEL, targets.MASK)
            ),
        ),
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """-(y log p + (1 - y) log(1 - p)), logs clipped."""
        log_yes, log_no = _logs(input, xp)
        return -(target * log_yes + (1 - target) * log_no)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """-y/p + (1 - y)/(1 - p)."""
        yes, no = _divisors(input, xp)
        return (1 - target) / no - target / yes

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """y/p² + (1 - y)/(1 - p)²."""
        yes, no = _divisors(input, xp)
        return target / yes**2 + (1 - target) / no**2

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """log(1 - p) - log p."""
        log_yes, log_no = _logs(input, xp)
        return log_no - log_yes


def _logs(p: Array, xp: ModuleType) -> tuple[Array, Array]:
    """Clipped log p and log(1 - p), without ever taking the log of 0."""
    never, always = p <= 0, p >= 1
    yes = xp.clip(xp.log(xp.where(never, 1.0, p)), _LEAST_LOG, None)
    no = xp.clip(xp.log1p(-xp.where(always, 0.0, p)), _LEAST_LOG, None)
    return xp.where(never, _LEAST_LOG, yes), xp.where(always, _LEAST_LOG, no)


def _divisors(p: Array, xp: ModuleType) -> tuple[Array, Array]:
    return xp.clip(p, _LEAST_PROBABILITY, None), xp.clip(1 - p, _LEAST_PROBABILITY, None)
