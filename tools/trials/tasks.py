"""Small tasks on scikit-learn's data, and trainings of them that take a second."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from sklearn import datasets
from torch import Tensor, nn

from losskit.check.findings import Finding
from losskit.check.report import Report
from losskit.check.training import preflight, watch

__all__ = ["TASKS", "Outcome", "Task", "Training", "run"]


@dataclass(frozen=True)
class Task:
    """Inputs and targets, standardised, split into training and validation.

    Attributes
    ----------
    name : str
        Which data.
    kind : {"classes", "binary", "real"}
        What the target is.
    inputs, targets : Tensor
        For training.
    held_inputs, held_targets : Tensor
        For validation.
    outputs : int
        How many numbers a model gives.
    """

    name: str
    kind: str
    inputs: Tensor
    targets: Tensor
    held_inputs: Tensor
    held_targets: Tensor
    outputs: int


def _task(name: str, kind: str, x: np.ndarray, y: np.ndarray) -> Task:
    order = np.random.default_rng(0).permutation(len(x))[:1200]
    x, y = x[order].astype(np.float32), y[order]
    cut = len(x) * 3 // 4
    mean, scale = x[:cut].mean(0), x[:cut].std(0)
    x = (x - mean) / np.where(scale > 0, scale, 1)
    inputs = torch.tensor(x)
    if kind == "classes":
        targets, outputs = torch.tensor(y.astype(np.int64)), int(y.max()) + 1
    elif kind == "binary":
        targets, outputs = torch.tensor(y.astype(np.float32))[:, None], 1
    else:
        y = (y - y[:cut].mean()) / y[:cut].std()
        targets, outputs = torch.tensor(y.astype(np.float32))[:, None], 1
    return Task(name, kind, inputs[:cut], targets[:cut], inputs[cut:], targets[cut:], outputs)


def _tasks() -> dict[str, Task]:
    found = {
        "digits": ("classes", datasets.load_digits(return_X_y=True)),
        "wine": ("classes", datasets.load_wine(return_X_y=True)),
        "iris": ("classes", datasets.load_iris(return_X_y=True)),
        "blobs": ("classes", datasets.make_blobs(900, 6, centers=5, random_state=0)),
        "cancer": ("binary", datasets.load_breast_cancer(return_X_y=True)),
        "moons": ("binary", datasets.make_moons(800, noise=0.2, random_state=0)),
        "circles": ("binary", datasets.make_circles(800, noise=0.1, factor=0.4, random_state=0)),
        "hastie": ("binary", _hastie()),
        "diabetes": ("real", datasets.load_diabetes(return_X_y=True)),
        "friedman": ("real", datasets.make_friedman1(900, noise=0.5, random_state=0)),
        "linear": ("real", datasets.make_regression(800, 10, noise=10, random_state=0)),
    }
    return {name: _task(name, kind, *data) for name, (kind, data) in found.items()}


def _hastie() -> tuple[np.ndarray, np.ndarray]:
    x, y = datasets.make_hastie_10_2(1200, random_state=0)
    return x, (y > 0).astype(np.float64)


TASKS = _tasks()
"""All tasks by name."""


@dataclass(frozen=True)
class Training:
    """Everything that a training consists of; a fault replaces a part of it.

    Attributes
    ----------
    task : Task
        The data.
    model : callable
        Makes the model.
    loss_fn : module or function
        The loss.
    optimizer : callable
        Makes the optimiser of a model.
    epochs, size : int
        Passes over the data, and samples in a batch.
    pairs : callable
        What the loss is called with, of model, inputs and target.
    step : callable, optional
        Takes loss and optimiser; by default clears, goes backward and steps.
    drop_last : bool
        Whether the smaller rest of an epoch is left out.
    flight : bool
        Whether it is tried before it is run.
    """

    task: Task
    model: Callable[[], nn.Module]
    loss_fn: Any
    optimizer: Callable[[nn.Module], torch.optim.Optimizer]
    epochs: int = 40
    size: int = 64
    pairs: Callable[[nn.Module, Tensor, Tensor], tuple[Any, ...]] | None = None
    step: Callable[[Tensor, torch.optim.Optimizer], None] | None = None
    drop_last: bool = False
    flight: bool = True

    def but(self, **changes: Any) -> Training:
        """Return the same with some parts replaced."""
        return replace(self, **changes)


@dataclass
class Outcome:
    """What was found before a training and in it, and the losses of its steps."""

    before: list[Finding] = field(default_factory=list)
    during: list[Finding] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    accuracy: float = float("nan")
    error: str = ""

    @property
    def findings(self) -> list[Finding]:
        """All of them: the worst first, those before the training before those in it."""
        return list(Report.of("", [*self.before, *self.during]))

    @property
    def codes(self) -> list[str]:
        """Their codes, each once."""
        return list(dict.fromkeys(one.code for one in self.findings))


def run(training: Training, seed: int, every: int = 10) -> Outcome:
    """Try a training before it runs, and watch it while it does."""
    torch.manual_seed(seed)
    outcome = Outcome()
    model = training.model()
    optimizer = training.optimizer(model)
    with warnings.catch_warnings():
        # PyTorch's own, of shapes and of batches of one, are no part of what is tried.
        warnings.simplefilter("ignore")
        try:
            if training.flight:
                outcome.before += _before(training, model)
            _train(training, model, optimizer, outcome, every)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            outcome.error = str(error).splitlines()[0]
    return outcome


def _before(training: Training, model: nn.Module) -> list[Finding]:
    task = training.task
    batch = task.inputs[:128], task.targets[:128]
    if training.pairs is None:
        return list(preflight(model, training.loss_fn, batch, steps=150))
    pairs = training.pairs
    report = preflight(
        model,
        training.loss_fn,
        batch,
        forward=lambda copied, given: pairs(copied, *given),
        steps=150,
    )
    return list(report)


def _train(
    training: Training,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    outcome: Outcome,
    every: int,
) -> None:
    task = training.task
    pairs = training.pairs or (lambda model, inputs, target: (model(inputs), target))
    watching = watch(model, training.loss_fn, every=every, on_finding=outcome.during.append)
    with watching:
        for epoch in range(training.epochs):
            watching.epoch(epoch)
            model.train()
            for inputs, targets in _batches(training):
                loss = watching.loss_fn(*pairs(model, inputs, targets))
                if training.step is not None:
                    training.step(loss, optimizer)
                else:
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                outcome.losses.append(float(loss.detach().mean()))
            model.eval()
            with torch.no_grad():
                watching.loss_fn(*pairs(model, task.held_inputs, task.held_targets))


def _batches(training: Training) -> Iterator[tuple[Tensor, Tensor]]:
    task, size = training.task, training.size
    order = torch.randperm(len(task.inputs))
    for begin in range(0, len(order), size):
        part = order[begin : begin + size]
        if training.drop_last and len(part) < size:
            continue
        yield task.inputs[part], task.targets[part]
