"""Several real numbers at once."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from losskit.choose.facts import Evidence, Fact, Reading
from losskit.choose.profile import Profile
from losskit.choose.rules.real import outlier_evidence, outliers
from losskit.choose.rules.rule import LIKELY, Rule
from losskit.core import targets
from losskit.core.loss import Loss
from losskit.reporting.wording import number

__all__ = ["Several"]


class Several(Rule):
    """Columns of numbers, each its own target."""

    kind = targets.SEVERAL
    overrule = "the columns are numbers that are predicted side by side"

    def read(self, profile: Profile, *, asked: bool = False) -> Reading | None:
        """Take several numbers per example when nothing says more of them."""
        matrix = profile.matrix
        if matrix is None or matrix.flags:
            return None
        return Reading(
            self.kind,
            LIKELY if not matrix.whole or matrix.names else 0.4,
            f"it has {matrix.width:,} numbers per example",
            ("scales",),
        )

    def facts(self, profile: Profile, reading: Reading) -> Iterable[Fact]:
        """Say how much the columns' scales differ."""
        if profile.matrix is None:
            return
        spreads = profile.matrix.spreads
        spreads = spreads[spreads > 0]
        if len(spreads):
            ratio = float(spreads.max() / spreads.min())
            text = f"The widest column spreads {number(ratio)} times as far as the narrowest."
            yield Fact("scales", ratio, text, "sample")

    def signs(self, profile: Profile, reading: Reading) -> Iterable[Evidence]:
        """See whether wild values have to be held."""
        matrix = profile.matrix
        if matrix is None:
            return
        columns = matrix.sample.reshape(len(matrix.sample), -1).T
        shares = [
            outliers(column[np.isfinite(column)], spread)
            for column, spread in zip(columns, matrix.spreads, strict=True)
        ]
        yield from outlier_evidence(float(np.mean(shares)), "numbers")

    def output_layer(self, loss: Loss, profile: Profile, reading: Reading) -> str:
        """Say how many units."""
        width = profile.matrix.width if profile.matrix is not None else "K"
        return f"{width} linear units"
