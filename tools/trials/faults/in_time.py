"""What shows in time: learning rates, over-fitting, embeddings, last batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from tools.trials.faults.fault import fault
from tools.trials.healthy import network
from tools.trials.tasks import TASKS, Task, Training

if TYPE_CHECKING:
    import numpy as np


def _rate(training: Training, rate: float) -> Training:
    return training.but(
        optimizer=lambda model: torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    )


@fault("learning rate far too high", "LK402 LK202 LK301 LK403 LK303", "real classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    return _rate(training, float(10 ** rng.uniform(0.7, 2)))


@fault("learning rate far too low", "LK404 LK405 LK401")
def _(training: Training, rng: np.random.Generator) -> Training:
    return _rate(training, float(10 ** rng.uniform(-6, -4.5)))


@fault("over-fitting: a large network, few samples", "LK406", "classes binary real")
def _(training: Training, rng: np.random.Generator) -> Training:
    task = training.task
    noisy = task.targets[:60].clone()
    flip = torch.tensor(rng.permutation(60)[:15])
    noisy[flip] = noisy[flip.roll(1)]
    few = replace(task, inputs=task.inputs[:60], targets=noisy)
    return training.but(
        task=few,
        model=network(few, 256, 2),
        optimizer=lambda model: torch.optim.Adam(model.parameters(), lr=3e-3),
        epochs=80,
        size=20,
    )


def _embedder(task: Task) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(nn.Linear(task.inputs.shape[1], 32), nn.ReLU(), nn.Linear(32, 8))


@fault("embeddings pulled together only", "LK216", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    loss = nn.CosineEmbeddingLoss()

    def pairs(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        return model(x), model(x.roll(1, 0)), torch.ones(len(x))

    return training.but(
        model=_embedder(training.task), loss_fn=loss, pairs=pairs, epochs=40, flight=False
    )


@fault("random triplets, and a tiny margin", "LK217", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    loss = nn.TripletMarginLoss(margin=float(10 ** rng.uniform(-4, -2)))

    def pairs(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        order = torch.argsort(y, stable=True)
        z = model(x)[order]
        return z, z.roll(1, 0), z.roll(len(z) // 2, 0)

    tight = TASKS["blobs"]
    return training.but(task=tight, model=_embedder(tight), loss_fn=loss, pairs=pairs, flight=False)


@fault("batch normalisation and a last batch of a few", "LK308", "classes binary real")
def _(training: Training, rng: np.random.Generator) -> Training:
    task = training.task
    if len(task.inputs) < 300:
        task = TASKS["digits" if task.kind == "classes" else "cancer"]
    # Of two samples, normalisation leaves nothing but their signs.
    length = (len(task.inputs) - 2) // 32 * 32 - 32 + 2
    cut = replace(task, inputs=task.inputs[:length], targets=task.targets[:length])

    def normalised() -> nn.Module:
        return nn.Sequential(
            nn.Linear(task.inputs.shape[1], 32),
            nn.BatchNorm1d(32),
            nn.ReLU(),
            nn.Linear(32, task.outputs),
        )

    return training.but(task=cut, model=normalised, size=32)
