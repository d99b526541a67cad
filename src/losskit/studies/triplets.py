"""Semi-hard against random triplets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from losskit.core.parameters import parameter
from losskit.mining import random_triplets, semi_hard
from losskit.studies.arms import Arm
from losskit.studies.base import Measure, Section, Study
from losskit.studies.claims import Claim
from losskit.studies.data import blobs, stacked
from losskit.studies.measures import first_epochs, neighbours
from losskit.studies.pictures import curve
from losskit.studies.planes import scatter
from losskit.studies.record import Record
from losskit.studies.results import StudyResults
from losskit.studies.stack import Stack
from losskit.studies.training import Trial, looked_at, shuffled

__all__ = ["Triplets"]

ROWS, CLASSES, INPUTS, HIDDEN, BATCH, RATE, LEVEL = 400, 5, 20, 32, 50, 0.002, 0.8
DRAWN = BATCH // CLASSES - 1


@dataclass(frozen=True)
class Triplets(Study):
    """The same loss on triplets that are drawn, and on ones that are looked for."""

    separation: float = parameter(
        5.0, "distance of the classes' centres, in deviations of a class", at_least=0, at_most=50
    )

    name = "triplets"
    title = "Semi-hard against random triplets"
    question = "Do embeddings learn faster from semi-hard triplets than from random ones?"
    background = (
        "Schroff et al. (2015, FaceNet): most random triplets are satisfied soon and teach nothing "
        "more. A semi-hard negative is farther than the positive, but the nearest of those."
    )
    measures = (
        Measure(
            "epochs",
            f"epochs to {100 * LEVEL:g} % right neighbours",
            "lower",
            "The first epoch; the last one if never.",
        ),
        Measure(
            "early",
            "right neighbours over the training",
            "higher",
            "Mean over all epochs of the share of fresh rows whose five nearest training rows "
            "have, by majority, their class.",
        ),
        Measure("neighbours", "right neighbours at the end", "higher", "The same share at last."),
        Measure(
            "active",
            "triplets that still teach",
            "neither",
            "Share of triplets with a loss above 0, in the last epoch.",
        ),
    )
    headlines = 2

    @property
    def arms(self) -> tuple[Arm, ...]:
        """One loss, two ways to choose triplets."""
        spec = "Triplet:margin=0.5"
        return (
            Arm(
                "random",
                "random triplets",
                spec,
                f"Drawn for each row: {DRAWN} positives, as many as it has on average, each with a "
                "negative.",
                drawn="",
            ),
            Arm(
                "semi-hard",
                "semi-hard triplets",
                spec,
                "For each row and each positive the nearest negative that is farther than it.",
                drawn="sample",
            ),
        )

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Semi-hard ones teach faster."""
        return (
            Claim(
                "early",
                "early",
                "semi-hard",
                "random",
                "higher",
                0.02,
                higher="Semi-hard triplets teach faster",
                lower="Random triplets teach faster",
                same="Semi-hard triplets teach about as fast as random ones",
            ),
            Claim(
                "end",
                "neighbours",
                "semi-hard",
                "random",
                "same",
                0.05,
                same="In the end both arrive at about equally good embeddings",
                higher="In the end the embeddings of semi-hard triplets are better",
                lower="In the end the embeddings of semi-hard triplets are worse",
            ),
        )

    def setup(self, *, fast: bool) -> Iterator[tuple[str, str]]:
        """Say what is done."""
        yield (
            "Data",
            f"{ROWS} rows of {CLASSES} normal classes in {INPUTS} dimensions, centres "
            f"{self.separation:g} deviations apart; as many fresh rows to measure on.",
        )
        yield "Network", f"{INPUTS} → {HIDDEN} → 2 with ReLU: embeddings in the plane."
        yield (
            "Training",
            f"Adam with learning rate {RATE:g}, batches of {BATCH}, {self._epochs(fast)} epochs. "
            "Triplets are chosen anew in every batch.",
        )

    def _epochs(self, fast: bool) -> int:
        return 10 if fast else 40

    def observe(self, record: Record) -> None:
        """Train all networks side by side."""
        arms, seeds, shares = self.arms, record.seeds, [1.0] * CLASSES
        parts = [
            [blobs(ROWS, shares, self.separation, one, dimensions=INPUTS, part=p) for one in seeds]
            for p in (0, 1)
        ]
        (x, y), (fresh, truth) = (
            (stacked([points for points, _ in part]), stacked([labels for _, labels in part]))
            for part in parts
        )
        stack = Stack((INPUTS, HIDDEN, 2), [*seeds] * len(arms))
        steps = 0
        active: dict[str, list[list[float]]] = {arm.label: [] for arm in arms}

        def objective(arm: Arm, output: Tensor, rows: Tensor) -> Tensor:
            nonlocal steps
            steps += arm is arms[0]
            labels = y.gather(1, rows)
            costs, shares = [], []
            for seed, embeddings, own in zip(seeds, output, labels, strict=True):
                found = (
                    random_triplets(own, per_anchor=DRAWN, seed=1000 * steps + seed)
                    if arm.label == "random"
                    else semi_hard(embeddings.detach(), own)
                )
                each = arm.loss(*found.of(embeddings), reduction="none")
                costs.append(each.mean() if len(found) else output.sum() * 0)
                shares.append(float((each > 0).double().mean()) if len(found) else 0.0)
            active[arm.label].append(shares)
            return torch.stack(costs)

        trial = Trial(record, arms, stack, x, objective)
        known: list[list[float]] = []

        moments = looked_at(self._epochs(record.fast))

        def after(epoch: int) -> None:
            before, now = trial.outputs(x), trial.outputs(fresh)
            for old, new in zip(before, now, strict=True):
                pairs = zip(old, y, new, truth, strict=True)
                known.append([neighbours(*pair) for pair in pairs])
            if epoch in moments:
                self._place(record, now, truth, f"epoch {epoch}")

        self._place(record, trial.outputs(fresh), truth, "the start")
        optimiser = torch.optim.Adam(stack.parameters(), lr=RATE)
        epochs = self._epochs(record.fast)
        trial.train(shuffled(ROWS, BATCH, seeds), optimiser, epochs, after=after)
        # Epochs by arms by seeds, to arms by seeds by epochs.
        right = np.asarray(known).reshape(epochs, len(arms), len(seeds)).transpose(1, 2, 0)
        for arm, rows in zip(arms, right, strict=True):
            record.followed(arm.label, "neighbours", range(1, epochs + 1), rows)
            still = np.asarray(active[arm.label]).reshape(epochs, -1, len(seeds)).mean(axis=1)
            record.followed(arm.label, "active", range(1, epochs + 1), still.T)
            record.measured(arm.label, "active", still[-1])
        trial.measured("epochs", first_epochs(right, LEVEL))
        trial.measured("early", right.mean(axis=-1))
        trial.measured("neighbours", right[..., -1])

    def _place(
        self, record: Record, outputs: tuple[Tensor, ...], truth: Tensor, moment: str
    ) -> None:
        for arm, output in zip(self.arms, outputs, strict=True):
            record.placed(
                arm.label, "embedding", moment, output[0].double().numpy(), truth[0].numpy()
            )

    def sections(self, results: StudyResults) -> Iterator[Section]:
        """Draw it."""
        share = {"range": [0, 1.02]}
        yield Section(
            "How they learn",
            [curve(results, "neighbours", "Right neighbours", y=share)],
            "Share of fresh rows whose five nearest training rows have, by majority, their class. "
            "Means over the seeds; bands reach from the lowest to the highest seed.",
        )
        yield Section(
            "The embeddings, as they move",
            scatter(results, "embedding", "embeddings of fresh rows"),
            f"Fresh rows of seed {results.seeds[0]}, a colour and a sign for each class.",
            legend=False,
        )
        yield Section(
            "How many triplets still teach",
            [curve(results, "active", "Share of triplets with a loss above 0", y=share)],
            "A triplet that is satisfied has no gradient. Semi-hard ones are chosen among those "
            "that are hard, so that more of them are not.",
        )
