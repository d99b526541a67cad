"""Predicting one half for everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from losskit.core.parameters import parameter
from losskit.studies.arms import Arm
from losskit.studies.base import Measure, Section, Study
from losskit.studies.claims import Claim
from losskit.studies.data import blobs, stacked
from losskit.studies.measures import first_epochs
from losskit.studies.pictures import curve
from losskit.studies.record import Record
from losskit.studies.results import StudyResults
from losskit.studies.stack import Stack
from losskit.studies.training import Trial, shuffled

__all__ = ["OneHalf"]

ROWS, HIDDEN, BATCH, RATE, AWAY = 400, 16, 20, 0.02, 0.25


@dataclass(frozen=True)
class OneHalf(Study):
    """What losses say of a model that is never sure, and how they make it leave that."""

    separation: float = parameter(
        3.0, "distance of the classes' centres, in deviations of a class", at_least=0, at_most=20
    )

    name = "one-half"
    title = "Predicting one half for everything"
    question = (
        "What do losses say of a model that answers 0.5 to everything, and how do they make it "
        "leave that?"
    )
    background = (
        "A model that has learnt nothing of two equally frequent classes predicts 0.5: a squared "
        "error of 0.25 and a cross-entropy of log 2 = 0.6931 are its marks in a training curve."
    )
    measures = (
        Measure("value", "loss at one half", "neither", "What the loss says of the start."),
        Measure(
            "slope",
            "gradient at one half",
            "neither",
            "Size of the derivative in the logit, at the start.",
        ),
        Measure(
            "distance",
            "final distance from one half",
            "neither",
            "Mean of |p − 0.5| on fresh rows at the end; 0.5 is certainty.",
        ),
        Measure(
            "epochs",
            f"epochs until {AWAY:g} away from one half",
            "lower",
            "On average over fresh rows; the last epoch if never.",
        ),
        Measure("accuracy", "final accuracy", "higher", "On fresh rows."),
    )
    headlines = 2

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Three losses of a probability."""
        logit = "Of the output as a logit."
        return (
            Arm("mse", "squared error", "MSE", "Of the sigmoid of the output.", "sigmoid"),
            Arm("bce", "cross-entropy", "BinaryCrossEntropyWithLogits", logit),
            Arm("focal", "focal loss", "BinaryFocal:gamma=2", logit),
        )

    @property
    def claims(self) -> tuple[Claim, ...]:
        """They leave one half, the cross-entropy first."""
        return (
            Claim(
                "leaves",
                "distance",
                "bce",
                None,
                "higher",
                0.1,
                higher="Trained with cross-entropy, the model leaves one half",
                same="Trained with cross-entropy, the model stays near one half, as one does that "
                "finds nothing to learn",
            ),
            Claim(
                "sooner",
                "epochs",
                "mse",
                "bce",
                "higher",
                0.5,
                higher="At the same learning rate the squared error takes longer to leave it",
                lower="At the same learning rate the squared error leaves it sooner",
                same="The squared error takes about as long as cross-entropy",
            ),
            Claim(
                "focal",
                "epochs",
                "focal",
                "bce",
                "higher",
                0.5,
                higher="So does the focal loss: it takes longer than cross-entropy",
                lower="The focal loss leaves it sooner than cross-entropy",
                same="The focal loss takes about as long as cross-entropy",
            ),
        )

    def setup(self, *, fast: bool) -> Iterator[tuple[str, str]]:
        """Say what is done."""
        yield (
            "Data",
            f"{ROWS} rows of two equally frequent normal classes in two dimensions, their centres "
            f"{self.separation:g} deviations apart; as many fresh rows to measure on.",
        )
        yield (
            "Network",
            f"2 → {HIDDEN} → 1 with tanh; the output layer starts at 0, so that the first answer "
            "to everything is exactly 0.5.",
        )
        yield (
            "Training",
            f"Gradient descent with learning rate {RATE:g}, batches of {BATCH}, "
            f"{self._epochs(fast)} epochs.",
        )

    def _epochs(self, fast: bool) -> int:
        return 20 if fast else 60

    def observe(self, record: Record) -> None:
        """Train all networks side by side."""
        arms, seeds = self.arms, record.seeds
        parts = [
            [blobs(ROWS, (1, 1), self.separation, seed, part=part) for seed in seeds]
            for part in (0, 1)
        ]
        (x, y), (fresh, truth) = (
            (stacked([points for points, _ in part]), stacked([one for _, one in part]).float())
            for part in parts
        )
        stack = Stack((2, HIDDEN, 1), [*seeds] * len(arms), torch.tanh)
        with torch.no_grad():
            stack.weights[1].zero_()
            stack.biases[1].zero_()
        trial = Trial(record, arms, stack, x, lambda arm, out, rows: arm(out, y.gather(1, rows)))
        for arm, output in zip(arms, trial.outputs(fresh), strict=True):
            moved = output.double().requires_grad_()
            value = arm(moved, truth.double())
            (slope,) = torch.autograd.grad(value.sum(), moved)
            record.measured(arm.label, "value", value.mean(dim=1).detach().numpy())
            record.measured(arm.label, "slope", slope.abs().mean(dim=1).numpy())

        def distance(_: Arm, output: Tensor) -> Tensor:
            return (output.double().sigmoid() - 0.5).abs().mean(dim=1)

        trial.watch("distance", fresh, distance)
        trial.watch("loss", fresh, lambda arm, output: arm(output, truth).mean(dim=1))
        trial.watch("accuracy", fresh, lambda _, out: ((out > 0) == (truth > 0.5)).double().mean(1))
        optimiser = torch.optim.SGD(stack.parameters(), lr=RATE)
        trial.train(shuffled(ROWS, BATCH, seeds), optimiser, self._epochs(record.fast))
        trial.follow("distance", "loss")
        away = trial.curve("distance")
        trial.measured("distance", away[..., -1])
        trial.measured("epochs", first_epochs(away, AWAY))
        trial.measured("accuracy", np.asarray(trial.curve("accuracy")[..., -1]))

    def sections(self, results: StudyResults) -> Iterator[Section]:
        """Draw it."""
        yield Section(
            "How they leave one half",
            [curve(results, "distance", "Distance from one half", y={"range": [0, 0.52]})],
            "Mean of |p − 0.5| on fresh rows; 0 is never sure, 0.5 always. Means over the seeds; "
            "bands reach from the lowest to the highest seed.",
        )
        yield Section(
            "What each loss says meanwhile",
            [curve(results, "loss", "Loss on fresh rows", y={"rangemode": "tozero"})],
            "Each on its own scale: the heights of different losses cannot be compared.",
        )
