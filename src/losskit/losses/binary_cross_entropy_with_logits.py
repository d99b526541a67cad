"""Binary cross-entropy on logits."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

from losskit.core import targets
from losskit.core.arrays import Array, like, sigmoid, softplus, times
from losskit.core.cards import Card, Family, Outliers, Source, TorchTwin, WeightRole, given, output
from losskit.core.contracts import BINARY, LOGITS
from losskit.core.definition import Arrays
from losskit.core.elementwise import Elementwise
from losskit.core.parameters import parameter
from losskit.core.uses import Estimate, Goal, Presentation, Sign, Use

__all__ = ["BinaryCrossEntropyWithLogits"]


@dataclass(frozen=True)
class BinaryCrossEntropyWithLogits(Elementwise):
    """Cross-entropy of a logit z against a 0/1 label y, exact for logits of any size.

    -(w y log s(z) + (1 - y) log(1 - s(z))), with s the sigmoid and w = ``pos_weight``, computed
    as a sum of terms none of which can overflow or cancel.

    Parameters
    ----------
    pos_weight : float or array, optional
        Weight of the positive label: a number, one per label (the last axis), or any shape that
        broadcasts to the input's. negatives / positives evens out an imbalance.

    References
    ----------
    Good, I. J. (1952). Rational Decisions.

    Examples
    --------
    >>> import losskit
    >>> loss = losskit.BinaryCrossEntropyWithLogits()
    >>> round(float(loss([1.5, -0.5, 2.0], [1.0, 0.0, 1.0])), 4)
    0.2675
    """

    pos_weight: Any = parameter(
        None, "weight of the positive label, per label", kind="array", at_least=0, optional=True
    )

    card = Card(
        title="binary cross-entropy with logits",
        summary="Log loss of a raw logit against a 0/1 label; one per label for multilabel.",
        family=Family.BINARY,
        formula="log(1 + exp(-|z|)) (w y + 1 - y) + w y max(-z, 0) + (1 - y) max(z, 0)",
        gradient="(w y + 1 - y) s(z) - w y; s(z) - y without pos_weight w",
        curvature="(w y + 1 - y) s(z) (1 - s(z))",
        arguments=(output("input", LOGITS), given("target", BINARY)),
        output_layer="one linear unit per label, no activation",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=(
            "The target is one 0/1 label, or several that may hold at once.",
            "Classes are imbalanced: pos_weight = negatives / positives.",
        ),
        avoid_when=("Classes exclude each other: use CrossEntropy.",),
        pitfalls=(
            "A sigmoid before this loss is applied twice: gradients shrink and the loss never "
            "falls below 0.3133 for positives.",
            "pos_weight moves the predicted probabilities: calibrate or tune the threshold after.",
        ),
        metrics=("ROC-AUC", "F1", "precision and recall", "calibration error"),
        sources=(Source("Good, I. J.", 1952, "Rational Decisions"),),
        aliases=("bce with logits", "bcewithlogits", "logistic loss", "sigmoid cross-entropy"),
        equivalents={
            "Keras": "BinaryCrossentropy(from_logits=True)",
            "TensorFlow": "nn.sigmoid_cross_entropy_with_logits, "
            "nn.weighted_cross_entropy_with_logits, losses.sigmoid_cross_entropy",
            "optax": "sigmoid_binary_cross_entropy",
            "timm": "loss.BinaryCrossEntropy",
            "segmentation-models-pytorch": "losses.SoftBCEWithLogitsLoss",
            "scikit-learn": 'ensemble.HistGradientBoostingClassifier(loss="log_loss")',
            "XGBoost": "binary:logistic",
            "LightGBM": "binary",
        },
        torch=(
            TorchTwin(
                "BCEWithLogitsLoss",
                "binary_cross_entropy_with_logits",
                WeightRole.SCALE,
                stretches=True,
            ),
        ),
        settings_there={
            "XGBoost": {"pos_weight": "scale_pos_weight"},
            "LightGBM": {"pos_weight": "scale_pos_weight"},
        },
        uses=(
            Use(
                targets.BINARY,
                1,
                "The likelihood of a 0/1 label; its minimum is at the true probability.",
                better_with=(Goal.CALIBRATED,),
            ),
            Use(
                targets.BINARY,
                2,
                "The same with the rare label weighed up, so that it is not outvoted.",
                settings={"pos_weight": Estimate.NEGATIVES_PER_POSITIVE},
                needs=(Sign.UNEVEN,),
                better_with=(Sign.IMBALANCED, Goal.RARE_RECALL),
                worse_with=(Goal.CALIBRATED,),
            ),
            Use(
                targets.MULTI_LABEL,
                1,
                "One yes-or-no question for each label, since several can hold at once.",
                better_with=(Goal.CALIBRATED,),
            ),
            Use(
                targets.MULTI_LABEL,
                2,
                "The same with rare labels weighed up.",
                settings={"pos_weight": Estimate.NEGATIVES_PER_POSITIVE},
                needs=(Sign.UNEVEN,),
                better_with=(Goal.RARE_RECALL,),
                worse_with=(Goal.CALIBRATED,),
            ),
            Use(
                targets.SHARE,
                1,
                "It takes a share as a probability: predictions stay within the ends.",
                better_with=(Goal.MEAN, Goal.CALIBRATED),
                worse_with=(Goal.ROBUST, Goal.MEDIAN),
            ),
            Use(
                targets.ORDINAL,
                1,
                "One logit for each step uses the order without taking the steps as equal.",
                better_with=(Goal.CALIBRATED,),
                worse_with=(Goal.ROBUST,),
                presentation=Presentation.THRESHOLDS,
            ),
            Use(
                targets.MASK,
                1,
                "A yes-or-no question for each pixel.",
                better_with=(Goal.CALIBRATED,),
                worse_with=(Goal.OVERLAP,),
            ),
            Use(
                targets.DURATION,
                1,
                "One logit for each interval is right for durations that are cut off, with "
                "any hazard.",
                better_with=(Sign.CENSORED, Goal.CALIBRATED),
                presentation=Presentation.INTERVALS,
            ),
        ),
    )

    def arrange(self, arrays: Arrays, xp: ModuleType) -> Arrays:
        """Check that pos_weight fits as well."""
        arranged = super().arrange(arrays, xp)
        if self.pos_weight is None:
            return arranged
        input = arranged[0]
        shape, wanted = tuple(like(self.pos_weight, input, xp).shape), tuple(input.shape)
        fits = len(shape) <= len(wanted) and all(
            length in (1, there)
            for length, there in zip(reversed(shape), reversed(wanted), strict=False)
        )
        if not fits:
            raise ValueError(
                f"{self.name}: pos_weight of shape {shape} does not broadcast to input of shape "
                f"{wanted}; it holds one weight per label (the positive one's, not one per "
                "class), along the last axis or in a shape such as (C, 1, 1)"
            )
        return arranged

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Both labels' costs; a logit of ±inf on the right side costs 0."""
        yes, no = self._shares(input, target, xp)
        # One side holds the 0 for both: abs() has a derivative of its own there.
        positive = input >= 0
        distance = xp.where(positive, input, -input)
        wrong = xp.where(positive, no, yes)
        return (yes + no) * xp.log1p(xp.exp(-distance)) + times(wrong, distance, xp)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """(w y + 1 - y) s(z) - w y."""
        yes, no = self._shares(input, target, xp)
        return (yes + no) * sigmoid(input, xp) - yes

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """(w y + 1 - y) s(z) s(-z)."""
        yes, no = self._shares(input, target, xp)
        return (yes + no) * sigmoid(input, xp) * sigmoid(-input, xp)

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """Cost of a positive less that of a negative."""
        if self.pos_weight is None:
            return -input
        return like(self.pos_weight, input, xp) * softplus(-input, xp) - softplus(input, xp)

    def _shares(self, input: Array, target: Array, xp: ModuleType) -> tuple[Array, Array]:
        """How much of the positive and of the negative label's cost counts."""
        if self.pos_weight is None:
            return target, 1 - target
        return target * like(self.pos_weight, input, xp), 1 - target
