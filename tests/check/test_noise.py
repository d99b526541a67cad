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


LUCKY = """
0.88 0.77 0.72 0.85 0.79 0.90 0.80 0.78 0.90 0.77 0.94 0.74 0.75 0.60 0.97
0.74 0.49 0.93 0.96 0.80 1.09 0.67 0.71 0.64 0.87 0.61 0.82 0.63 0.90 0.64
0.22 0.92 0.62 0.83 0.81 0.52 0.50 1.00 1.18 0.63 0.87 0.81 0.41 0.57 0.74
0.63 0.69 0.56 0.61 0.94 0.64 0.87 0.95 0.60 0.65 0.97 0.68 0.74 0.67 0.57
0.68 0.71 0.97 0.70 1.01 0.60 1.31 1.05 1.03 0.82 0.83 1.03 0.90 0.70 0.69
"""
"""Absolute errors of one epoch of a linear regression in batches of 8, of which one was lucky."""


def test_one_lucky_batch_is_no_best_that_is_lost_again(tmp_path: Path) -> None:
    losses = [float(loss) for loss in LUCKY.split()]
    of_steps: list[Row] = [{"step": at, "loss": loss} for at, loss in enumerate(losses)]
    assert not diagnose(written(tmp_path / "log.csv", of_steps))
    # What stays above, and is no noise, is.
    risen = [loss if at < 50 else loss + 1.5 for at, loss in enumerate(losses)]
    of_steps = [{"step": at, "loss": loss} for at, loss in enumerate(risen)]
    assert "LK402" in diagnose(written(tmp_path / "log.csv", of_steps)).codes


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
