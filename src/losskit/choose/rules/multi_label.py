"""Several 0/1 labels at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from losskit.choose.column import Column
from losskit.choose.facts import Coding, Evidence, Fact, Reading
from losskit.choose.profile import Profile
from losskit.choose.rules.rule import CERTAIN, LIKELY, Rule
from losskit.core import targets
from losskit.core.loss import Loss
from losskit.core.uses import Sign
from losskit.reporting.wording import number, percent

__all__ = ["MultiLabel"]

SEPARATORS = ("|", ";", ",")
RARE = 0.2
"""Share of the rarest label below which labels are weighed."""


class MultiLabel(Rule):
    """Columns of 0 and 1, or lists of labels in a cell."""

    kind = targets.MULTI_LABEL
    overrule = "several of the labels can hold at once, or none"

    def read(self, profile: Profile, *, asked: bool = False) -> Reading | None:
        """Take columns of flags whose rows have different sums, and cells with several labels."""
        matrix = profile.matrix
        if matrix is None:
            return None if profile.column is None else self._cells(profile.column)
        if len(matrix.shape) != 2 or not matrix.flags or matrix.one_hot == matrix.rows:
            return None
        per_row = matrix.ones.sum() / matrix.rows
        names: tuple[Any, ...] = matrix.names or tuple(range(matrix.width))
        return Reading(
            self.kind,
            CERTAIN,
            f"its {matrix.width} columns hold 0 and 1, and a row has {number(per_row)} ones on "
            "average, not always one",
            ("labels_per_row",),
            Coding(names),
            details={"shares": (matrix.ones / matrix.rows).tolist(), "per_row": per_row},
        )

    def _cells(self, column: Column) -> Reading | None:
        if column.form != "labels" or column.distinct < 3:
            return None
        cells = [one for one in column.texts if one.strip()]
        for separator in SEPARATORS:
            parts = [
                {part.strip() for part in cell.split(separator) if part.strip()} for cell in cells
            ]
            several = np.mean([len(part) > 1 for part in parts]) if parts else 0.0
            sizes = Counter(label for part in parts for label in part)
            short = (
                np.mean([len(re.findall(r"\w+", one)) for one in sizes]) <= 3 if sizes else False
            )
            # Where a comma is part of a name, what it parts hardly repeats.
            least = 0.5 if separator == "," else 1.0
            if several >= 0.1 and short and len(sizes) <= least * len(set(cells)):
                labels = sorted(sizes)
                shares = [sizes[label] / len(cells) for label in labels]
                return Reading(
                    self.kind,
                    LIKELY + 0.2,
                    f"{percent(float(several))} of its cells hold several labels, separated by "
                    f"{separator!r}",
                    ("labels_per_row",),
                    Coding(
                        tuple(labels),
                        text=f"split the cells at {separator!r}, and make a 0/1 column of each of "
                        f"the {len(labels)} labels",
                    ),
                    details={"shares": shares, "per_row": sum(shares)},
                )
        return None

    def facts(self, profile: Profile, reading: Reading) -> Iterable[Fact]:
        """Say how many labels a row has, and how rare they are."""
        shares = reading.details.get("shares")
        if not shares:
            return
        per_row = reading.details["per_row"]
        yield Fact(
            "labels_per_row", per_row, f"A row has {number(per_row)} of {len(shares)} labels."
        )
        yield Fact(
            "rarest_label",
            min(shares),
            f"The rarest label holds in {percent(min(shares))} of the rows, the commonest in "
            f"{percent(max(shares))}.",
        )

    def signs(self, profile: Profile, reading: Reading) -> Iterable[Evidence]:
        """See whether labels are rare."""
        shares = reading.details.get("shares")
        if shares and min(shares) < RARE:
            text = f"The rarest label holds in {percent(min(shares))} of the rows."
            yield Evidence(Sign.UNEVEN, text, ("rarest_label",))
            yield Evidence(Sign.IMBALANCED, text, ("rarest_label",))

    def output_layer(self, loss: Loss, profile: Profile, reading: Reading) -> str:
        """Say how many units."""
        many = len(reading.coding.classes) or "K"
        return f"{many} linear units, one per label, no activation"

    def threshold(self, loss: Loss, reading: Reading) -> str:
        """Say how scores become labels."""
        return "tune one threshold per label on validation data; rare labels need lower ones"

    def warnings(self, profile: Profile, reading: Reading) -> Iterable[str]:
        """Find labels that never, or always, hold."""
        shares = reading.details.get("shares") or []
        flat = [
            str(name)
            for name, share in zip(reading.coding.classes, shares, strict=False)
            if share in (0, 1)
        ]
        if flat:
            yield (
                f"{len(flat)} labels are the same in every row, such as {flat[0]!r}: nothing can "
                "be learnt of them; leave them out."
            )
