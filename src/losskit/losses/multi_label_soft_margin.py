"""Mean binary cross-entropy of the labels of a row."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from types import ModuleType
from typing import Any

from losskit.core import targets
from losskit.core.arrays import Array, like, sigmoid, times
from losskit.core.cards import Card, Family, Outliers, Source, TorchTwin, WeightRole, given, output
from losskit.core.contracts import BINARY, LOGITS
from losskit.core.definition import Arrays
from losskit.core.parameters import parameter
from losskit.core.rowwise import Rowwise
from losskit.core.shapes import shape_of
from losskit.core.uses import Use

__all__ = ["MultiLabelSoftMargin"]


@dataclass(frozen=True)
class MultiLabelSoftMargin(Rowwise):
    """Binary cross-entropy with logits of the K labels of a row, as one value: their mean.

    -Σ_c w_c (y_c log s(z_c) + (1 - y_c) log s(-z_c)) / K. BinaryCrossEntropyWithLogits has one
    value for each label instead, so that single labels can be masked.

    Parameters
    ----------
    class_weight : array, optional
        Weight of each label, (K,), or one number for each element of the input. It is not counted
        in the mean.

    References
    ----------
    Good, I. J. (1952). Rational Decisions.

    Examples
    --------
    >>> import losskit
    >>> loss = losskit.MultiLabelSoftMargin()
    >>> round(float(loss([[1.5, -0.5, 2.0]], [[1.0, 0.0, 1.0]])), 4)
    0.2675
    """

    _: KW_ONLY
    class_weight: Any = parameter(None, "weight of each label, (K,)", kind="array", optional=True)

    card = Card(
        title="multi-label soft margin loss",
        summary="Mean over the labels of a row of the binary cross-entropy with logits.",
        family=Family.BINARY,
        formula="-Σ_c w_c (y_c log s(z_c) + (1 - y_c) log s(-z_c)) / K",
        gradient="w (s(z) - y) / K",
        curvature="w s(z) s(-z) / K",
        arguments=(output("input", LOGITS), given("target", BINARY)),
        output_layer="one linear unit per label, no activation",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=("Several labels can hold at once, and rows are weighted or masked as a whole.",),
        avoid_when=(
            "Single labels are unknown: BinaryCrossEntropyWithLogits masks each of them.",
            "Classes exclude each other: use CrossEntropy.",
        ),
        pitfalls=(
            "A sigmoid before this loss is applied twice: gradients shrink.",
            "class_weight scales both sides of a label; imbalance within one is pos_weight's "
            "matter, which BinaryCrossEntropyWithLogits has.",
        ),
        metrics=("F1 per label", "ROC-AUC", "label ranking average precision"),
        sources=(Source("Good, I. J.", 1952, "Rational Decisions"),),
        aliases=("multilabel cross-entropy",),
        torch=(
            TorchTwin(
                "MultiLabelSoftMarginLoss", "multilabel_soft_margin_loss", WeightRole.CLASS_SCALE
            ),
        ),
        uses=(
            Use(
                targets.MULTI_LABEL,
                6,
                "The mean over each row's labels first: every row counts the same.",
            ),
        ),
    )

    def arrange(self, arrays: Arrays, xp: ModuleType) -> Arrays:
        """Check that the labels' weights fit as well."""
        arranged = super().arrange(arrays, xp)
        wanted = tuple(arrays[0].shape)
        shape = wanted if self.class_weight is None else shape_of(self.class_weight)
        if shape not in (wanted, wanted[-1:]):
            raise ValueError(
                f"{self.name}: {self.called('class_weight')} must hold one weight for each of the "
                f"{wanted[-1]} labels, or for each element of input of shape {wanted}, got shape "
                f"{shape}"
            )
        return arranged

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Σ w (log(1 + exp(-abs(z))) + wrong abs(z)) / K."""
        # One side holds the 0 for both: abs() has a derivative of its own there.
        positive = input >= 0
        distance = xp.where(positive, input, -input)
        wrong = xp.where(positive, 1 - target, target)
        costs = xp.log1p(xp.exp(-distance)) + times(wrong, distance, xp)
        return xp.sum(self._weighted(costs, input, xp), axis=-1) / max(input.shape[-1], 1)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Give w (s(z) - y) / K."""
        return self._weighted(sigmoid(input, xp) - target, input, xp) / input.shape[-1]

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Give w s(z) s(-z) / K."""
        both = sigmoid(input, xp) * sigmoid(-input, xp)
        return self._weighted(both, input, xp) / input.shape[-1]

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """-w z / K."""
        return self._weighted(-input, input, xp) / input.shape[-1]

    def _weighted(self, costs: Array, input: Array, xp: ModuleType) -> Array:
        """Each label times its weight."""
        return costs if self.class_weight is None else costs * like(self.class_weight, input, xp)
