"""The gradient in each layer, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from losskit.core.parameters import parameter
from losskit.studies.arms import Arm
from losskit.studies.base import Measure, Section, Study
from losskit.studies.claims import Claim
from losskit.studies.data import circle, stacked
from losskit.studies.pictures import curve, layers
from losskit.studies.record import Record
from losskit.studies.results import StudyResults
from losskit.studies.stack import Stack
from losskit.studies.training import Trial, shuffled

__all__ = ["Gradients"]

ROWS, SIZES, BATCH, RATE = 300, (2, 16, 16, 16, 1), 10, 0.1


@dataclass(frozen=True)
class Gradients(Study):
    """The norm of the gradient, layer by layer, for two losses."""

    bias: float = parameter(
        6.0, "output bias at the start: how sure the network is at first", at_least=-30, at_most=30
    )

    name = "gradients"
    title = "The gradient in each layer"
    question = (
        "How much gradient reaches each layer under the squared error, and how much under "
        "cross-entropy?"
    )
    background = (
        "By the chain rule the squared error of a sigmoid passes 2 (p − y) p (1 − p) back to the "
        "network where cross-entropy passes p − y. At p = 0.5 that is half, which a learning rate "
        "can make up for; where the network is sure it is next to nothing."
    )
    measures = (
        Measure(
            "first",
            "first layer's gradient at the start",
            "neither",
            "Norm, mean over the first epoch's steps.",
        ),
        Measure(
            "last",
            "output layer's gradient at the start",
            "neither",
            "Norm, mean over the first epoch's steps.",
        ),
        Measure(
            "depth",
            "share of the gradient that reaches the first layer",
            "neither",
            "First layer's norm divided by the output layer's, in the first epoch.",
        ),
        Measure("accuracy", "final accuracy", "higher", "On the points that are trained on."),
    )

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Two losses of a probability."""
        return (
            Arm("mse", "squared error", "MSE", "Of the sigmoid of the output.", "sigmoid"),
            Arm(
                "bce",
                "cross-entropy",
                "BinaryCrossEntropyWithLogits",
                "Of the output as a logit.",
            ),
        )

    @property
    def claims(self) -> tuple[Claim, ...]:
        """More gradient from cross-entropy than its scale explains; in all layers alike."""
        return (
            Claim(
                "more",
                "first",
                "bce",
                "mse",
                "higher",
                4.0,
                higher=(
                    "From this start cross-entropy sends more gradient to the first layer than its "
                    "scale explains"
                ),
                lower="From this start the squared error sends more gradient to the first layer",
                same=(
                    "From this start both losses send the first layer a gradient of the same "
                    "order, within a factor that the learning rate makes up for"
                ),
                ratio=True,
            ),
            Claim(
                "depth",
                "depth",
                "bce",
                "mse",
                "same",
                2.0,
                same="What the loss changes it changes in the first and the last layer about alike",
                higher="More of the gradient gets through to the first layer under cross-entropy",
                lower="Less of the gradient gets through to the first layer under cross-entropy",
                ratio=True,
            ),
        )

    def setup(self, *, fast: bool) -> Iterator[tuple[str, str]]:
        """Say what is done."""
        yield "Data", f"{ROWS} points, uniform in [−2, 2]²; label 1 where x² + y² < 1.5."
        yield (
            "Network",
            f"{' → '.join(map(str, SIZES))} with tanh, PyTorch's initial weights, an output bias "
            f"of {self.bias:g}.",
        )
        yield (
            "Training",
            f"Gradient descent with learning rate {RATE:g}, batches of {BATCH}, "
            f"{self._epochs(fast)} epochs.",
        )

    def _epochs(self, fast: bool) -> int:
        return 40 if fast else 150

    def observe(self, record: Record) -> None:
        """Train all networks side by side."""
        arms, seeds = self.arms, record.seeds
        drawn = [circle(ROWS, seed) for seed in seeds]
        x, y = stacked([points for points, _ in drawn]), stacked([labels for _, labels in drawn])
        stack = Stack(SIZES, [*seeds] * len(arms), torch.tanh)
        with torch.no_grad():
            stack.biases[-1].fill_(self.bias)
        trial = Trial(record, arms, stack, x, lambda arm, out, rows: arm(out, y.gather(1, rows)))
        trial.watch("accuracy", x, lambda _, out: ((out > 0) == (y > 0.5)).double().mean(1))
        optimiser = torch.optim.SGD(stack.parameters(), lr=RATE)
        batches = shuffled(ROWS, BATCH, seeds)
        trial.train(batches, optimiser, self._epochs(record.fast), norms=True)
        trial.follow("accuracy")
        norms, names = trial.norms(), self._layers
        for layer, name in enumerate(names):
            for arm, rows in zip(arms, norms[layer], strict=True):
                record.followed(arm.label, "gradient", range(1, rows.shape[1] + 1), rows, name)
        first, last = norms[0, ..., 0], norms[-1, ..., 0]
        trial.measured("first", first)
        trial.measured("last", last)
        trial.measured("depth", first / last)
        trial.measured("accuracy", np.asarray(trial.curve("accuracy")[..., -1]))

    @property
    def _layers(self) -> list[str]:
        hidden = [f"hidden layer {number}" for number in range(1, len(SIZES) - 1)]
        return [*hidden, "output layer"]

    def sections(self, results: StudyResults) -> Iterator[Section]:
        """Draw it."""
        yield Section(
            "Gradient norm by layer and epoch",
            layers(results, "gradient", [arm.label for arm in results.arms], "Gradient norm"),
            "Mean over an epoch's steps, on one logarithmic scale for all layers. Means over the "
            "seeds; bands reach from the lowest to the highest seed.",
        )
        yield Section(
            "What comes of it",
            [curve(results, "accuracy", "Accuracy", y={"range": [0.2, 1.02]})],
            "Share of points on their side, after each epoch.",
        )
