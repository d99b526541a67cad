"""Units that are dead, and outputs that are at their limits because they have arrived."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from watch_runs import codes, data

from losskit.check.findings import Finding
from losskit.torch import watch


@pytest.mark.parametrize(
    ("first", "shape"),
    [
        (nn.Conv1d(1, 32, 5), (64, 1, 20)),
        (nn.Conv2d(1, 32, 5), (64, 1, 9, 9)),
        (nn.Linear(6, 32), (64, 6)),
        (nn.Linear(6, 32), (64, 5, 6)),
        (nn.Linear(6, 32), (64, 3, 5, 6)),
    ],
)
@pytest.mark.parametrize("dead", [31, 8])
def test_dead_units_are_counted_along_their_axis(
    first: nn.Module, shape: tuple[int, ...], dead: int
) -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        first.bias.zero_()
        first.bias[:dead] = -100
    inputs, target = torch.randn(shape), torch.arange(64) % 3
    with torch.no_grad():
        flat = nn.Sequential(first, nn.ReLU(), nn.Flatten())
        last = nn.Linear(flat(inputs).shape[1], 3)
    model, loss_fn = nn.Sequential(*flat, last), nn.CrossEntropyLoss()
    found: list[Finding] = []
    with watch(model, loss_fn, every=1, on_finding=found.append):
        for _ in range(4):
            loss_fn(model(inputs), target).backward()
            model.zero_grad()
    seen = [one for one in found if one.code == "LK303"]
    assert {one.numbers["dead"] for one in seen} == ({31 / 32} if dead == 31 else set())


def answered(model: nn.Module, loss_fn: nn.Module, inputs: Tensor, target: Tensor) -> list[str]:
    """Look at a few steps that change nothing."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-9)
    found: list[Finding] = []
    with watch(model, loss_fn, every=1, on_finding=found.append):
        for _ in range(5):
            optimizer.zero_grad()
            loss_fn(model(inputs).squeeze(1), target).backward()
            optimizer.step()
    return codes(found)


@pytest.mark.parametrize(
    ("last", "loss_fn"),
    [(nn.Sigmoid(), nn.BCELoss()), (nn.Sigmoid(), nn.MSELoss()), (nn.Tanh(), nn.MSELoss())],
)
def test_who_is_certain_and_right_has_arrived(last: nn.Module, loss_fn: nn.Module) -> None:
    inputs, _ = data()
    model = nn.Sequential(nn.Linear(8, 1, bias=False), last)
    with torch.no_grad():
        model[0].weight.mul_(2000)
        high = model(inputs).squeeze(1) > (0.5 if isinstance(last, nn.Sigmoid) else 0)
    low = 0.0 if isinstance(last, nn.Sigmoid) else -1.0
    target = torch.where(high, 1.0, low)
    assert "LK208" not in answered(model, loss_fn, inputs, target)
    assert "LK208" in answered(model, loss_fn, inputs, target.flip(0))


def test_hidden_units_at_their_limits_are_seen_however_right_the_answer() -> None:
    inputs, _ = data()
    model = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 1))
    with torch.no_grad():
        model[0].weight.mul_(1000)
        target = model(inputs).squeeze(1)
    assert "LK208" in answered(model, nn.MSELoss(), inputs, target + 0.1)
