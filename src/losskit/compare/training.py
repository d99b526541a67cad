"""Training one network with one loss."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from ignite.engine import Engine, Events
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, TensorDataset

from losskit.compare.fit import Recipe, Start
from losskit.compare.metrics import Metric
from losskit.compare.network import seeded
from losskit.compare.pairing import Pairing
from losskit.core.loss import Loss
from losskit.reporting.arrays import Floats

__all__ = ["Fit", "Keeper", "train"]

# Ignite logs every interruption; a library leaves it to the program whether that is shown.
LOGGER = logging.getLogger(__name__)
LOGGER.addHandler(logging.NullHandler())

AT_ONCE = 4096
"""Rows that go through a network together where nothing is learnt from them."""
CURVES = ("train_loss", "validation_loss", "validation_metric", "gradient_norm")


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


class Keeper(Protocol):
    """Keeps where a run is."""

    def begun(self) -> dict[str, Any] | None:
        """Return where it was, if it was begun before."""

    def checkpoint(self, state: Callable[[], dict[str, Any]]) -> None:
        """Keep where it is, if it is time to."""


def train(
    begin: Start,
    loss: Loss,
    pairing: Pairing,
    recipe: Recipe,
    metric: Metric,
    on_epoch: Callable[[int], None],
    keep: Keeper | None = None,
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
    keep
        Where it was interrupted before, and where to go on from after the next interruption.
    """
    with seeded(begin.seed):
        course = _Course(begin, loss, pairing, recipe, metric)
        if keep is not None and (found := keep.begun()) is not None:
            course.restore(found)

        def after(epoch: int) -> None:
            if keep is not None:
                keep.checkpoint(lambda: course.state(epoch))
            on_epoch(epoch)

        try:
            course.run(after)
            return course.end()
        except Exception as error:
            if begin.make is None:
                raise
            failed = begin.make.failed(error)
            if failed is error:
                raise
            raise failed from error


class _Course:
    """The course of one training, which can be put aside after any epoch."""

    def __init__(
        self, begin: Start, loss: Loss, pairing: Pairing, recipe: Recipe, metric: Metric
    ) -> None:
        self.begin, self.loss, self.pairing = begin, loss, pairing
        self.recipe, self.metric = recipe, metric
        self.network = begin.network()
        self.weights = [one for one in self.network.parameters() if one.requires_grad]
        self.optimiser = torch.optim.Adam(self.weights, lr=recipe.learning_rate)
        self.order = torch.Generator().manual_seed(begin.seed)
        self.learnt = begin.learnt(begin.train, pairing)
        self.held_out = begin.learnt(begin.validation, pairing)
        self.fit = Fit()
        self.norms: list[float] = []
        self.best, self.kept = math.inf, begin.weights
        self.done, self.before, self.clock = 0, 0.0, time.perf_counter()

    def value(self, output: Tensor, target: Tensor) -> Tensor:
        computed: Tensor = self.loss(self.pairing.shown_input.function(output), target)
        return computed

    def step(self, _: Engine, batch: tuple[Tensor, Tensor]) -> float:
        rows, target = batch
        self.optimiser.zero_grad()
        self.value(_flat(self.network(rows)), target).backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.get_total_norm(
            [weight.grad for weight in self.weights if weight.grad is not None]
        )
        self.optimiser.step()
        self.norms.append(float(norm))
        return self.norms[-1]

    def record(self, engine: Engine) -> None:
        fit, begin = self.fit, self.begin
        shown = _outputs(self.network, begin.train.features)
        fit.train_loss.append(float(self.value(shown, self.learnt)))
        output = _outputs(self.network, begin.validation.features)
        fit.validation_loss.append(float(self.value(output, self.held_out)))
        predicted = begin.predict(output, self.pairing)
        fit.validation_metric.append(self.metric(begin.validation.truth, predicted))
        # Not by Ignite's metrics, which add up over all processes where there are several.
        fit.gradient_norm.append(math.fsum(self.norms) / len(self.norms))
        self.norms.clear()
        if fit.validation_loss[-1] < self.best:
            self.best = fit.validation_loss[-1]
            self.kept = copy.deepcopy(self.network.state_dict())
            fit.best_epoch = engine.state.epoch

    def run(self, after: Callable[[int], None]) -> None:
        """Train until the last epoch."""
        trainer = Engine(self.step)
        trainer.logger = LOGGER
        # What a model does differently when it learns, as dropout, it does in the steps only.
        trainer.add_event_handler(Events.EPOCH_STARTED, lambda _: self.network.train())
        trainer.add_event_handler(Events.EPOCH_COMPLETED, self.record)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda one: after(one.state.epoch))
        batches = self._batches()
        epochs = self.recipe.epochs
        if 0 < self.done < epochs:
            trainer.load_state_dict(
                {"epoch": self.done, "epoch_length": len(batches), "max_epochs": epochs}
            )
        if self.done < epochs:
            trainer.run(batches, max_epochs=epochs)

    def end(self) -> Fit:
        """Predict the test rows with the weights that were kept."""
        if math.isfinite(self.best):
            self.network.load_state_dict(self.kept)
        else:
            self.fit.best_epoch = self.recipe.epochs
        output = _outputs(self.network, self.begin.test.features)
        self.fit.predicted = self.begin.predict(output, self.pairing)
        self.fit.seconds = self.before + time.perf_counter() - self.clock
        return self.fit

    def state(self, epoch: int) -> dict[str, Any]:
        """Write down where it is after an epoch: all that the next one depends on."""
        return {
            "epoch": epoch,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "order": self.order.get_state(),
            "random": torch.get_rng_state(),
            "best": self.best,
            "kept": dict(self.kept),
            "curves": {name: getattr(self.fit, name) for name in CURVES},
            "best_epoch": self.fit.best_epoch,
            "seconds": self.before + time.perf_counter() - self.clock,
        }

    def restore(self, found: dict[str, Any]) -> None:
        """Go on from where it was."""
        self.done, self.best, self.kept, self.before = (
            found[key] for key in ("epoch", "best", "kept", "seconds")
        )
        self.network.load_state_dict(found["network"])
        self.optimiser.load_state_dict(found["optimiser"])
        self.order.set_state(found["order"])
        torch.set_rng_state(found["random"])
        self.fit = Fit(best_epoch=found["best_epoch"], **found["curves"])

    def _batches(self) -> DataLoader[tuple[Tensor, Tensor]]:
        """Iterate over batches in an order that depends on the seed only."""
        rows: Dataset[Any] = TensorDataset(self.begin.train.features, self.learnt)
        order = RandomSampler(range(len(self.learnt)), generator=self.order)
        # Whole batches are looked up at once, which a small network makes worth while.
        batches = BatchSampler(order, self.recipe.batch_size, drop_last=False)
        return DataLoader(rows, sampler=batches, batch_size=None)


def _flat(output: Tensor) -> Tensor:
    """Leave the axis of a single output out, as the losses take it."""
    return output.squeeze(-1) if output.ndim == 2 and output.shape[-1] == 1 else output


def _outputs(network: nn.Module, rows: Tensor) -> Tensor:
    """Compute outputs without learning from them, some rows at a time."""
    network.eval()
    with torch.no_grad():
        return _flat(torch.cat([network(some) for some in rows.split(AT_ONCE)]))  # type: ignore[no-untyped-call]
