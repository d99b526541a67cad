"""Shapes, labels, data, and how samples are weighed and summed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

import losskit.torch as own
from tools.trials.faults.fault import called_with, fault, with_inputs, with_targets
from tools.trials.healthy import network
from tools.trials.tasks import Training

if TYPE_CHECKING:
    import numpy as np


@fault("(N, 1) against (N,)", "LK141", "real")
def _(training: Training, rng: np.random.Generator) -> Training:
    return called_with(training, lambda z, y: (z, y[:, 0]))


@fault("target before input", "LK142", "binary real")
def _(training: Training, rng: np.random.Generator) -> Training:
    if training.task.kind == "real":
        # A squared error is the same both ways round.
        quantile = float(rng.choice([0.1, 0.2, 0.8, 0.9]))
        training = training.but(loss_fn=own.QuantileLoss(quantile))
    return called_with(training, lambda z, y: (y, z))


@fault("padding counted", "LK143", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    """Rows of eight labels, of which those past a length are 0, and so is no label."""
    classes = training.task.outputs + 1

    def pairs(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        # Of all columns, since in some data the first is the same for all samples.
        lengths = 1 + (x.abs().sum(1, keepdim=True) * 10).long() % 5
        labels = torch.where(torch.arange(8) < lengths, y[:, None] + 1, 0)
        return model(x)[:, :, None].expand(-1, -1, 8), labels

    wide = replace(training.task, outputs=classes)
    return training.but(model=network(wide), pairs=pairs)


@fault("labels from 1 to K", "LK201", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    return with_targets(training, lambda y: y + 1)


@fault("labels -1 and 1 for BCE", "LK201 LK218", "binary")
def _(training: Training, rng: np.random.Generator) -> Training:
    return with_targets(training, lambda y: 2 * y - 1)


@fault("class axis in the wrong place", "LK203", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    # As many steps as there are classes or fewer, so that PyTorch refuses or computes it.
    steps = int(rng.integers(3, 9))
    return called_with(
        training,
        lambda z, y: (z[:, None].expand(-1, steps, -1), y[:, None].expand(-1, steps)),
    )


@fault("class indices as floats", "LK204", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    return with_targets(training, lambda y: y.float())


@fault("squared error on class indices", "LK181", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    one = replace(training.task, outputs=1)
    return called_with(
        training.but(model=network(one), loss_fn=nn.MSELoss()), lambda z, y: (z[:, 0], y.float())
    )


@fault("softmax cross-entropy on several labels", "LK182", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    classes = training.task.outputs

    def several(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return z, F.one_hot(y, classes).float() + F.one_hot((y + 1) % classes, classes).float()

    return called_with(training, several)


@fault("missing values in the data", "LK202")
def _(training: Training, rng: np.random.Generator) -> Training:
    row, column = int(rng.integers(100)), int(rng.integers(2))

    def holed(x: Tensor) -> Tensor:
        x = x.clone()
        x[row % len(x), column] = torch.nan
        return x

    return with_inputs(training, holed)


@fault("logarithm of 0", "LK202", "classes binary")
def _(training: Training, rng: np.random.Generator) -> Training:
    def unstable(z: Tensor) -> Tensor:
        z = torch.cat([-z, z], 1) if z.shape[1] == 1 else z
        # Where the softmax has underflowed.
        return torch.log((300 * z).softmax(1))

    return called_with(
        training.but(loss_fn=nn.NLLLoss()),
        lambda z, y: (unstable(z), y.long().reshape(-1)),
    )


@fault("labels that do not belong to their inputs", "LK401 LK405 LK406", "classes binary")
def _(training: Training, rng: np.random.Generator) -> Training:
    seed = int(rng.integers(1000))

    def shuffled(y: Tensor) -> Tensor:
        return y[torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))]

    return with_targets(training, shuffled)


@fault("real targets in the hundreds of thousands", "LK215", "real")
def _(training: Training, rng: np.random.Generator) -> Training:
    size = float(10 ** rng.uniform(4, 6))
    return with_targets(training, lambda y: size * (3 + y))


@fault("class weights that grow with frequency", "LK183", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    task = training.task
    # Two thirds of the samples of all classes but the first are dropped.
    kept = (task.targets == 0) | (torch.arange(len(task.targets)) % 4 == 0)
    rare = replace(task, inputs=task.inputs[kept], targets=task.targets[kept])
    shares = torch.bincount(rare.targets, minlength=task.outputs).float()
    weights = task.outputs * shares / shares.sum()
    return training.but(task=rare, loss_fn=nn.CrossEntropyLoss(weight=weights))


@fault("one term of a sum dominates", "LK212", "real")
def _(training: Training, rng: np.random.Generator) -> Training:
    return training.but(loss_fn=own.MSELoss() + float(10 ** rng.uniform(3, 5)) * own.L1Loss())


@fault("loss summed over the batch", "LK213")
def _(training: Training, rng: np.random.Generator) -> Training:
    loss = type(training.loss_fn)(reduction="sum")
    return training.but(loss_fn=loss)
