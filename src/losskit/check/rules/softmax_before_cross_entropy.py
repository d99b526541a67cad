"""LK101: softmax before cross entropy."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK101",
    name="softmax-before-cross-entropy",
    severity=Severity.BUG,
    summary="A softmax is applied before a cross-entropy that applies its own.",
    why=(
        "Cross-entropy takes logits and applies log-softmax itself. Of probabilities, the "
        "second softmax makes an almost even distribution: with K classes the loss cannot "
        "fall below log(1 + (K - 1) / e), which is 0.31 for two classes and 1.46 for ten, and "
        "gradients nearly vanish. Training still seems to work, slowly and to a worse end."
    ),
    bad="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 3), nn.Softmax(dim=1))
criterion = nn.CrossEntropyLoss()


def step(inputs, labels):
    return criterion(model(inputs), labels)
""",
    good="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 3))
criterion = nn.CrossEntropyLoss()


def step(inputs, labels):
    return criterion(model(inputs), labels)
""",
    mend="Give the loss the logits, and apply softmax where probabilities are read.",
    sources=(
        Source(
            "PyTorch, torch.nn.CrossEntropyLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH, Tool.DIAGNOSE),
    fixes=Fixes.UNSAFE,
)
