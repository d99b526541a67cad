"""A curve in bounded memory: as it came while it is short, after that in buckets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from losskit.check.values import Floats

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Curve", "Recorder"]

MOST = 4096
"""Buckets of a curve; when there are twice as many, neighbours are merged."""

_BREAKS = 64

_BEYOND = 1e290
"""Size from which on numbers count as infinite: their sums and squares are."""


@dataclass(frozen=True)
class Curve:
    """A series of numbers over the steps of a training.

    Attributes
    ----------
    name : str
        As the log has it.
    step, epoch : array
        Where each bucket ends; epochs are NaN where the log has none.
    mean, low, high : array
        Of the finite numbers in each bucket, which is one number in short logs.
    points : int
        How many numbers there were.
    broken : int
        How many of them are NaN or infinite.
    first_broken : (step, epoch) or None
        Where the first of these is.
    breaks : tuple of int
        Buckets before which the steps went back, as they do where a training was resumed.
    """

    name: str
    step: Floats
    epoch: Floats
    mean: Floats
    low: Floats
    high: Floats
    points: int
    broken: int = 0
    first_broken: tuple[float, float] | None = None
    breaks: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def whole_epochs(self) -> bool:
        """Whether each number stands for an epoch, or for several."""
        apart = np.diff(self.epoch)
        return bool(len(apart) and np.median(apart) >= 0.99 * self.points / len(self))

    def blocks(self, count: int) -> Floats:
        """Return the means of so many stretches of equal length; all numbers if there are less."""
        if len(self) <= count:
            return self.mean
        edges = np.linspace(0, len(self), count + 1).astype(np.int64)
        sums = np.add.reduceat(self.mean, edges[:-1])
        return np.asarray(sums / np.diff(edges))

    def at(self, share: float) -> int:
        """Return the bucket at a share of the way."""
        return min(int(share * len(self)), len(self) - 1)

    def where(self, index: int) -> tuple[int | None, float | None]:
        """Return step and epoch of a bucket; None for what the log does not have."""
        step, epoch = self.step[index], self.epoch[index]
        return (
            int(step) if np.isfinite(step) else None,
            float(epoch) if np.isfinite(epoch) else None,
        )


class Recorder:
    """Takes a curve in as it comes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.points = self.broken = 0
        self.first_broken: tuple[float, float] | None = None
        self._width = 1
        # Columns: count, sum, least, largest, last step, last epoch.
        self._buckets: list[NDArray[np.float64]] = []
        self._held = 0
        self._rest = np.empty((0, 3))
        self._breaks: list[int] = []
        self._last = -np.inf, -np.inf

    def add(self, step: Floats, epoch: Floats, values: Floats) -> None:
        """Take in numbers with their steps and epochs."""
        if not len(values):
            return
        finite = np.abs(values) < _BEYOND
        if not finite.all():
            values = np.where(finite, values, np.nan)
            first = int(np.argmin(finite))
            if self.first_broken is None:
                self.first_broken = (float(step[first]), float(epoch[first]))
            self.broken += int((~finite).sum())
        back = np.diff(step, prepend=self._last[0]) < 0
        back |= np.diff(epoch, prepend=self._last[1]) < 0
        at = np.flatnonzero(back)[: _BREAKS - len(self._breaks)]
        self._breaks += [self.points + int(index) for index in at]
        self._last = float(step[-1]), float(epoch[-1])
        self.points += len(values)
        self._rest = np.concatenate([self._rest, np.column_stack([step, epoch, values])])
        self._fold()

    def _fold(self) -> None:
        full = len(self._rest) // self._width
        if not full:
            return
        whole, self._rest = (
            self._rest[: full * self._width].reshape(full, self._width, 3),
            self._rest[full * self._width :],
        )
        self._buckets.append(_summary(whole))
        self._held += full
        while self._held > 2 * MOST:
            buckets = np.concatenate(self._buckets)
            if len(buckets) % 2:
                # The odd one waits as the numbers that it stands for would.
                odd, buckets = buckets[-1], buckets[:-1]
                self._rest = np.concatenate([_as_points(odd, self._width), self._rest])
            self._buckets = [_merged(buckets.reshape(-1, 2, 6))]
            self._width *= 2
            self._held = len(self._buckets[0])

    def curve(self) -> Curve:
        """Return the curve so far."""
        buckets = [*self._buckets]
        if len(self._rest):
            buckets.append(_summary(self._rest[None]))
        table = np.concatenate(buckets) if buckets else np.empty((0, 6))
        # A bucket of nothing but NaN has no mean.
        kept = table[table[:, 0] > 0]
        index = np.minimum(np.asarray(self._breaks, dtype=np.int64) // self._width, len(kept) - 1)
        return Curve(
            self.name,
            kept[:, 4],
            kept[:, 5],
            kept[:, 1] / kept[:, 0],
            kept[:, 2],
            kept[:, 3],
            self.points,
            self.broken,
            self.first_broken,
            tuple(int(at) for at in np.unique(index)) if len(kept) else (),
        )


def _summary(groups: NDArray[np.float64]) -> NDArray[np.float64]:
    values = groups[:, :, 2]
    finite = np.isfinite(values)
    filled = np.where(finite, values, 0.0)
    return np.column_stack(
        [
            finite.sum(axis=1),
            filled.sum(axis=1),
            np.where(finite, values, np.inf).min(axis=1),
            np.where(finite, values, -np.inf).max(axis=1),
            groups[:, -1, 0],
            groups[:, -1, 1],
        ]
    )


def _merged(pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack(
        [
            pairs[:, :, 0].sum(axis=1),
            pairs[:, :, 1].sum(axis=1),
            pairs[:, :, 2].min(axis=1),
            pairs[:, :, 3].max(axis=1),
            pairs[:, 1, 4],
            pairs[:, 1, 5],
        ]
    )


def _as_points(bucket: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return numbers with a bucket's mean, and its least and largest where it has several."""
    count, total = bucket[0], bucket[1]
    mean = total / count if count else np.nan
    points = np.tile([bucket[4], bucket[5], mean], (width, 1))
    if width > 2 and count:
        points[0, 2], points[1, 2] = bucket[2], bucket[3]
        points[2:, 2] = (total - bucket[2] - bucket[3]) / (width - 2) if count == width else mean
    return points
