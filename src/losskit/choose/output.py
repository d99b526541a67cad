"""What a model gives: its shape, and whether it is logits or probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from losskit.choose.errors import ChooseError
from losskit.choose.facts import Fact
from losskit.choose.reading import blocks, read
from losskit.core.contracts import (
    LOG_PROBABILITIES,
    LOGITS,
    PROBABILITIES,
    PROBABILITY_ROWS,
    REAL_VALUES,
    Contract,
)
from losskit.reporting.wording import number

__all__ = ["Output", "look_at_output"]

ROUNDING = 2.0**-8


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
    """

    shape: tuple[int, ...]
    minimum: float
    maximum: float
    broken: int
    contract: Contract

    @property
    def width(self) -> int:
        """Numbers per example."""
        return int(np.prod(self.shape[1:])) if len(self.shape) > 1 else 1

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
        if self.broken:
            text = f"The output holds {self.broken:,} values that are NaN or infinite."
            found.append(Fact("output_broken", self.broken, text))
        return found


def look_at_output(output: object) -> Output:
    """Look at a model's output, all of it, a part of the rows at a time.

    Raises
    ------
    ChooseError
        If it cannot be read, or has no numbers.
    """
    source = read(output)
    if source.array is not None:
        array = source.array
    elif source.frame is not None and len(source.names) == 1:
        frame = source.frame.collect()
        if not frame.dtypes[0].is_numeric():
            raise ChooseError("output must hold numbers")
        array = frame.to_series().to_numpy()
    else:
        raise ChooseError("output must be an array")
    if not array.size:
        raise ChooseError("output is empty")
    return _seen(array)


def _seen(array: Any) -> Output:
    low, high, broken = np.inf, -np.inf, 0
    sums = logs = True
    for block in blocks(array):
        part = block.astype(np.float64, copy=False)
        finite = np.isfinite(part)
        broken += int((~finite).sum())
        if finite.any():
            low, high = min(low, part[finite].min()), max(high, part[finite].max())
        if part.ndim > 1 and part.shape[1] > 1 and finite.all():
            sums &= bool((np.abs(part.sum(axis=1) - 1) <= ROUNDING).all())
            logs &= high <= ROUNDING and bool(
                (np.abs(np.exp(np.minimum(part, 1)).sum(axis=1) - 1) <= 4 * ROUNDING).all()
            )
        else:
            sums = logs = False
    return Output(
        tuple(array.shape), float(low), float(high), broken, _contract(low, high, sums, logs)
    )


def _contract(low: float, high: float, sums: bool, logs: bool) -> Contract:
    if low >= 0 and high <= 1:
        return PROBABILITY_ROWS if sums else PROBABILITIES
    if logs:
        return LOG_PROBABILITIES
    return LOGITS if low < 0 < high else REAL_VALUES
