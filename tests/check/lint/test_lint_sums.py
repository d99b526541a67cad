"""Losses that are summed over a batch, and steps that are as large as the batch is."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

TRAINING = """
import torch, torch.nn as nn, torch.nn.functional as F
net = nn.Linear(4, 3)
optimizer = torch.optim.SGD(net.parameters(), 0.1)
for epoch in range(9):
    for x, y in loader:
        optimizer.zero_grad()
        {}
        optimizer.step()
"""
LIGHTNING = """
import torch.nn.functional as F
class Net(LightningModule):
    def training_step(self, batch, number):
        x, y = batch
        return F.cross_entropy(self(x), y, reduction="sum")
"""

SUMMED = {
    "by its reduction": "F.cross_entropy(net(x), y, reduction='sum').backward()",
    "by what reduction was called": "nn.MSELoss(size_average=False)(net(x), y).backward()",
    "with a weight": "loss = 0.5 * F.mse_loss(net(x), y, reduction='sum')\n        loss.backward()",
}


@pytest.mark.parametrize("name", SUMMED)
def test_sums_over_a_batch_are_seen(name: str, tmp_path: Path) -> None:
    seen = found(tmp_path, {"go.py": TRAINING.format(SUMMED[name])})
    assert [(one.code, one.place.line) for one in seen if one.code != "LK133"] == [("LK213", 8)]


def test_sums_of_a_training_step_are_seen(tmp_path: Path) -> None:
    assert [one.code for one in found(tmp_path, {"go.py": LIGHTNING})] == ["LK213"]


FINE = {
    "mean": "F.cross_entropy(net(x), y).backward()",
    "divided": "(F.cross_entropy(net(x), y, reduction='sum') / len(x)).backward()",
    "divided in place": (
        "loss = F.mse_loss(net(x), y, reduction='sum')\n        loss /= len(x)\n"
        "        loss.backward()"
    ),
    "times a share": "(F.mse_loss(net(x), y, reduction='sum') * (1 / len(x))).backward()",
    "with a divergence, as of a variational autoencoder": (
        "(F.mse_loss(net(x), y, reduction='sum') + divergence(x)).backward()"
    ),
    "by hand, of what was weighed": (
        "(F.l1_loss(net(x), y, reduction='none') * share).sum().backward()"
    ),
    "of several machines' means": "F.cross_entropy(net(x), y).sum().backward()",
}


@pytest.mark.parametrize("name", FINE)
def test_other_losses_are_no_sums_over_a_batch(name: str, tmp_path: Path) -> None:
    assert found(tmp_path, {"go.py": TRAINING.format(FINE[name])}) == []


def test_a_sum_over_all_of_the_data_is_one_step(tmp_path: Path) -> None:
    whole = TRAINING.replace("    for x, y in loader:\n", "    if True:\n")
    assert found(tmp_path, {"go.py": whole.format(SUMMED["by its reduction"])}) == []


def test_a_rate_that_grows_as_well_is_said_once(tmp_path: Path) -> None:
    text = TRAINING.replace("0.1)", "lr=0.1 * batch_size)").format(SUMMED["by its reduction"])
    assert [one.code for one in found(tmp_path, {"go.py": text})] == ["LK171"]
