"""Huber loss against the squared error where some targets are wild."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from losskit.core.parameters import parameter
from losskit.reporting.arrays import Floats
from losskit.studies.arms import Arm
from losskit.studies.base import Measure, Section, Study
from losskit.studies.claims import Claim
from losskit.studies.data import draws, stacked
from losskit.studies.pictures import curve, fits
from losskit.studies.record import Record
from losskit.studies.results import StudyResults
from losskit.studies.stack import Stack
from losskit.studies.training import Trial, shuffled

__all__ = ["Outliers"]

ROWS, HIDDEN, BATCH, RATE, NOISE, WILD = 400, 32, 40, 0.01, 0.1, (5.0, 15.0)


@dataclass(frozen=True)
class Outliers(Study):
    """Three losses on a sine of which some targets are corrupted."""

    share: float = parameter(
        0.05, "share of training targets that are corrupted", at_least=0, at_most=0.45
    )

    name = "outliers"
    title = "Huber loss against wild targets"
    question = (
        "Does the Huber loss learn better than the squared error where some targets are wild?"
    )
    background = (
        "Huber (1964, Robust Estimation of a Location Parameter): the squared error lets a target "
        "pull in proportion to how wrong it is; the Huber loss limits the pull, and keeps the "
        "squared error for small errors."
    )
    measures = (
        Measure(
            "error",
            "error against the true curve",
            "lower",
            "Root of the mean squared distance from sin x, on a grid: no noise, no corruption.",
        ),
        Measure("worst", "largest error", "lower", "Where the fit is farthest from sin x."),
    )

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Three losses of an error."""
        return (
            Arm("mse", "squared error", "MSE", "Of the output as it is.", drawn="error"),
            Arm(
                "huber",
                "Huber loss",
                "Huber:delta=0.3",
                "Squared up to errors of three deviations of the noise, linear beyond.",
                drawn="error",
            ),
            Arm("mae", "absolute error", "MAE", "Of the output as it is.", drawn="error"),
        )

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Huber is nearer to the truth."""
        return (
            Claim(
                "huber",
                "error",
                "huber",
                "mse",
                "lower",
                0.02,
                lower="The Huber loss learns the true curve better than the squared error",
                higher="The Huber loss learns the true curve worse than the squared error",
                same="The Huber loss learns the true curve about as well as the squared error",
            ),
            Claim(
                "mae",
                "error",
                "mae",
                "huber",
                "same",
                0.02,
                same="The absolute error does about as well as the Huber loss",
                higher="The absolute error does worse than the Huber loss",
                lower="The absolute error does better than the Huber loss",
            ),
        )

    def setup(self, *, fast: bool) -> Iterator[tuple[str, str]]:
        """Say what is done."""
        yield (
            "Data",
            f"{ROWS} rows of y = sin x with normal noise of deviation {NOISE:g}, x uniform in "
            f"[−π, π]. In {100 * self.share:g} % of them the target is moved by {WILD[0]:g} to "
            f"{WILD[1]:g}, always upwards.",
        )
        yield "Network", f"1 → {HIDDEN} → {HIDDEN} → 1 with tanh, PyTorch's initial weights."
        yield (
            "Training",
            f"Adam with learning rate {RATE:g}, batches of {BATCH}, {self._epochs(fast)} epochs.",
        )

    def _epochs(self, fast: bool) -> int:
        return 60 if fast else 200

    def _draw(self, seed: int) -> tuple[Floats, Floats, Floats]:
        """Return inputs, targets and which of them are corrupted."""
        random = draws(seed, 3)
        x = random.uniform(-np.pi, np.pi, (ROWS, 1))
        y = np.sin(x[:, 0]) + NOISE * random.standard_normal(ROWS)
        wild = np.zeros(ROWS)
        wild[random.permutation(ROWS)[: round(self.share * ROWS)]] = 1.0
        return x, y + wild * random.uniform(*WILD, ROWS), wild

    def observe(self, record: Record) -> None:
        """Train all networks side by side."""
        arms, seeds = self.arms, record.seeds
        drawn = [self._draw(seed) for seed in seeds]
        x, y = stacked([one for one, _, _ in drawn]), stacked([one for _, one, _ in drawn])
        grid = np.linspace(-np.pi, np.pi, 101)
        along = stacked([grid[:, None]] * len(seeds))
        truth = along[..., 0].double().sin()
        stack = Stack((1, HIDDEN, HIDDEN, 1), [*seeds] * len(arms), torch.tanh)
        trial = Trial(record, arms, stack, x, lambda arm, out, rows: arm(out, y.gather(1, rows)))
        trial.watch("error", along, lambda _, out: (out - truth).square().mean(dim=1).sqrt())
        trial.watch("worst", along, lambda _, out: (out - truth).abs().amax(dim=1))
        optimiser = torch.optim.Adam(stack.parameters(), lr=RATE)
        trial.train(shuffled(ROWS, BATCH, seeds), optimiser, self._epochs(record.fast))
        trial.follow("error")
        trial.measured("error", trial.curve("error")[..., -1])
        trial.measured("worst", trial.curve("worst")[..., -1])
        for arm, output in zip(arms, trial.outputs(along), strict=True):
            record.followed(arm.label, "fit", list(grid), output.double().numpy())
        points, targets, wild = drawn[0]
        both = np.stack([points[:, 0], targets], axis=1)
        record.placed(arms[0].label, "data", "always", both, wild.astype(np.int64))

    def sections(self, results: StudyResults) -> Iterator[Section]:
        """Draw it."""
        yield Section(
            "What they have learnt",
            [fits(results, "fit", "data", np.sin)],
            f"The curves after the last epoch, from seed {results.seeds[0]}, with the training "
            "rows; the dotted line is sin x. Wild targets lie above, partly beyond the picture.",
        )
        yield Section(
            "How they learn",
            [curve(results, "error", "Error against the true curve", log=True)],
            "Means over the seeds; bands reach from the lowest to the highest seed.",
        )
