"""What every loss of a comparison starts from, and how it is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from losskit.compare.network import Network, build, seeded
from losskit.compare.own import Maker, size_of
from losskit.compare.pairing import Pairing
from losskit.compare.splits import Split, split
from losskit.compare.study import Study
from losskit.reporting.arrays import Floats, Ints

__all__ = ["Part", "Recipe", "Start", "start"]

LEARNING_RATE = 3e-3


@dataclass(frozen=True)
class Recipe:
    """How every network is trained.

    Parameters
    ----------
    epochs
        Passes over the training rows.
    batch_size
        Rows per step.
    learning_rate
        Adam's step size.
    """

    epochs: int
    batch_size: int
    learning_rate: float = LEARNING_RATE

    @staticmethod
    def for_rows(rows: int, study: Study) -> Recipe:
        """Take what was asked for, or a batch size that makes about 32 steps an epoch."""
        size = 2 ** math.ceil(math.log2(max(1.0, rows / 32)))
        return Recipe(
            study.epochs,
            study.batch_size or min(max(size, 16), 1024),
            study.learning_rate or LEARNING_RATE,
        )


@dataclass(frozen=True)
class Part:
    """Rows as the network sees them, and their true targets in the original unit."""

    features: Tensor
    target: Tensor
    truth: Floats | Ints


@dataclass(frozen=True)
class Start:
    """What all losses share for one seed: the rows, the initial weights, the order of batches.

    Parameters
    ----------
    seed
        Where it all comes from.
    split
        Row numbers of the parts.
    train, validation, test
        The parts.
    weights
        Initial weights.
    classes
        How many classes there are; 0 for a regression.
    mean, scale
        What was subtracted from the target, and what it was then divided by.
    make
        What builds the user's own model; None for the network that all tables get.
    """

    seed: int
    split: Split
    train: Part
    validation: Part
    test: Part
    weights: dict[str, Tensor]
    classes: int
    mean: float
    scale: float
    make: Maker | None = None

    @property
    def inputs(self) -> int:
        """How many numbers the network takes."""
        return math.prod(self.train.features.shape[1:])

    @property
    def outputs(self) -> int:
        """How many numbers the network gives: one, or one per class if there are over two."""
        return self.classes if self.classes > 2 else 1

    @property
    def level(self) -> float:
        """What a target that is not centred is divided by: its mean."""
        return self.mean if self.mean > 0 else 1.0

    def network(self) -> nn.Module:
        """Make the network with its initial weights."""
        network = (
            Network(self.inputs, self.outputs)
            if self.make is None
            else self.make(size_of(self.train.features), self.outputs)
        )
        network.load_state_dict(self.weights)
        return network

    def learnt(self, part: Part, pairing: Pairing) -> Tensor:
        """Return a part's targets as the loss takes them."""
        if self.classes or pairing.centred:
            return pairing.targets(part.target, self.classes)
        return pairing.targets(
            torch.as_tensor(part.truth / self.level, dtype=torch.float32), self.classes
        )

    def predict(self, output: Tensor, pairing: Pairing) -> Floats:
        """Turn outputs into values in the original unit, or into class probabilities."""
        # In double precision, as a probability of exactly 1 is a matter of rounding in single.
        predicted = pairing.predict(output.double())
        if not self.classes:
            centred = pairing.centred
            predicted = predicted * self.scale + self.mean if centred else predicted * self.level
        numbers: Floats = predicted.numpy()
        return numbers


def start(study: Study, seed: int) -> Start:
    """Prepare what all losses share for one seed."""
    features, target, make = study.features, study.target, study.model
    parts = features.parts or split(target, seed)
    encode = features.encoder(parts.train)
    classes = len(target.classes)
    mean, scale = 0.0, 1.0
    if classes == 0:
        learnt = target.values[parts.train].astype(np.float64)
        mean, scale = float(learnt.mean()), float(learnt.std())
        scale = scale if scale > 0 else 1.0

    def part(rows: Ints) -> Part:
        truth = target.values[rows]
        learnt = (
            torch.as_tensor((truth - mean) / scale, dtype=torch.float32)
            if classes == 0
            else torch.as_tensor(truth, dtype=torch.int64)
        )
        return Part(torch.as_tensor(encode(rows)), learnt, truth)

    train = part(parts.train)
    outputs = classes if classes > 2 else 1
    if make is None:
        weights = build(train.features.shape[1], outputs, seed)
    else:
        with seeded(seed):
            model = make(size_of(train.features), outputs)
        weights = {name: one.clone() for name, one in model.state_dict().items()}
    return Start(
        seed,
        parts,
        train,
        part(parts.validation),
        part(parts.test),
        weights,
        classes,
        mean,
        scale,
        make,
    )
