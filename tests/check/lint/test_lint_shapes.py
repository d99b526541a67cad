"""Shapes that the linter follows, told from what is said of (N, 1) against (N,)."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

HEAD = """
import torch, torch.nn as nn, torch.nn.functional as F
one, q = nn.Linear(4, 1), nn.Linear(4, 3)
taken = q(x).gather(1, a.unsqueeze(1))
best = q(s).max(1)[0].detach()
"""

BROADCAST = {
    "numbers in a row": "F.mse_loss(one(x), torch.tensor([1.0, 2.0]))",
    "random numbers in a row": "F.mse_loss(one(x), torch.randn(100))",
    "squeezed against unsqueezed": "F.mse_loss(one(x).squeeze(1), y.unsqueeze(1))",
    "squeezed by no name": "F.mse_loss(one(x).squeeze(), y.unsqueeze(-1))",
    "what was chosen against the best": "F.mse_loss(taken, reward + 0.9 * best)",
    "what was chosen, squeezed": "F.mse_loss(taken.squeeze(1), (r + best).unsqueeze(1))",
    "best values by their name": "F.mse_loss(taken, q(s).max(1).values)",
    "zeros that are filled": (
        "then = torch.zeros(batch_size)\nthen[kept] = best\nF.mse_loss(taken, torch.cat(r) + then)"
    ),
}

FITTING = {
    "numbers in a row": "F.mse_loss(one(x).squeeze(1), torch.tensor([1.0, 2.0]))",
    "both in rows": "F.mse_loss(one(x).squeeze(1), y.view(-1))",
    "both in columns": "F.mse_loss(one(x), y.unsqueeze(1))",
    "chosen and best, in columns": "F.mse_loss(taken, (r + 0.9 * best).unsqueeze(1))",
    "chosen and best, in rows": "F.mse_loss(taken.squeeze(), r + 0.9 * best)",
    "best that keeps its axis": "F.mse_loss(taken, r + q(s).max(1, keepdim=True)[0])",
    "sorted": "F.mse_loss(one(x), q(s).sort(1)[0])",
    "one number for each class": "F.mse_loss(q(x), torch.rand(3) * y)",
}


@pytest.mark.parametrize("name", BROADCAST)
def test_shapes_that_broadcast_are_seen(name: str, tmp_path: Path) -> None:
    assert "LK141" in {one.code for one in found(tmp_path, {"go.py": HEAD + BROADCAST[name]})}


@pytest.mark.parametrize("name", FITTING)
def test_shapes_that_fit_are_left_alone(name: str, tmp_path: Path) -> None:
    assert "LK141" not in {one.code for one in found(tmp_path, {"go.py": HEAD + FITTING[name]})}
