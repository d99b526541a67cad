"""KL divergence and cross-entropy, and learning from a teacher."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from losskit.core.parameters import parameter
from losskit.studies.arms import Arm, loss_named
from losskit.studies.base import Measure, Section, Study
from losskit.studies.claims import Claim
from losskit.studies.data import blobs, draws, stacked
from losskit.studies.pictures import curve
from losskit.studies.record import Record
from losskit.studies.results import StudyResults
from losskit.studies.stack import Stack
from losskit.studies.training import Trial, shuffled

__all__ = ["KL"]

CLASSES, INPUTS, TEACHING, TEST, SEPARATION = 5, 10, 2000, 2000, 3.0
HIDDEN, RATE, BATCH, DRAWN = 32, 0.01, 20, 256


@dataclass(frozen=True)
class KL(Study):
    """Where the two are the same, and what a teacher's distributions add to labels."""

    labels: int = parameter(
        60, "rows that the student learns from", kind="integer", at_least=20, at_most=4000
    )

    name = "kl"
    title = "KL divergence, cross-entropy and a teacher"
    question = (
        "Are KL divergence and cross-entropy the same for labels, and what does a teacher's "
        "distribution add to them?"
    )
    background = (
        "Cross-entropy is KL divergence plus the target's own entropy, which no weight changes "
        "and which is 0 for a label. Hinton, Vinyals and Dean (2015, Distilling the Knowledge in "
        "a Neural Network) let a student learn from a teacher's softened probabilities."
    )
    measures = (
        Measure(
            "gradient_gap",
            "largest difference of gradients, labels",
            "neither",
            "Of KL divergence and cross-entropy, over random logits, in double precision.",
        ),
        Measure(
            "value_gap",
            "largest difference of values, labels",
            "neither",
            "The same of the losses themselves.",
        ),
        Measure(
            "soft_gap",
            "largest difference of gradients, soft targets",
            "neither",
            "The same for targets that are distributions.",
        ),
        Measure("accuracy", "accuracy", "higher", "On fresh rows."),
        Measure(
            "log_loss",
            "log loss",
            "lower",
            "Cross-entropy with the labels of fresh rows: how believable the probabilities are.",
        ),
    )
    headlines = 2

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The identity, a student of labels and a student of a teacher."""
        return (
            Arm(
                "kl",
                "KL divergence",
                "KLDivergence",
                "Held against cross-entropy, gradient by gradient; nothing is trained with it.",
                drawn="",
            ),
            Arm(
                "labels",
                "student of labels",
                "CrossEntropy",
                "Trained on the labels alone.",
                classes=CLASSES,
            ),
            Arm(
                "teacher",
                "student of a teacher",
                "Distillation:temperature=3,alpha=0.9",
                "Trained on the same rows with the teacher's logits besides: nine tenths KL "
                "divergence from the teacher at temperature 3, one tenth cross-entropy.",
                drawn="",
            ),
        )

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The same for labels; a teacher helps where labels are few."""
        return (
            Claim(
                "same",
                "gradient_gap",
                "kl",
                None,
                "same",
                1e-12,
                same="For labels, the gradients of KL divergence and cross-entropy are the same",
                higher="For labels, the gradients of KL divergence and cross-entropy differ",
            ),
            Claim(
                "teacher",
                "accuracy",
                "teacher",
                "labels",
                "higher",
                0.01,
                higher="A teacher's distribution teaches more than the labels of the same rows",
                lower="The student of the teacher is worse than that of the labels",
                same="A teacher's distribution adds nothing to accuracy that matters",
            ),
            Claim(
                "believable",
                "log_loss",
                "teacher",
                "labels",
                "lower",
                0.05,
                lower="The probabilities of the teacher's student are more believable",
                higher="The probabilities of the teacher's student are less believable",
                same="The probabilities of both students are about equally believable",
            ),
        )

    def setup(self, *, fast: bool) -> Iterator[tuple[str, str]]:
        """Say what is done."""
        yield (
            "Identity",
            f"{DRAWN} rows of {CLASSES} random logits with labels, and with random distributions "
            "as targets; value and gradient of both losses in double precision.",
        )
        yield (
            "Data",
            f"{CLASSES} normal classes in {INPUTS} dimensions, centres {SEPARATION:g} deviations "
            f"apart. The teacher learns from {TEACHING:,} rows, the students from {self.labels} "
            f"others; measured on {TEST:,} fresh ones.",
        )
        yield "Networks", f"{INPUTS} → {HIDDEN} → {CLASSES} with ReLU, PyTorch's initial weights."
        yield (
            "Training",
            f"Adam with learning rate {RATE:g}, batches of {BATCH} ({10 * BATCH} for the teacher); "
            f"the students for {self._steps(fast):,} steps.",
        )

    def _steps(self, fast: bool) -> int:
        return 300 if fast else 1200

    def observe(self, record: Record) -> None:
        """Compare the losses, train a teacher for each seed, then the students."""
        kl, *students = self.arms
        gaps = np.asarray([self._gaps(kl, seed) for seed in record.seeds])
        for name, values in zip(("value_gap", "gradient_gap", "soft_gap"), gaps.T, strict=True):
            record.measured(kl.label, name, values)
        seeds, even = record.seeds, [1.0] * CLASSES

        def drawn(rows: int, part: int) -> tuple[Tensor, Tensor]:
            pairs = [
                blobs(rows, even, SEPARATION, seed, dimensions=INPUTS, part=part) for seed in seeds
            ]
            return stacked([points for points, _ in pairs]), stacked([own for _, own in pairs])

        sizes = (INPUTS, HIDDEN, CLASSES)
        x, y = drawn(TEACHING, 0)
        teacher = Trial(
            record,
            students[:1],
            Stack(sizes, [100 + seed for seed in seeds]),
            x,
            lambda arm, output, rows: arm(output, y.gather(1, rows)),
        )
        teacher.train(
            shuffled(TEACHING, 10 * BATCH, seeds),
            torch.optim.Adam(teacher.stack.parameters(), lr=RATE),
            10 if record.fast else 20,
            label="the teacher",
            share=0.2,
        )
        few, labels = drawn(self.labels, 1)
        fresh, truth = drawn(TEST, 2)
        (taught,) = teacher.outputs(few)

        def objective(arm: Arm, output: Tensor, rows: Tensor) -> Tensor:
            own = labels.gather(1, rows)
            if arm.label == "labels":
                return arm(output, own)
            shown = taught.gather(1, rows[..., None].expand(-1, -1, CLASSES))
            given = (output.flatten(0, 1), shown.flatten(0, 1), own.flatten())
            each: Tensor = arm.loss(*given, reduction="none")
            return each.reshape(own.shape)

        stack = Stack(sizes, [*seeds] * len(students))
        trial = Trial(record, students, stack, few, objective)
        trial.watch("accuracy", fresh, lambda _, out: (out.argmax(-1) == truth).double().mean(1))
        trial.watch("log_loss", fresh, lambda _, out: students[0](out, truth).mean(dim=1))
        trial.train(
            shuffled(self.labels, BATCH, seeds),
            torch.optim.Adam(stack.parameters(), lr=RATE),
            max(1, self._steps(record.fast) // -(-self.labels // BATCH)),
            label="the students",
            done=0.2,
            share=0.8,
        )
        for name in ("accuracy", "log_loss"):
            trial.follow(name)
            trial.measured(name, trial.curve(name)[..., -1])

    def _gaps(self, kl: Arm, seed: int) -> tuple[float, float, float]:
        """Largest differences of values and gradients for labels, and of gradients otherwise."""
        cross_entropy = loss_named(self.arms[1].spec)
        random = draws(seed, 4)
        logits = random.normal(0, 4, (DRAWN, CLASSES))
        labels = random.integers(CLASSES, size=DRAWN)
        hard = np.eye(CLASSES)[labels]
        soft = random.dirichlet(np.ones(CLASSES), DRAWN)
        found = [
            (
                kl.loss(logits, target, reduction="none"),
                kl.loss.value_and_gradient(logits, target, reduction="sum")[1],
                cross_entropy(logits, other, reduction="none"),
                cross_entropy.value_and_gradient(logits, other, reduction="sum")[1],
            )
            for target, other in ((hard, labels), (soft, soft))
        ]
        (value, slope, own_value, own_slope), (_, soft_slope, _, own_soft_slope) = found
        return (
            float(np.abs(value - own_value).max()),
            float(np.abs(slope - own_slope).max()),
            float(np.abs(soft_slope - own_soft_slope).max()),
        )

    def sections(self, results: StudyResults) -> Iterator[Section]:
        """Draw it."""
        students = [arm.label for arm in results.arms[1:]]
        yield Section(
            "How the students learn",
            [
                curve(results, "accuracy", "Accuracy on fresh rows", arms=students),
                curve(results, "log_loss", "Log loss on fresh rows", arms=students),
            ],
            "After each epoch. Means over the seeds; bands reach from the lowest to the highest "
            "seed. A log loss that rises again is overconfidence.",
            arms=students,
        )
