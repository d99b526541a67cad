"""What a model gives: its shape, and whether it is logits or probabilities."""

from __future__ import annotations

import math
from dataclasses import dataclass

from losskit.choose.facts import Fact
from losskit.core.contracts import Contract
from losskit.reporting.wording import number, percent

__all__ = ["Output"]


@dataclass(frozen=True)
class Output:
    """A model's output.

    Attributes
    ----------
    shape : tuple of int
        Rows first.
    minimum, maximum : float
        Of all finite values.
    broken : int
        Values that are NaN or infinite.
    contract : Contract
        What its values can be taken for.
    doubted : float, optional
        Share of the labels that the model is sure are others; None where it gives none.
    """

    shape: tuple[int, ...]
    minimum: float
    maximum: float
    broken: int
    contract: Contract
    doubted: float | None = None

    @property
    def width(self) -> int:
        """Numbers per example."""
        return math.prod(self.shape[1:]) if len(self.shape) > 1 else 1

    def facts(self) -> list[Fact]:
        """Return what is to be known of it."""
        shape = " × ".join(f"{length:,}" for length in self.shape)
        found = [
            Fact("output_shape", list(self.shape), f"The model's output is {shape}."),
            Fact(
                "output_range",
                [self.minimum, self.maximum],
                f"The output runs from {number(self.minimum)} to {number(self.maximum)}.",
            ),
            Fact(
                "output_contract",
                self.contract.name,
                f"The output looks like {self.contract.title}.",
            ),
        ]
        if self.doubted is not None:
            text = f"The model is sure that {percent(self.doubted)} of the labels are others."
            found.append(Fact("doubted_labels", self.doubted, text))
        if self.broken:
            text = f"The output holds {self.broken:,} values that are NaN or infinite."
            found.append(Fact("output_broken", self.broken, text))
        return found
