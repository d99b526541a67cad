"""LK181: regression loss on classes."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK181",
    name="regression-loss-on-classes",
    severity=Severity.SUSPICIOUS,
    summary="A regression loss gets classes: softmax outputs, or the index of the largest.",
    why=(
        "Where the model is confidently wrong, the squared error of a softmax has almost no "
        "gradient; class indices have no order that a squared error could measure."
    ),
    bad="""\
import torch.nn.functional as F
from torch import nn

model = nn.Sequential(nn.Linear(8, 3), nn.Softmax(dim=1))
criterion = nn.MSELoss()


def step(inputs, labels):
    return criterion(model(inputs), F.one_hot(labels, 3).float())
""",
    good="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 3))
criterion = nn.CrossEntropyLoss()


def step(inputs, labels):
    return criterion(model(inputs), labels)
""",
    mend="Take cross-entropy on the logits.",
    sources=(
        Source(
            "PyTorch, torch.nn.MSELoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html",
        ),
        Source(
            "PyTorch, torch.nn.CrossEntropyLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)
