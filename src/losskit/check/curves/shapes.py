"""The shape of a curve in a few numbers: where it began, how low it came, where it ended."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from losskit.check.curves.series import Curve
from losskit.check.values import Floats, root_mean_square

__all__ = ["Shape", "scatter"]

BLOCKS = 40
"""Stretches of equal length into which a curve is divided to look past the noise of batches."""


@dataclass(frozen=True)
class Shape:
    """A loss curve, described.

    The blocks are means over stretches of equal length, so that noise from batch to batch, which
    every training has, is not taken for movement.
    """

    curve: Curve

    @cached_property
    def blocks(self) -> Floats:
        """Means over up to `BLOCKS` stretches."""
        return self.curve.blocks(BLOCKS)

    @cached_property
    def start(self) -> float:
        """Level at the beginning: the first block, or the first numbers if they are higher."""
        first = float(self.blocks[0])
        if len(self.curve) <= BLOCKS:
            return first
        return max(first, float(np.median(self.curve.mean[: max(len(self.curve) // 200, 1)])))

    @cached_property
    def end(self) -> float:
        """Level at the end: the median of the last tenth, and of no fewer than three numbers."""
        return float(np.median(self.blocks[-max(len(self.blocks) // 10, 3) :]))

    @cached_property
    def best(self) -> float:
        """Lowest block."""
        return float(self.blocks.min())

    @cached_property
    def noise(self) -> float:
        """Deviation of blocks from their neighbours, robustly."""
        if len(self.blocks) < 3:
            return 0.0
        middle = (self.blocks[:-2] + self.blocks[2:]) / 2
        return float(1.4826 * np.median(np.abs(self.blocks[1:-1] - middle)))

    @cached_property
    def fall(self) -> float:
        """How far the last third lies below the first."""
        first, _, last = np.array_split(self.curve.mean, 3)
        return float(first.mean() - last.mean())

    @cached_property
    def fall_error(self) -> float:
        """Standard error of `fall`, from how single numbers scatter."""
        return scatter(self.curve.mean) * float(np.sqrt(6 / len(self.curve)))

    @cached_property
    def usual_error(self) -> float:
        """Standard error of a block, from how numbers mostly scatter, however far some leap."""
        usual = float(np.median(np.abs(np.diff(self.curve.mean)))) * 1.4826 / 2**0.5
        return usual * float(np.sqrt(len(self.blocks) / len(self.curve)))

    @cached_property
    def gain(self) -> float:
        """How much it fell, from the start to its best."""
        return self.start - self.best

    def flat(self, share: float = 0.5, within: float = 0.01) -> bool:
        """Whether the last part, by its share, moves by no more than this share of its level."""
        part = self.blocks[-max(int(len(self.blocks) * share), 2) :]
        halves = np.array_split(part, 2)
        drift = abs(float(np.median(halves[0])) - float(np.median(halves[1])))
        return drift <= within * abs(self.end) + 1e-12


def scatter(values: Floats) -> float:
    """Return the deviation of single numbers about their course, which neighbours share."""
    return root_mean_square(np.diff(values)) / 2**0.5
