"""Training a stack of networks, each with its loss, and following what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from losskit.reporting.arrays import Floats
from losskit.studies.arms import Arm
from losskit.studies.record import Record
from losskit.studies.stack import Stack

__all__ = ["Batches", "Objective", "Trial", "in_order", "looked_at", "map_plane", "shuffled"]

Objective = Callable[[Arm, Tensor, Tensor], Tensor]
"""What an arm minimises: of its networks' outputs, (seeds, rows, ...), and of the numbers of those
rows, (seeds, rows), the loss of each row or of each seed."""

Batches = Callable[[int], Iterator[Tensor]]
"""The batches of an epoch: row numbers, (seeds, rows)."""

Watched = Callable[[Arm, Tensor], Tensor]
"""A number for each seed, (seeds,), from an arm's outputs, (seeds, rows, ...)."""


def shuffled(rows: int, size: int, seeds: Sequence[int]) -> Batches:
    """Go through all rows once an epoch, in an order that depends on seed and epoch only."""
    generators = [torch.Generator().manual_seed(10_000 + seed) for seed in seeds]

    def batches(_: int) -> Iterator[Tensor]:
        order = torch.stack([torch.randperm(rows, generator=one) for one in generators])
        yield from torch.split(order, size, dim=1)

    return batches


def in_order(rows: int, size: int, seeds: Sequence[int]) -> Batches:
    """Go through all rows once an epoch, always in the same order."""
    batches = torch.split(torch.arange(rows).expand(len(seeds), -1), size, dim=1)
    return lambda _: iter(batches)


def looked_at(epochs: int, moments: int = 12) -> set[int]:
    """Choose the epochs after which embeddings are drawn: the first, the last and some between."""
    return {1, *(round(epochs * moment / moments) for moment in range(1, moments + 1))} - {0}


@dataclass
class Trial:
    """The training of all arms of a study, from all seeds at once.

    Parameters
    ----------
    record
        Where it is written down.
    arms
        What is compared.
    stack
        The networks: all seeds of the first arm, then all of the second, and so on.
    x
        What they learn from, (seeds, rows, inputs): every arm sees the same.
    objective
        What is minimised.
    """

    record: Record
    arms: Sequence[Arm]
    stack: Stack
    x: Tensor
    objective: Objective
    _watched: dict[str, tuple[Tensor, Watched]] = field(default_factory=dict)
    _curves: dict[str, list[Tensor]] = field(default_factory=dict)
    _norms: list[Tensor] = field(default_factory=list)
    _costs: list[Tensor] = field(default_factory=list)

    def watch(self, name: str, x: Tensor, function: Watched) -> None:
        """Compute a number for each arm and seed, on some inputs, after every epoch."""
        self._watched[name] = x, function
        self._curves[name] = []

    def outputs(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return each arm's outputs, (seeds, rows, ...)."""
        with torch.no_grad():
            found: tuple[Tensor, ...] = self.stack(x.repeat(len(self.arms), 1, 1)).split(len(x))
        return found

    def train(
        self,
        batches: Batches,
        optimiser: torch.optim.Optimizer,
        epochs: int,
        *,
        norms: bool = False,
        after: Callable[[int], None] | None = None,
        label: str = "training",
        done: float = 0.0,
        share: float = 1.0,
    ) -> None:
        """Train all networks.

        Parameters
        ----------
        batches
            Row numbers for each epoch.
        optimiser
            Of the stack's parameters.
        epochs
            How often it goes through the batches.
        norms
            Whether the gradient's norms are measured at every step.
        after
            Called with the epoch's number after each.
        label, done, share
            For the progress: what is trained, and which part of the study it is.
        """
        seeds, each = len(self.x), torch.arange(len(self.x))[:, None]
        for epoch in range(1, epochs + 1):
            measured: list[Tensor] = []
            costs: list[Tensor] = []
            for rows in batches(epoch):
                seen = self.x[each, rows].repeat(len(self.arms), 1, 1)
                outputs = self.stack(seen).split(seeds)
                # A network's gradient is that of its own mean, as nothing joins it to the others.
                losses = [
                    self.objective(arm, output, rows).reshape(seeds, -1)
                    for arm, output in zip(self.arms, outputs, strict=True)
                ]
                optimiser.zero_grad()
                means = torch.stack(losses).mean(dim=2)
                means.sum().backward()  # type: ignore[no-untyped-call]
                costs.append(means.detach())
                if norms:
                    measured.append(self.stack.norms())
                optimiser.step()
            self._costs.append(torch.stack(costs).mean(dim=0))
            if norms:
                self._norms.append(torch.stack(measured).mean(dim=0))
            self._look()
            if after is not None:
                after(epoch)
            self.record.doing(f"{label}, epoch {epoch} of {epochs}", done + share * epoch / epochs)

    def _look(self) -> None:
        for name, (x, function) in self._watched.items():
            outputs = self.outputs(x)
            with torch.no_grad():
                found = [function(arm, one) for arm, one in zip(self.arms, outputs, strict=True)]
            self._curves[name].append(torch.stack(found))

    def curve(self, name: str) -> Floats:
        """Return what was watched: arms, seeds, epochs."""
        found: Floats = torch.stack(self._curves[name], dim=-1).double().numpy()
        return found

    def costs(self) -> Floats:
        """Return the mean of what was minimised over an epoch's steps: arms, seeds, epochs."""
        found: Floats = torch.stack(self._costs, dim=-1).double().numpy()
        return found

    def norms(self) -> Floats:
        """Return the norms of the gradient: layers, arms, seeds, epochs."""
        together = torch.stack(self._norms, dim=-1).double().numpy()
        shape = (len(together), len(self.arms), len(self.x), -1)
        return np.asarray(together.reshape(shape))

    def follow(self, *names: str) -> None:
        """Write down what was watched, as curves."""
        for name in names:
            for arm, rows in zip(self.arms, self.curve(name), strict=True):
                self.record.followed(arm.label, name, range(1, rows.shape[1] + 1), rows)

    def measured(self, measure: str, values: Floats) -> None:
        """Write down a measure, (arms, seeds)."""
        for arm, row in zip(self.arms, values, strict=True):
            self.record.measured(arm.label, measure, row)


def map_plane(record: Record, trial: Trial, reach: float, points: int = 41) -> None:
    """Write down each arm's probability of class 1 over the plane, from the first seed."""
    side = np.linspace(-reach, reach, points)
    plane = torch.as_tensor(np.stack(np.meshgrid(side, side), axis=-1)).float().reshape(1, -1, 2)
    for arm, output in zip(
        trial.arms, trial.outputs(plane.repeat(len(trial.x), 1, 1)), strict=True
    ):
        shares = output[0].sigmoid().reshape(points, points).double().numpy()
        record.mapped(arm.label, "probability", side, side, shares)
