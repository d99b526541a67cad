"""What watching a training costs: ``python -m tools.trials.overhead`` prints a table.

Trainings with and without ``watch`` at its default rate take turns, in stretches, on the same
model and data, on one core; the cost is the ratio of the processor's times, in which other
programs on the machine do not count. With ``--write`` docs/watch.md has the table.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from losskit.torch import watch
from tools.trials.pages import write_section

__all__ = ["MODELS", "cost"]


class Block(nn.Module):
    """Two convolutions with a way around them."""

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        before = width // stride
        self.body = nn.Sequential(
            nn.Conv2d(before, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.around: nn.Module = (
            nn.Conv2d(before, width, 1, stride, bias=False) if stride > 1 else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Add what the body gives."""
        return torch.relu(self.body(x) + self.around(x))


def resnet() -> nn.Module:
    """A ResNet for images of 32 × 32: 16, 32 and 64 channels, two blocks each."""
    blocks = [Block(16, 1), Block(16, 1), Block(32, 2), Block(32, 1), Block(64, 2), Block(64, 1)]
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1),
        *blocks,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )


def perceptron() -> nn.Module:
    """784-256-256-10, as for MNIST."""
    return nn.Sequential(
        nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
    )


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], int]] = {
    "ResNet, 64 images of 32 × 32": (resnet, (64, 3, 32, 32), 40),
    "MLP 784-256-256-10, batch of 128": (perceptron, (128, 784), 1000),
}
"""Model, shape of a batch and steps in a stretch."""


def cost(name: str, stretches: int) -> tuple[float, float, int]:
    """Return seconds of a step without and with watching, and how often it looked."""
    make, shape, steps = MODELS[name]
    torch.manual_seed(0)
    inputs, targets = torch.randn(shape), torch.arange(shape[0]) % 10
    sides = []
    for _ in range(2):
        model, criterion = make(), nn.CrossEntropyLoss()
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
        sides.append((model, criterion, optimizer))
    model, criterion, _ = sides[1]
    watching = watch(model, criterion, on_finding=lambda finding: None)
    spent = [0.0, 0.0]
    for stretch in range(stretches):
        for side in (0, 1) if stretch % 2 else (1, 0):
            model, criterion, optimizer = sides[side]
            began, since = time.process_time(), time.perf_counter()
            for _ in range(steps):
                optimizer.zero_grad()
                criterion(model(inputs), targets).backward()
                optimizer.step()
            spent[side] += time.process_time() - began
            if not side:
                # In a training of its own, this time would not have passed.
                watching._pace.began += time.perf_counter() - since
    looks = watching._look.count
    watching.close()
    total = stretches * steps
    return spent[0] / total, spent[1] / total, looks


def main() -> int:
    """Measure all models; exit 1 where one costs more than 3 %."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stretches", type=int, default=20)
    parser.add_argument("--write", action="store_true", help="write docs/watch.md")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    lines = ["| training | a step | watched | more | looks |", "|---|---|---|---|---|"]
    worst = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, (_, _, steps) in MODELS.items():
            plain, watched, looks = cost(name, arguments.stretches)
            worst = max(worst, watched / plain - 1)
            lines.append(
                f"| {name} | {1e3 * plain:.2f} ms | {1e3 * watched:.2f} ms | "
                f"{watched / plain - 1:+.1%} | {looks} in {steps * arguments.stretches:,} |"
            )
    sys.stdout.write("\n".join(lines) + "\n")
    if arguments.write:
        write_section("watch.md", "overhead", "\n".join(lines))
    return int(worst > 0.03)


if __name__ == "__main__":
    sys.exit(main())
