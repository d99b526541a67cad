"""Focal loss on logits of several classes."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, log_softmax, times
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.classwise import Classification
from losskit.core.contracts import CLASS_INDICES, LOGITS, PROBABILITY_ROWS
from losskit.core.distributions import softmax_curvature, softmax_gradient
from losskit.core.parameters import parameter
from losskit.core.uses import Estimate, Goal, Sign, Use

__all__ = ["Focal"]


@dataclass(frozen=True)
class Focal(Classification):
    """Cross-entropy that fades out for positions that are predicted well.

    -Σ_c w_c q_c (1 - p_c)^gamma log p_c, with p the softmax of the logits and q the one-hot or
    given distribution. With gamma 0 it is the cross-entropy.

    Parameters
    ----------
    gamma : float, default 2.0
        How fast the weight of a well-predicted class falls; >= 0.
    class_weight : array, optional
        Weight of each class, (K,). The mean divides by the weights of the targets' classes.
    ignore_index : int, default -100
        Class index that takes no part. Does not go with probabilities.
    class_axis : int, optional
        Axis of the classes in the input; None is axis 1, or the only one.

    References
    ----------
    Lin, T.-Y. et al. (2017). Focal Loss for Dense Object Detection.

    Examples
    --------
    >>> import losskit
    >>> round(float(losskit.Focal(gamma=2.0)([2.0, 1.0, -1.0], 1)), 4)
    0.7397
    """

    gamma: float = parameter(2.0, "how fast well-predicted classes fade out", at_least=0)

    card = Card(
        title="focal loss (softmax)",
        summary="Cross-entropy that fades out where the prediction is good.",
        family=Family.MULTICLASS,
        formula="-Σ_c w_c q_c (1 - p_c)^gamma log p_c, with p = softmax(z)",
        gradient="d q - p Σ_c d_c q_c, "
        "with d = w (gamma p log p (1 - p)^(gamma - 1) - (1 - p)^gamma)",
        curvature="(1 - 2p) e q + p² Σ e q - p (1 - p) Σ d q, with e the derivative of d in log p",
        arguments=(output("input", LOGITS), given("target", CLASS_INDICES, PROBABILITY_ROWS)),
        output_layer="K linear units, no activation",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=("Some classes are rare and the common ones are learnt early.",),
        avoid_when=(
            "Labels are wrong now and then: the loss looks at exactly those.",
            "Calibrated probabilities are needed: it is smallest away from the true ones.",
        ),
        pitfalls=(
            "The alpha of the paper is class_weight here, one number per class.",
            "Its value is smaller than a cross-entropy's: they cannot be compared.",
        ),
        metrics=("balanced accuracy", "F1", "recall of each class"),
        sources=(Source("Lin, T.-Y. et al.", 2017, "Focal Loss for Dense Object Detection"),),
        aliases=("focal loss", "softmax focal loss"),
        equivalents={"Keras": "CategoricalFocalCrossentropy(from_logits=True)"},
        settings_there={"Keras": {"gamma": "gamma"}},
        uses=(
            Use(
                targets.CLASSES,
                5,
                "It fades out what is predicted well, which rare classes are not.",
                better_with=(Sign.EXTREME, Goal.RARE_RECALL),
                worse_with=(Goal.CALIBRATED, Sign.NOISY_LABELS),
            ),
            Use(
                targets.PIXELS,
                4,
                "It fades out the easy pixels, of which there are most.",
                settings={"ignore_index": Estimate.PADDING},
                better_with=(Goal.RARE_RECALL, Sign.EXTREME),
                worse_with=(Goal.CALIBRATED,),
            ),
        ),
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """-Σ w q (1 - p)^gamma log p."""
        log_p = log_softmax(input, xp)
        cost = -(self._missed(log_p, xp) ** self.gamma) * log_p
        return xp.sum(times(self.weighted_rows(input, target, xp), cost, xp), axis=-1)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """D q - p Σ d q."""
        log_p = log_softmax(input, xp)
        slopes = times(self.weighted_rows(input, target, xp), self._slope(log_p, xp), xp)
        return softmax_gradient(slopes, xp.exp(log_p), xp)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """(1 - 2p) e q + p² Σ e q - p (1 - p) Σ d q."""
        log_p = log_softmax(input, xp)
        rows = self.weighted_rows(input, target, xp)
        slopes = times(rows, self._slope(log_p, xp), xp)
        bends = times(rows, self._bend(log_p, xp), xp)
        return softmax_curvature(slopes, bends, xp.exp(log_p), xp)

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """-w (1 - p)^gamma log p."""
        log_p = log_softmax(input, xp)
        cost = -(self._missed(log_p, xp) ** self.gamma) * log_p
        return self.weighted_rows(input, cost, xp)

    def _missed(self, log_p: Array, xp: ModuleType) -> Array:
        """1 - p, exact for p near 1."""
        return -xp.expm1(log_p)

    def _slope(self, log_p: Array, xp: ModuleType) -> Array:
        """Derivative of -(1 - p)^gamma log p in log p."""
        missed, p = self._missed(log_p, xp), xp.exp(log_p)
        return -(missed**self.gamma) * (1 + self.gamma * times(p, self._ratio(log_p, xp), xp))

    def _bend(self, log_p: Array, xp: ModuleType) -> Array:
        """Second derivative of -(1 - p)^gamma log p in log p."""
        missed, p = self._missed(log_p, xp), xp.exp(log_p)
        inner = 2 + log_p + (self.gamma - 1) * times(p, self._ratio(log_p, xp), xp)
        # Where p is 1, the power may be infinite, but its factor in the logits is 0.
        power = xp.where(missed == 0, 1.0, missed) ** (self.gamma - 1)
        return self.gamma * power * times(p, inner, xp)

    def _ratio(self, log_p: Array, xp: ModuleType) -> Array:
        """-log p / (1 - p), which is 1 where p is 1."""
        missed = self._missed(log_p, xp)
        certain = missed == 0
        return xp.where(certain, 1.0, -log_p) / xp.where(certain, 1.0, missed)
