"""A probability for each class."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from losskit.choose.facts import Coding, Fact, Reading
from losskit.choose.profile import Profile
from losskit.choose.rules.rule import CERTAIN, Rule
from losskit.core import targets
from losskit.core.loss import Loss

__all__ = ["Distribution"]

NEARLY = 0.99
"""Share of rows that must sum to one."""


class Distribution(Rule):
    """Rows that sum to one, or to 100 %."""

    kind = targets.DISTRIBUTION
    overrule = "each row is divided among the columns, and sums to one"

    def read(self, profile: Profile, *, asked: bool = False) -> Reading | None:
        """Take rows of shares with a fixed sum."""
        matrix = profile.matrix
        if matrix is None or len(matrix.shape) != 2 or matrix.one_hot == matrix.rows:
            return None
        if matrix.missing or matrix.minimum < 0 or matrix.sums < NEARLY * matrix.rows:
            return None
        if matrix.flags or (matrix.sum == 1 and matrix.whole):
            return None
        names: tuple[Any, ...] = matrix.names or tuple(range(matrix.width))
        text = "" if matrix.sum == 1 else f"divide the rows by {matrix.sum:g}"
        return Reading(
            self.kind,
            CERTAIN,
            f"its rows of {matrix.width} numbers sum to {matrix.sum:g}",
            ("row_sums",),
            Coding(names, scale=matrix.sum, text=text),
        )

    def facts(self, profile: Profile, reading: Reading) -> Iterable[Fact]:
        """Say how many rows sum to one."""
        if profile.matrix is not None:
            share = profile.matrix.sums / profile.matrix.rows
            text = f"{100 * share:.4g} % of the rows sum to {profile.matrix.sum:g}."
            yield Fact("row_sums", share, text)

    def output_layer(self, loss: Loss, profile: Profile, reading: Reading) -> str:
        """Say how many units."""
        return loss.card.output_layer.replace("K", str(len(reading.coding.classes) or "K"), 1)
