"""Sequences of token ids."""

from __future__ import annotations

from collections.abc import Iterable

from losskit.choose.facts import Coding, Fact, Reading
from losskit.choose.profile import Profile
from losskit.choose.rules.rule import CERTAIN, LIKELY, Rule
from losskit.core import targets
from losskit.core.loss import Loss
from losskit.reporting.wording import percent

__all__ = ["Tokens"]

IGNORED = -100
"""What PyTorch and others leave out by default."""
SHORTEST = 4
"""Fewer numbers in a row are hardly a sequence."""


class Tokens(Rule):
    """Rows of token ids, filled up to one length."""

    kind = targets.TOKENS
    overrule = "each row is a sequence, and each number in it the id of a token"

    def read(self, profile: Profile, *, asked: bool = False) -> Reading | None:
        """Take rows of whole numbers, the rather where they end with the same fill."""
        matrix = profile.matrix
        if matrix is None or len(matrix.shape) != 2 or matrix.names or not matrix.whole:
            return None
        if matrix.flags or matrix.width < SHORTEST:
            return None
        fill = IGNORED if matrix.minimum == IGNORED else matrix.fill
        least = min((one for one in matrix.counts or () if one != fill), default=matrix.minimum)
        if (least if fill is not None else matrix.minimum) < 0:
            return None
        classes = int(matrix.maximum) + 1
        if fill is not None:
            return Reading(
                self.kind,
                CERTAIN,
                f"its rows of {matrix.width} whole numbers end with {fill:g}, which fills them up",
                ("padding", "range"),
                Coding(tuple(range(classes)) if classes <= 1000 else (), text=""),
                padding=fill,
                details={"classes": classes},
            )
        weight = LIKELY if matrix.counts is None or len(matrix.counts) > 20 else 0.5
        return Reading(
            self.kind,
            weight,
            f"it holds rows of {matrix.width} whole numbers up to {matrix.maximum:g}",
            ("range",),
            details={"classes": classes},
        )

    def facts(self, profile: Profile, reading: Reading) -> Iterable[Fact]:
        """Say how much of it is padding."""
        matrix = profile.matrix
        if matrix is None or reading.padding is None:
            return
        fills = matrix.fills
        if matrix.counts is not None:
            fills = matrix.counts.get(reading.padding, fills)
        share = fills / (matrix.rows * matrix.width)
        yield Fact(
            "padding",
            reading.padding,
            f"{reading.padding:g} fills up the rows: {percent(share)} of all places.",
        )

    def output_layer(self, loss: Loss, profile: Profile, reading: Reading) -> str:
        """Say how many units."""
        classes = reading.details.get("classes", "K")
        return f"{classes} logits for each place, at least: one per token of the vocabulary"

    def metrics(self, loss: Loss, signs: object) -> tuple[str, ...]:
        """Report what does not depend on the length of sequences."""
        return ("perplexity", "token accuracy without padding")

    def warnings(self, profile: Profile, reading: Reading) -> Iterable[str]:
        """Ask for padding where none was found."""
        if profile.matrix is not None and reading.padding is None:
            yield (
                "No padding was found. If sequences were cut to one length that is right; else "
                "set ignore_index to what fills them up."
            )
