"""Soft margin (logistic) loss."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, sigmoid, softplus
from losskit.core.cards import Card, Family, Outliers, Source, TorchTwin, given, output
from losskit.core.contracts import LOGITS, SIGNS
from losskit.core.elementwise import Elementwise
from losskit.core.uses import Goal, Sign, Use

__all__ = ["SoftMargin"]


@dataclass(frozen=True)
class SoftMargin(Elementwise):
    """Logistic loss of a logit x against a sign y of -1 or 1, log(1 + exp(-y x)).

    The binary cross-entropy with logits under another coding of the labels, computed so that no
    exponential overflows.

    References
    ----------
    Cox, D. R. (1958). The Regression Analysis of Binary Sequences.

    Examples
    --------
    >>> import losskit
    >>> float(losskit.SoftMargin()([-200.0], [1.0]))
    200.0
    """

    card = Card(
        title="soft margin (logistic) loss",
        summary="Binary cross-entropy with logits for labels coded as -1 and 1.",
        family=Family.BINARY,
        formula="log(1 + exp(-y x))",
        gradient="-y s(-y x), with s the sigmoid",
        curvature="s(x) s(-x)",
        arguments=(output("input", LOGITS), given("target", SIGNS)),
        output_layer="one linear unit per label, no activation",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=("Labels are coded as -1 and 1 and are to stay so.",),
        avoid_when=("Labels are 0 and 1: use BinaryCrossEntropyWithLogits.",),
        pitfalls=("A label of 0 costs log 2 and teaches nothing, which is why it is refused.",),
        metrics=("ROC-AUC", "F1", "precision and recall", "calibration error"),
        sources=(Source("Cox, D. R.", 1958, "The Regression Analysis of Binary Sequences"),),
        aliases=("soft margin loss",),
        torch=(TorchTwin("SoftMarginLoss", "soft_margin_loss"),),
        uses=(
            Use(
                targets.BINARY,
                5,
                "The same likelihood for labels that are coded as -1 and 1, as they are here.",
                needs=(Sign.SIGNED,),
                better_with=(Sign.SIGNED,),
                worse_with=(Goal.RARE_RECALL,),
            ),
        ),
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """log(1 + exp(-y x))."""
        return softplus(-target * input, xp)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """-y s(-y x)."""
        return -target * sigmoid(-target * input, xp)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """y² s(y x) s(-y x)."""
        margin = target * input
        return target**2 * sigmoid(margin, xp) * sigmoid(-margin, xp)

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """-x s(-y x)."""
        return -input * sigmoid(-target * input, xp)
