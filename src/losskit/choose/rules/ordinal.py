"""Classes that have an order: ratings, grades, stages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from losskit.choose.column import Column
from losskit.choose.facts import Evidence, Fact, Reading
from losskit.choose.profile import Profile
from losskit.choose.rules.classes import class_coding, class_facts, class_signs
from losskit.choose.rules.names import hints
from losskit.choose.rules.rule import CERTAIN, Rule
from losskit.choose.rules.scales import in_order
from losskit.choose.rules.shapes import Shape, shape_of
from losskit.core import targets
from losskit.core.loss import Loss

__all__ = ["Ordinal"]

MOST = 11
"""Grades of the longest usual scale, 0 to 10."""
SCALES = {(1, 3), (1, 4), (1, 5), (1, 6), (1, 7), (1, 9), (1, 10), (0, 3), (0, 4), (0, 6), (0, 10)}


class Ordinal(Rule):
    """Steps of a scale, whose distances are unknown."""

    kind = targets.ORDINAL
    overrule = "a higher value is more of the same, but steps need not be equal"

    def read(self, profile: Profile, *, asked: bool = False) -> Reading | None:
        """Take short scales of whole numbers, and words that are known to have an order."""
        column = profile.column
        if column is None or column.form == "times" or not column.counts or column.distinct < 3:
            return None
        if column.form == "labels":
            return self._words(column, asked=asked)
        shape = shape_of(column)
        if shape is None or (column.distinct > MOST and not asked):
            return None
        why = f"it holds the {shape.codes} steps from {column.minimum:g} to {column.maximum:g}"
        weight = self._weight(column, shape)
        return Reading(self.kind, weight, why, ("distinct", "range"), class_coding(column))

    def _words(self, column: Column, *, asked: bool) -> Reading | None:
        if column.ordered:
            return self._in_order(column, CERTAIN, column.labels, "the column's type has an order")
        if column.distinct > MOST and not asked:
            return None
        found = in_order(column.labels)
        if found is not None:
            labels, why = found
            # Codebooks number names as well.
            return self._in_order(column, 0.45 if "numbered" in why else 0.9, labels, why)
        if not asked and "ordinal" not in hints(column.name):
            return None
        why = f"its {column.distinct:,} labels can be put in an order, which the data do not tell"
        coding = class_coding(column)
        text = f"{coding.text}; that is the alphabet's order: put the classes in their own first"
        return Reading(self.kind, 0.5, why, ("distinct",), replace(coding, text=text))

    def _in_order(self, column: Column, weight: float, labels: Sequence[Any], why: str) -> Reading:
        counts = column.counts or {}
        return Reading(
            self.kind,
            weight,
            why,
            ("distinct",),
            class_coding(column, labels),
            details={"sizes": {label: counts[label] for label in labels}},
        )

    def _weight(self, column: Column, shape: Shape) -> float:
        named = hints(column.name)
        weight = 0.25 + 0.5 * ("ordinal" in named) - 0.3 * bool(named & {"count", "class"})
        weight += 0.25 * ((int(column.minimum), int(column.maximum)) in SCALES)
        weight -= 0.15 * (shape.gaps > 0)
        weight -= 0.1 * (shape.evenness > 0.97)
        # A scale from -3 to 3 has its middle at 0.
        weight += 0.4 * (column.minimum < 0 and column.minimum == -column.maximum)
        # One hill, or rows that pile up at an end of the scale.
        weight += 0.15 * (shape.peaks == 1 and shape.top > 0.03)
        weight -= 0.15 * (shape.peaks > 2)
        weight -= 0.1 * (column.minimum > 1)
        # Steps from 0 or 1 without a gap may be a scale however the rows spread over them.
        steps = column.minimum in (0, 1) and not shape.gaps and shape.step == 1 and shape.codes > 3
        if steps and shape.evenness <= 0.97:
            weight = max(weight, 0.37)
        return min(weight, 0.95)

    def facts(self, profile: Profile, reading: Reading) -> Iterable[Fact]:
        """Say how the rows spread over the steps."""
        if profile.column is not None:
            yield from class_facts(dict(profile.column.counts or {}))

    def signs(self, profile: Profile, reading: Reading) -> Iterable[Evidence]:
        """See how much steps differ in size."""
        if profile.column is not None:
            yield from class_signs(dict(profile.column.counts or {}))

    def output_layer(self, loss: Loss, profile: Profile, reading: Reading) -> str:
        """Say how many units."""
        many = len(reading.coding.classes)
        if not many:
            return (
                "K - 1 linear units, one for each step"
                if loss.card.input.name == "Logits" and not loss.card.output_layer.startswith("K")
                else loss.card.output_layer
            )
        if loss.card.input.name != "Logits":
            return f"{loss.card.output_layer}; round what it predicts to a step"
        if loss.card.output_layer.startswith("K"):
            return f"{many} linear units, no activation"
        return (
            f"{many - 1} linear units, no activation: the logits of lying above each of the lower "
            f"{many - 1} steps; count those above 0 to predict"
        )

    def metrics(self, loss: Loss, signs: object) -> tuple[str, ...]:
        """Errors count by their distance."""
        return ("mean absolute error in steps", "quadratic weighted kappa", "accuracy")

    def threshold(self, loss: Loss, reading: Reading) -> str:
        """Say how steps are predicted."""
        return "predict the median step for the least absolute error, the likeliest for accuracy"
