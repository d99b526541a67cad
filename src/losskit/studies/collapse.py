"""Embeddings that collapse without negatives."""

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
from losskit.studies.data import blobs, draws, stacked
from losskit.studies.measures import neighbours
from losskit.studies.pictures import curve
from losskit.studies.planes import scatter
from losskit.studies.record import Record
from losskit.studies.results import StudyResults
from losskit.studies.stack import Stack
from losskit.studies.training import Trial, looked_at, shuffled

__all__ = ["Collapse"]

ROWS, CLASSES, INPUTS, HIDDEN, BATCH, RATE = 200, 5, 20, 32, 50, 0.003
SEPARATION, BLUR = 4.0, 0.5


@dataclass(frozen=True)
class Collapse(Study):
    """Two views of each row are to be alike; only one objective also keeps rows apart."""

    negatives: float = parameter(
        0.0,
        "pairs of different rows that the contrastive loss sees for each pair of views",
        at_least=0,
        at_most=1,
    )

    name = "collapse"
    title = "Collapse without negatives"
    question = (
        "Does an objective that only pulls views of a row together map everything to a point?"
    )
    background = (
        "Hadsell, Chopra and LeCun (2006, Dimensionality Reduction by Learning an Invariant "
        "Mapping) added dissimilar pairs since attraction alone has a trivial optimum: one point. "
        "InfoNCE holds each row against all others of its batch."
    )
    measures = (
        Measure(
            "spread",
            "spread of the embeddings",
            "higher",
            "Root of their mean squared distance from their middle, relative to the start.",
        ),
        Measure(
            "neighbours",
            "right neighbours",
            "higher",
            "Share of fresh rows whose five nearest training rows have, by majority, their class; "
            "no label was trained on.",
        ),
    )

    headlines = 2

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Attraction alone, and InfoNCE."""
        pairs = f"{self.negatives:g} pairs of different rows for each" if self.negatives else "none"
        return (
            Arm(
                "pairs",
                "contrastive pairs",
                "ContrastivePair:margin=1",
                f"Views of one row are pulled together; negatives: {pairs}.",
                drawn="sample",
            ),
            Arm(
                "info-nce",
                "InfoNCE",
                "InfoNCE:temperature=0.2",
                "The other view of a row is to be found among those of the whole batch.",
                drawn="sample",
            ),
        )

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Without negatives it collapses; InfoNCE does not."""
        without = "with negatives" if self.negatives else "without negatives"
        return (
            Claim(
                "collapse",
                "spread",
                "pairs",
                None,
                "lower",
                10.0,
                lower=f"Embeddings of contrastive pairs {without} collapse",
                higher=f"Embeddings of contrastive pairs {without} spread out",
                same=f"Embeddings of contrastive pairs {without} do not collapse",
                ratio=True,
            ),
            Claim(
                "stays",
                "spread",
                "info-nce",
                None,
                "same",
                10.0,
                same="InfoNCE keeps the embeddings spread",
                lower="Those of InfoNCE collapse as well",
                higher="InfoNCE spreads the embeddings out",
                ratio=True,
            ),
        )

    def setup(self, *, fast: bool) -> Iterator[tuple[str, str]]:
        """Say what is done."""
        yield (
            "Data",
            f"{ROWS} rows of {CLASSES} normal classes in {INPUTS} dimensions, centres "
            f"{SEPARATION:g} deviations apart. Two views of a row are the row with normal noise of "
            f"deviation {BLUR:g}, drawn anew in every epoch. Labels are only used to measure.",
        )
        yield "Network", f"{INPUTS} → {HIDDEN} → 2 with ReLU: embeddings in the plane."
        yield (
            "Training",
            f"Adam with learning rate {RATE:g}, batches of {BATCH}, {self._epochs(fast)} epochs.",
        )

    def _epochs(self, fast: bool) -> int:
        return 30 if fast else 100

    def observe(self, record: Record) -> None:
        """Train all networks side by side."""
        arms, seeds, even = self.arms, record.seeds, [1.0] * CLASSES
        parts = [
            [blobs(ROWS, even, SEPARATION, one, dimensions=INPUTS, part=p) for one in seeds]
            for p in (0, 1)
        ]
        (x, y), (fresh, truth) = (
            (stacked([points for points, _ in part]), stacked([labels for _, labels in part]))
            for part in parts
        )
        stack = Stack((INPUTS, HIDDEN, 2), [*seeds] * len(arms))
        # Rows ROWS and up are the second views.
        trial = Trial(record, arms, stack, x.repeat(1, 2, 1), self._objective)
        noise = [draws(seed, 5) for seed in seeds]
        plain = shuffled(ROWS, BATCH, seeds)

        def batches(epoch: int) -> Iterator[Tensor]:
            blur = stacked([one.standard_normal((2 * ROWS, INPUTS)) for one in noise])
            trial.x = x.repeat(1, 2, 1) + BLUR * blur
            for rows in plain(epoch):
                yield torch.cat([rows, rows + ROWS], dim=1)

        before = _spread(trial.outputs(fresh))
        spreads: list[Tensor] = []

        moments = looked_at(self._epochs(record.fast))

        def after(epoch: int) -> None:
            spreads.append(_spread(trial.outputs(fresh)) / before)
            if epoch in moments:
                self._place(record, trial.outputs(fresh), truth, f"epoch {epoch}")

        self._place(record, trial.outputs(fresh), truth, "the start")
        epochs = self._epochs(record.fast)
        optimiser = torch.optim.Adam(stack.parameters(), lr=RATE)
        trial.train(batches, optimiser, epochs, after=after)
        followed = torch.stack(spreads, dim=-1).numpy()
        for arm, rows in zip(arms, followed, strict=True):
            record.followed(arm.label, "spread", range(1, epochs + 1), rows)
        trial.measured("spread", followed[..., -1])
        right = [
            [neighbours(*one) for one in zip(old, y, new, truth, strict=True)]
            for old, new in zip(trial.outputs(x), trial.outputs(fresh), strict=True)
        ]
        trial.measured("neighbours", np.asarray(right))

    def _objective(self, arm: Arm, output: Tensor, rows: Tensor) -> Tensor:
        first, second = output.chunk(2, dim=1)
        if arm.label == "info-nce":
            return torch.stack([arm.loss(*pair) for pair in zip(first, second, strict=True)])
        size = first.shape[1]
        apart = round(self.negatives * size)
        one = torch.cat([first, first[:, :apart]], dim=1).flatten(0, 1)
        other = torch.cat([second, second.roll(1, dims=1)[:, :apart]], dim=1).flatten(0, 1)
        same = torch.cat([torch.ones(len(output), size), torch.zeros(len(output), apart)], dim=1)
        each: Tensor = arm.loss(one, other, same.flatten(), reduction="none")
        return each.reshape(len(output), -1).mean(dim=1)

    def _place(
        self, record: Record, outputs: tuple[Tensor, ...], truth: Tensor, moment: str
    ) -> None:
        for arm, output in zip(self.arms, outputs, strict=True):
            middle = output[0].mean(dim=0)
            record.placed(
                arm.label,
                "embedding",
                moment,
                (output[0] - middle).double().numpy(),
                truth[0].numpy(),
            )

    def sections(self, results: StudyResults) -> Iterator[Section]:
        """Draw it."""
        yield Section(
            "How far the embeddings are spread",
            [curve(results, "spread", "Spread, relative to the start", log=True)],
            "On fresh rows, after each epoch. Means over the seeds; bands reach from the lowest "
            "to the highest seed.",
        )
        yield Section(
            "The embeddings, as they move",
            scatter(results, "embedding", "embeddings of fresh rows"),
            f"Fresh rows of seed {results.seeds[0]} around their middle, a colour and a sign for "
            "each class, which training does not know.",
            legend=False,
        )


def _spread(outputs: tuple[Tensor, ...]) -> Tensor:
    """Root of the mean squared distance from the middle: arms by seeds."""
    together = torch.stack(outputs).double()
    away = together - together.mean(dim=2, keepdim=True)
    return away.square().sum(dim=-1).mean(dim=-1).sqrt()
