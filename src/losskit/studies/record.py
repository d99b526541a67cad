"""What a study writes down while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from losskit.reporting.arrays import Floats, Ints
from losskit.studies.results import Bins, Curve, Grid, Points, Value

__all__ = ["Progress", "Record", "short"]


@dataclass(frozen=True)
class Progress:
    """How far a study has come.

    Parameters
    ----------
    share
        From 0 to 1.
    doing
        What it does, in a few words.
    """

    share: float
    doing: str


def short(values: Iterable[float]) -> list[float]:
    """Round to what a picture can show, so that the report stays small."""
    return [float(f"{one:.5g}") for one in values]


@dataclass
class Record:
    """What was seen, number by number.

    Parameters
    ----------
    seeds
        What the runs start from.
    fast
        Whether a quick impression is wanted.
    progress
        Told how far it is.
    """

    seeds: Sequence[int]
    fast: bool
    progress: Callable[[Progress], None] = lambda _: None
    values: list[Value] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)
    points: list[Points] = field(default_factory=list)
    bins: list[Bins] = field(default_factory=list)

    def doing(self, what: str, done: float, total: float = 1.0) -> None:
        """Say what is done and how much of it there is still to do."""
        self.progress(Progress(min(done / total, 1.0), what))

    def measured(self, arm: str, measure: str, values: Sequence[float] | Floats) -> None:
        """Write down a measure, one number for each seed."""
        for seed, value in zip(self.seeds, values, strict=True):
            self.values.append(
                Value(arm=arm, measure=measure, seed=seed, value=_number(float(value)))
            )

    def followed(
        self, arm: str, quantity: str, x: Sequence[float], y: Floats, part: str = ""
    ) -> None:
        """Write down a curve for each seed, (seeds, points)."""
        for seed, values in zip(self.seeds, y, strict=True):
            self.curves.append(
                Curve(
                    arm=arm,
                    seed=seed,
                    quantity=quantity,
                    part=part,
                    x=list(map(float, x)),
                    y=[_number(one) for one in short(values)],
                )
            )

    def mapped(self, arm: str, quantity: str, x: Floats, y: Floats, values: Floats) -> None:
        """Write down values over a plane, (points of y, points of x), of the first seed."""
        self.grids.append(
            Grid(
                arm=arm,
                seed=self.seeds[0],
                quantity=quantity,
                x=short(x),
                y=short(y),
                values=[[_number(one) for one in short(row)] for row in values],
            )
        )

    def placed(self, arm: str, quantity: str, moment: str, xy: Floats, group: Ints) -> None:
        """Write down points, (points, 2), of the first seed."""
        self.points.append(
            Points(
                arm=arm,
                seed=self.seeds[0],
                quantity=quantity,
                moment=moment,
                x=[_number(one) for one in short(xy[:, 0])],
                y=[_number(one) for one in short(xy[:, 1])],
                group=group.tolist(),
            )
        )

    def calibrated(self, arm: str, confidence: Floats, right: Floats, size: int = 10) -> None:
        """Write down how often predictions of each confidence are right, over all seeds."""
        bins = np.minimum((confidence * size).astype(int), size - 1)
        rows = np.bincount(bins, minlength=size)

        def means(values: Floats) -> list[float | None]:
            sums = np.bincount(bins, weights=values, minlength=size)
            return [*short(sums / np.maximum(rows, 1))]

        self.bins.append(
            Bins(arm=arm, confidence=means(confidence), observed=means(right), rows=rows.tolist())
        )


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
