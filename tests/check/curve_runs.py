"""Trainings of a second, whose curves are written as logs."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tools.trials.tasks import TASKS, Task

Row = dict[str, Any]


def net(task: Task, width: int = 32) -> nn.Module:
    inputs = task.inputs.shape[1]
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, task.outputs))


def trained(
    task: Task,
    *,
    model: nn.Module | None = None,
    loss_fn: Callable[[Tensor, Tensor], Tensor] = nn.functional.cross_entropy,
    lr: float = 3e-3,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.AdamW,
    epochs: int = 20,
    size: int = 64,
    change: Callable[[Tensor], Tensor] = lambda z: z,
    samples: int = 10_000,
    metric: Callable[[Tensor, Tensor], float] | None = None,
    seed: int = 0,
    **options: Any,
) -> list[Row]:
    """Train, and return a row for each epoch."""
    torch.manual_seed(seed)
    model = net(task) if model is None else model
    moving = optimizer(model.parameters(), lr=lr, **options)
    rows = []
    for epoch in range(epochs):
        model.train()
        losses = []
        for at in torch.randperm(min(len(task.inputs), samples)).split(size):
            loss = loss_fn(change(model(task.inputs[at])), task.targets[at])
            moving.zero_grad()
            loss.backward()
            moving.step()
            losses.append(float(loss.detach()))
        model.eval()
        with torch.no_grad():
            output = change(model(task.held_inputs))
            row = {"epoch": epoch, "train_loss": float(np.mean(losses))}
            row["val_loss"] = float(loss_fn(output, task.held_targets))
            if task.kind == "classes":
                row["val_acc"] = float((output.argmax(1) == task.held_targets).float().mean())
            if metric is not None:
                row["val_f1"] = metric(output, task.held_targets)
            rows.append(row)
    return rows


def written(path: Path, rows: list[Row]) -> Path:
    """Write rows as CSV, as pandas and most scripts do."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return path


DIGITS, DIABETES, CANCER = TASKS["digits"], TASKS["diabetes"], TASKS["cancer"]
SGD = torch.optim.SGD


def full_batch(lr: float, epochs: int = 60, momentum: float = 0.0) -> list[Row]:
    torch.manual_seed(0)
    return trained(DIABETES, model=nn.Linear(10, 1), loss_fn=nn.functional.mse_loss, lr=lr,
                   optimizer=SGD, epochs=epochs, size=1000, momentum=momentum)  # fmt: skip


@cache
def resumed() -> list[Row]:
    """Go on from weights of long ago."""
    torch.manual_seed(0)
    model = net(DIGITS)
    trained(DIGITS, model=model, epochs=1)
    early = {name: value.clone() for name, value in model.state_dict().items()}
    first = trained(DIGITS, model=model, epochs=12)
    model.load_state_dict(early)
    second = trained(DIGITS, model=model, epochs=12)
    # The log of the second begins where that of the first was when it was interrupted.
    return first + [row | {"epoch": row["epoch"] + 10} for row in second]


def burdened() -> list[Row]:
    """Dropout of nine tenths, which validation does not have."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Dropout(0.8), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    return trained(DIGITS, model=model, epochs=40)


@cache
def rare() -> tuple[list[Row], list[Row]]:
    """A rare class, its F1; once with its weight, once without."""
    torch.manual_seed(0)
    x = torch.randn(1500, 6)
    y = ((x[:, 0] + 2.5 * torch.randn(1500)) > 4.5).float()[:, None]
    task = Task("rare", "binary", x[:1000], y[:1000], x[1000:], y[1000:], 1)

    def f1(output: Tensor, target: Tensor) -> float:
        hits = float(((output > 0) & (target > 0.5)).sum())
        wrong = float(((output > 0) != (target > 0.5)).sum())
        return 2 * hits / max(2 * hits + wrong, 1)

    def run(weight: float) -> list[Row]:
        loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([weight]))
        return trained(task, loss_fn=loss, metric=f1, lr=1e-3)

    return run(1.0), run(12.0)


@cache
def overfitted() -> list[Row]:
    noisy = DIGITS.targets.clone()
    noisy[:20] = noisy[:20].roll(1)
    task = Task(**{**DIGITS.__dict__, "targets": noisy})
    return trained(task, model=net(DIGITS, 256), samples=80, epochs=80, size=20)


@cache
def softmax_twice() -> list[Row]:
    return trained(DIGITS, change=lambda z: z.softmax(1), epochs=50)


@cache
def with_nan() -> list[Row]:
    """Weights overflow after some steps that are far too long."""
    return full_batch(3.0, epochs=150)


def kl_of_probabilities() -> list[Row]:
    rows = nn.functional.one_hot(DIGITS.targets, 10).float()
    held = nn.functional.one_hot(DIGITS.held_targets, 10).float()
    task = Task(**{**DIGITS.__dict__, "kind": "soft", "targets": rows, "held_targets": held})
    return trained(task, loss_fn=nn.KLDivLoss(reduction="batchmean"), epochs=10,
                   change=lambda z: z.softmax(1))  # fmt: skip
