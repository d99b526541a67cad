"""Label smoothing, confidence and calibration."""

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
from losskit.studies.measures import calibration_error
from losskit.studies.pictures import calibration, curve
from losskit.studies.record import Record
from losskit.studies.results import StudyResults
from losskit.studies.stack import Stack
from losskit.studies.training import Trial, shuffled

__all__ = ["Smoothing"]

CLASSES, INPUTS, TEST, HIDDEN, RATE, BATCH, SEPARATION = 5, 10, 3000, 64, 0.005, 30, 3.0


@dataclass(frozen=True)
class Smoothing(Study):
    """Cross-entropy with and without smoothed labels."""

    rows: int = parameter(
        300, "rows that are learnt from", kind="integer", at_least=50, at_most=20_000
    )
    smoothing: float = parameter(
        0.1, "share of each label that goes to all classes alike", above=0, below=1
    )

    name = "smoothing"
    title = "Label smoothing and calibration"
    question = "Does label smoothing make a network less sure of itself, and better calibrated?"
    background = (
        "Szegedy et al. (2016, Rethinking the Inception Architecture) brought label smoothing; "
        "Müller, Kornblith and Hinton (2019, When Does Label Smoothing Help?) found networks "
        "better calibrated by it."
    )
    measures = (
        Measure("confidence", "confidence", "neither", "Mean probability of the predicted class."),
        Measure(
            "calibration",
            "calibration error",
            "lower",
            "Mean distance of confidence and accuracy, over ten bins of confidence.",
        ),
        Measure("accuracy", "accuracy", "higher", "Share of fresh rows that are right."),
        Measure("log_loss", "log loss", "lower", "Cross-entropy with the plain labels."),
    )
    headlines = 2

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Without and with."""
        return (
            Arm(
                "plain",
                "cross-entropy",
                "CrossEntropy",
                "Labels as they are.",
                classes=CLASSES,
            ),
            Arm(
                "smoothed",
                "with label smoothing",
                f"CrossEntropy:label_smoothing={self.smoothing:g}",
                f"{100 * self.smoothing:g} % of each label goes to all classes alike.",
                classes=CLASSES,
            ),
        )

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Less sure, better calibrated, as accurate."""
        return (
            Claim(
                "calibration",
                "calibration",
                "smoothed",
                "plain",
                "lower",
                0.02,
                lower="Label smoothing improves calibration",
                higher="Label smoothing makes calibration worse",
                same="Label smoothing leaves calibration about as it is",
            ),
            Claim(
                "confidence",
                "confidence",
                "smoothed",
                "plain",
                "lower",
                0.02,
                lower="Label smoothing makes the network less sure of itself",
                higher="Label smoothing makes the network surer of itself",
                same="Label smoothing leaves the network about as sure of itself",
            ),
            Claim(
                "accuracy",
                "accuracy",
                "smoothed",
                "plain",
                "same",
                0.02,
                same="Accuracy stays about the same",
                higher="Label smoothing gains accuracy",
                lower="Label smoothing costs accuracy",
            ),
        )

    def setup(self, *, fast: bool) -> Iterator[tuple[str, str]]:
        """Say what is done."""
        yield (
            "Data",
            f"{self.rows:,} rows of {CLASSES} normal classes in {INPUTS} dimensions, centres "
            f"{SEPARATION:g} deviations apart; measured on {TEST:,} fresh rows.",
        )
        yield "Network", f"{INPUTS} → {HIDDEN} → {CLASSES} with ReLU, PyTorch's initial weights."
        yield (
            "Training",
            f"Adam with learning rate {RATE:g}, batches of {BATCH}, {self._steps(fast):,} steps.",
        )

    def _steps(self, fast: bool) -> int:
        return 600 if fast else 2000

    def observe(self, record: Record) -> None:
        """Train all networks side by side."""
        arms, seeds, even = self.arms, record.seeds, [1.0] * CLASSES

        def drawn(rows: int, part: int) -> tuple[Tensor, Tensor]:
            pairs = [
                blobs(rows, even, SEPARATION, seed, dimensions=INPUTS, part=part) for seed in seeds
            ]
            return stacked([points for points, _ in pairs]), stacked([own for _, own in pairs])

        (x, y), (fresh, truth) = drawn(self.rows, 0), drawn(TEST, 1)
        stack = Stack((INPUTS, HIDDEN, CLASSES), [*seeds] * len(arms))
        trial = Trial(record, arms, stack, x, lambda arm, out, rows: arm(out, y.gather(1, rows)))
        trial.watch("log_loss", fresh, lambda _, out: arms[0](out, truth).mean(dim=1))
        trial.watch("confidence", fresh, lambda _, out: out.softmax(-1).amax(-1).mean(dim=1))
        trial.watch("accuracy", fresh, lambda _, out: (out.argmax(-1) == truth).double().mean(1))
        epochs = max(1, self._steps(record.fast) // -(-self.rows // BATCH))
        optimiser = torch.optim.Adam(stack.parameters(), lr=RATE)
        trial.train(shuffled(self.rows, BATCH, seeds), optimiser, epochs)
        for name in ("confidence", "accuracy", "log_loss"):
            trial.follow(name)
            trial.measured(name, trial.curve(name)[..., -1])
        for arm, output in zip(arms, trial.outputs(fresh), strict=True):
            sure, guess = output.double().softmax(dim=-1).max(dim=-1)
            confidence, right = sure.numpy(), (guess == truth).double().numpy()
            errors = [calibration_error(*pair) for pair in zip(confidence, right, strict=True)]
            record.measured(arm.label, "calibration", errors)
            record.calibrated(arm.label, confidence.ravel(), np.asarray(right).ravel())

    def sections(self, results: StudyResults) -> Iterator[Section]:
        """Draw it."""
        yield Section(
            "Can the probabilities be believed?",
            [
                calibration(
                    results,
                    "calibration",
                    "probability of the predicted class",
                    "share predicted rightly",
                )
            ],
            "On the diagonal, predictions of 80 % come true in 80 of 100 cases; below it the "
            "network is too sure, above it not sure enough. All seeds' fresh rows together.",
        )
        yield Section(
            "How sure they become",
            [
                curve(results, "confidence", "Confidence"),
                curve(results, "log_loss", "Log loss on fresh rows"),
            ],
            "After each epoch. Means over the seeds; bands reach from the lowest to the highest "
            "seed.",
        )
