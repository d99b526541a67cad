"""Curves of single batches: their noise is neither a leap nor a standstill."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from curve_runs import DIABETES, SGD, Row, trained, written
from torch import nn

from losskit.check.curves.diagnose import diagnose
from losskit.check.curves.series import Curve, Recorder


def steps(size: int, count: int, lr: float, seed: int) -> tuple[list[Row], float, float]:
    """Train on three classes; return the losses of batches, and those of all data around it."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(2000, 8, generator=generator)
    scores = x @ torch.randn(8, 3, generator=generator)
    y = (scores + torch.randn(2000, 3, generator=generator)).argmax(1)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))
    criterion, moving = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=lr)
    with torch.no_grad():
        begun = float(criterion(model(x), y))
    rows: list[Row] = []
    while len(rows) < count:
        for at in torch.randperm(2000).split(size)[: count - len(rows)]:
            loss = criterion(model(x[at]), y[at])
            moving.zero_grad()
            loss.backward()
            moving.step()
            rows.append({"step": len(rows), "loss": loss.item()})
    with torch.no_grad():
        return rows, begun, float(criterion(model(x), y))


@pytest.mark.parametrize(
    ("size", "count", "lr"),
    [(8, 64, 1e-3), (8, 100, 1e-3), (2, 200, 1e-3), (1, 400, 1e-3), (2, 200, 1e-2)],
)
def test_a_training_of_small_batches_that_learns(
    size: int, count: int, lr: float, tmp_path: Path
) -> None:
    for seed in range(6):
        rows, begun, ended = steps(size, count, lr, seed)
        assert ended < 0.97 * begun
        report = diagnose(written(tmp_path / "log.csv", rows))
        assert not report, f"seed {seed}: {report}"


@pytest.mark.parametrize("seed", range(3))
def test_one_that_does_not_learn_is_told_once_it_would_show(seed: int, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    rows, begun, ended = steps(32, 400, 1e-9, seed)
    assert ended == pytest.approx(begun, rel=1e-3)
    assert "LK405" in diagnose(written(log, rows)).codes
    rows, _, _ = steps(1, 64, 1e-9, seed)  # as flat, in as far as one can see
    assert not diagnose(written(log, rows))


def test_leaps_far_above_the_start_are_told_of_steps_as_well(tmp_path: Path) -> None:
    """The absolute error's steps have one length however near the end is."""
    torch.manual_seed(0)
    rows = trained(DIABETES, model=nn.Linear(10, 1), loss_fn=nn.functional.l1_loss,
                   lr=2.0, optimizer=SGD, epochs=60, size=1000)  # fmt: skip
    of_steps = [{"step": at, "loss": row["train_loss"]} for at, row in enumerate(rows)]
    assert diagnose(written(tmp_path / "log.csv", of_steps)).codes == ("LK403",)


def curve(epochs: list[float]) -> Curve:
    recorder = Recorder("loss")
    numbers = torch.arange(float(len(epochs))).double().numpy()
    recorder.add(numbers, torch.tensor(epochs, dtype=torch.float64).numpy(), numbers)
    return recorder.curve()


def test_numbers_of_whole_epochs_are_told_from_those_of_batches() -> None:
    assert curve([1.0 * i for i in range(30)]).whole_epochs
    assert curve([5.0 * i for i in range(30)]).whole_epochs
    assert curve([1.0 * i for i in range(20_000)]).whole_epochs  # in buckets
    assert not curve([0.5 * i for i in range(30)]).whole_epochs
    assert not curve([float(i // 4) for i in range(20_000)]).whole_epochs
    assert not curve([float("nan")] * 30).whole_epochs
    assert not curve([1.0]).whole_epochs
