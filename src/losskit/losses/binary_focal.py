"""Focal loss on the logit of a 0/1 label."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, times
from losskit.core.binary import FadingBinary
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.contracts import BINARY, LOGITS
from losskit.core.parameters import parameter
from losskit.core.uses import Goal, Sign, Use

__all__ = ["BinaryFocal"]


@dataclass(frozen=True)
class BinaryFocal(FadingBinary):
    """Binary cross-entropy with logits that fades out for labels that are predicted well.

    -a (1 - p_t)^gamma log p_t, where p_t is the probability given to the label that came, and a
    its weight. With gamma 2 a label predicted at 0.9 counts 0.01, one at 0.1 counts 0.81. With
    gamma 0 and alpha 1 it is the cross-entropy.

    Parameters
    ----------
    gamma : float, default 2.0
        How fast the weight of a well-predicted label falls; >= 0.
    alpha : float, default 1.0
        Below 1, the weight of the positive label, with 1 - alpha for the negative one; 1 weighs
        both by 1. In (0, 1].

    References
    ----------
    Lin, T.-Y. et al. (2017). Focal Loss for Dense Object Detection.

    Examples
    --------
    >>> import losskit
    >>> import math
    >>> logit = math.log(9)  # a probability of 0.9
    >>> round(float(losskit.BinaryFocal(gamma=2.0)([logit], [1.0])), 6)
    0.001054
    """

    gamma: float = parameter(2.0, "how fast well-predicted labels fade out", at_least=0)
    alpha: float = parameter(
        1.0, "weight of the positive label, 1 - alpha of the negative", above=0, at_most=1
    )

    card = Card(
        title="focal loss (sigmoid)",
        summary="Binary cross-entropy with logits that fades out where the prediction is good.",
        family=Family.BINARY,
        formula="-a (1 - p_t)^gamma log p_t, with p_t = s(z) for y = 1 and s(-z) for y = 0",
        gradient="for y = 1: -a (1 - p)^gamma (1 - p - gamma p log p); mirrored for y = 0",
        curvature="for y = 1: a p (1 - p)^gamma "
        "((1 + 2 gamma)(1 - p) + gamma (1 - p - gamma p) log p); mirrored for y = 0",
        arguments=(output("input", LOGITS), given("target", BINARY)),
        output_layer="one linear unit per label, no activation",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=("Easy negatives outnumber everything else by far, as anchors do in detection.",),
        avoid_when=(
            "Labels are wrong now and then: the loss looks at exactly those.",
            "Calibrated probabilities are needed: it is smallest away from the true ones.",
        ),
        pitfalls=(
            "alpha below 1 weighs negatives by 1 - alpha: 0.25 favours the negatives.",
            "Start with a bias that predicts the positives' share, or the first steps diverge.",
        ),
        metrics=("precision and recall", "average precision", "F1"),
        sources=(Source("Lin, T.-Y. et al.", 2017, "Focal Loss for Dense Object Detection"),),
        aliases=("sigmoid focal loss", "binary focal crossentropy"),
        equivalents={
            "torchvision": "ops.sigmoid_focal_loss",
            "Keras": "BinaryFocalCrossentropy(from_logits=True)",
            "optax": "sigmoid_focal_loss",
            "segmentation-models-pytorch": "losses.FocalLoss",
        },
        settings_there={"Keras": {"gamma": "gamma"}},
        uses=(
            Use(
                targets.BINARY,
                4,
                "It fades out what is predicted well, so that the many easy negatives do not "
                "outvote the rest.",
                better_with=(Sign.EXTREME, Goal.RARE_RECALL),
                worse_with=(Goal.CALIBRATED, Sign.NOISY_LABELS),
            ),
            Use(
                targets.MULTI_LABEL,
                5,
                "It fades out labels that are predicted well, which most absent ones are.",
                better_with=(Goal.RARE_RECALL,),
                worse_with=(Goal.CALIBRATED, Sign.NOISY_LABELS),
            ),
            Use(
                targets.MASK,
                5,
                "It fades out the easy background.",
                better_with=(Goal.RARE_RECALL,),
                worse_with=(Goal.CALIBRATED,),
            ),
        ),
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Both labels' costs, each faded by the probability that missed it."""
        yes, no = self._shares(target)
        missed_yes = self._faded(input, self.gamma, xp)
        missed_no = self._faded(-input, self.gamma, xp)
        return times(yes, missed_yes, xp) + times(no, missed_no, xp)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Slope of the positive's cost, and the mirrored one of the negative's."""
        yes, no = self._shares(target)
        return no * self._slope(-input, self.gamma, xp) - yes * self._slope(input, self.gamma, xp)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Bend of the positive's cost, and the mirrored one of the negative's."""
        yes, no = self._shares(target)
        return yes * self._bend(input, self.gamma, xp) + no * self._bend(-input, self.gamma, xp)

    def _shares(self, target: Array) -> tuple[Array, Array]:
        """How much of the positive's and of the negative's cost counts."""
        if self.alpha == 1:
            return target, 1 - target
        return self.alpha * target, (1 - self.alpha) * (1 - target)
