"""Shares: numbers between 0 and 1, or 0 and 100."""

from __future__ import annotations

from collections.abc import Iterable

from losskit.choose.facts import Coding, Evidence, Reading
from losskit.choose.profile import Profile
from losskit.choose.rules.names import hints
from losskit.choose.rules.real import outlier_evidence, outliers
from losskit.choose.rules.rule import Rule
from losskit.core import targets
from losskit.core.loss import Loss

__all__ = ["Share"]


class Share(Rule):
    """A part of a whole; predictions beyond the ends mean nothing."""

    kind = targets.SHARE
    overrule = "the numbers are parts of a whole, and cannot lie beyond it"

    def read(self, profile: Profile, *, asked: bool = False) -> Reading | None:
        """Take numbers that fill most of [0, 1], or [0, 100]."""
        column = profile.column
        if column is None or column.form != "numbers" or column.minimum < 0:
            return None
        named = "share" in hints(column.name)
        if column.maximum <= 1:
            if column.whole and not asked:
                return None
            filled = column.quantile(0.99) - column.quantile(0.01)
            weight = 0.3 + 0.4 * (filled > 0.5) + 0.15 * (filled > 0.8) + 0.3 * named
            return self._reading(1.0, min(weight, 0.95), "1")
        if column.maximum > 100:
            return None
        if not asked and (column.maximum < 20 or (column.distinct <= 20 and not named)):
            return None
        near = column.quantile(0.99) > 90
        weight = 0.1 + 0.6 * named + 0.25 * near + 0.2 * (near and column.quantile(0.01) < 10)
        if column.whole and column.mean < 20:
            weight -= 0.2
        return self._reading(100.0, min(weight, 0.95), "100")

    def _reading(self, scale: float, weight: float, end: str) -> Reading:
        text = "divide the target by 100" if scale > 1 else ""
        return Reading(
            self.kind,
            weight,
            f"it lies between 0 and {end}",
            ("range",),
            Coding(scale=scale, text=text),
        )

    def signs(self, profile: Profile, reading: Reading) -> Iterable[Evidence]:
        """See whether wild values have to be held."""
        column = profile.column
        if column is not None:
            yield from outlier_evidence(outliers(column.sorted, column.spread))

    def output_layer(self, loss: Loss, profile: Profile, reading: Reading) -> str:
        """Say how a logit becomes a share again."""
        end = f"{reading.coding.scale:g}"
        if loss.card.input.name == "Logits":
            back = "sigmoid" if end == "1" else f"{end} * sigmoid"
            return f"one linear unit, no activation; predict with {back}"
        return loss.card.output_layer
