"""A fault: it is put into a healthy training that is drawn at random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from tools.trials.healthy import OPTIMIZERS, network
from tools.trials.tasks import TASKS, Training

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "FAULTS",
    "Fault",
    "Then",
    "after_model",
    "begun_with",
    "called_with",
    "fault",
    "healthy",
    "with_inputs",
    "with_targets",
]


@dataclass(frozen=True)
class Fault:
    """A kind of fault.

    Attributes
    ----------
    name : str
        What is wrong, in words.
    codes : tuple of str
        The findings that name it; the first is the closest.
    kinds : tuple of str
        The kinds of tasks that can have it.
    put : callable
        Puts the fault into a healthy training; draws from the generator what is left open.
    """

    name: str
    codes: tuple[str, ...]
    kinds: tuple[str, ...]
    put: Callable[[Training, np.random.Generator], Training]


FAULTS: list[Fault] = []

_SOUND = {
    "classes": nn.CrossEntropyLoss,
    "binary": nn.BCEWithLogitsLoss,
    "real": nn.MSELoss,
}


def healthy(fault: Fault, rng: np.random.Generator) -> Training:
    """Draw a healthy training that can have the fault."""
    tasks = [task for task in TASKS.values() if task.kind in fault.kinds]
    task = tasks[rng.integers(len(tasks))]
    optimizer = OPTIMIZERS[("SGD", "AdamW")[rng.integers(2)]]
    make = network(task, int(rng.integers(16, 49)), int(rng.integers(1, 3)))
    return Training(task, make, _SOUND[task.kind](), optimizer, epochs=25)


def fault(
    name: str, codes: str, kinds: str = "classes binary real"
) -> Callable[[Callable[[Training, np.random.Generator], Training]], Fault]:
    """Register a kind of fault."""

    def register(put: Callable[[Training, np.random.Generator], Training]) -> Fault:
        found = Fault(name, tuple(codes.split()), tuple(kinds.split()), put)
        FAULTS.append(found)
        return found

    return register


class Then(nn.Module):
    """A model with something done to its output."""

    def __init__(self, model: nn.Module, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.model, self.change = model, change

    def forward(self, x: Tensor) -> Tensor:
        """Run the model, and change what it gives."""
        return self.change(self.model(x))


def after_model(training: Training, change: Callable[[Tensor], Tensor]) -> Training:
    """Do something to what the model gives."""
    make = training.model
    return training.but(model=lambda: Then(make(), change))


def with_inputs(training: Training, change: Callable[[Tensor], Tensor]) -> Training:
    """Change the inputs, for training and for validation."""
    task = training.task
    moved = replace(task, inputs=change(task.inputs), held_inputs=change(task.held_inputs))
    return training.but(task=moved)


def with_targets(training: Training, change: Callable[[Tensor], Tensor]) -> Training:
    """Change the targets, for training and for validation."""
    task = training.task
    targets, held = change(task.targets), change(task.held_targets)
    moved = replace(task, targets=targets, held_targets=held)
    return training.but(task=moved)


def called_with(
    training: Training, change: Callable[[Tensor, Tensor], tuple[Tensor, ...]]
) -> Training:
    """Change what the loss is called with: output and target."""
    return training.but(pairs=lambda model, x, y: change(model(x), y))


def begun_with(training: Training, change: Callable[[nn.Module], object]) -> Training:
    """Change the weights that the model begins with."""
    make = training.model

    def changed() -> nn.Module:
        model = make()
        with torch.no_grad():
            change(model)
        return model

    return training.but(model=changed)
