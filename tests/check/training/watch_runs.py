"""A small task that a network learns, and its training under watch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from losskit.check.findings import Finding
from losskit.torch import watch


def data(samples: int = 512, classes: int = 3) -> tuple[Tensor, Tensor]:
    """Eight numbers, and which of some linear functions of them is the largest."""
    torch.manual_seed(0)
    inputs = torch.randn(samples, 8)
    return inputs, (inputs @ torch.randn(8, classes)).argmax(1)


def network(outputs: int = 3, *last: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, outputs), *last)


def batches(steps: int, size: int = 32, classes: int = 3) -> Iterator[tuple[Tensor, Tensor]]:
    inputs, target = data(classes=classes)
    for _ in range(steps):
        at = torch.randint(len(inputs), (size,))
        yield inputs[at], target[at]


def trained(
    model: nn.Module,
    loss_fn: Any,
    call: Callable[[Any, Tensor, Tensor], Tensor],
    steps: int = 64,
    optimizer: torch.optim.Optimizer | None = None,
    every: int | None = None,
) -> list[Finding]:
    """Train by a function of the watched loss, inputs and target; return what is found."""
    optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=1e-2)
    found: list[Finding] = []
    with watch(model, loss_fn, every=every, on_finding=found.append) as watching:
        for inputs, target in batches(steps):
            optimizer.zero_grad()
            call(watching.loss_fn, inputs, target).backward()
            optimizer.step()
    return found


def codes(found: list[Finding]) -> list[str]:
    return [one.code for one in found]
