"""Hinge loss between the labels that hold and those that do not."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import (
    Array,
    above_zero,
    as_compute,
    device_of,
    is_class,
    is_integer,
    largest,
    sum_dtype,
    take_along,
)
from losskit.core.cards import Card, Family, Outliers, Source, TorchTwin, given, output
from losskit.core.contracts import LABEL_SETS, SCORES
from losskit.core.definition import Arrays
from losskit.core.rowwise import Rowwise
from losskit.core.uses import Goal, Use

__all__ = ["MultiLabelMargin"]


@dataclass(frozen=True)
class MultiLabelMargin(Rowwise):
    """Hinge loss of K scores x: each label that holds should lead each that does not by 1.

    Σ_j Σ_i max(0, 1 - x_j + x_i) / K over the labels j of the row and all classes i that are none.
    A row of the target lists its labels in the input's shape, with -1 after the last; what follows
    the first -1 is not read. A label that is listed twice counts twice. A row without labels, or
    with all of them, costs 0. At the bend itself the subgradient 0 is taken.

    It needs memory for K comparisons with each of the K places of a row.

    References
    ----------
    Elisseeff, A. and Weston, J. (2001). A Kernel Method for Multi-Labelled Classification.

    Examples
    --------
    >>> import losskit
    >>> float(losskit.MultiLabelMargin()([0.5, 2.0, 1.0, 0.0], [1, 0, -1, -1]))  # (1.5 + 0.5) / 4
    0.5
    """

    card = Card(
        title="multi-label hinge loss",
        summary="Cost of every label that does not lead each class that is none by 1.",
        family=Family.BINARY,
        formula="Σ_{j in labels} Σ_{i not in labels} max(0, 1 - x_j + x_i) / K",
        gradient="for i: the number of labels j with x_j < x_i + 1, over K; for j: minus the "
        "number of such i",
        curvature="0",
        arguments=(output("input", SCORES), given("target", LABEL_SETS)),
        output_layer="K linear units, no activation",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=("Several labels hold at once, and they should rank above the others.",),
        avoid_when=(
            "Probabilities or a threshold for each label are wanted: use MultiLabelSoftMargin.",
            "There are thousands of labels: it compares each with each.",
        ),
        pitfalls=(
            "The target lists class indices, not 0/1 labels: 0 and 1 are taken for the first two "
            "classes.",
            "Only the order of a row's scores counts: no fixed threshold tells labels from the "
            "rest.",
        ),
        metrics=("ranking loss", "label ranking average precision", "recall@k"),
        sources=(
            Source(
                "Elisseeff, A. and Weston, J.",
                2001,
                "A Kernel Method for Multi-Labelled Classification",
            ),
        ),
        aliases=("multilabel hinge", "multi-label margin loss"),
        torch=(TorchTwin("MultiLabelMarginLoss", "multilabel_margin_loss"),),
        uses=(
            Use(
                targets.MULTI_LABEL,
                7,
                "It asks only that present labels score higher than absent ones.",
                worse_with=(Goal.CALIBRATED,),
            ),
        ),
    )

    def arrange(self, arrays: Arrays, xp: ModuleType) -> Arrays:
        """Refuse 0/1 labels that are floats or booleans, which are no class indices."""
        target = arrays[1]
        if not is_integer(target, xp):
            raise TypeError(
                f"{self.name}: target must list class indices (integers), with -1 after the last, "
                f"got dtype {target.dtype}; convert indices to int64, or use MultiLabelSoftMargin "
                "for 0/1 labels"
            )
        return super().arrange(arrays, xp)

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Σ max(0, 1 - x_j + x_i) / K."""
        compared, places = self._compared(input, target, xp)
        lead = take_along(input, places, xp)[..., None]
        missing = above_zero(1 - lead + input[..., None, :], xp)
        missing = xp.where(compared, missing, 0.0)
        total = xp.sum(missing, axis=(-2, -1), dtype=sum_dtype(input, xp))
        return as_compute(total / max(input.shape[-1], 1), input.dtype, xp)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """How often each class costs, less how often each label does."""
        compared, places = self._compared(input, target, xp)
        lead = take_along(input, places, xp)[..., None]
        costs = xp.astype(compared & (1 - lead + input[..., None, :] > 0), input.dtype)
        labels = xp.astype(is_class(places, costs, xp), input.dtype)
        own = xp.sum(labels * xp.sum(costs, axis=-1, keepdims=True), axis=-2)
        return (xp.sum(costs, axis=-2) - own) / input.shape[-1]

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """0."""
        return xp.zeros_like(input)

    def _compared(self, input: Array, target: Array, xp: ModuleType) -> tuple[Array, Array]:
        """Which class (last axis) is compared with the label in which place, and the labels."""
        places = xp.arange(target.shape[-1], dtype=target.dtype, device=device_of(target))
        end = -largest(xp.where(target < 0, -places, -target.shape[-1]), xp)
        listed = places < end
        labels = xp.where(listed, target, 0)
        held = is_class(labels, input, xp) & listed[..., None]
        return listed[..., None] & ~xp.any(held, axis=-2, keepdims=True), labels
