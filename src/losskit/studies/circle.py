"""Mean squared error against cross-entropy on a circle."""

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
from losskit.studies.data import circle, stacked
from losskit.studies.measures import first_epochs
from losskit.studies.pictures import curve, layers
from losskit.studies.planes import decision
from losskit.studies.record import Record
from losskit.studies.results import StudyResults
from losskit.studies.stack import Stack
from losskit.studies.training import Trial, in_order, map_plane

__all__ = ["Circle"]

ROWS, HIDDEN, RATE, DEVIATION = 200, 8, 0.1, 0.5


@dataclass(frozen=True)
class Circle(Study):
    """Two losses, each from an easy start and from a confidently wrong one."""

    bias: float = parameter(
        10.0, "output bias of the confidently wrong start", at_least=-30, at_most=30
    )

    name = "circle"
    title = "Squared error against cross-entropy"
    question = "Does a classifier learn worse from the squared error than from cross-entropy?"
    background = (
        "The squared error of a sigmoid has a gradient with the factor p (1 − p), which vanishes "
        "where the network is sure, also where it is surely wrong (Solla, Levin and Fleisher, "
        "1988, Accelerated Learning in Layered Neural Networks)."
    )
    measures = (
        Measure("accuracy", "final accuracy", "higher", "Share of points on their side."),
        Measure(
            "epochs",
            "epochs to 90 % accuracy",
            "lower",
            "The first epoch with 90 % on their side; the last one if none has.",
        ),
        Measure(
            "first_loss",
            "loss in the first epoch",
            "neither",
            "Mean over its steps, on each loss's own scale.",
        ),
        Measure("last_loss", "loss at the end", "neither", "On each loss's own scale."),
        Measure(
            "gradient",
            "gradient in the first epoch",
            "neither",
            "Norm in the hidden layer, mean over the steps.",
        ),
    )
    headlines = 2

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Each loss, from each start."""
        easy = "From small random weights. The loss is that of the "
        wrong = f"From the same weights, but an output bias of {self.bias:g}."
        return (
            Arm(
                "mse-easy",
                "squared error (easy start)",
                "MSE",
                f"{easy}sigmoid of the output.",
                "sigmoid",
            ),
            Arm(
                "bce-easy",
                "cross-entropy (easy start)",
                "BinaryCrossEntropyWithLogits",
                f"{easy}output as a logit.",
            ),
            Arm("mse-wrong", "squared error (wrong start)", "MSE", wrong, "sigmoid", ""),
            Arm(
                "bce-wrong",
                "cross-entropy (wrong start)",
                "BinaryCrossEntropyWithLogits",
                wrong,
                drawn="",
            ),
        )

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The gap is small from an easy start, and large from a wrong one."""
        return (
            Claim(
                "stalls",
                "epochs",
                "mse-wrong",
                "bce-wrong",
                "higher",
                10,
                higher=(
                    "From a confidently wrong start the squared error stalls for long, which "
                    "cross-entropy does not"
                ),
                lower="From this start it is cross-entropy that takes longer",
                same="From this start the squared error learns about as fast as cross-entropy",
            ),
            Claim(
                "easy",
                "accuracy",
                "mse-easy",
                "bce-easy",
                "same",
                0.03,
                same="From an easy start both end about equally well",
                higher="From an easy start the squared error ends better",
                lower="Even from an easy start the squared error ends worse",
            ),
            Claim(
                "recovers",
                "epochs",
                "bce-wrong",
                "bce-easy",
                "same",
                10,
                same="Cross-entropy learns about as fast from the wrong start as from the easy one",
                higher="Cross-entropy takes longer from the wrong start than from the easy one",
                lower="Cross-entropy learns faster from the wrong start than from the easy one",
            ),
            Claim(
                "end",
                "accuracy",
                "mse-wrong",
                "bce-wrong",
                "lower",
                0.03,
                lower="From the wrong start the squared error is still behind at the end",
                higher="From the wrong start the squared error is ahead at the end",
                same="At the end the squared error has about caught up from the wrong start",
            ),
        )

    def _epochs(self, fast: bool) -> int:
        return 30 if fast else 200

    def setup(self, *, fast: bool) -> Iterator[tuple[str, str]]:
        """Say what is done."""
        yield "Data", f"{ROWS} points, uniform in [−2, 2]²; label 1 where x² + y² < 1.5."
        yield (
            "Network",
            f"2 → {HIDDEN} → 1 with ReLU; weights normal with deviation {DEVIATION:g}, biases 0.",
        )
        yield (
            "Training",
            f"Plain gradient descent, one point at a time in a fixed order, learning rate "
            f"{RATE:g}, {self._epochs(fast)} epochs. Measured on the points that are trained on.",
        )
        yield (
            "Elsewhere",
            "A run of this recipe with another generator of random numbers (and an easy start) had "
            "a squared error of 0.2071 in the first epoch, 0.0192 after 51 and 0.0086 after 200, "
            "cross-entropies of 0.5542, 0.0444 and 0.0219, and gradients of 0.368 and 0.658 in "
            "the hidden layer. Seeds differ: over 20 of them here, all of these figures lie within "
            "the range, and the medians within a factor of 1.5.",
        )

    def observe(self, record: Record) -> None:
        """Train all networks side by side."""
        arms, seeds = self.arms, record.seeds
        drawn = [circle(ROWS, seed) for seed in seeds]
        x, y = stacked([points for points, _ in drawn]), stacked([labels for _, labels in drawn])
        stack = Stack((2, HIDDEN, 1), [*seeds] * len(arms), deviation=DEVIATION)
        with torch.no_grad():
            stack.biases[1][2 * len(seeds) :] = self.bias

        def objective(arm: Arm, output: Tensor, rows: Tensor) -> Tensor:
            return arm(output, y.gather(1, rows))

        trial = Trial(record, arms, stack, x, objective)
        trial.watch("loss", x, lambda arm, output: arm(output, y).mean(dim=1))
        trial.watch("accuracy", x, lambda _, output: ((output > 0) == (y > 0.5)).double().mean(1))
        optimiser = torch.optim.SGD(stack.parameters(), lr=RATE)
        trial.train(in_order(ROWS, 1, seeds), optimiser, self._epochs(record.fast), norms=True)
        trial.follow("loss", "accuracy")
        accuracy, loss, norms = trial.curve("accuracy"), trial.curve("loss"), trial.norms()
        trial.measured("accuracy", accuracy[..., -1])
        trial.measured("epochs", first_epochs(accuracy, 0.9))
        trial.measured("first_loss", trial.costs()[..., 0])
        trial.measured("last_loss", loss[..., -1])
        trial.measured("gradient", norms[0, ..., 0])
        for layer, name in enumerate(("hidden layer", "output layer")):
            for arm, rows in zip(arms, norms[layer], strict=True):
                record.followed(arm.label, "gradient", range(1, rows.shape[1] + 1), rows, name)
        map_plane(record, trial, 2.0)
        points, labels = drawn[0]
        record.placed(arms[0].label, "data", "always", points, labels.astype(np.int64))

    def sections(self, results: StudyResults) -> Iterator[Section]:
        """Draw it."""
        yield Section(
            "How they learn",
            [curve(results, "accuracy", "Accuracy", y={"range": [0.2, 1.02]})],
            "Means over the seeds; bands reach from the lowest to the highest seed.",
        )
        yield Section(
            "How strongly each loss pulls",
            layers(results, "gradient", [arm.label for arm in results.arms], "Gradient norm"),
            "Norm of the gradient in each layer, mean over an epoch's steps. Where the squared "
            "error stalls, its gradient is close to nothing though nearly all is wrong.",
        )
        yield Section(
            "What they have learnt",
            decision(results, "probability", "data"),
            f"Probability of class 1 over the plane after the last epoch, from seed "
            f"{results.seeds[0]}. Diamonds are class 1.",
            legend=False,
        )
