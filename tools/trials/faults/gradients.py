"""Gradients that do not arrive, and layers that say nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from tools.trials.faults.fault import Then, begun_with, called_with, fault
from tools.trials.tasks import Training

if TYPE_CHECKING:
    import numpy as np


@fault("output detached", "LK151")
def _(training: Training, rng: np.random.Generator) -> Training:
    return called_with(training, lambda z, y: (z.detach(), y))


@fault("loss without the model", "LK152 LK151", "real binary")
def _(training: Training, rng: np.random.Generator) -> Training:
    stray = nn.Parameter(torch.zeros(()))
    return training.but(pairs=lambda model, x, y: (0 * model(x).detach() + stray, y))


@fault("optimiser of another model", "LK304")
def _(training: Training, rng: np.random.Generator) -> Training:
    make = training.optimizer
    return training.but(optimizer=lambda model: make(training.model()))


@fault("gradients never cleared", "LK305")
def _(training: Training, rng: np.random.Generator) -> Training:
    def step(loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
        loss.backward()
        optimizer.step()

    return training.but(step=step)


@fault("vanishing gradients: ten layers of sigmoids", "LK302")
def _(training: Training, rng: np.random.Generator) -> Training:
    width, depth = int(rng.integers(16, 33)), int(rng.integers(9, 13))
    task = training.task

    def deep() -> nn.Module:
        layers: list[nn.Module] = [nn.Linear(task.inputs.shape[1], width), nn.Sigmoid()]
        for _ in range(depth):
            layers += [nn.Linear(width, width), nn.Sigmoid()]
        return nn.Sequential(*layers, nn.Linear(width, task.outputs))

    return training.but(model=deep)


@fault("dead ReLUs", "LK303 LK207")
def _(training: Training, rng: np.random.Generator) -> Training:
    low = -float(10 ** rng.uniform(1, 2))

    def kill(model: nn.Module) -> None:
        model[0].bias.fill_(low)  # type: ignore[index, operator]

    return begun_with(training, kill)


@fault("last layer of zeros, and a dead one before it", "LK207 LK303")
def _(training: Training, rng: np.random.Generator) -> Training:
    def zero(model: nn.Module) -> None:
        for parameter in model.parameters():
            parameter.zero_()

    return begun_with(training, zero)


@fault("weights that start too large", "LK214 LK208", "classes binary")
def _(training: Training, rng: np.random.Generator) -> Training:
    scale = float(rng.uniform(20, 60))

    def enlarge(model: nn.Module) -> None:
        for parameter in model.parameters():
            parameter.mul_(scale)

    return begun_with(training, enlarge)


@fault("input thrown away", "LK307 LK207")
def _(training: Training, rng: np.random.Generator) -> Training:
    make = training.model

    class Blind(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = make()

        def forward(self, x: Tensor) -> Tensor:
            return self.model(x * 0)  # type: ignore[no-any-return]

    return training.but(model=Blind)


@fault("samples mixed within the batch", "LK211")
def _(training: Training, rng: np.random.Generator) -> Training:
    make = training.model
    kind = rng.integers(3)

    def mix(z: Tensor) -> Tensor:
        if kind == 0:
            return z - z.mean(0)
        if kind == 1:
            return z + 0.5 * z.roll(1, 0)
        return z * z.softmax(0) * len(z)

    return training.but(model=lambda: Then(make(), mix))
