"""Dice and IoU that code defines itself, beside losses of the same scores."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

BOTH = """
import torch
from torch import nn

class Dice(nn.Module):
    def __init__(self, smooth=1.0):
        super().__init__()
        self.smooth = smooth
        self.activation = nn.Sigmoid()

    def forward(self, pred, target):
        FIRST
        overlap = (pred * target).sum()
        union = pred.sum() + target.sum()
        return 1 - (2 * overlap + self.smooth) / (union + self.smooth)

def iou(p, t):
    p = p.view(-1)
    overlap = torch.sum(p * t.view(-1))
    return overlap / (torch.sum(p ** 2) + torch.sum(t) - overlap)

class Hybrid(nn.Module):
    def __init__(self):
        super().__init__()
        self.bce = nn.BCEWithLogitsLoss()
        self.dice = Dice()

    def forward(self, pred, target):
        first = self.bce(pred, target)
        BETWEEN
        return first + SECOND
"""
PLAIN = BOTH.replace("        self.activation = nn.Sigmoid()\n", "")
SECOND = "self.dice(pred, target)"


@pytest.mark.parametrize(
    ("text", "first", "between", "second", "count"),
    [
        (PLAIN, "pass", "pass", SECOND, 1),
        (PLAIN, "pass", "pass", "Dice()(pred, target)", 1),
        (PLAIN, "pass", "pass", "iou(pred, target)", 1),
        (PLAIN, "pass", "pass", "iou(torch.sigmoid(pred), target)", 0),
        (PLAIN, "pass", "pred = nn.Sigmoid()(pred)", SECOND, 0),
        (PLAIN, "pred = torch.sigmoid(pred)", "pass", SECOND, 0),
        (PLAIN, "pred = (pred > 0).float()", "pass", SECOND, 0),
        (BOTH, "pass", "pass", SECOND, 0),
        (PLAIN, "pass", "pass", "nn.MSELoss()(pred, target)", 0),
        (PLAIN.replace("BCEWithLogitsLoss", "BCELoss"), "pass", "pass", SECOND, 0),
    ],
)
def test_an_overlap_wants_probabilities(
    text: str, first: str, between: str, second: str, count: int, tmp_path: Path
) -> None:
    made = text.replace("FIRST", first).replace("BETWEEN", between).replace("SECOND", second)
    seen = [one for one in found(tmp_path, {"go.py": made}) if one.code == "LK161"]
    assert len(seen) == count
    line = 1 + next(k for k, one in enumerate(made.splitlines()) if "first = self.bce" in one)
    assert all(one.place.line == line for one in seen if one.place)
