"""LK103: sigmoid before bce with logits."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK103",
    name="sigmoid-before-bce-with-logits",
    severity=Severity.BUG,
    summary="A sigmoid is applied before a binary cross-entropy with logits, or twice before one.",
    why=(
        "The loss applies the sigmoid itself. Of a probability, the second sigmoid gives a "
        "number between 0.5 and 0.73: a positive cannot cost less than 0.31, a negative not "
        "less than 0.69, and gradients shrink."
    ),
    bad="""\
import torch
from torch import nn

criterion = nn.BCEWithLogitsLoss()


def step(model, inputs, labels):
    return criterion(torch.sigmoid(model(inputs)), labels)
""",
    good="""\
from torch import nn

criterion = nn.BCEWithLogitsLoss()


def step(model, inputs, labels):
    return criterion(model(inputs), labels)
""",
    mend="Give the loss the logits, and apply sigmoid where probabilities are read.",
    sources=(
        Source(
            "PyTorch, torch.nn.BCEWithLogitsLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.UNSAFE,
)
