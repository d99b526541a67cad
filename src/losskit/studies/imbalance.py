"""Focal loss against cross-entropy where one class is rare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from losskit.core.parameters import parameter
from losskit.studies.arms import Arm
from losskit.studies.base import Measure, Section, Study
from losskit.studies.claims import Claim
from losskit.studies.data import blobs, stacked
from losskit.studies.measures import calibration_error, recall_and_precision
from losskit.studies.pictures import calibration, curve
from losskit.studies.planes import decision
from losskit.studies.record import Record
from losskit.studies.results import StudyResults
from losskit.studies.stack import Stack
from losskit.studies.training import Trial, map_plane, shuffled

__all__ = ["Imbalance"]

ROWS, TEST, HIDDEN, BATCH, RATE, SEPARATION = 2000, 4000, 16, 100, 0.01, 2.0


@dataclass(frozen=True)
class Imbalance(Study):
    """Three losses on two classes of which one is rare."""

    share: float = parameter(0.1, "share of the rare class", at_least=0.02, at_most=0.5)

    name = "imbalance"
    title = "Focal loss against imbalance"
    question = (
        "Does the focal loss find more of a rare class than cross-entropy, and what does that cost?"
    )
    background = (
        "Lin et al. (2017, Focal Loss for Dense Object Detection) made the focal loss for a "
        "background that outnumbers everything else. It is often recommended for any imbalance; "
        "weighting the rare class is the older way."
    )
    measures = (
        Measure("recall", "recall", "higher", "Share of the rare class that is found, at 0.5."),
        Measure("precision", "precision", "higher", "Share of what is found that is right."),
        Measure(
            "calibration",
            "calibration error",
            "lower",
            "Mean distance of predicted and observed share, over ten bins.",
        ),
        Measure("accuracy", "accuracy", "higher", "Share of all rows that are right, at 0.5."),
    )
    headlines = 2

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Two losses, and a weight."""
        weight = (1 - self.share) / self.share
        return (
            Arm(
                "bce",
                "cross-entropy",
                "BinaryCrossEntropyWithLogits",
                "Of the output as a logit.",
            ),
            Arm("focal", "focal loss", "BinaryFocal:gamma=2", "With gamma 2, and no class weight."),
            Arm(
                "weighted",
                "weighted cross-entropy",
                f"BinaryCrossEntropyWithLogits:pos_weight={weight:.6g}",
                f"The rare class counts {weight:.3g} times, so that both count the same.",
            ),
        )

    @property
    def claims(self) -> tuple[Claim, ...]:
        """What each finds of the rare class, and what it costs."""
        return (
            Claim(
                "focal",
                "recall",
                "focal",
                "bce",
                "higher",
                0.03,
                higher="The focal loss finds more of the rare class than cross-entropy",
                lower="The focal loss finds less of the rare class than cross-entropy",
                same="The focal loss finds about as much of the rare class as cross-entropy",
            ),
            Claim(
                "weighted",
                "recall",
                "weighted",
                "bce",
                "higher",
                0.03,
                higher="A class weight finds more of the rare class",
                lower="A class weight finds less of the rare class",
                same="A class weight finds about as much of the rare class",
            ),
            Claim(
                "precision",
                "precision",
                "weighted",
                "bce",
                "lower",
                0.03,
                lower="The weight pays for it in precision",
                higher="The weight gains precision besides",
                same="The weight costs no precision that matters",
            ),
            Claim(
                "calibration",
                "calibration",
                "focal",
                "bce",
                "higher",
                0.02,
                higher="The focal loss costs calibration",
                lower="The focal loss is calibrated better",
                same="The focal loss is calibrated about as well as cross-entropy",
            ),
            Claim(
                "believable",
                "calibration",
                "weighted",
                "bce",
                "higher",
                0.02,
                higher="The weight costs calibration",
                lower="The weight improves calibration",
                same="The weight costs no calibration that matters",
            ),
        )

    def setup(self, *, fast: bool) -> Iterator[tuple[str, str]]:
        """Say what is done."""
        yield (
            "Data",
            f"{ROWS:,} rows of two normal classes in two dimensions, {SEPARATION:g} deviations "
            f"apart; {100 * self.share:g} % are of class 1. Measured on {TEST:,} fresh rows.",
        )
        yield "Network", f"2 → {HIDDEN} → 1 with ReLU, PyTorch's initial weights."
        yield (
            "Training",
            f"Adam with learning rate {RATE:g}, batches of {BATCH}, {self._epochs(fast)} epochs.",
        )

    def _epochs(self, fast: bool) -> int:
        return 40 if fast else 200

    def observe(self, record: Record) -> None:
        """Train all networks side by side."""
        arms, seeds, shares = self.arms, record.seeds, (1 - self.share, self.share)
        learnt = [blobs(ROWS, shares, SEPARATION, seed) for seed in seeds]
        fresh = [blobs(TEST, shares, SEPARATION, seed, part=1) for seed in seeds]
        x, y = stacked([one for one, _ in learnt]), stacked([one for _, one in learnt]).float()
        x_fresh, truth = stacked([one for one, _ in fresh]), np.stack([one for _, one in fresh])
        positive = torch.as_tensor(truth == 1)
        stack = Stack((2, HIDDEN, 1), [*seeds] * len(arms))
        trial = Trial(record, arms, stack, x, lambda arm, out, rows: arm(out, y.gather(1, rows)))
        trial.watch(
            "recall",
            x_fresh,
            lambda _, out: ((out > 0) & positive).sum(dim=1) / positive.sum(dim=1),
        )
        optimiser = torch.optim.Adam(stack.parameters(), lr=RATE)
        trial.train(shuffled(ROWS, BATCH, seeds), optimiser, self._epochs(record.fast))
        trial.follow("recall")
        for arm, output in zip(arms, trial.outputs(x_fresh), strict=True):
            shown = output.double().sigmoid().numpy()
            guess = (output > 0).numpy().astype(np.int64)
            found = [recall_and_precision(*pair) for pair in zip(truth, guess, strict=True)]
            record.measured(arm.label, "recall", [recall for recall, _ in found])
            record.measured(arm.label, "precision", [precision for _, precision in found])
            errors = [
                calibration_error(p, (labels == 1).astype(np.float64))
                for p, labels in zip(shown, truth, strict=True)
            ]
            record.measured(arm.label, "calibration", errors)
            record.measured(arm.label, "accuracy", (guess == truth).mean(axis=1))
            record.calibrated(arm.label, shown.ravel(), (truth == 1).astype(np.float64).ravel())
        map_plane(record, trial, 4.0)
        points, labels = learnt[0]
        record.placed(arms[0].label, "data", "always", points[:400], labels[:400])

    def sections(self, results: StudyResults) -> Iterator[Section]:
        """Draw it."""
        yield Section(
            "Recall of the rare class",
            [curve(results, "recall", "Recall", y={"range": [0, 1.02]})],
            "On fresh rows, after each epoch. Means over the seeds; bands reach from the lowest "
            "to the highest seed.",
        )
        yield Section(
            "Can the probabilities be believed?",
            [calibration(results, "calibration", "probability of 1", "share that is 1")],
            "On the diagonal, predictions of 80 % come true in 80 of 100 cases; below it the "
            "network is too sure of the rare class. All seeds' fresh rows together.",
        )
        yield Section(
            "Where they draw the line",
            decision(results, "probability", "data"),
            f"Probability of class 1 over the plane, from seed {results.seeds[0]}, with 400 of the "
            "training rows. Diamonds are class 1.",
            legend=False,
        )
