"""Training one network with one loss."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from ignite.metrics import Average
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, TensorDataset

from losskit.compare.features import Encoder, Features
from losskit.compare.metrics import Metric
from losskit.compare.network import Network, build
from losskit.compare.pairing import Pairing
from losskit.compare.splits import Split, split
from losskit.compare.task import Target
from losskit.core.loss import Loss
from losskit.reporting.arrays import Floats, Ints

__all__ = ["Fit", "Part", "Recipe", "Start", "start", "train"]

# Ignite logs every interruption; a library leaves it to the program whether that is shown.
LOGGER = logging.getLogger(__name__)
LOGGER.addHandler(logging.NullHandler())


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
    learning_rate: float = 3e-3

    @staticmethod
    def for_rows(rows: int, epochs: int) -> Recipe:
        """Choose a batch size that makes about 32 steps an epoch, within sensible bounds."""
        size = 2 ** math.ceil(math.log2(max(1.0, rows / 32)))
        return Recipe(epochs, min(max(size, 16), 1024))


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

    @property
    def inputs(self) -> int:
        """How many numbers the network takes."""
        return self.train.features.shape[1]

    @property
    def outputs(self) -> int:
        """How many numbers the network gives: one, or one per class if there are over two."""
        return self.classes if self.classes > 2 else 1

    @property
    def level(self) -> float:
        """What a target that is not centred is divided by: its mean."""
        return self.mean if self.mean > 0 else 1.0

    def network(self) -> Network:
        """Make the network with its initial weights."""
        network = Network(self.inputs, self.outputs)
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


def start(features: Features, target: Target, seed: int) -> Start:
    """Prepare what all losses share for one seed."""
    parts = split(target, seed)
    encode = Encoder(features, parts.train)
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
    return Start(
        seed,
        parts,
        train,
        part(parts.validation),
        part(parts.test),
        build(train.features.shape[1], outputs, seed),
        classes,
        mean,
        scale,
    )


@dataclass
class Fit:
    """A trained network's course and what it predicts for the test rows.

    Parameters
    ----------
    best_epoch
        The epoch whose weights were kept, counted from 1.
    predicted
        Values in the original unit, or class probabilities.
    train_loss, validation_loss
        The loss that was trained, after each epoch.
    validation_metric
        The primary metric, after each epoch.
    gradient_norm
        The norm of the gradient in all weights, averaged over each epoch's steps.
    seconds
        How long it took.
    """

    best_epoch: int = 0
    predicted: Floats = field(default_factory=lambda: np.empty(0))
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_metric: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    seconds: float = 0.0


def train(
    begin: Start,
    loss: Loss,
    pairing: Pairing,
    recipe: Recipe,
    metric: Metric,
    on_epoch: Callable[[int], None],
) -> Fit:
    """Train a network, and keep the weights of the epoch with the best validation loss.

    Parameters
    ----------
    begin
        What it starts from.
    loss
        What is minimised.
    pairing
        How the network's output meets the loss.
    recipe
        How it is trained.
    metric
        What is measured on the validation rows after each epoch.
    on_epoch
        Called with the number of each epoch after it.
    """
    clock = time.perf_counter()
    network = begin.network()
    weights = list(network.parameters())
    optimiser = torch.optim.Adam(weights, lr=recipe.learning_rate)
    learnt = begin.learnt(begin.train, pairing)
    held_out = begin.learnt(begin.validation, pairing)

    def value(output: Tensor, target: Tensor) -> Tensor:
        computed: Tensor = loss(pairing.shown_input.function(output), target)
        return computed

    def step(_: Engine, batch: tuple[Tensor, Tensor]) -> float:
        rows, target = batch
        optimiser.zero_grad()
        value(network(rows), target).backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.get_total_norm(
            [weight.grad for weight in weights if weight.grad is not None]
        )
        optimiser.step()
        return float(norm)

    fit = Fit()
    best = math.inf
    kept = begin.weights

    def record(engine: Engine) -> None:
        nonlocal best, kept
        with torch.no_grad():
            fit.train_loss.append(float(value(network(begin.train.features), learnt)))
            output = network(begin.validation.features)
            fit.validation_loss.append(float(value(output, held_out)))
        predicted = begin.predict(output, pairing)
        fit.validation_metric.append(metric(begin.validation.truth, predicted))
        fit.gradient_norm.append(float(engine.state.metrics["gradient_norm"]))
        if fit.validation_loss[-1] < best:
            best = fit.validation_loss[-1]
            kept = copy.deepcopy(network.state_dict())
            fit.best_epoch = engine.state.epoch
        on_epoch(engine.state.epoch)

    trainer = Engine(step)
    trainer.logger = LOGGER
    Average().attach(trainer, "gradient_norm")
    trainer.add_event_handler(Events.EPOCH_COMPLETED, record)
    trainer.run(_batches(begin, learnt, recipe), max_epochs=recipe.epochs)
    if math.isfinite(best):
        network.load_state_dict(kept)
    else:
        fit.best_epoch = recipe.epochs
    with torch.no_grad():
        fit.predicted = begin.predict(network(begin.test.features), pairing)
    fit.seconds = time.perf_counter() - clock
    return fit


def _batches(begin: Start, learnt: Tensor, recipe: Recipe) -> DataLoader[tuple[Tensor, Tensor]]:
    """Iterate over batches in an order that depends on the seed only."""
    rows: Dataset[Any] = TensorDataset(begin.train.features, learnt)
    order = RandomSampler(range(len(learnt)), generator=torch.Generator().manual_seed(begin.seed))
    # Whole batches are looked up at once, which a small network makes worth while.
    batches = BatchSampler(order, recipe.batch_size, drop_last=False)
    return DataLoader(rows, sampler=batches, batch_size=None)
