"""The landscape of three losses around a trained network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from losskit.core.parameters import parameter
from losskit.reporting.arrays import Floats
from losskit.studies.arms import Arm
from losskit.studies.base import Measure, Section, Study
from losskit.studies.claims import Claim
from losskit.studies.data import blobs, stacked
from losskit.studies.pictures import curve
from losskit.studies.planes import contours, surface
from losskit.studies.record import Record
from losskit.studies.results import StudyResults
from losskit.studies.stack import Stack
from losskit.studies.training import Trial, shuffled
from losskit.torch import landscape

__all__ = ["Landscapes"]

ROWS, HIDDEN, BATCH, RATE, SEPARATION = 200, 16, 20, 0.01, 3.0


@dataclass(frozen=True)
class Landscapes(Study):
    """Squared error, cross-entropy and a contrastive loss on a plane through the weights."""

    radius: float = parameter(
        3.0, "how far the plane reaches, in lengths of the weights", above=0, at_most=10
    )

    name = "landscapes"
    title = "The landscape around a trained network"
    question = "What does the loss look like around the weights that training has found?"
    background = (
        "Li et al. (2018, Visualizing the Loss Landscape of Neural Nets): a plane of two random "
        "directions, each filter scaled to the length of the network's own. The squared error of "
        "a sigmoid cannot exceed 1, so that far off it has to level out."
    )
    measures = (
        Measure("centre", "loss at the weights", "neither", "On each loss's own scale."),
        Measure("rim", "mean loss at the rim", "neither", "On the circle of the full radius."),
        Measure(
            "steepening",
            "steepening",
            "neither",
            "Rise of the mean loss from half the radius to the rim, divided by that up to half of "
            "it: 3 for a bowl, 1 for a cone, less where it levels out.",
        ),
    )

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Three losses."""
        return (
            Arm("mse", "squared error", "MSE", "Of the sigmoid of the output.", "sigmoid"),
            Arm(
                "bce",
                "cross-entropy",
                "BinaryCrossEntropyWithLogits",
                "Of the output as a logit.",
            ),
            Arm(
                "contrastive",
                "contrastive loss",
                "ContrastivePair:margin=1",
                "Of pairs of outputs: the same class together, others apart by 1.",
                drawn="sample",
            ),
        )

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The squared error has a ceiling, cross-entropy has none."""
        return (
            Claim(
                "levels",
                "steepening",
                "bce",
                "mse",
                "higher",
                1.15,
                higher=("Away from the weights the squared error steepens less than cross-entropy"),
                lower="Away from the weights cross-entropy steepens less than the squared error",
                same="Within this radius both landscapes steepen about alike",
                ratio=True,
            ),
        )

    def setup(self, *, fast: bool) -> Iterator[tuple[str, str]]:
        """Say what is done."""
        yield (
            "Data",
            f"{ROWS} rows of two normal classes in two dimensions, {SEPARATION:g} deviations "
            "apart. The contrastive loss takes each row with the next one of its batch.",
        )
        yield "Network", f"2 → {HIDDEN} → 1 with tanh, PyTorch's initial weights."
        yield (
            "Training",
            f"Adam with learning rate {RATE:g}, batches of {BATCH}, {self._epochs(fast)} epochs.",
        )
        points = self._points(fast)
        yield (
            "Plane",
            f"{points} × {points} points, two random directions with each filter scaled to the "
            f"network's own, up to {self.radius:g} times the weights in each; biases stay. The "
            "directions are the same for all losses of a seed.",
        )

    def _epochs(self, fast: bool) -> int:
        return 20 if fast else 60

    def _points(self, fast: bool) -> int:
        return 13 if fast else 33

    def observe(self, record: Record) -> None:
        """Train all networks side by side, then walk around each."""
        arms, seeds = self.arms, record.seeds
        drawn = [blobs(ROWS, (1, 1), SEPARATION, seed) for seed in seeds]
        x = stacked([points for points, _ in drawn])
        y = stacked([labels for _, labels in drawn]).float()

        def cost(arm: Arm, output: Tensor, target: Tensor) -> Tensor:
            if arm.label != "contrastive":
                return arm(output, target)
            # Embeddings of one dimension, each with its neighbour in the batch.
            one, other = output.reshape(-1, 1), output.roll(1, dims=1).reshape(-1, 1)
            same = (target == target.roll(1, dims=1)).float().reshape(-1)
            each: Tensor = arm.loss(one, other, same, reduction="none")
            return each.reshape(target.shape)

        stack = Stack((2, HIDDEN, 1), [*seeds] * len(arms), torch.tanh)
        trial = Trial(
            record, arms, stack, x, lambda arm, out, rows: cost(arm, out, y.gather(1, rows))
        )
        trial.watch("loss", x, lambda arm, out: cost(arm, out, y).mean(dim=1))
        optimiser = torch.optim.Adam(stack.parameters(), lr=RATE)
        batches = shuffled(ROWS, BATCH, seeds)
        trial.train(batches, optimiser, self._epochs(record.fast), share=0.5)
        trial.follow("loss")
        for at, arm in enumerate(arms):
            rims: list[tuple[float, float, float]] = []
            for place, seed in enumerate(seeds):
                network = stack.one(at * len(seeds) + place)
                own, target = x[place], y[place]
                found = landscape(
                    network,
                    # The loop's own names, now: the function is called before they change.
                    lambda one, own=own, target=target, arm=arm: cost(  # type: ignore[misc]
                        arm, one(own)[None, :, 0], target[None]
                    ).mean(),
                    points=self._points(record.fast),
                    radius=self.radius,
                    seed=seed,
                )
                rims.append(_rise(found.x, found.values))
                if place == 0:
                    record.mapped(arm.label, "landscape", found.x, found.y, found.values)
                done = (at * len(seeds) + place + 1) / (len(arms) * len(seeds))
                record.doing("walking around the weights", 0.5 + done / 2)
            for name, values in zip(
                ("centre", "rim", "steepening"), np.asarray(rims).T, strict=True
            ):
                record.measured(arm.label, name, values)

    def sections(self, results: StudyResults) -> Iterator[Section]:
        """Draw it."""
        yield Section(
            "As lines of equal loss",
            contours(results, "landscape"),
            f"Around the weights of seed {results.seeds[0]}: the diamond. Each on its own scale.",
            legend=False,
        )
        yield Section(
            "As a surface",
            surface(results, "landscape"),
            "The same numbers; drag to turn.",
            legend=False,
        )
        yield Section(
            "How they got there",
            [curve(results, "loss", "Loss", log=True)],
            "Each on its own scale. Means over the seeds; bands reach from the lowest to the "
            "highest seed.",
        )


def _rise(side: Floats, values: Floats) -> tuple[float, float, float]:
    """Return the loss at the centre, its mean at the rim, and how much it steepens."""
    away = np.hypot(*np.meshgrid(side, side)) / side[-1]
    step = 1.0 / (len(side) // 2)

    def ring(radius: float) -> float:
        return float(values[np.abs(away - radius) <= step / 2 + 1e-9].mean())

    middle = len(side) // 2
    centre = float(values[middle, middle])
    half, rim = ring(0.5), ring(1.0)
    return centre, rim, (rim - half) / (half - centre)
