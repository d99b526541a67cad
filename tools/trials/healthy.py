"""Trainings without a fault: nothing must be found in them.

``python -m tools.trials.healthy`` runs 200, and as many of batches of 1 to 8 samples that are cut
short, and says what was found in how many; with ``--write`` docs/faults.md says it too. It exits 1
if more than 2 % of either have a finding, or one has a bug.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import nn

import losskit.torch as own
from tools.trials.pages import write_section
from tools.trials.tasks import TASKS, Outcome, Task, Training, run

__all__ = ["combinations", "network", "small_batches"]

LOSSES: dict[str, dict[str, Callable[[], Any]]] = {
    "classes": {
        "CrossEntropyLoss": nn.CrossEntropyLoss,
        "smoothed": lambda: nn.CrossEntropyLoss(label_smoothing=0.1),
        "FocalLoss": own.FocalLoss,
        "cross_entropy": lambda: nn.functional.cross_entropy,
    },
    "binary": {
        "BCEWithLogitsLoss": nn.BCEWithLogitsLoss,
        "BinaryFocalLoss": own.BinaryFocalLoss,
        "weighted": lambda: nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1.5])),
    },
    "real": {
        "MSELoss": nn.MSELoss,
        "HuberLoss": nn.HuberLoss,
        "L1Loss": nn.L1Loss,
        "SmoothL1Loss": nn.SmoothL1Loss,
    },
}

OPTIMIZERS: dict[str, Callable[[nn.Module], torch.optim.Optimizer]] = {
    "SGD": lambda model: torch.optim.SGD(
        model.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-2
    ),
    "AdamW": lambda model: torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.1),
}

REPORTED = 3000
"""First of the trainings that docs/faults.md reports; thresholds were chosen on those before."""


def network(task: Task, width: int = 24, depth: int = 1) -> Callable[[], nn.Module]:
    """Return a maker of a small network."""

    def make() -> nn.Module:
        sizes = [task.inputs.shape[1], *[width] * depth]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(sizes[-1], task.outputs))

    return make


def combinations(count: int, first: int = 0) -> Iterator[tuple[str, Training, int]]:
    """Give trainings: tasks, losses, optimisers, depths and seeds, as evenly mixed as can be."""
    mixes = [
        (task, loss, optimizer, depth)
        for task in TASKS.values()
        for loss in LOSSES[task.kind]
        for optimizer in OPTIMIZERS
        for depth in (1, 2)
    ]
    stride = 37  # prime to their number, so that neighbours differ in all
    for index in range(first, first + count):
        task, loss, optimizer, depth = mixes[index * stride % len(mixes)]
        training = Training(
            task, network(task, 24, depth), LOSSES[task.kind][loss](), OPTIMIZERS[optimizer]
        )
        yield f"{task.name} {loss} {optimizer} depth {depth}", training, index


def small_batches(count: int, first: int = 0) -> Iterator[tuple[str, Training, int]]:
    """Give the same in batches of 1 to 8 samples, for an epoch or three: hardly more than noise."""
    for index, (name, training, seed) in enumerate(combinations(count, first), first):
        size, epochs = 2 ** (index % 4), 1 + index // 4 % 3
        cut = training.but(
            optimizer=lambda model: torch.optim.AdamW(model.parameters(), lr=1e-3),
            size=size,
            epochs=epochs,
            flight=False,
        )
        yield f"{name} batches of {size} epochs {epochs}", cut, seed


def main() -> int:
    """Run them and count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--first", type=int, default=REPORTED, help="number of the first")
    parser.add_argument("--write", action="store_true", help="write docs/faults.md")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    failed = False
    for section, trainings in (("healthy", combinations), ("small", small_batches)):
        result, wrong = counted(trainings(arguments.count, arguments.first))
        result = f"**{result}; seeds from {arguments.first} on.**"
        sys.stdout.write(result + "\n")
        if arguments.write:
            write_section("faults.md", section, result)
        failed |= wrong
    return int(failed)


def counted(trainings: Iterable[tuple[str, Training, int]]) -> tuple[str, bool]:
    """Run trainings; say in how many something was found, and whether that is too many."""
    count, with_any, bugs, codes = 0, 0, 0, Counter[str]()
    for name, training, seed in trainings:
        outcome: Outcome = run(training, seed)
        count += 1
        codes.update(outcome.codes)
        with_any += bool(outcome.codes)
        bugs += any(one.severity == "bug" for one in outcome.findings)
        if outcome.codes or outcome.error:
            sys.stdout.write(f"{name}, seed {seed}: {outcome.codes} {outcome.error}\n")
            for one in outcome.findings:
                sys.stdout.write(f"    {one.code} {one.message}\n")
            sys.stdout.flush()
    seen = ", ".join(f"{code} in {times}" for code, times in codes.most_common()) or "none"
    result = (
        f"{count} trainings: {with_any} with a finding ({with_any / count:.1%}), {bugs} with one "
        f"of severity bug; found: {seen}"
    )
    return result, with_any / count > 0.02 or bugs > 0


if __name__ == "__main__":
    sys.exit(main())
