"""LK141: shapes will broadcast."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK141",
    name="shapes-will-broadcast",
    severity=Severity.BUG,
    summary="Input and target have shapes such as (N, 1) and (N,), which broadcast to (N, N).",
    why=(
        "Every prediction is held against every target. The model learns the mean of the "
        "targets, and the loss looks like one that has converged."
    ),
    bad="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.MSELoss()


def step(inputs, prices):
    return criterion(model(inputs), prices.view(-1))
""",
    good="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.MSELoss()


def step(inputs, prices):
    return criterion(model(inputs).squeeze(1), prices.view(-1))
""",
    mend="Bring both to one shape: squeeze(1) on the output, or unsqueeze(1) on the target.",
    sources=(
        Source(
            "PyTorch, torch.nn.MSELoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html",
        ),
        Source(
            "MSELoss broadcasts silently (pytorch#16045)",
            "https://github.com/pytorch/pytorch/issues/16045",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)
